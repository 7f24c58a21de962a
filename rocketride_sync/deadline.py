"""One monotonic time budget, made where a call enters and passed down through everything it does."""

from __future__ import annotations

import math
import time
from typing import Callable, Optional

Clock = Callable[[], float]

SLICE = 0.5
"""Seconds that a blocking step may last before it is taken up again.

A signal that comes just before a step of the operating system begins, or that another thread receives, is noticed
only when the step is over; on Windows that holds for every Ctrl-C.
"""


class Deadline:
    """A point in monotonic time, or never.

    Args:
        seconds: how long from now; None is unlimited.
        clock: seconds of a clock that never steps back; `time.monotonic` by default.

    On Linux the monotonic clock stands still while a machine is suspended: a budget is time awake.
    """

    __slots__ = ("_at", "_clock", "_whole")

    def __init__(self, seconds: Optional[float], clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._at = math.inf if seconds is None else clock() + seconds
        self._whole: Optional[Deadline] = None

    def remaining(self) -> float:
        """Seconds left: never below 0.0, `math.inf` when unlimited."""
        if self._whole is not None and self._whole.expired:
            return 0.0
        return max(0.0, self._at - self._clock())

    def clamp(self, seconds: Optional[float]) -> Optional[float]:
        """The smaller of `seconds` and what remains, None for unlimited: a value for `socket.settimeout`."""
        left = self.remaining()
        if seconds is not None:
            left = min(left, seconds)
        return None if left == math.inf else left

    @property
    def expired(self) -> bool:
        return self._clock() >= self._at or (self._whole is not None and self._whole.expired)

    def sleep(self, seconds: float) -> None:
        """Sleep for `seconds`, or until this passes or is cancelled."""
        end = self.within(seconds)
        while not (end.expired or self.expired):
            time.sleep(min(end.remaining(), SLICE))

    def cancel(self) -> None:
        """Let it pass now, and all that were made of it with `within`.

        For another thread: what waits on it notices within half a second or so.
        """
        self._at = -math.inf

    def within(self, seconds: Optional[float]) -> Deadline:
        """A deadline `seconds` from now, but never later than this one."""
        share = Deadline(self.clamp(seconds), self._clock)
        share._whole = self
        return share


def pause(seconds: float) -> None:
    """Sleep for `seconds`, in slices."""
    Deadline(None).sleep(seconds)
