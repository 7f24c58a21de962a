"""The charts of a report, as SVG to stand in a page.

Drawn with pygal: it is kept up, small, pure Python, and makes plain SVG. matplotlib would bring numpy and half a second
of loading along, plotly 3 MB of JavaScript for each page. What pygal adds for its own JavaScript is taken out again.
"""

from __future__ import annotations

import sys
from typing import Any, Callable, List, NamedTuple, Optional, Sequence, Tuple
from xml.etree import ElementTree

from . import series
from .observations import Observation
from .series import Line, Unit

_FEW = 60  # observations of which each gets a dot
_THICK, _THIN = "2", "1.3"
_ACROSS = "{} since the first look"


class Chart(NamedTuple):
    """One chart.

    Attributes:
        title: what it shows.
        legend: the lines, by name, with the page's name of their colour.
        svg: the drawing.
        note: what a reader must know to read it right, or nothing.
    """

    title: str
    legend: Sequence[Tuple[str, str]]
    svg: str
    note: str = ""


class _Plot(NamedTuple):
    name: str
    title: str
    up: Unit
    lines: Sequence[Tuple[str, str, Line]]  # name, colour, points
    note: str = ""
    steps: bool = False


def charts(seen: Sequence[Observation]) -> List[Chart]:
    """The charts that can be drawn of what was seen; none if that was nothing."""
    if not seen:
        return []
    plots = [_progress(seen), *_rates(seen), _cpu(seen), _memory(seen)]
    return [_draw(plot, seen[-1].seconds, few=len(seen) <= _FEW) for plot in plots if plot is not None]


def counts_items(seen: Sequence[Observation]) -> bool:
    """Whether the task counts items; else its progress is that of its bytes."""
    return any(o.total or o.completed or o.failed for o in seen) or not any(_size(o) for o in seen)


def _progress(seen: Sequence[Observation]) -> _Plot:
    if counts_items(seen):
        lines = [
            ("completed", "done", series.counted(seen, lambda o: o.completed)),
            ("failed", "bad", series.counted(seen, lambda o: o.failed)),
            ("total", "all", series.over_time(seen, lambda o: o.total or None)),
        ]
        return _Plot("progress", "Progress", Unit(1, "items"), _some(lines))
    lines = [
        ("completed", "done", series.counted(seen, lambda o: o.completed_size)),
        ("failed", "bad", series.counted(seen, lambda o: o.failed_size)),
        ("total", "all", series.over_time(seen, lambda o: o.total_size or None)),
    ]
    unit = series.size_unit(series.highest(line for _, _, line in lines))
    return _Plot("progress", "Progress", unit, _some(lines))


def _some(lines: Sequence[Tuple[str, str, Line]]) -> List[Tuple[str, str, Line]]:
    """The first, and of the others those that say anything."""
    return [line for number, line in enumerate(lines) if number == 0 or series.highest([line[2]])]


def _rates(seen: Sequence[Observation]) -> List[_Plot]:
    note = (
        "What was counted between two looks, by the time between them. The server's own rates are not used."
    )
    plots = []
    items = series.rate(seen, lambda o: o.completed + o.failed)
    if items and counts_items(seen):
        unit = series.rate_unit(series.highest([items]), "items")
        plots.append(_Plot("items", "Item rate", unit, [("completed or failed", "done", items)], note, True))
    data = series.rate(seen, _size)
    if series.highest([data]):
        size = series.size_unit(series.highest([data]))
        unit = Unit(size.divisor, f"{size.name} per second")
        plots.append(_Plot("data", "Data rate", unit, [("completed or failed", "done", data)], note, True))
    return plots


def _size(seen: Observation) -> float:
    return seen.completed_size + seen.failed_size


def _cpu(seen: Sequence[Observation]) -> Optional[_Plot]:
    line = _measured(seen, lambda o: o.cpu_percent)
    return _Plot("cpu", "CPU", Unit(1, "percent"), [("CPU", "cpu", line)]) if series.highest([line]) else None


def _memory(seen: Sequence[Observation]) -> Optional[_Plot]:
    lines = [
        ("RAM", "ram", _measured(seen, lambda o: o.cpu_memory_mb)),
        ("GPU memory", "gpu", _measured(seen, lambda o: o.gpu_memory_mb)),
    ]
    used = [line for line in lines if series.highest([line[2]])]
    return _Plot("memory", "Memory", Unit(1, "MB"), used) if used else None


def _measured(seen: Sequence[Observation], value: Callable[[Observation], float]) -> Line:
    return series.over_time(seen, lambda o: value(o) if o.measured else None)


def _draw(plot: _Plot, seconds: float, *, few: bool) -> Chart:
    across = series.time_unit(seconds)
    chart = _pygal().XY(
        style=_style([colour for _, colour, _ in plot.lines], _THICK if few or plot.steps else _THIN),
        width=960,
        height=300,
        margin=4,
        js=(),
        show_dots=few and not plot.steps,
        dots_size=2.5,
        allow_interruptions=True,
        include_x_axis=True,
        show_legend=False,  # the page has one
        max_scale=8,
        range=(0, series.highest(line for _, _, line in plot.lines) / plot.up.divisor * 1.05 or 1),
        xrange=(0, seconds / across.divisor or 1),
        x_title=_ACROSS.format(across.name),
        y_title=plot.up.name,
        value_formatter=_number,
        x_value_formatter=_number,
    )
    chart.uuid = plot.name
    for name, _, line in plot.lines:
        chart.add(name, series.in_unit(line, across, plot.up))
    svg = _text(chart.render_tree(), f"{plot.title}: {plot.up.name}")
    return Chart(plot.title, [(name, colour) for name, colour, _ in plot.lines], svg, plot.note)


def _pygal() -> Any:
    if "pygal" not in sys.modules:
        import pygal  # type: ignore[import-untyped]  # it has no annotations

        # For its maps it leaves an importer behind of a kind so old that Python warns of it at each later import.
        sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != pygal.__name__]
    return sys.modules["pygal"]


def _style(colours: Sequence[str], stroke: str) -> Any:
    """The colours are those of the page, which has them for light and dark."""
    return _pygal().style.Style(
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
        label_font_size=13,
        major_label_font_size=13,
        title_font_size=13,
        stroke_width=stroke,
        stroke_opacity="1",
        transition="0s",
    )


def _number(value: float) -> str:
    return f"{value:,.6g}"


def _text(root: Any, label: str) -> str:
    """The drawing, without scripts and without what only they use."""
    for parent in list(root.iter()):
        for child in list(parent):
            name = child.tag.rpartition("}")[2] if isinstance(child.tag, str) else ""
            if name in ("", "script", "desc", "title") or "tooltip-overlay" in child.get("class", ""):
                parent.remove(child)
    root.set("role", "img")
    root.set("aria-label", label)
    return ElementTree.tostring(root, encoding="unicode")
