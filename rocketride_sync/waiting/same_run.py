"""Checks that a status belongs to the run seen before, and makes the errors for one that does not.

The rules are those of docs/protocol.md, "The life of a task".
"""

from __future__ import annotations

from typing import Optional

from ..errors import TaskLostError, TaskReplacedError, TaskVanishedError
from ..models import Outcome, TaskStatus
from ..redact import shorten
from .retention import RETENTION

CONFIRM_AFTER = 1.0
"""Seconds after which a doubtful end is read again. A run that failed before its start is forgotten long before."""


def check_same_run(token: str, previous: Optional[TaskStatus], status: TaskStatus) -> None:
    """Raise `TaskReplacedError` if `status` belongs to another run of `token` than `previous`.

    A ``startTime`` of 0.0 (before the start) identifies no run. A restart does not change the ``startTime``.
    """
    if previous is not None and previous.start_time and status.start_time not in (0.0, previous.start_time):
        raise TaskReplacedError(_replaced(token, _fate(previous)), last_status=previous, new_status=status)


def is_doubtful_end(previous: Optional[TaskStatus], status: TaskStatus) -> bool:
    """Whether `status` is an end that may be another run's: it has no ``startTime``, and the run before had one.

    A run that took over the token and failed before its start looks so. The next poll tells it from the end of this run.
    """
    return status.is_terminal and not status.start_time and previous is not None and bool(previous.start_time)


def vanished(token: str, last_status: TaskStatus) -> TaskVanishedError:
    """The error for a task that was seen before, and that the server no longer knows: made, not raised."""
    return TaskVanishedError(_vanished(token, _fate(last_status)), last_status=last_status)


def with_log(token: str, error: TaskLostError, says: str, outcome: Optional[Outcome]) -> TaskLostError:
    """A new error in place of `error`, with what the run log says of the lost run, in words and as an outcome."""
    last = error.last_status
    fate = "ended" if last is None else f"was last seen as {last.state.name}"
    fate += f"; the server's run log says {says}"
    if isinstance(error, TaskReplacedError):
        return TaskReplacedError(
            _replaced(token, fate), last_status=last, new_status=error.new_status, outcome=outcome
        )
    return TaskVanishedError(_vanished(token, fate), last_status=last, outcome=outcome)


def _replaced(token: str, fate: str) -> str:
    return f"task {shorten(token)}: another run took over the token; the run before {fate}"


def _vanished(token: str, fate: str) -> str:
    return (
        f"task {shorten(token)}: the server no longer knows it (it ended over {RETENTION:.0f} s ago, or the server "
        f"restarted); it {fate}"
    )


def _fate(last_status: TaskStatus) -> str:
    if last_status.is_terminal:
        certainty = "" if last_status.outcome_certain else " (not certain)"
        return f"had ended, {last_status.outcome.value}{certainty}"
    return f"was last seen as {last_status.state.name}, its outcome is unknown"
