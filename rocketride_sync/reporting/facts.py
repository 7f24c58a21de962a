"""What a report says of a run in figures and words: at a glance, and in detail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterable, Iterator, List, Optional, Sequence, Tuple

from ..models.messages import in_words
from ..redact import redact
from .charts import counts_items
from .ending import Ending, state_notes
from .formatting import (
    amount,
    axis_number,
    duration_with_colons,
    exit_code_on_page,
    full_number,
    source_name,
    time_in_utc,
)
from .snapshot import bounded

if TYPE_CHECKING:
    from ..models import TaskStatus
    from .observations import Record

Row = Tuple[str, str]

_STOPPED_BY = {"user": "somebody terminated it", "ttl": "its time to live (ttl) ran out"}
# A state is the server's word; where it differs from the outcome, a reader wants to know why.
_STATE_BESIDE_OUTCOME = {
    ("CANCELLED", "failed"): "servers report failed runs as CANCELLED too. Nobody is known to have "
    "stopped this run, and its exit code is not 0",
    ("CANCELLED", "succeeded"): "older servers report good ends as CANCELLED too. The counts say that "
    "this run went well",
    ("COMPLETED", "failed"): "the run ended by itself, but its exit code says that it failed",
}


def title(last: Optional[TaskStatus]) -> str:
    """What to call the task: its name, or that of its source."""
    return "a task" if last is None else source_name(last) or last.source or "a task"


def exit_text(last: Optional[TaskStatus], secrets: Sequence[str]) -> str:
    """What the engine said at its end. It is redacted first: there may be an asterisk in a secret."""
    return in_words(redact(last.exit_message, secrets)) if last is not None and last.is_terminal else ""


def glance(record: Record) -> List[Row]:
    """The figures that most readers look for."""
    return [row for row in _glance(record) if row[1]]


def _glance(record: Record) -> Iterator[Row]:
    last, files = record.last, record.files
    if last is None and not files.total:
        yield "Status", "none was seen"
        return
    if last is not None and last.is_terminal:
        elapsed = last.elapsed()
        yield "Took", "" if elapsed is None else duration_with_colons(elapsed)
    else:
        yield "Took" if files.all_sent else "Watched for", duration_with_colons(record.watched_seconds)
    yield "Files sent", amount(files.count - files.failed, 0, files.total, "", full_number)
    yield "Files failed", full_number(files.failed) if files.failed else ""
    if last is not None:
        yield from _glance_at_items(record, last)


def _glance_at_items(record: Record, last: TaskStatus) -> Iterator[Row]:
    seen = record.observations[-1]
    yield "Items", amount(seen.completed, 0, seen.total, "", full_number)
    yield "Failed", full_number(seen.failed) if counts_items(record.observations) else ""
    yield "Words", full_number(bounded(last.words_count)) if last.words_count else ""
    peaks = record.peaks
    yield "Peak CPU", f"{axis_number(round(peaks.cpu_percent, 1))} %" if peaks.cpu_percent else ""
    yield "Peak RAM", f"{axis_number(round(peaks.cpu_memory_mb, 1))} MB" if peaks.cpu_memory_mb else ""
    yield "Peak GPU memory", f"{axis_number(round(peaks.gpu_memory_mb, 1))} MB" if peaks.gpu_memory_mb else ""


def details(record: Record, ending: Ending) -> List[Row]:
    """What else the last status says."""
    last = record.last
    notes = state_notes(record, ending)
    return [] if last is None else [row for row in _details(last, notes) if row[1]]


def _details(last: TaskStatus, notes: Iterable[str]) -> Iterator[Row]:
    yield "State", _state(last, notes)
    yield "Stopped", _STOPPED_BY.get(last.end_reason or "", "") if last.is_terminal else ""
    code = last.exit_code if last.is_terminal else None
    yield "Exit code", "" if code is None else exit_code_on_page(code)
    yield "Started", time_in_utc(last.started_at)
    yield "Ended", time_in_utc(last.ended_at)
    sizes = bounded(last.completed_size), bounded(last.failed_size), bounded(last.total_size)
    yield "Data", amount(*sizes, " bytes", full_number)
    yield "Project", last.project_id
    yield "Source", last.source


def _state(last: TaskStatus, notes: Iterable[str]) -> str:
    if not last.is_terminal:
        shown = "; ".join([*(["completed"] if last.completed else []), *notes])
        return f"{last.state.name} ({shown})" if shown else last.state.name
    reason = _STATE_BESIDE_OUTCOME.get((last.state.name, last.outcome.value), "")
    return f"{last.state.name} ({reason})" if reason else last.state.name
