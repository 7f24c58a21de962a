"""The log of a wait for many tasks: a fault that many of them have in common is logged once in a while."""

from __future__ import annotations

from typing import Dict

from ..deadline import Clock
from ..errors import TransientError
from ..logs import as_note, beginning, log
from ..redact import shorten

_LOG_AGAIN_AFTER = 10.0


class FaultLog:
    """Logs faults of polls, and that they are over. A text that was logged last is logged again after 10 s.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._quiet_until: Dict[str, float] = {}  # by the text that was logged last; empty if all is well
        self._outage_noted = False  # malformed answers are faults too, but no outage

    def fault(self, token: str, fault: object, pause: float, left: float) -> None:
        """A poll of the task failed; the next comes in `pause` seconds, and others for the seconds that are `left`."""
        text, now = str(fault), self._clock()
        if self._quiet_until.get(text, now) <= now:
            begins = not self._outage_noted and isinstance(fault, TransientError)
            self._outage_noted = self._outage_noted or begins
            self._quiet_until = {text: now + _LOG_AGAIN_AFTER}
            note = as_note(beginning(f"task {shorten(token)}, and maybe others: {text}", left))
            log.info(
                "task %s, and maybe others: %s; polling again in %.1f s at the latest",
                shorten(token),
                text,
                pause,
                extra=note if begins else None,
            )

    def recovery(self, token: str) -> None:
        """The task was polled well again."""
        if self._quiet_until:
            self._quiet_until = {}
            note = as_note(f"task {shorten(token)}, and maybe others: seen again")
            noted = note if self._outage_noted else None
            self._outage_noted = False
            log.info("task %s, and maybe others: seen again", shorten(token), extra=noted)
