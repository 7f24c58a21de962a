"""The charts of a report, as SVG for an HTML page.

They are drawn with pygal, which is maintained, small and pure Python, and makes plain SVG. matplotlib would add
numpy and half a second of loading, plotly 3 MB of JavaScript for each page. What pygal adds for its own JavaScript is
removed.
"""

from __future__ import annotations

import sys
from typing import Any, Callable, List, NamedTuple, Optional, Sequence, Tuple
from xml.etree import ElementTree

from ..import_lock import import_lock
from . import series
from .formatting import AxisUnit, axis_number, rate_unit, size_unit, time_unit
from .observations import Observation
from .series import Line

_MOST_DOTS = 60  # with more observations, they get no dots
_THICK_STROKE, _THIN_STROKE = "2", "1.3"
_X_TITLE = "{} since the first look"


class Chart(NamedTuple):
    """One chart.

    Attributes:
        title: what it shows.
        legend: for each line its name, and the name of its colour in the page's style.
        svg: the drawing.
        note: what a reader must know to read it correctly; may be empty.
    """

    title: str
    legend: Sequence[Tuple[str, str]]
    svg: str
    note: str = ""


class _Plot(NamedTuple):
    name: str
    title: str
    y_unit: AxisUnit
    lines: Sequence[Tuple[str, str, Line]]  # name, colour, points
    note: str = ""
    steps: bool = False


def charts(observations: Sequence[Observation]) -> List[Chart]:
    """The charts that can be drawn; none without observations."""
    if not observations:
        return []
    plots = [
        _progress_plot(observations),
        *_rate_plots(observations),
        _cpu_plot(observations),
        _memory_plot(observations),
    ]
    return [
        _draw(plot, observations[-1].seconds, few=len(observations) <= _MOST_DOTS)
        for plot in plots
        if plot is not None
    ]


def counts_items(observations: Sequence[Observation]) -> bool:
    """Whether the task counts items; else its progress is counted in bytes."""
    return any(o.total or o.completed or o.failed for o in observations) or not any(
        _done_size(o) for o in observations
    )


def _progress_plot(observations: Sequence[Observation]) -> _Plot:
    if counts_items(observations):
        lines = [
            ("completed", "done", series.counter_over_time(observations, lambda o: o.completed)),
            ("failed", "bad", series.counter_over_time(observations, lambda o: o.failed)),
            ("total", "all", series.values_over_time(observations, lambda o: o.total or None)),
        ]
        return _Plot("progress", "Progress", AxisUnit(1, "items"), _without_empty(lines))
    lines = [
        ("completed", "done", series.counter_over_time(observations, lambda o: o.completed_size)),
        ("failed", "bad", series.counter_over_time(observations, lambda o: o.failed_size)),
        ("total", "all", series.values_over_time(observations, lambda o: o.total_size or None)),
    ]
    unit = size_unit(series.highest(line for _, _, line in lines))
    return _Plot("progress", "Progress", unit, _without_empty(lines))


def _without_empty(lines: Sequence[Tuple[str, str, Line]]) -> List[Tuple[str, str, Line]]:
    """The first line, and those of the others that have a value above 0."""
    return [line for number, line in enumerate(lines) if number == 0 or series.highest([line[2]])]


def _rate_plots(observations: Sequence[Observation]) -> List[_Plot]:
    note = (
        "What was counted between two looks, by the time between them. The server's own rates are not used."
    )
    plots = []
    items = series.rate_over_time(observations, lambda o: o.completed + o.failed)
    if items and counts_items(observations):
        unit = rate_unit(series.highest([items]), "items")
        plots.append(_Plot("items", "Item rate", unit, [("completed or failed", "done", items)], note, True))
    data = series.rate_over_time(observations, _done_size)
    if series.highest([data]):
        size = size_unit(series.highest([data]))
        unit = AxisUnit(size.divisor, f"{size.name} per second")
        plots.append(_Plot("data", "Data rate", unit, [("completed or failed", "done", data)], note, True))
    return plots


def _done_size(observation: Observation) -> float:
    return observation.completed_size + observation.failed_size


def _cpu_plot(observations: Sequence[Observation]) -> Optional[_Plot]:
    line = _measured_values(observations, lambda o: o.cpu_percent)
    return (
        _Plot("cpu", "CPU", AxisUnit(1, "percent"), [("CPU", "cpu", line)])
        if series.highest([line])
        else None
    )


def _memory_plot(observations: Sequence[Observation]) -> Optional[_Plot]:
    lines = [
        ("RAM", "ram", _measured_values(observations, lambda o: o.cpu_memory_mb)),
        ("GPU memory", "gpu", _measured_values(observations, lambda o: o.gpu_memory_mb)),
    ]
    used = [line for line in lines if series.highest([line[2]])]
    return _Plot("memory", "Memory", AxisUnit(1, "MB"), used) if used else None


def _measured_values(observations: Sequence[Observation], value: Callable[[Observation], float]) -> Line:
    return series.values_over_time(observations, lambda o: value(o) if o.measured else None)


def _draw(plot: _Plot, seconds: float, *, few: bool) -> Chart:
    x_unit = time_unit(seconds)
    chart = import_pygal().XY(
        style=_style(
            [colour for _, colour, _ in plot.lines], _THICK_STROKE if few or plot.steps else _THIN_STROKE
        ),
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
        range=(0, series.highest(line for _, _, line in plot.lines) / plot.y_unit.divisor * 1.05 or 1),
        xrange=(0, seconds / x_unit.divisor or 1),
        x_title=_X_TITLE.format(x_unit.name),
        y_title=plot.y_unit.name,
        value_formatter=axis_number,
        x_value_formatter=axis_number,
    )
    chart.uuid = plot.name
    for name, _, line in plot.lines:
        chart.add(name, series.in_units(line, x_unit, plot.y_unit))
    svg = _svg_text(chart.render_tree(), f"{plot.title}: {plot.y_unit.name}")
    return Chart(plot.title, [(name, colour) for name, colour, _ in plot.lines], svg, plot.note)


def import_pygal() -> Any:
    """The package pygal. Raises ImportError, or whatever an installation that is not whole raises."""
    if sys.modules.get("pygal") is None:
        with import_lock:
            import pygal  # type: ignore[import-untyped]  # it has no annotations

        # pygal leaves an importer for its maps behind, of a kind so old that Python warns at each later import.
        sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != pygal.__name__]
    return sys.modules["pygal"]


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
        label_font_size=13,
        major_label_font_size=13,
        title_font_size=13,
        stroke_width=stroke,
        stroke_opacity="1",
        transition="0s",
    )


def _svg_text(root: Any, label: str) -> str:
    """The drawing as text, without scripts and without what only scripts use."""
    for parent in list(root.iter()):
        for child in list(parent):
            name = child.tag.rpartition("}")[2] if isinstance(child.tag, str) else ""
            if name in ("", "script", "desc", "title") or "tooltip-overlay" in child.get("class", ""):
                parent.remove(child)
    root.set("role", "img")
    root.set("aria-label", label)
    return ElementTree.tostring(root, encoding="unicode")
