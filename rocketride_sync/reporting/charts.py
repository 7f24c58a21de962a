"""The charts of a report: which there are, and what each shows."""

from __future__ import annotations

from typing import Callable, List, NamedTuple, Optional, Sequence, Tuple

from . import series
from .drawing import Plot, draw
from .formatting import AxisUnit, rate_unit, size_unit
from .observations import Observation
from .series import Line

_LEAST_OBSERVATIONS = 2  # one is a dot on an axis without a span
_MOST_DOTS = 60  # with more observations, they get no dots


class Chart(NamedTuple):
    """One chart.

    Attributes:
        title: what it shows.
        unit: of its values.
        legend: for each line its name, and the name of its colour in the page's style.
        svg: the drawing.
        note: what a reader must know to read it correctly; may be empty.
    """

    title: str
    unit: str
    legend: Sequence[Tuple[str, str]]
    svg: str
    note: str = ""


def charts(observations: Sequence[Observation]) -> List[Chart]:
    """The charts that can be drawn; none with fewer than two observations."""
    if len(observations) < _LEAST_OBSERVATIONS:
        return []
    plots = [
        _progress_plot(observations),
        *_rate_plots(observations),
        _cpu_plot(observations),
        _memory_plot(observations),
    ]
    few = len(observations) <= _MOST_DOTS
    return [_chart(plot, observations[-1].seconds, few=few) for plot in plots if plot is not None]


def _chart(plot: Plot, seconds: float, *, few: bool) -> Chart:
    legend = [(name, colour) for name, colour, _ in plot.lines]
    return Chart(plot.title, plot.y_unit.name, legend, draw(plot, seconds, few=few), plot.note)


def counts_items(observations: Sequence[Observation]) -> bool:
    """Whether the task counts items; else its progress is counted in bytes."""
    return any(o.total or o.completed or o.failed for o in observations) or not any(
        _done_size(o) for o in observations
    )


def _progress_plot(observations: Sequence[Observation]) -> Plot:
    if counts_items(observations):
        lines = [
            ("completed", "done", series.counter_over_time(observations, lambda o: o.completed)),
            ("failed", "bad", series.counter_over_time(observations, lambda o: o.failed)),
            ("total", "all", series.values_over_time(observations, lambda o: o.total or None)),
        ]
        return Plot("progress", "Progress", AxisUnit(1, "items"), _without_empty(lines))
    lines = [
        ("completed", "done", series.counter_over_time(observations, lambda o: o.completed_size)),
        ("failed", "bad", series.counter_over_time(observations, lambda o: o.failed_size)),
        ("total", "all", series.values_over_time(observations, lambda o: o.total_size or None)),
    ]
    unit = size_unit(series.highest(line for _, _, line in lines))
    return Plot("progress", "Progress", unit, _without_empty(lines))


def _without_empty(lines: Sequence[Tuple[str, str, Line]]) -> List[Tuple[str, str, Line]]:
    """The first line, and those of the others that have a value above 0."""
    return [line for number, line in enumerate(lines) if number == 0 or series.highest([line[2]])]


def _rate_plots(observations: Sequence[Observation]) -> List[Plot]:
    note = (
        "A rate is the number of items or bytes that were done between the first and the last poll of a step, "
        "divided by the time between these polls. The server's own rates are not used."
    )
    plots = []
    items = series.rate_over_time(observations, lambda o: o.completed + o.failed)
    if items and counts_items(observations):
        unit = rate_unit(series.highest([items]), "items")
        plots.append(Plot("items", "Item rate", unit, [("completed or failed", "done", items)], note, True))
    data = series.rate_over_time(observations, _done_size)
    if series.highest([data]):
        size = size_unit(series.highest([data]))
        unit = AxisUnit(size.divisor, f"{size.name} per second")
        plots.append(Plot("data", "Data rate", unit, [("completed or failed", "done", data)], note, True))
    return plots


def _done_size(observation: Observation) -> float:
    return observation.completed_size + observation.failed_size


def _cpu_plot(observations: Sequence[Observation]) -> Optional[Plot]:
    line = _measured_values(observations, lambda o: o.cpu_percent)
    return (
        Plot("cpu", "CPU", AxisUnit(1, "percent"), [("CPU", "cpu", line)]) if series.highest([line]) else None
    )


def _memory_plot(observations: Sequence[Observation]) -> Optional[Plot]:
    lines = [
        ("RAM", "ram", _measured_values(observations, lambda o: o.cpu_memory_mb)),
        ("GPU memory", "gpu", _measured_values(observations, lambda o: o.gpu_memory_mb)),
    ]
    used = [line for line in lines if series.highest([line[2]])]
    return Plot("memory", "Memory", AxisUnit(1, "MB"), used) if used else None


def _measured_values(observations: Sequence[Observation], value: Callable[[Observation], float]) -> Line:
    return series.values_over_time(observations, lambda o: value(o) if o.measured else None)
