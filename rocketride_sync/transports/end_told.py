"""What an `end` event has told of the end of a task's run."""

from __future__ import annotations

from typing import Any, NamedTuple, Optional


class EndTold(NamedTuple):
    """What is known from the events of a task about the end of its run.

    Attributes:
        told: whether an `end` event of this very run has come, and no sign of life since.
        reason: why the server ended it, `user` or `ttl`; None if it ended by itself, or an older server does not say.
        may_come: whether such an event can still come: events are listened to, and tell this run from others.
    """

    told: bool = False
    reason: Optional[str] = None
    may_come: bool = False


def end_told(source: Any, *poll: Any) -> EndTold:
    """What `source`, a watch, or a poller that is asked about a poll, knows of the end.

    Nothing if it has no method `end_told`, which is optional.
    """
    ask = getattr(source, "end_told", None)
    known: EndTold = EndTold() if ask is None else ask(*poll)
    return known
