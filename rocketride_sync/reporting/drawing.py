"""Draws a chart as SVG for an HTML page.

It is drawn with pygal, which is maintained, small and pure Python, and makes plain SVG. matplotlib would add
numpy and half a second of loading, plotly 3 MB of JavaScript for each page. What pygal adds for its own JavaScript is
removed. What it shows on hover, `readings`, is a title of SVG, which needs none.
"""

from __future__ import annotations

import sys
from typing import Any, NamedTuple, Sequence, Tuple
from xml.etree import ElementTree

from ..import_lock import import_lock
from . import series
from .formatting import AxisUnit, axis_number, time_unit
from .readings import Reading, readings
from .series import Line

# Of its coordinates: so small that its texts can be read on a screen of 360 pixels.
_WIDTH, _HEIGHT = 380, 215
_FONT_SIZE = 12.5
_THICK_STROKE, _THIN_STROKE = "2", "1.3"
_READING = "reading"  # the class of what has a text to show on hover
_X_TITLE = "{} since the first poll"


class Plot(NamedTuple):
    """What a chart shows.

    Attributes:
        name: a word for ids in the drawing.
        title: for people.
        y_unit: of the values.
        lines: the name, the colour and the points of each.
        note: what a reader must know to read it correctly; may be empty.
        steps: whether each pair of points is a level step.
    """

    name: str
    title: str
    y_unit: AxisUnit
    lines: Sequence[Tuple[str, str, Line]]
    note: str = ""
    steps: bool = False


def draw(plot: Plot, seconds: float, *, few: bool) -> str:
    """The SVG of `plot`, for so many seconds. With `few` points each gets a dot."""
    x_unit = time_unit(seconds)
    stroke = _THICK_STROKE if few or plot.steps else _THIN_STROKE
    chart = _with_readings(readings(plot.lines, plot.y_unit, steps=plot.steps), x_unit)(
        style=_style([colour for _, colour, _ in plot.lines], stroke),
        width=_WIDTH,
        height=_HEIGHT,
        margin=4,
        js=(),
        show_dots=few and not plot.steps,
        dots_size=2,
        allow_interruptions=True,
        include_x_axis=True,
        show_legend=False,  # the page has one
        max_scale=6,
        range=(0, series.highest(line for _, _, line in plot.lines) / plot.y_unit.divisor * 1.05 or 1),
        xrange=(0, seconds / x_unit.divisor or 1),
        x_title=_X_TITLE.format(x_unit.name),
        value_formatter=axis_number,
        x_value_formatter=axis_number,
    )
    chart.uuid = plot.name
    for name, _, line in plot.lines:
        chart.add(name, series.in_units(line, x_unit, plot.y_unit))
    return _svg_text(chart.render_tree(), f"{plot.title}: {plot.y_unit.name}")


def import_pygal() -> Any:
    """The package pygal. Raises ImportError, or whatever an installation that is not whole raises."""
    if sys.modules.get("pygal") is None:
        with import_lock:
            import pygal  # type: ignore[import-untyped]  # it has no annotations

        # pygal leaves an importer for its maps behind, of a kind so old that Python warns at each later import.
        sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != pygal.__name__]
    return sys.modules["pygal"]


def _with_readings(shown: Sequence[Reading], x_unit: AxisUnit) -> Any:
    """The class of a chart that shows `shown` on hover: pygal's, with a band as high as the chart for each."""

    class XYWithReadings(import_pygal().XY):  # type: ignore[misc]  # it has no annotations
        def _plot(self) -> None:
            super()._plot()
            for reading in shown:
                left, right = (self.view.x(x / x_unit.divisor) for x in (reading.begin, reading.end))
                band = {
                    "x": f"{left:.1f}",
                    "width": f"{right - left:.1f}",
                    "height": f"{self.view.height:.1f}",
                }
                node = self.svg.node(self.nodes["overlay"], "rect", y=0, class_=_READING, **band)
                self.svg.node(node, "title").text = reading.text

    return XYWithReadings


def _style(colours: Sequence[str], stroke: str) -> Any:
    """The colours are variables of the page's style, which has them for light and dark."""
    return import_pygal().style.Style(
        background="transparent",
        plot_background="transparent",
        foreground="var(--soft)",
        foreground_strong="var(--soft)",
        foreground_subtle="var(--soft)",
        guide_stroke_color="var(--line)",
        major_guide_stroke_color="var(--line)",
        guide_stroke_dasharray="0",
        major_guide_stroke_dasharray="0",
        colors=tuple(f"var(--{colour})" for colour in colours),
        font_family="inherit",
        label_font_size=_FONT_SIZE,
        major_label_font_size=_FONT_SIZE,
        title_font_size=_FONT_SIZE,
        stroke_width=stroke,
        stroke_opacity="1",
        transition="0s",
    )


def _svg_text(root: Any, label: str) -> str:
    """The drawing as text, without scripts and without what only scripts use."""
    for parent in list(root.iter()):
        for child in list(parent):
            if _is_for_scripts(child) or (_tag(child) == "title" and parent.get("class") != _READING):
                parent.remove(child)
    root.set("role", "img")
    root.set("aria-label", label)
    return ElementTree.tostring(root, encoding="unicode")


def _is_for_scripts(node: Any) -> bool:
    return _tag(node) in ("", "script", "desc") or "tooltip-overlay" in node.get("class", "")


def _tag(node: Any) -> str:
    """The name of an element without its namespace; empty for comments."""
    return node.tag.rpartition("}")[2] if isinstance(node.tag, str) else ""
