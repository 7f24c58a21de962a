"""The times to poll a task at: regular ticks, and once more just before the deadline."""

from __future__ import annotations

import math
from typing import Optional

from ..deadline import Clock, Deadline

_SHORTEST_ROUND_TRIP = 0.005  # a sleep may last so much longer: the last poll needs time for that too
_TURN_MARGIN = 1.5  # between the last polls of many tasks there are others, made at ticks
_STILL_NEW = 2.0  # seconds; a busy machine may hold up a poll for so long
_MAX_SHARE_OF_TIMEOUT = 0.25  # for the turn of the last poll, and for the round trip that it is planned with
CLOCK_TOLERANCE = 0.001
"""Times that are this close count as equal: a sleep may end a little early, and sums of floats are not exact."""


class Schedule:
    """The times to poll at: ticks at a fixed interval from the start, missed ones skipped, and once before the end."""

    __slots__ = (
        "_clock",
        "_interval",
        "_max_turn",
        "_phase",
        "_previous_duration",
        "_reserved_turn",
        "_round_trip",
        "deadline",
        "started",
    )

    def __init__(self, interval: float, timeout: Optional[float], clock: Clock, phase: float) -> None:
        self._interval = interval
        self._clock = clock
        self._phase = phase
        self._reserved_turn = 0.0
        share = math.inf if timeout is None else timeout * _MAX_SHARE_OF_TIMEOUT
        self._max_turn = self._previous_duration = share
        self.started = clock()
        self.deadline = Deadline(timeout, clock)
        self._round_trip = _SHORTEST_ROUND_TRIP

    @property
    def elapsed(self) -> float:
        return self._clock() - self.started

    def is_long_ago(self, seconds: float) -> bool:
        """Whether a status that is so old says nothing of now: regular polls would have brought a newer one."""
        return seconds > max(self._interval, 2 * self._round_trip, _STILL_NEW) + CLOCK_TOLERANCE

    def record_round_trip(self, seconds: float) -> None:
        """Note how long a poll took: the last poll must begin early enough to be answered."""
        # The shorter of two: one poll may include imports or connecting, which the next does not need.
        self._round_trip = max(_SHORTEST_ROUND_TRIP, min(seconds, self._previous_duration))
        self._previous_duration = seconds

    def reserve(self, seconds: float) -> None:
        """Note how long a poll waits for its turn when all tasks are polled at once, as in the end."""
        self._reserved_turn = min(_TURN_MARGIN * seconds, self._max_turn)

    def until_last_poll(self, others: float, round_trips: int = 2) -> float:
        """Seconds until the last poll: some round trips and its turn before the deadline. Negative once that has passed.

        Args:
            others: the share of the tasks polled together at the end that have not ended yet.
            round_trips: for how many there has to be time.
        """
        return self.deadline.remaining() - round_trips * self._round_trip - others * self._reserved_turn

    @property
    def has_time_to_poll(self) -> bool:
        """Whether a poll that begins now could be answered before the deadline."""
        return self.deadline.remaining() > _SHORTEST_ROUND_TRIP

    def until_tick(self) -> float:
        """Seconds until the next tick. Never 0: a tick within the tolerance counts as reached."""
        left = self._interval - (self.elapsed - self._phase) % self._interval
        return left if left > CLOCK_TOLERANCE else left + self._interval
