"""How a report says that a run ended: the one place that decides its words, and the colour of the page's badge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterator, NamedTuple, Optional

from ..errors import RocketRideError, TaskLostError, WaitTimeoutError
from ..task_fate import TaskFate, task_fate_of
from .formatting import bounded_number

if TYPE_CHECKING:
    from ..models import TaskStatus
    from .observations import Record

_AN_ERROR = "an error"
_UNKNOWN = TaskFate("", False)


class Ending(NamedTuple):
    """What ended a wait or a run, if that was not the end of the task. It holds no exception: its frames would live on.

    Attributes:
        cause: such as ``Ctrl-C`` or ``the timeout``; empty if nothing did.
        words: a sentence on it.
        fate: what became of the task then.
        logged_outcome: the outcome in the run log, if the end itself was missed.
    """

    cause: str = ""
    words: str = ""
    fate: TaskFate = _UNKNOWN
    logged_outcome: str = ""


class Shown(NamedTuple):
    """A text for the top of the page. `kind` is the class of its colour, or a heading."""

    kind: str
    text: str


def ending_of(error: Optional[BaseException]) -> Ending:
    """What `error` says of the end of a wait."""
    if error is None:
        return Ending()
    cause, words = _cause_and_words(error)
    fate = task_fate_of(error) or _UNKNOWN
    if fate.words and fate.words not in words:
        words = f"{words}; {fate.words}"
    outcome = error.outcome if isinstance(error, TaskLostError) else None
    return Ending(cause, words[:1].upper() + words[1:], fate, "" if outcome is None else outcome.value)


def _cause_and_words(error: BaseException) -> Shown:
    signal_name = getattr(error, "signal_name", "")
    if isinstance(error, KeyboardInterrupt):
        return Shown("Ctrl-C", "interrupted by Ctrl-C")
    if signal_name:
        return Shown(signal_name, f"ended by {signal_name}")
    if isinstance(error, SystemExit):  # as handlers of signals raise it
        return Shown("the program's exit", "the program exited")
    if isinstance(error, WaitTimeoutError):
        return Shown("the timeout", str(error))
    if isinstance(error, RocketRideError):
        return Shown(_AN_ERROR, str(error))
    # Of other libraries' exceptions only the name: their texts may hold secrets.
    return Shown(_AN_ERROR, f"an unexpected error: {type(error).__name__}")


def badge(record: Record, ending: Ending) -> Optional[Shown]:
    """How it ended, as the badge of the page says it; None if nothing was seen."""
    last, files = record.last, record.files
    if last is not None and last.is_terminal:
        return _badge_of_end(last, files.count and _files_text(record))
    if ending.cause:
        return _badge_of_stop(record, ending)
    if files.all_sent:
        kind = "failed" if files.failed else "succeeded"
        return Shown(kind, f"{kind}, {_files_text(record)}")
    if last is None and not files.total:
        return None
    return Shown("running", ", ".join(filter(None, ("not ended", _files_text(record)))))


def _badge_of_end(last: TaskStatus, files_text: object) -> Shown:
    parts = [
        last.outcome.value,
        "" if last.outcome_certain else "not certain",
        files_text or _items_text(last),
    ]
    kind = "partly" if last.succeeded and last.has_failures else last.outcome.value
    return Shown(kind, ", ".join(str(part) for part in parts if part))


def _badge_of_stop(record: Record, ending: Ending) -> Shown:
    failed = ending.cause == _AN_ERROR
    if ending.fate.ended:
        kind = "failed" if failed else "cancelled"
        return Shown(kind, f"{kind}: ended by this program after {ending.cause}")
    if record.files.total:
        return Shown("failed", f"{_files_text(record)} before {ending.cause}")
    if ending.logged_outcome:
        return Shown(ending.logged_outcome, f"{ending.logged_outcome}, by the run log")
    unseen = failed or ending.fate.had_ended
    return Shown("failed", "end not seen") if unseen else Shown("running", f"not ended before {ending.cause}")


def _files_text(record: Record) -> str:
    files = record.files
    if not files.total:
        return ""
    if files.failed:
        return f"{files.failed:,} of {files.total:,} files failed"
    return f"{files.count:,} of {files.total:,} files sent"


def _items_text(last: TaskStatus) -> str:
    """The items that failed or are missing at the end."""
    done = last.completed_count + last.failed_count
    total = bounded_number(max(last.total_count, done))
    if last.failed_count > 0:
        return f"{bounded_number(last.failed_count)} of {total} items failed"
    missing = last.total_count - done
    return f"{bounded_number(missing)} of {total} items missing" if last.has_failures and missing > 0 else ""


def stop_section(record: Record, ending: Ending) -> Optional[Shown]:
    """The heading and the text on what ended the wait, if that was not the end of the task."""
    if not ending.cause:
        return None
    if record.last is not None and record.last.is_terminal:
        return Shown("After the end of the task", ending.words)
    if ending.fate.ended:
        return Shown("This program ended the task", ending.words)
    if ending.fate.had_ended:
        return Shown("The end of the task was not seen", ending.words)
    return Shown("The wait ended before the task", ending.words)


def state_notes(record: Record, ending: Ending) -> Iterator[str]:
    """What to know of the state that the last poll saw, if the task had not ended."""
    fate = ending.fate if ending.fate.words else record.fate
    if ending.cause or fate.words or record.files.all_sent:
        yield "at the last poll"
    if fate.words:
        yield fate.words
