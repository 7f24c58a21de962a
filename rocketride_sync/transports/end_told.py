"""What an `end` event has told of the end of a task's run."""

from __future__ import annotations

from typing import Any, NamedTuple, Optional, Tuple


class EndTold(NamedTuple):
    """What is known from the events of a task about the end of its run.

    Attributes:
        told: whether an `end` event of this very run has come, and no sign of life since.
        reason: why the server ended it, `user` or `ttl`; None if it ended by itself, or an older server does not say.
        may_come: whether such an event can still come: events are listened to, and tell this run from others.
        seen_run: when the run that was polled started, and why the server ended it. This stays true when another run
            has taken over the token. None if the server did not end it, or if that is not certain.
    """

    told: bool = False
    reason: Optional[str] = None
    may_come: bool = False
    seen_run: Optional[Tuple[float, str]] = None

    def reason_of(self, start_time: float) -> Optional[str]:
        """Why the server ended the run that started then, if that is certain: for a run that was forgotten or replaced."""
        seen, reason = self.seen_run or (None, None)
        return reason if seen == start_time else None


NOTHING_TOLD = EndTold()


def end_told(source: Any, *poll: Any) -> EndTold:
    """What `source`, a watch, or a poller that is asked about a poll, knows of the end.

    Nothing if it has no method `end_told`, which is optional.
    """
    ask = getattr(source, "end_told", None)
    known: EndTold = NOTHING_TOLD if ask is None else ask(*poll)
    return known
