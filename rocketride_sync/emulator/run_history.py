"""The runs of one task in the run log."""

from __future__ import annotations

import asyncio
from typing import Any, Dict, Mapping, Optional

from .log_stream import Chapter
from .run_log import RunLog, StreamKey
from .status_record import COMPLETED


class RunHistory:
    """Logs the events of one task, and the beginning and end of its runs.

    Args:
        run_log: the run log of the server.
        key: the task's project, source and scope.
        end_delay: how many seconds after its end a run is closed in the log.
    """

    def __init__(self, run_log: RunLog, key: StreamKey, end_delay: float) -> None:
        self._run_log = run_log
        self._key = key
        self._end_delay = end_delay
        self._stream = run_log.unlogged_stream(key)
        self._chapter: Optional[Chapter] = None
        self._closing: Optional[asyncio.TimerHandle] = None

    def stamp(self, body: Mapping[str, Any]) -> Dict[str, Any]:
        """The body of an event with its stamps, without logging it."""
        return self._stream.stamp(body)

    def add(self, name: str, body: Mapping[str, Any]) -> Dict[str, Any]:
        """Log an event, and return its body with its stamps."""
        return self._stream.add(name, body)

    def begin(self, *, logged: bool) -> int:
        """Begin a run, and return the number of its first event."""
        if logged:
            self._stream = self._run_log.stream(self._key)
        self._chapter = self._stream.begin_run()
        return self._chapter.begin_seq

    def restart(self) -> None:
        """The run goes on, even if its end is logged already."""
        if self._closing:
            self._closing.cancel()
        if self._chapter:
            self._stream.reopen_run(self._chapter)

    def end(self, status: Mapping[str, Any], stopped_by: Optional[str]) -> None:
        """Close the run, a moment after its end."""
        is_good = status["state"] == COMPLETED or stopped_by == "ttl"
        outcome, detail = "ok" if is_good else "cancelled", str(status["exitMessage"])

        def close(chapter: Chapter) -> None:
            self._stream.end_run(chapter, outcome, detail, stopped_by)

        if self._chapter:
            self._closing = asyncio.get_running_loop().call_later(self._end_delay, close, self._chapter)
