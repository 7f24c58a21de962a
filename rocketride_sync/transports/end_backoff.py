"""A backoff for the polls that follow an `end` event."""

from __future__ import annotations

import math

_FIRST_STEP = 0.002


class EndBackoff:
    """Shortens the pauses after an `end` event: the first is 2 ms, each of the next twice as long as the one before.

    The status may not be terminal yet when the event comes, or the event may be that of a twin task (same project and
    source). Either costs only a few extra polls.
    """

    __slots__ = ("_step",)

    def __init__(self) -> None:
        self._step = math.inf

    def start(self, seconds: float) -> None:
        """An `end` event came in a pause of `seconds`. Does nothing while the backoff of an earlier event goes on."""
        if self._step > seconds:
            self._step = _FIRST_STEP

    def shorten(self, seconds: float) -> float:
        """The length of the next pause, which would be `seconds` without the backoff."""
        step, self._step = self._step, self._step * 2
        return min(seconds, step)
