"""When to poll again: at ticks, just before the end of the time, and ever less often while nothing can be seen."""

from __future__ import annotations

import math
from typing import Optional

from ..deadline import Clock, Deadline
from ..errors import TransientError
from ..options import RetryPolicy

_SHORTEST_ROUND_TRIP = 0.005  # what a sleep may overshoot by: a last poll needs room for that too
_ROOM = 1.5  # among the last polls of many tasks come others, made at ticks
_LARGEST_SHARE = 0.25  # of the timeout, for what the last poll waits for, and for a poll that took long once
CLOCK_TOLERANCE = (
    0.001  # moments this close are one: a sleep may end a little early, and sums of floats are not exact
)


class Schedule:
    """When to poll: at fixed ticks from the start, missed ones skipped, and once more just before the end."""

    __slots__ = (
        "_clock",
        "_interval",
        "_longest_turn",
        "_phase",
        "_round_trip",
        "_took",
        "_turn",
        "deadline",
        "started",
    )

    def __init__(self, interval: float, timeout: Optional[float], clock: Clock, phase: float) -> None:
        self._interval = interval
        self._clock = clock
        self._phase = phase
        self._turn = 0.0
        self._longest_turn = self._took = (timeout or 0.0) * _LARGEST_SHARE
        self.started = clock()
        self.deadline = Deadline(timeout, clock)
        self._round_trip = _SHORTEST_ROUND_TRIP

    @property
    def elapsed(self) -> float:
        return self._clock() - self.started

    def looked(self, seconds: float) -> None:
        """Note how long a poll took: the last one must begin early enough to be answered."""
        # One alone may include what the next does not need: imports, connecting.
        self._round_trip = max(_SHORTEST_ROUND_TRIP, min(seconds, self._took))
        self._took = seconds

    def reserve(self, seconds: float) -> None:
        """Note how long a poll waits for its turn when all are polled, as they are in the end."""
        self._turn = min(_ROOM * seconds, self._longest_turn)

    def until_last_look(self, others: float) -> float:
        """Seconds until the last poll, two round trips and its turn before the deadline; less than 0 once it is past.

        Args:
            others: the share that is left of those that it takes its turn with.
        """
        return self.deadline.remaining() - 2 * self._round_trip - others * self._turn

    def until_tick(self) -> float:
        """Seconds until the next tick; never 0, and one that is due within a hair counts as reached."""
        left = self._interval - (self.elapsed - self._phase) % self._interval
        return left if left > CLOCK_TOLERANCE else left + self._interval


class Outage:
    """A row of transient faults without a success between them, the first of them at `began`."""

    def __init__(self, began: float, retry: RetryPolicy, clock: Clock, attempt: int = 0) -> None:
        self._retry = retry
        self._clock = clock
        self._attempt = attempt
        self._ends = math.inf if retry.max_outage is None else began + retry.max_outage

    @property
    def left(self) -> float:
        """Seconds until it has lasted too long; `math.inf` is never."""
        return max(0.0, self._ends - self._clock())

    def pause_after(self, fault: TransientError, came: Optional[float] = None) -> float:
        """Seconds to pause before the next try, cut so that one more fits before the outage has lasted too long.

        Args:
            fault: why the latest try failed.
            came: when; None is now.

        Raises:
            TransientError: `fault` itself, once it has.
        """
        if self._ends - (self._clock() if came is None else came) < CLOCK_TOLERANCE:
            raise fault
        delay = self._retry.delay(self._attempt, fault.retry_after)
        self._attempt += 1
        return min(delay, self.left)
