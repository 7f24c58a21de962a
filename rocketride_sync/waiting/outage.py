"""A series of transient faults: the pauses between its polls, and when it has lasted too long."""

from __future__ import annotations

import math
from typing import Optional

from ..deadline import Clock
from ..errors import RocketRideError
from ..options import RetryPolicy
from ..protocol.failures import is_want_of_time
from .poll_schedule import CLOCK_TOLERANCE

MALFORMED_IN_A_ROW = 3
"""The number of malformed answers, without a status between them, that ends a wait."""


class Outage:
    """A series of transient faults without a success in between. The first was at `began`.

    Attributes:
        cause: the latest fault that says something about the server; None before the first.
    """

    def __init__(self, began: float, retry: RetryPolicy, clock: Clock, attempt: int = 0) -> None:
        self._retry = retry
        self._clock = clock
        self._attempt = attempt
        self.cause: Optional[RocketRideError] = None
        self._ends = math.inf if retry.max_outage is None else began + retry.max_outage

    @property
    def left(self) -> float:
        """Seconds until it has lasted too long; `math.inf` is never."""
        return max(0.0, self._ends - self._clock())

    def add(self, fault: RocketRideError, time: float) -> None:
        """Note a fault of a poll that had that many seconds. That it had hardly any is not the cause of the outage."""
        if self.cause is None or not is_want_of_time(fault, time):
            self.cause = fault

    def pause_after(self, fault: RocketRideError, came: Optional[float] = None) -> float:
        """Seconds to pause before the next poll; at most what is left, so that there is one more poll in time.

        Args:
            fault: the failure of the latest poll.
            came: its time; None is now.

        Raises:
            RocketRideError: `fault` itself, once the outage has lasted too long.
        """
        if self._ends - (self._clock() if came is None else came) < CLOCK_TOLERANCE:
            raise fault
        delay = self._retry.delay(self._attempt, getattr(fault, "retry_after", None))
        self._attempt += 1
        return min(delay, self.left)
