"""Prints the result of a command: a status as a block of lines or as JSON, or the error that ended the command."""

from __future__ import annotations

import errno
import json
import math
import os
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional

from ..errors import (
    AuthenticationError,
    PermissionDeniedError,
    ProtocolError,
    RocketRideError,
    TaskNotFoundError,
    TaskReplacedError,
    TransportError,
)
from ..redact import reason_of
from . import exit_codes, output, status_text
from .exit_codes import DEFAULT_JUDGEMENT, ExitCode, Judgement
from .run_age import before_command
from .signals import Terminated
from .wording import FORGOTTEN, NOTHING_TO_END, in_command_line_words

if TYPE_CHECKING:
    from ..models import TaskStatus

JSON_HELP = """with --json, one document on stdout, whatever happens:
  {"outcome": "running" | "succeeded" | "failed" | "cancelled", or null
              with an error,
   "outcome_certain": whether the outcome leaves no doubt, or null with
              an error,
   "error": null, or {"type": the exception's name, "message": text, and
            those that are known of "code", "hint", "http_status",
            "retry_after", "elapsed", "path", "new_status", "outcome"
            (if the end was missed, and the run log has only the outcome)},
   "status": the TASK_STATUS document; with an error the last one seen,
             or null,
   "exit_code": that of the command, unless the document itself could not
                be written, or a signal came after the document,
   "reason": why it is not 0, in words, such as "3 of 10 files failed";
             else null}
Tokens in the document are shortened.
"""

OUT_OF_MEMORY = "out of memory"

_ERROR_DETAILS = ("code", "hint", "http_status", "retry_after", "elapsed", "path", "outcome")

# What can come of the wrong address.
_ABOUT_ADDRESS = (TransportError, ProtocolError, AuthenticationError, PermissionDeniedError)
# Messages that say themselves what the advice for their class says.
_ADVISES = (
    "Check the URI and its base path",
    "Is the address a RocketRide server",
    "no WebSocket there; leave out --",
)


def print_status(status: TaskStatus, *, as_json: bool, messages: bool) -> None:
    """Print a status as the result; with `messages` also the newest of the task's errors and warnings."""
    code = ExitCode.SUCCEEDED
    output.print_result(
        json_document(status, code=code) if as_json else status_text.status_block(status, messages=messages)
    )


def print_outcome(
    status: TaskStatus,
    *,
    as_json: bool = False,
    quiet: bool = False,
    judgement: Judgement = DEFAULT_JUDGEMENT,
    name: str = "",
    print_held: Callable[[], None] = lambda: None,
    began: Optional[float] = None,
) -> ExitCode:
    """Print a terminal status as the result, and a line about its problem if there is one; return the exit code.

    The problem stands after `name`, as in `status_text.named`. `quiet` leaves out the block of lines, but no problem:
    that a success is not certain is one. `print_held` prints what `quiet` has held back until now: before the problem,
    as without `quiet`. `began` is given by a command whose run may have ended long before: when the command began, in
    Unix time.
    """
    code, problem = judgement.code_of(status), ""
    if judgement.doubts(status):
        problem = status_text.uncertain_success(status, judgement)
    elif code:
        problem = status_text.outcome_problem(status)
    if as_json:
        output.print_result(json_document(status, code=code, reason=problem))
    elif not quiet:
        output.print_result(status_text.status_block(status, messages=False, began=began))
    if code:
        print_held()
    if problem:
        earlier = before_command(status, began)
        said = f"{problem}; it ended {earlier}" if earlier else problem
        output.print_problem(status_text.named(status, said, name))
    return code


def print_error(
    error: BaseException,
    *,
    as_json: bool,
    last: Optional[TaskStatus] = None,
    name: str = "",
    print_held: Callable[[], None] = lambda: None,
    **more: Any,
) -> ExitCode:
    """Print an error as one line, with `as_json` also as a JSON document, unless there is one; return the exit code.

    `last` is the last status that was read, `name` and `print_held` as for `print_outcome`; `more` goes into the
    document, see `json_document`.
    """
    print_held()
    output.print_problem(status_text.named(last, error_with_advice(error), name))
    code = exit_codes.code_and_advice(error)[0]
    if as_json and not output.delivery.began:
        output.print_result(json_document(last, error, code=code, reason=_error_message(error), **more))
    return code


def code_after_delivery(code: ExitCode) -> ExitCode:
    """`code`; in place of 0, that of the error if a result could not be written. Prints that error.

    A reader that has gone, as ``| head`` does, knows it: nothing is printed for that.
    """
    failure = output.delivery.failure
    if output.delivery.report_failed:
        code = code or ExitCode.NOT_WRITTEN
    if failure is None:
        return code
    if _reader_has_gone(failure):
        return code or ExitCode.BROKEN_PIPE
    output.print_problem(f"the results could not be written: {reason_of(failure)}")
    return code or ExitCode.NOT_WRITTEN


def _reader_has_gone(failure: OSError) -> bool:
    # Windows calls it an invalid argument.
    return isinstance(failure, BrokenPipeError) or (os.name == "nt" and failure.errno == errno.EINVAL)


def error_with_advice(error: BaseException) -> str:
    """The message of an error, and in a few words what to do about it."""
    advice = exit_codes.code_and_advice(error)[1]
    message = _error_message(error)
    if advice and not any(said in message for said in (*_ADVISES, advice)):
        message = f"{message}; {advice}"
    note = output.default_address_note if isinstance(error, _ABOUT_ADDRESS) else ""
    return f"{message} ({note})" if note else message


def _error_message(error: BaseException) -> str:
    if isinstance(error, TaskNotFoundError) and error.operation == "terminate":
        return in_command_line_words(str(error)).replace(FORGOTTEN, NOTHING_TO_END)
    if isinstance(error, RocketRideError):
        return in_command_line_words(str(error))
    if isinstance(error, KeyboardInterrupt):
        return str(error) or "interrupted"
    if isinstance(error, MemoryError):
        return OUT_OF_MEMORY
    known = isinstance(error, (Terminated, OSError))
    return str(error) if known else f"{type(error).__name__}: {error}"


def json_document(
    status: Optional[TaskStatus],
    error: Optional[BaseException] = None,
    *,
    code: ExitCode,
    reason: str = "",
    outcome: Optional[str] = None,
    certain: bool = True,
    **more: Any,
) -> str:
    """The document of ``--json``.

    Args:
        status: the status it is about.
        error: what went wrong.
        code: the exit code.
        reason: why it is not 0, in words; it does not count if it is 0.
        outcome: replaces that of the status.
        certain: whether `outcome` is.
        more: further members, printed as they are: see `json_safe`.
    """
    # In ASCII it holds no control characters, and every stream can encode it.
    members = json_members(status, error, outcome=outcome, certain=certain)
    members.update(exit_code=int(code), reason=json_safe(reason) if code else None)
    return json.dumps({**members, **more}, indent=2, allow_nan=False)


def json_members(
    status: Optional[TaskStatus],
    error: Optional[BaseException],
    *,
    outcome: Optional[str] = None,
    certain: bool = True,
) -> Dict[str, Any]:
    """The members ``outcome``, ``outcome_certain``, ``error`` and ``status`` of `json_document`, whose arguments it
    takes.
    """
    if outcome is None and status is not None:
        outcome, certain = status.outcome.value, status.outcome_certain
    told = error is None and outcome is not None
    members = {
        "outcome": outcome if told else None,
        "outcome_certain": certain if told else None,
        "error": None if error is None else _error_member(error),
        "status": None if status is None else status.to_dict(),
    }
    safe: Dict[str, Any] = json_safe(members)
    return safe


def _error_member(error: BaseException) -> Dict[str, Any]:
    known = {name: getattr(error, name, None) for name in _ERROR_DETAILS}
    if isinstance(error, TaskReplacedError) and error.new_status is not None:
        known["new_status"] = error.new_status.to_dict()
    details = {name: value for name, value in known.items() if value is not None}
    return {"type": type(error).__name__, "message": _error_message(error), **details}


def json_safe(value: Any) -> Any:
    """`value` with the tokens in its strings shortened, and null for numbers that JSON does not know."""
    if isinstance(value, str):
        return output.without_secrets(value)
    if isinstance(value, dict):
        return {output.without_secrets(name): json_safe(item) for name, item in value.items()}
    if isinstance(value, list):
        return [json_safe(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
