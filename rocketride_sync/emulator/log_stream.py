"""The run log of one source: its events, and its chapters, which are its runs. Source: docs/protocol.md, "The run log"."""

from __future__ import annotations

import json
import time
from collections import deque
from typing import Any, Callable, Deque, Dict, List, Mapping, NamedTuple, Optional

import attrs

LIFECYCLE = "apaevt_log_lifecycle"
INTERRUPTED = "interrupted"

Body = Dict[str, Any]


class LoggedEvent(NamedTuple):
    """One event of the log. `text` is its message, without envelope numbers, as JSON."""

    seq: int
    time: float
    name: str
    text: str


@attrs.define
class Chapter:
    """One run.

    Attributes:
        begin_time: the time it began.
        begin_seq: the number of its first event.
        end_time: the time it ended; None before, and while nobody knows.
        outcome: ``ok``, ``cancelled`` or ``interrupted``; None as long as there is no `end_time`.
        reason: ``user`` or ``ttl`` if it was stopped.
        live: whether this server process runs it.
    """

    begin_time: float
    begin_seq: int
    end_time: Optional[float] = None
    outcome: Optional[str] = None
    reason: Optional[str] = None
    live: bool = False

    def to_dict(self) -> Body:
        """The chapter as `rrext_log` tells it."""
        document = {
            "beginTime": self.begin_time,
            "beginSeq": self.begin_seq,
            "endTime": self.end_time,
            "outcome": self.outcome,
            "traceLevel": None,
        }
        return {**document, "reason": self.reason} if self.reason else document


class LogStream:
    """The events and chapters of one source, in the order of their numbers.

    Attributes:
        events: its events.
        chapters: its runs.
        size: how many bytes the events have.

    Args:
        identity: what the bodies of all its events say about the source and its owner.
        on_event: called with each new event's message, as JSON.
    """

    def __init__(self, identity: Mapping[str, str], on_event: Callable[[str], None]) -> None:
        self.events: Deque[LoggedEvent] = deque()
        self.chapters: List[Chapter] = []
        self.size = 0
        self._identity = identity
        self._on_event = on_event
        self._last_seq = 0

    @property
    def horizon(self) -> int:
        """The number of the oldest event that is kept."""
        return self.events[0].seq if self.events else self._last_seq + 1

    def stamp(self, body: Mapping[str, Any]) -> Body:
        """The body with the time, the number of the last event, and the identity."""
        return {**body, "eventTime": time.time(), "logSeq": self._last_seq, **self._identity}

    def add(self, name: str, body: Mapping[str, Any]) -> Body:
        """Log an event, and return its stamped body."""
        self._last_seq += 1
        stamped = self.stamp(body)
        self.load({"type": "event", "event": name, "body": stamped})
        self._on_event(self.events[-1].text)
        return stamped

    def load(self, message: Mapping[str, Any]) -> None:
        """Take in an event that was stamped before."""
        body = message["body"]
        text = json.dumps(message, separators=(",", ":"))
        self._last_seq = body["logSeq"]
        self.events.append(LoggedEvent(self._last_seq, body["eventTime"], message["event"], text))
        self.size += len(text)
        if message["event"] == LIFECYCLE:
            self._apply(body)

    def begin_run(self) -> Chapter:
        """Begin a chapter. Those that died with their server end as interrupted."""
        for chapter in self.chapters:
            if chapter.end_time is None and not chapter.live:
                self.end_run(chapter, INTERRUPTED)
        self.add(LIFECYCLE, {"action": "run-begin"})
        chapter = self.chapters[-1]
        chapter.live = True
        return chapter

    def reopen_run(self, chapter: Chapter) -> None:
        """Note that the run was restarted."""
        chapter.live = True
        self.add(LIFECYCLE, {"action": "run-restart", "beginSeq": chapter.begin_seq})

    def end_run(self, chapter: Chapter, outcome: str, detail: str = "", reason: Optional[str] = None) -> None:
        """End a chapter. `detail` is the text of the exit."""
        chapter.live = False
        body = {"action": "run-end", "beginSeq": chapter.begin_seq, "outcome": outcome, "detail": detail}
        self.add(LIFECYCLE, {**body, "reason": reason} if reason else body)

    def drop_before(self, moment: float) -> None:
        """Remove the events and the chapters from before that time."""
        while self.events and self.events[0].time < moment:
            self.drop_oldest()
        self.chapters = [c for c in self.chapters if c.end_time is None or c.end_time >= moment]

    def drop_oldest(self) -> None:
        """Remove the oldest event."""
        self.size -= len(self.events.popleft().text)

    def _apply(self, body: Mapping[str, Any]) -> None:
        if body["action"] == "run-begin":
            self.chapters.append(Chapter(body["eventTime"], body["logSeq"]))
            return
        for chapter in self.chapters:
            if chapter.begin_seq == body["beginSeq"]:
                ended = body["action"] == "run-end"
                chapter.end_time = body["eventTime"] if ended else None
                chapter.outcome, chapter.reason = body.get("outcome"), body.get("reason")
