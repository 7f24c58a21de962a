"""The handler of the WebSocket command `rrext_log`, which newer servers have."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional, Tuple

import attrs

from .checked_fields import CheckedFields
from .credentials import Access
from .log_stream import LoggedEvent, LogStream
from .request_errors import RequestError
from .run_log import RunLog
from .run_scope import requested_scope

Arguments = Dict[str, Any]
Body = Dict[str, Any]

MOST_EVENTS = 2000
MOST_BYTES = 4 * 2**20
_MAX = 2**53
_EVENT_PREFIX = "apaevt_"


@attrs.frozen
class _Range:
    """Which events are asked for: bounds of their numbers and times, all inclusive, and their types."""

    from_seq: int
    to_seq: int
    from_time: float
    to_time: float
    types: List[str]

    def includes(self, event: LoggedEvent) -> bool:
        if not self.from_seq <= event.seq <= self.to_seq or not self.from_time <= event.time <= self.to_time:
            return False
        return not self.types or event.name in self.types or event.name[len(_EVENT_PREFIX) :] in self.types


def handle_log_command(run_log: RunLog, access: Access, arguments: Arguments) -> Body:
    """Run a subcommand and return the answer's body. Raises RequestError."""
    project_id, source = arguments.get("projectId"), arguments.get("source")
    if not isinstance(project_id, str) or not isinstance(source, str) or not project_id or not source:
        raise RequestError("rrext_log needs 'projectId' and 'source'")
    is_own = access.task is not None and access.task.pipeline.key == (project_id, source)
    if access.is_public_token or (access.task and not is_own):
        raise RequestError("Permission 'task.monitor' denied: this credential opens one task only")
    stream = run_log.find((project_id, source, requested_scope(arguments)))
    subcommand = arguments.get("subcommand")
    if subcommand == "chapters":
        return _chapters(stream) if stream else {"chapters": [], "segments": [], "completed": True}
    if subcommand == "read":
        return _read(stream, CheckedFields(arguments, "rrext_log")) if stream else {"events": []}
    raise RequestError(f"Invalid subcommand {subcommand}; there are chapters and read")


def _chapters(stream: LogStream) -> Body:
    times = [event.time for event in stream.events]
    return {
        "chapters": [chapter.to_dict() for chapter in stream.chapters],
        "segments": [],
        "startTime": times[0] if times else None,
        "endTime": times[-1] if times else None,
        "horizonSeq": stream.horizon,
        "completed": not any(chapter.live for chapter in stream.chapters),
    }


def _read(stream: LogStream, fields: CheckedFields) -> Body:
    wanted = _Range(
        max(fields.count("fromSeq", 0, most=_MAX), fields.count("cursor", 0, most=_MAX)),
        fields.count("toSeq", _MAX, most=_MAX),
        fields.seconds("fromTime", 0.0),
        fields.seconds("toTime", float(_MAX)),
        fields.strings("types", []),
    )
    most_events = min(fields.count("maxEvents", MOST_EVENTS, least=1, most=_MAX), MOST_EVENTS)
    most_bytes = min(fields.count("maxBytes", MOST_BYTES, least=1, most=_MAX), MOST_BYTES)
    page, next_seq = _page(stream, wanted, most_events, most_bytes)
    body: Body = {"events": [json.loads(event.text) for event in page]}
    if next_seq is not None:
        body["nextSeq"] = next_seq
    if wanted.from_seq < stream.horizon and stream.horizon > 1:
        body["truncatedAtSeq"] = stream.horizon
    return body


def _page(
    stream: LogStream, wanted: _Range, most_events: int, most_bytes: int
) -> Tuple[List[LoggedEvent], Optional[int]]:
    """The events of one page, at least one, and the number of the first that did not fit."""
    page: List[LoggedEvent] = []
    size = 0
    for event in stream.events:
        if wanted.includes(event):
            size += len(event.text)
            if page and (len(page) == most_events or size > most_bytes):
                return page, event.seq
            page.append(event)
    return page, None
