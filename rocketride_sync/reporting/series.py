"""What the charts of a report show, reckoned from observations: lines of points, with gaps, and the units of axes."""

from __future__ import annotations

from typing import Callable, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from .observations import Observation

Point = Tuple[float, Optional[float]]
Line = List[Point]

_INTERVALS = 120  # of a rate: of shorter ones the eye sees only noise
_COMPLETE = 0.001

_TIMES = ((7200.0, 3600.0, "hours"), (120.0, 60.0, "minutes"), (0.0, 1.0, "seconds"))
_RATES = ((1.0, 1.0, "second"), (1 / 60, 60.0, "minute"), (0.0, 3600.0, "hour"))
_SIZES = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (0.0, "bytes"))


class Unit(NamedTuple):
    """What the numbers of an axis are divided by, and what they are then."""

    divisor: float
    name: str


def time_unit(seconds: float) -> Unit:
    """The unit for an axis of so many seconds."""
    return next(Unit(divisor, name) for least, divisor, name in _TIMES if seconds >= least)


def rate_unit(most: float, of: str) -> Unit:
    """The unit for a rate of at most so many a second: such as ``items per minute``."""
    return next(Unit(1 / factor, f"{of} per {name}") for least, factor, name in _RATES if most >= least)


def size_unit(most: float) -> Unit:
    """The unit for sizes of at most so many bytes."""
    return next(Unit(least or 1.0, name) for least, name in _SIZES if most >= least)


def in_unit(line: Iterable[Point], across: Unit, up: Unit) -> Line:
    """`line` in the units of its axes."""
    return [(x / across.divisor, None if y is None else y / up.divisor) for x, y in line]


def highest(lines: Iterable[Line]) -> float:
    """The highest value there is in them; 0 if there is none."""
    return max((y for line in lines for _, y in line if y is not None), default=0.0)


def over_time(seen: Sequence[Observation], value: Callable[[Observation], Optional[float]]) -> Line:
    """The values one by one, with a gap where there is none."""
    return [(now.seconds, value(now)) for now in seen]


def counted(seen: Sequence[Observation], value: Callable[[Observation], float]) -> Line:
    """The values one by one, with a gap where the task was restarted, so that counting began anew."""
    line: Line = []
    for before, now in zip([None, *seen], seen):
        if before is not None and restarted(before, now):
            line.append((now.seconds, None))
        line.append((now.seconds, value(now)))
    return line


def restarted(before: Observation, now: Observation) -> bool:
    """Whether counting began anew between the two."""
    done = before.completed + before.failed, before.completed_size + before.failed_size
    return (now.completed + now.failed, now.completed_size + now.failed_size) < done


def rate(seen: Sequence[Observation], value: Callable[[Observation], float]) -> Line:
    """How much `value` grew a second: steps, level over each interval between two observations, short ones joined."""
    shortest = _shortest_step(seen)
    line: Line = []
    for number, run in enumerate(_runs(seen)):
        if number:
            line.append((run[0].seconds, None))
        ends = _ends(run, shortest)
        for first, last in zip(ends, ends[1:]):
            line += _step(first, last, value)
    return line


def _runs(seen: Sequence[Observation]) -> List[List[Observation]]:
    """The observations up to the first restart, and after each."""
    runs: List[List[Observation]] = []
    for before, now in zip([None, *seen], seen):
        if before is None or restarted(before, now):
            runs.append([])
        runs[-1].append(now)
    return runs


def _shortest_step(seen: Sequence[Observation]) -> float:
    """Seconds: what the eye can see, and not much less than what lies between most looks."""
    gaps = sorted(now.seconds - before.seconds for before, now in zip(seen, seen[1:]))
    if not gaps:
        return _COMPLETE
    return max(_COMPLETE, gaps[len(gaps) // 2] / 2, (seen[-1].seconds - seen[0].seconds) / _INTERVALS)


def _ends(run: Sequence[Observation], shortest: float) -> List[Observation]:
    """The first observation, and those that the steps end at: the last may come soon after the one before."""
    if run[-1].seconds - run[0].seconds < shortest:
        return []
    ends = [run[0]]
    for now in run:
        if now.seconds - ends[-1].seconds >= shortest:
            ends.append(now)
    return [*(ends[:-1] if len(ends) > 1 else ends), run[-1]]


def _step(first: Observation, last: Observation, value: Callable[[Observation], float]) -> Line:
    seconds = last.seconds - first.seconds
    if seconds < _COMPLETE:
        return []
    speed = max(0.0, value(last) - value(first)) / seconds
    return [(first.seconds, speed), (last.seconds, speed)]
