"""The time that a wait for many tasks has for itself: without that in which the caller's code runs."""

from __future__ import annotations

import contextlib
from typing import Iterator

from ..deadline import Clock


class OwnTime:
    """A clock that stands still while the caller's code runs, in a loop over results or in a callback.

    How long the caller took says nothing of the server: by this clock an outage lasts no longer for it, and a search of
    the run log has no less time.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._callers = 0.0

    def __call__(self) -> float:
        return self._clock() - self._callers

    @contextlib.contextmanager
    def standing_still(self) -> Iterator[None]:
        """Within this, the caller's code runs."""
        began = self._clock()
        try:
            yield
        finally:
            self._callers += self._clock() - began
