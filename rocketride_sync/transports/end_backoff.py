"""Short pauses once the end of a task was told."""

from __future__ import annotations

import math

_FIRST_STEP = 0.002


class EndBackoff:
    """Makes pauses short once the end was told, and each longer than the last: a status that is not terminal yet, or
    an event that was a twin's, costs a few polls and no more.
    """

    __slots__ = ("_step",)

    def __init__(self) -> None:
        self._step = math.inf

    def end_event(self, seconds: float) -> None:
        """The end was told in a pause of `seconds`."""
        if self._step > seconds:
            self._step = _FIRST_STEP

    def shorten(self, seconds: float) -> float:
        """How long a pause of `seconds` should be."""
        step, self._step = self._step, self._step * 2
        return min(seconds, step)
