"""A row of transient faults: how long to pause before the next poll, and when it has lasted too long."""

from __future__ import annotations

import math
from typing import Optional

from ..deadline import Clock
from ..errors import TransientError
from ..options import RetryPolicy
from .poll_schedule import CLOCK_TOLERANCE


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
