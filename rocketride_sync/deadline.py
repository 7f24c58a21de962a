"""A monotonic deadline, made at the entry of a call and passed down to everything that the call does."""

from __future__ import annotations

import math
import sys
import time
from typing import Callable, Optional

Clock = Callable[[], float]

system_time = time
"""Where calls and waits take monotonic time from, and sleep. A simulation replaces it before it loads the other modules."""

SLICE = 0.5 if sys.platform == "win32" else 1.0
"""Seconds for which a blocking system call may last before it is repeated.

Python notices a signal only after the system call if the signal comes just before it, or if another thread receives
it; on Windows that holds for every Ctrl-C. To wake up costs a wait a quarter of a poll.
"""


class Deadline:
    """A point in monotonic time, or never.

    Args:
        seconds: the time from now; None is unlimited.
        clock: returns the seconds of a monotonic clock; `time.monotonic` by default.

    On Linux the monotonic clock stops while the machine is suspended, so that time does not count.
    """

    __slots__ = ("_at", "_clock", "_parent")

    def __init__(self, seconds: Optional[float], clock: Optional[Clock] = None) -> None:
        self._clock = system_time.monotonic if clock is None else clock
        self._at = math.inf if seconds is None else self._clock() + seconds
        self._parent: Optional[Deadline] = None

    def remaining(self) -> float:
        """Seconds left: never below 0.0, `math.inf` when unlimited."""
        if self._parent is not None and self._parent.expired:
            return 0.0
        left = self._at - self._clock()
        return left if left > 0.0 else 0.0

    def clamp(self, seconds: Optional[float]) -> Optional[float]:
        """The smaller of `seconds` and what remains; None for unlimited. A value for `socket.settimeout`."""
        left = self.remaining()
        if seconds is not None:
            left = min(left, seconds)
        return None if left == math.inf else left

    def for_call(self, longest: Optional[float] = None) -> Optional[float]:
        """As `clamp`, for the ``timeout`` of a call that begins now: never 0, which calls refuse, and waits take for one poll."""
        left = self.clamp(longest)
        return None if left is None else max(left, 0.001)

    @property
    def expired(self) -> bool:
        return self._clock() >= self._at or (self._parent is not None and self._parent.expired)

    def overdue_by(self, seconds: float) -> bool:
        """Whether it passed at least `seconds` ago, or was cancelled."""
        return self._clock() - self._at >= seconds or (
            self._parent is not None and self._parent.overdue_by(seconds)
        )

    def sleep(self, seconds: float) -> None:
        """Sleep for `seconds`, or until this passes or is cancelled."""
        end = self.within(seconds)
        while not (end.expired or self.expired):
            system_time.sleep(min(end.remaining(), SLICE))

    def cancel(self) -> None:
        """Make it pass now, together with all deadlines made from it with `within`.

        Called by another thread: a step that waits for it notices within about `SLICE` seconds.
        """
        self._at = -math.inf

    def within(self, seconds: Optional[float]) -> Deadline:
        """A deadline `seconds` from now, but not later than this one. It passes too when this one is cancelled."""
        part = Deadline(self.clamp(seconds), self._clock)
        part._parent = self
        return part


def pause(seconds: float) -> None:
    """Sleep for `seconds`, in slices."""
    Deadline(None).sleep(seconds)
