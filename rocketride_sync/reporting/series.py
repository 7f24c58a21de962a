"""The lines of the charts, computed from observations: points with gaps between them, and rates."""

from __future__ import annotations

from typing import Callable, Iterable, List, Optional, Sequence, Tuple

from .formatting import AxisUnit
from .observations import Observation

Point = Tuple[float, Optional[float]]
Line = List[Point]

# Of the steps of a rate. Shorter or more of them show only that items are whole: none, one, none.
_MOST_STEPS = 40
_LEAST_POLLS, _LEAST_SECONDS = 10, 1.0  # one of the two is enough
_SHORTEST_SECONDS = 0.001


def in_units(line: Iterable[Point], x_unit: AxisUnit, y_unit: AxisUnit) -> Line:
    """`line` in the units of its axes."""
    return [(x / x_unit.divisor, None if y is None else y / y_unit.divisor) for x, y in line]


def highest(lines: Iterable[Line]) -> float:
    """The highest value of all lines; 0 if there is none."""
    return max((y for line in lines for _, y in line if y is not None), default=0.0)


def values_over_time(
    observations: Sequence[Observation], value: Callable[[Observation], Optional[float]]
) -> Line:
    """The value of each observation, with a gap where it is None."""
    return [(current.seconds, value(current)) for current in observations]


def counter_over_time(observations: Sequence[Observation], value: Callable[[Observation], float]) -> Line:
    """The value of each observation, with a gap where the task was restarted and its counters began at 0 again."""
    line: Line = []
    for before, current in zip([None, *observations], observations):
        if before is not None and restarted(before, current):
            line.append((current.seconds, None))
        line.append((current.seconds, value(current)))
    return line


def restarted(before: Observation, current: Observation) -> bool:
    """Whether the counters began at 0 again between the two observations."""
    done = before.completed + before.failed, before.completed_size + before.failed_size
    return (current.completed + current.failed, current.completed_size + current.failed_size) < done


def rate_over_time(observations: Sequence[Observation], value: Callable[[Observation], float]) -> Line:
    """How much `value` grew per second: a level step for each interval between observations; short ones are joined."""
    shortest = _shortest_step(observations)
    line: Line = []
    for number, run in enumerate(_split_at_restarts(observations)):
        if number:
            line.append((run[0].seconds, None))
        ends = _step_ends(run, shortest)
        for first, last in zip(ends, ends[1:]):
            line += _step(first, last, value)
    return line


def _split_at_restarts(observations: Sequence[Observation]) -> List[List[Observation]]:
    """The observations up to the first restart, and after each."""
    runs: List[List[Observation]] = []
    for before, current in zip([None, *observations], observations):
        if before is None or restarted(before, current):
            runs.append([])
        runs[-1].append(current)
    return runs


def _shortest_step(observations: Sequence[Observation]) -> float:
    """Seconds: wide enough to be visible, and at least half of the median interval between polls."""
    gaps = sorted(current.seconds - before.seconds for before, current in zip(observations, observations[1:]))
    if not gaps:
        return _SHORTEST_SECONDS
    return max(
        _SHORTEST_SECONDS,
        gaps[len(gaps) // 2] / 2,
        (observations[-1].seconds - observations[0].seconds) / _MOST_STEPS,
    )


def _step_ends(run: Sequence[Observation], shortest: float) -> List[Observation]:
    """The first observation of `run` and those where steps end.

    Where the polls are less than a second apart, a step has ten of them or lasts a second. What is left at the end
    is joined to the step before it: the last poll may follow soon after the one before. A run that is shorter than a
    step has none.
    """
    ends, began = [run[0]], 0
    for number, current in enumerate(run):
        seconds = current.seconds - ends[-1].seconds
        if seconds >= shortest and (seconds >= _LEAST_SECONDS or number - began >= _LEAST_POLLS):
            ends.append(current)
            began = number
    return [*ends[:-1], run[-1]] if len(ends) > 1 else []


def _step(first: Observation, last: Observation, value: Callable[[Observation], float]) -> Line:
    seconds = last.seconds - first.seconds
    if seconds < _SHORTEST_SECONDS:
        return []
    speed = max(0.0, value(last) - value(first)) / seconds
    return [(first.seconds, speed), (last.seconds, speed)]
