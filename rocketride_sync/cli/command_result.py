"""The result of a command: a status as a block for people or a document for programs, or what went wrong."""

from __future__ import annotations

import json
import math
import sys
from typing import TYPE_CHECKING, Any, Dict, Iterable, Iterator, List, Optional, Tuple

from ..errors import RocketRideError, TaskFailedError, TaskReplacedError
from . import exit_codes, output
from .exit_codes import ExitCode
from .signals import Terminated

if TYPE_CHECKING:
    from datetime import datetime

    from ..models import TaskStatus

JSON_HELP = """with --json, one document on stdout, whatever happens:
  {"outcome": "running" | "succeeded" | "failed" | "cancelled", or null with an error,
   "error": null, or {"type": the exception's name, "message": text, and what it knows of
            "code", "hint", "http_status", "retry_after", "elapsed", "path", "new_status"},
   "status": the TASK_STATUS document (with an error the last one seen, or null)}
Tokens in it are shortened.
"""

_ERROR_DETAILS = ("code", "hint", "http_status", "retry_after", "elapsed", "path")
_MESSAGES_SHOWN = 10
_WIDTH = 100
_LONGEST_DURATION = 1e10
_COLOUR_OF = {"succeeded": "green", "failed": "red", "cancelled": "yellow"}


def status(seen: TaskStatus, *, as_json: bool, messages: bool) -> None:
    """Print a status as the result; `messages`: with the newest of the task's errors and warnings."""
    output.result(document(seen) if as_json else block(seen, messages=messages))


def conclusion(
    seen: TaskStatus, *, as_json: bool = False, quiet: bool = False, allow_failures: bool = False
) -> ExitCode:
    """Print a terminal status as the result, and a line on what is amiss with it; return the exit code.

    `quiet` leaves out the block for people.
    """
    code = exit_codes.of_status(seen, allow_failures=allow_failures)
    if as_json or not quiet:
        status(seen, as_json=as_json, messages=False)
    if code:
        output.problem(complaint(seen))
    return code


def complaint(seen: TaskStatus) -> str:
    """What is amiss with a terminal status."""
    try:
        seen.raise_for_outcome()
    except TaskFailedError as error:
        return str(error)
    if seen.failed_count:
        return f"the task ended well, but {output.number(seen.failed_count)} of its items failed (--allow-failures forgives that)"
    undone = seen.total_count - seen.completed_count
    return (
        f"the task ended, but {output.number(undone)} of its items were left undone; was its engine killed?"
    )


def failure(
    error: BaseException, *, as_json: bool, last: Optional[TaskStatus] = None, **more: Any
) -> ExitCode:
    """Print what went wrong as one line, as a JSON document too where that was asked for; return the exit code.

    `last` is the status seen last; `more` goes into the document, see `document`.
    """
    output.problem(advised(error))
    if as_json:
        output.result(document(last, error, **more))
    return exit_codes.explain(error)[0]


def advised(error: BaseException) -> str:
    """What went wrong, and in a few words what to do about it."""
    advice = exit_codes.explain(error)[1]
    return f"{_message(error)}; {advice}" if advice else _message(error)


def _message(error: BaseException) -> str:
    if isinstance(error, RocketRideError):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return str(error) or "interrupted"
    known = isinstance(error, (Terminated, OSError))
    return str(error) if known else f"{type(error).__name__}: {error}"


def document(
    seen: Optional[TaskStatus],
    error: Optional[BaseException] = None,
    *,
    outcome: Optional[str] = None,
    **more: Any,
) -> str:
    """The document of ``--json``.

    Args:
        seen: the status it is about.
        error: what went wrong.
        outcome: in place of the status's own.
        more: further members, printed as they are: see `presentable`.
    """
    # Left at ASCII, it holds no control character, and every stream can encode it.
    return json.dumps({**described(seen, error, outcome=outcome), **more}, indent=2, allow_nan=False)


def described(
    seen: Optional[TaskStatus], error: Optional[BaseException], *, outcome: Optional[str] = None
) -> Dict[str, Any]:
    """What ``--json`` tells of a task: ``outcome``, ``error`` and ``status``. The arguments are those of `document`."""
    known = outcome or (None if seen is None else seen.outcome.value)
    told = {
        "outcome": known if error is None else None,
        "error": None if error is None else _describe(error),
        "status": None if seen is None else seen.to_dict(),
    }
    fit: Dict[str, Any] = presentable(told)
    return fit


def _describe(error: BaseException) -> Dict[str, Any]:
    known = {name: getattr(error, name, None) for name in _ERROR_DETAILS}
    if isinstance(error, TaskReplacedError) and error.new_status is not None:
        known["new_status"] = error.new_status.to_dict()
    details = {name: value for name, value in known.items() if value is not None}
    return {"type": type(error).__name__, "message": _message(error), **details}


def presentable(value: Any) -> Any:
    """`value` with the tokens in its strings shortened, and null for numbers that JSON does not know."""
    if isinstance(value, str):
        return output.without_secrets(value)
    if isinstance(value, dict):
        return {output.without_secrets(name): presentable(item) for name, item in value.items()}
    if isinstance(value, list):
        return [presentable(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def block(seen: TaskStatus, *, messages: bool) -> str:
    """A status as a few aligned lines; rows without anything to say are left out."""
    rows = list(_rows(seen))
    if messages:
        rows += _messages("Error", seen.errors) + _messages("Warning", seen.warnings)
    return aligned(rows)


def aligned(rows: Iterable[Tuple[str, str]]) -> str:
    """A line for each row, a name and a text; rows without text are left out."""
    return "\n".join(f"{name:<9} {text}" for name, text in rows if text)


def _rows(seen: TaskStatus) -> Iterator[Tuple[str, str]]:
    yield "Task", task(seen)
    yield "Outcome", painted(seen.outcome.value)
    stopping = " (completed)" if seen.completed and not seen.is_terminal else ""
    yield "State", f"{seen.state.name}{stopping}"
    yield "Items", amount(seen.completed_count, seen.failed_count, seen.total_count, "")
    yield "Size", amount(seen.completed_size, seen.failed_size, seen.total_size, " bytes")
    yield "Words", output.number(seen.words_count) if seen.words_count else ""
    yield "Started", _time(seen.started_at)
    yield "Ended", _time(seen.ended_at)
    elapsed = seen.elapsed()
    yield "Elapsed", "" if elapsed is None else duration(elapsed)
    yield "Status", output.shorten(seen.status, _WIDTH)
    yield "Object", output.shorten(seen.current_object, _WIDTH)
    yield "Exit", _exit(seen)


def painted(outcome: str) -> str:
    """An outcome in its colour."""
    colour = _COLOUR_OF.get(outcome)
    return output.paint(outcome, colour, sys.stdout) if colour else outcome


def task(seen: TaskStatus) -> str:
    """A task's name, project and source."""
    where = [
        f"{what} {text}" for what, text in (("project", seen.project_id), ("source", seen.source)) if text
    ]
    text = f"{seen.name or '(no name)'}{' (' + ', '.join(where) + ')' if where else ''}"
    return output.shorten(text, _WIDTH)


def amount(done: int, failed: int, total: int, unit: str) -> str:
    """Such as ``45 of 100, 2 failed``; empty where nothing is known."""
    if not (done or failed or total):
        return ""
    count = output.number
    text = f"{count(done)} of {count(total)}{unit}" if total else f"{count(done)}{unit}"
    return f"{text}, {count(failed)} failed" if failed else text


def brief(seen: TaskStatus, width: int) -> str:
    """A status in a few words: the task's name, and how many items are done."""
    done = amount(seen.completed_count, seen.failed_count, seen.total_count, "")
    return ", ".join(part for part in (output.shorten(seen.name, width), done) if part)


def _time(moment: Optional[datetime]) -> str:
    return "" if moment is None else moment.isoformat(sep=" ", timespec="seconds")


def duration(seconds: float) -> str:
    """Such as ``4.2 s``, ``3 min 20 s``, ``5 h 07 min``."""
    if seconds > _LONGEST_DURATION:
        return "over 300 years"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def _exit(seen: TaskStatus) -> str:
    if not (seen.is_terminal or seen.exit_code or seen.exit_message):
        return ""
    code = "" if seen.exit_code is None else output.number(seen.exit_code, "d")
    return " ".join(part for part in (code, output.shorten(seen.exit_message, _WIDTH)) if part)


def _messages(kind: str, texts: Tuple[str, ...]) -> List[Tuple[str, str]]:
    earlier = len(texts) - _MESSAGES_SHOWN
    rows = [(kind, f"({earlier} earlier ones: see --json)")] if earlier > 0 else []
    return rows + [(kind, output.message(text)) for text in texts[-_MESSAGES_SHOWN:]]
