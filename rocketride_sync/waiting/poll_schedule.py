"""When to poll a task: at ticks, and once more just before the deadline."""

from __future__ import annotations

from typing import Optional

from ..deadline import Clock, Deadline

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
