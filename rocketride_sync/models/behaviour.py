"""The base class of `TaskStatus`: whether and how a task has ended, its progress, and its new messages.

Source: docs/protocol.md, "The life of a task".
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Callable, Iterable, Optional, Tuple, Type, cast

from ..errors import RocketRideError, TaskCancelledError, TaskFailedError
from ..handler_exceptions import pass_on
from ..import_lock import import_lock
from ..loading import load
from ..redact import excerpt
from .document import fit
from .outcome import Outcome, RunFacts, falls_short, needs_end_reason, verdict

if TYPE_CHECKING:
    from datetime import datetime, timezone

    from ._task_status import TaskState, TaskStatus
    from .messages import NewMessages

_TEXT_SHOWN = 200
_NAME_SHOWN = 20


class StatusBehaviour(RunFacts):
    """The base class of `TaskStatus`, with all that is computed from its fields."""

    __slots__ = ()

    if TYPE_CHECKING:  # fields of the generated class that the rules below read
        source: str
        state: TaskState
        completed: bool
        start_time: float
        end_time: float
        total_count: int
        completed_count: int
        failed_count: int
        total_size: int
        completed_size: int
        failed_size: int
        errors: Tuple[str, ...]
        warnings: Tuple[str, ...]
        exit_code: Optional[int]
        exit_message: str

    @property
    def is_terminal(self) -> bool:
        """Whether this is the end, with `completed` true and the state COMPLETED or CANCELLED.

        `completed` alone is not enough: a task that is stopping shows it early. CANCELLED alone is not enough: a restart
        passes through it.
        """
        return self.completed and self.state.name in ("COMPLETED", "CANCELLED")

    @property
    def outcome(self) -> Outcome:
        """RUNNING until the status is terminal; then SUCCEEDED, FAILED or CANCELLED (terminated, or the ttl ran out).

        Servers before September 2026 show a good end as CANCELLED with exit code 1: then the counts decide, and
        `outcome_certain` is False. `end_reason` and `terminated_by_client` count where they are known. A success
        may have failed items: `has_failures`.
        """
        outcome, _ = verdict(self)
        return outcome

    @property
    def outcome_certain(self) -> bool:
        """Whether `outcome` is certain.

        docs/errors.md, "How it ended, and how certain that is", has the whole table.
        """
        return not self._doubt

    @property
    def _doubt(self) -> str:
        """Why the outcome is not certain; empty if it is."""
        _, doubt = verdict(self)
        return doubt

    @property
    def _needs_end_reason(self) -> bool:
        return needs_end_reason(self)

    @property
    def succeeded(self) -> bool:
        """Whether the outcome is SUCCEEDED, certain or not. Single items may still have failed, see `has_failures`."""
        return self.outcome is Outcome.SUCCEEDED

    @property
    def has_failures(self) -> bool:
        """Whether items failed or, at the end, fewer items were worked on than there are.

        On an older server, such a shortfall is the only trace of an engine that was killed.
        """
        return self.failed_count > 0 or (self.is_terminal and falls_short(self))

    @property
    def progress(self) -> Optional[float]:
        """The finished part, failed items included, from 0.0 to 1.0. It goes by counts, else by sizes; None
        if neither total is known.
        """
        if self.total_count > 0:
            return _part(self.completed_count + self.failed_count, self.total_count)
        if self.total_size > 0:
            return _part(self.completed_size + self.failed_size, self.total_size)
        return None

    def elapsed(self, now: Optional[float] = None) -> Optional[float]:
        """Seconds since the start: to the end if the task has completed, else to `now`.

        `now` is Unix time in seconds (default: this computer's clock, which may differ from the server's).
        None if the task has not started, or has ended without saying when.
        """
        if self.start_time <= 0:
            return None
        if self.completed and self.end_time > 0:
            return max(0.0, self.end_time - self.start_time)
        if self.is_terminal:
            return None
        return max(0.0, (time.time() if now is None else now) - self.start_time)

    @property
    def started_at(self) -> Optional[datetime]:
        """The start as an aware datetime in UTC; None if not started, or if it is beyond what a datetime holds."""
        return moment(self.start_time)

    @property
    def ended_at(self) -> Optional[datetime]:
        """The end as an aware datetime in UTC; None as in `started_at`."""
        return moment(self.end_time)

    def raise_for_outcome(self) -> None:
        """Return if the task succeeded, else raise.

        A status does not know the API key. If the task's exit text may hold it, wait with ``check=True``: then no message
        shows it.

        Raises:
            TaskFailedError: the outcome is FAILED.
            TaskCancelledError: the outcome is CANCELLED.
            RocketRideError: the task has not ended, so there is no outcome yet. Wait for its end first.
        """
        if not self.is_terminal:
            raise RocketRideError(
                f"the task has no outcome yet, its state is {self.state.name}: wait for its end"
            )
        error = self._outcome_error()
        if error is not None:
            raise error

    def _outcome_error(self, secrets: Iterable[str] = ()) -> Optional[TaskFailedError]:
        """The exception for a terminal status that is no success; its message shows none of `secrets`."""
        status = cast("TaskStatus", self)
        outcome, doubt = verdict(self)
        reason = (
            f": {excerpt(_in_words(self.exit_message), _TEXT_SHOWN, secrets)}" if self.exit_message else ""
        )
        certainty = f" (not certain: {doubt})" if doubt else ""
        if outcome is Outcome.FAILED:
            text = f"the task failed with exit code {_count(self.exit_code or 0)}{reason}{certainty}"
            return TaskFailedError(text, status=status)
        if outcome is Outcome.CANCELLED:
            text = f"the task was cancelled{_stopped_by(self.end_reason)}{reason}{certainty}"
            return TaskCancelledError(text, status=status)
        return None

    def new_errors(self, previous: Optional[StatusBehaviour]) -> NewMessages:
        """The errors that came since `previous`, an earlier status of the same run (None: all of them).

        The server keeps the newest 50 or 1000. Two such windows are joined at their longest overlap. So if a message
        repeats over the whole window, nobody can see how often it came. A restart clears the window: it shows as
        `lost` or, if the same messages come again, not at all.
        """
        return _new_messages(self.errors, () if previous is None else previous.errors)

    def new_warnings(self, previous: Optional[StatusBehaviour]) -> NewMessages:
        """The warnings that came since `previous`; see `new_errors`."""
        return _new_messages(self.warnings, () if previous is None else previous.warnings)

    def _repr_html_(self) -> str:
        """What a notebook shows: a card, without whole tokens."""
        with import_lock:
            from . import status_html  # few processes are notebooks

        return status_html.card(status_html.text(self.source) or "a task", cast("TaskStatus", self))

    def __repr__(self) -> str:
        # Without the name: the server makes it from the token.
        source = f" {excerpt(self.source, _NAME_SHOWN)}" if self.source else ""
        return fit(f"{type(self).__name__}{source} {self._progress()}")

    def _progress(self) -> str:
        """Where the run is, for the log: nothing that the server worded, for the status does not know the secrets."""
        counts = f"{_count(self.completed_count)}/{_count(self.total_count)}"
        failed = f", {_count(self.failed_count)} failed" if self.failed_count else ""
        ended = f"{counts}{failed}{self._outcome_shown()}"
        log = ", from the run log" if self.from_run_log else ""
        return f"{self.state.name} {ended}{log}"

    def _outcome_shown(self) -> str:
        """The outcome, where the name of the state does not tell it."""
        outcome, doubt = verdict(self)
        stopped = _stopped_by(self.end_reason)
        if not (doubt or stopped) and _USUAL.get(self.state.name, outcome) is outcome:
            return ""
        return f": {outcome}{stopped}{', not certain' if doubt else ''}"


_USUAL = {"COMPLETED": Outcome.SUCCEEDED, "CANCELLED": Outcome.CANCELLED}
_STOPPED_BY = {"user": " by a user", "ttl": " by its ttl"}


def _stopped_by(reason: Optional[str]) -> str:
    return _STOPPED_BY.get(reason or "", "")


def _new_messages(current: Tuple[str, ...], earlier: Tuple[str, ...]) -> NewMessages:
    return load(_messages)(current, earlier)


def _in_words(message: str) -> str:
    return load(_words)(message)


def _part(done: int, total: int) -> float:
    return min(max(done, 0), total) / total


def _count(number: int) -> str:
    return str(number) if abs(number) < 10**9 else "many"


def moment(seconds: float) -> Optional[datetime]:
    """Seconds since 1970 as an aware datetime in UTC; None if not positive, or beyond what a datetime holds."""
    datetime, timezone = load(_dates)
    try:
        return datetime.fromtimestamp(seconds, timezone.utc) if seconds > 0 else None
    except (ValueError, OverflowError, OSError) as error:
        pass_on(error)
        return None


# Most processes ask neither for messages nor for dates.


def _messages() -> Callable[[Tuple[str, ...], Tuple[str, ...]], NewMessages]:
    from .messages import new_messages

    return new_messages


def _words() -> Callable[[str], str]:
    from .messages import in_words

    return in_words


def _dates() -> Tuple[Type[datetime], Type[timezone]]:
    from datetime import datetime, timezone

    return datetime, timezone
