"""Bar charts as SVG."""

from __future__ import annotations

from pathlib import Path
from typing import Mapping

import pygal
from pygal.style import CleanStyle

OURS = "rocketride_sync"
_OUR_COLOUR, _THEIR_COLOUR = "#2563eb", "#a3a3a3"
_ROW, _FRAME = 30, 90


def write(file: Path, title: str, figures: Mapping[str, float]) -> None:
    """A horizontal bar for each of the `figures`, the first on top."""
    style = CleanStyle(
        background="white",
        plot_background="white",
        font_family="sans-serif",
        title_font_size=16,
        label_font_size=12,
        value_font_size=12,
    )
    chart = pygal.HorizontalBar(
        title=title,
        style=style,
        js=[],
        show_legend=False,
        print_values=True,
        print_values_position="top",
        show_x_guides=False,
        show_y_guides=False,
        width=800,
        height=_FRAME + _ROW * len(figures),
        margin=12,
        value_formatter=lambda value: f"{value:.3g}" if value < 100 else f"{value:.0f}",
    )
    rows = list(reversed(figures.items()))  # pygal begins at the bottom
    chart.x_labels = [name for name, _ in rows]
    chart.add("", [{"value": value, "color": _colour(name)} for name, value in rows])
    chart.render_to_file(str(file))


def _colour(name: str) -> str:
    return _OUR_COLOUR if name.startswith(OURS) else _THEIR_COLOUR
