"""How a task ended, judged by its status and by facts that travel beside it.

The table, and what was measured, is in docs/protocol.md, "The life of a task".
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, ClassVar, Mapping, Optional, Tuple

from .document import Document
from .lazy_attrs import frozen

if TYPE_CHECKING:
    from .behaviour import StatusBehaviour

COMPLETED, CANCELLED = 5, 6  # members of `TaskState`, which are made in a module that needs this one

STOP_REASONS = ("user", "ttl")
"""The reasons for which a server stops a task, as `RunFacts.end_reason`."""

_TERMINATED = -15
STOPPED = "Stopped"
"""The text that a server puts where the engine gave none."""


class Outcome(str, enum.Enum):
    """Whether and how a task has ended. Each equals its text: ``status.outcome == "succeeded"``."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    def __str__(self) -> str:
        return self.value


_END_REASON = """Why the server ended the task, from its ``end`` event or its run log. It is ``"user"`` (somebody
terminated it) or ``"ttl"`` (its ttl ran out). None if the server did not say it (older servers), and for a task that ended by
itself."""
_FROM_RUN_LOG = (
    "Whether this status is from the server's run log, because the task itself was forgotten or replaced."
)
_TERMINATED_BY_CLIENT = """Whether the client that read this status had terminated this run before it showed its end. None if
the client had asked the server to, and got no answer: then the request may have ended the run, and may not."""


if TYPE_CHECKING:

    @frozen(kw_only=True, repr=False, eq=False)
    class RunFacts(Document):
        """As below, for type checkers: fields of attrs."""

        end_reason: Optional[str] = None
        from_run_log: bool = False
        terminated_by_client: Optional[bool] = False

else:

    class RunFacts(Document):
        """A document that carries facts: in pickles, copies and `attrs.evolve`; not in `to_dict()`, nor in ``==``."""

        __slots__: ClassVar[Mapping[str, str]] = {  # with their docstrings
            "end_reason": _END_REASON,
            "from_run_log": _FROM_RUN_LOG,
            "terminated_by_client": _TERMINATED_BY_CLIENT,
        }

        end_reason: Optional[str]
        from_run_log: bool
        terminated_by_client: Optional[bool]

        _facts: ClassVar[Mapping[str, Any]] = {
            "end_reason": None,
            "from_run_log": False,
            "terminated_by_client": False,
        }


def verdict(status: StatusBehaviour) -> Tuple[Outcome, str]:
    """The outcome of a run, and why it is not certain; empty if it is. This is the only place that decides it."""
    if not status.is_terminal:
        return Outcome.RUNNING, ""
    if status.state == COMPLETED:
        return _of_completed(status)
    if status.exit_code == 0 or _was_stopped(status):
        return Outcome.CANCELLED, ""
    return _of_cancelled(status)


def needs_end_reason(status: StatusBehaviour) -> bool:
    """Whether an `end_reason` that is not known yet may change the verdict."""
    return (
        status.is_terminal
        and status.state == CANCELLED
        and status.exit_code != 0
        and not _was_stopped(status)
    )


def shows_life(state: object, completed: object) -> bool:
    """Whether a status with these values is of a run that has not ended and is not about to: also of a restart."""
    return state in (1, 2, 3) or (state == CANCELLED and completed is False)


def falls_short(status: StatusBehaviour) -> bool:
    """Whether fewer items were worked on, well or not, than there were."""
    return status.completed_count + status.failed_count < status.total_count


def _of_completed(status: StatusBehaviour) -> Tuple[Outcome, str]:
    if status.exit_code:
        return Outcome.FAILED, ""
    if falls_short(status):
        return Outcome.SUCCEEDED, "items were left undone, as when the engine was killed"
    return Outcome.SUCCEEDED, ""


def _of_cancelled(status: StatusBehaviour) -> Tuple[Outcome, str]:
    """Of a run that ended with the state CANCELLED, another exit code than 0, and nothing more known of it."""
    if status.terminated_by_client is None:
        return Outcome.CANCELLED, "this client had asked the server to end it, and got no answer"
    if status.exit_code is None:
        return Outcome.CANCELLED, "an older server shows this for a run that was restarted, however it ended"
    if status.exit_code == 1 and not status.exit_message:
        outcome = Outcome.SUCCEEDED if _all_went_well(status) else Outcome.FAILED
        return (
            outcome,
            "an older server shows this for every good end, a newer one for a failure without a text",
        )
    if status.exit_code == _TERMINATED and status.exit_message == STOPPED:
        return (
            Outcome.FAILED,
            "an older server shows this for a restarted run that was terminated, a newer one for a killed engine",
        )
    return Outcome.FAILED, ""


def _was_stopped(status: StatusBehaviour) -> bool:
    return status.terminated_by_client is True or status.end_reason in STOP_REASONS


def _all_went_well(status: StatusBehaviour) -> bool:
    return 0 < status.total_count <= status.completed_count and status.failed_count == 0 and not status.errors
