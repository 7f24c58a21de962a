"""What a chart shows on hover: the values at a time, in words."""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Sequence, Tuple

from .formatting import AxisUnit, axis_number, duration_with_colons
from .series import Line

_MOST = 100
"""Readings of a chart: more would be narrower than a pointer aims."""
_LEAST_SHARE = 0.02
"""Of a chart's width, for its first and its last reading: the last poll may follow at once on the one before."""


class Reading(NamedTuple):
    """The values of a chart at a time.

    Attributes:
        begin, end: seconds; where the pointer shows it.
        text: the time and the values, with their unit.
    """

    begin: float
    end: float
    text: str


def readings(lines: Sequence[Tuple[str, str, Line]], unit: AxisUnit, *, steps: bool) -> List[Reading]:
    """At most 100, evenly spread.

    Args:
        lines: the name, the colour and the points of each line.
        unit: of their values.
        steps: whether each pair of points is a level step.
    """
    if steps:
        return [reading for _, _, line in lines for reading in _of_steps(line, unit)]
    values: Dict[float, List[str]] = {}
    for name, _, line in lines:
        for x, y in line:
            if y is not None:
                values.setdefault(x, []).append(f"{name} {_number(y, unit)}")
    times = _thinned(sorted(values))
    middles = [(before + after) / 2 for before, after in zip(times, times[1:])]
    beyond = ((times[-1] - times[0]) or 1.0) * _LEAST_SHARE if times else 0.0
    return [
        Reading(begin, end, f"{duration_with_colons(x)}: {', '.join(values[x])} {unit.name}")
        for begin, x, end in zip(
            [x - beyond for x in times[:1]] + middles, times, middles + [x + beyond for x in times[-1:]]
        )
    ]


def _of_steps(line: Line, unit: AxisUnit) -> List[Reading]:
    points = [(x, y) for x, y in line if y is not None]
    return [
        Reading(
            begin,
            end,
            f"{duration_with_colons(begin)} to {duration_with_colons(end)}: {_number(y, unit)} {unit.name}",
        )
        for (begin, y), (end, _) in zip(points[::2], points[1::2])
    ]


def _thinned(times: List[float]) -> List[float]:
    every = -(-len(times) // _MOST)
    return [*times[: -1 : max(1, every)], *times[-1:]]


def _number(value: float, unit: AxisUnit) -> str:
    shown = value / unit.divisor
    return axis_number(round(shown, 2) if shown >= 1 else shown)
