"""Bar charts as SVG, by hand: a name and its figure in a line, and below it the bar, so that no text meets a bar."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Iterator, Mapping

OURS = "rocketride_sync"
_WIDTH, _MARGIN, _TITLE, _ROW, _BAR = 480, 14, 40, 36, 9
# An image on a page knows the colours of the system, but not those that a reader chose for the site: so it has a
# background of its own, and can be read on any.
_STYLE = """
.page { fill: #fff; stroke: #d8dee4 } .title { font-size: 15px; font-weight: 600 } text { fill: #1b1f24; font: 13px system-ui, sans-serif }
.ours { font-weight: 600 } .figure { text-anchor: end } rect.ours { fill: #1f6feb } rect.theirs { fill: #a8b1ba }
@media (prefers-color-scheme: dark) { .page { fill: #161b22; stroke: #30363d } text { fill: #e6edf3 }
 rect.ours { fill: #58a6ff } rect.theirs { fill: #6e7681 } }
"""


def write(file: Path, title: str, figures: Mapping[str, float]) -> None:
    """A horizontal bar for each of the `figures`, the first on top."""
    height = _TITLE + _ROW * len(figures) + _MARGIN
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style>",
        f'<rect class="page" x=".5" y=".5" width="{_WIDTH - 1}" height="{height - 1}" rx="6"/>',
        f'<text class="title" x="{_MARGIN}" y="25">{escape(title)}</text>',
        *_rows(figures),
        "</svg>",
    ]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _rows(figures: Mapping[str, float]) -> Iterator[str]:
    room = _WIDTH - 2 * _MARGIN
    most = max(figures.values(), default=0) or 1
    for number, (name, figure) in enumerate(figures.items()):
        kind = "ours" if name.startswith(OURS) else "theirs"
        y = _TITLE + _ROW * number
        yield f'<text class="{kind}" x="{_MARGIN}" y="{y + 13}">{escape(name)}</text>'
        yield f'<text class="figure {kind}" x="{_WIDTH - _MARGIN}" y="{y + 13}">{_number(figure)}</text>'
        yield f'<rect class="{kind}" x="{_MARGIN}" y="{y + 18}" width="{max(1, figure / most * room):.1f}" height="{_BAR}" rx="2"/>'


def _number(figure: float) -> str:
    return f"{figure:.3g}" if figure < 100 else f"{figure:,.0f}"
