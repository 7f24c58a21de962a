"""One look of a wait whose looks are made by different processes.

What one look leaves for the next, a `WaitState`, is small, fit for JSON and without secrets: the name, the notes and
the messages of a status, which may hold the task's token, stay out of it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional

import attrs

from ..errors import TaskReplacedError, TransientError, WaitTimeoutError
from ..models import TaskStatus
from ..redact import shorten
from ..waiting.outage import Outage

if TYPE_CHECKING:
    from ..client.client import RocketRideClient

_KEPT = (
    "state",
    "completed",
    "startTime",
    "endTime",
    "exitCode",
    "totalCount",
    "completedCount",
    "failedCount",
)


@attrs.frozen(kw_only=True)
class WaitState:
    """What is known before a look.

    Attributes:
        began: Unix time of the first look.
        previous: of the last status, what tells its run from another one; None before the first.
        faults: how many looks in a row have failed.
        failing_since: Unix time of the first of those.
    """

    began: float = attrs.field(factory=time.time)
    previous: Optional[Dict[str, Any]] = None
    faults: int = 0
    failing_since: float = 0.0

    def to_dict(self) -> Dict[str, Any]:
        """As JSON can carry it; ``WaitState(**memory.to_dict())`` makes it again."""
        return attrs.asdict(self)

    @property
    def last_status(self) -> Optional[TaskStatus]:
        return None if self.previous is None else TaskStatus.from_dict(self.previous)

    def without_faults(self) -> WaitState:
        return attrs.evolve(self, faults=0, failing_since=0.0)

    def after(self, status: TaskStatus) -> WaitState:
        kept = without_text(status)
        # A run that is about to start does not say when yet: only later shows whether it is another one.
        if self.previous and not kept["startTime"]:
            kept["startTime"] = self.previous["startTime"]
        return WaitState(began=self.began, previous=kept)


def without_text(status: TaskStatus) -> Dict[str, Any]:
    """The state, times and counts of `status`."""
    return {name: int(status[name]) if name == "state" else status[name] for name in _KEPT}


@attrs.frozen(kw_only=True)
class PollReport:
    """What a look brought.

    Attributes:
        outcome: how the task ended, see `outcome_of`; None if there is to be a next look.
        memory: for that look.
        pause: seconds until it.
        fault: why the status could not be read, or None.
    """

    outcome: Optional[Dict[str, Any]]
    memory: WaitState
    pause: float
    fault: Optional[TransientError] = None


class StatelessPoller:
    """How to look.

    Args:
        client: its `RetryPolicy` says how to go on after faults.
        load_token: gives the task's token. A `TransientError` of it is a look that failed; other errors end the wait.
        interval: seconds between looks.
        timeout: seconds for the whole wait by the wall clock, from the first look; None is unlimited, 0 looks once.
    """

    def __init__(
        self,
        client: RocketRideClient,
        load_token: Callable[[], str],
        interval: float,
        timeout: Optional[float],
    ) -> None:
        self._client = client
        self._load_token = load_token
        self._interval = interval
        self._timeout = timeout
        self._token = ""

    def look(self, memory: WaitState) -> PollReport:
        """Look once.

        Raises:
            WaitTimeoutError: the time is up; the task runs on.
            TaskNotFoundError, TaskVanishedError, TaskReplacedError: its end will not be seen.
            TransientError: for `RetryPolicy.max_outage` seconds there has been nothing else.
            RocketRideError: the other errors of `RocketRideClient.get_task_status`.
        """
        began = time.time()
        try:
            status = self._read(memory.last_status)
        except TransientError as error:
            fault = error
        else:
            return self._after(status, memory.after(status))
        return self._after_fault(fault, attrs.evolve(memory, failing_since=memory.failing_since or began))

    def _read(self, previous: Optional[TaskStatus]) -> TaskStatus:
        try:
            self._token = self._load_token()
            return self._client.get_task_status(self._token, previous=previous)
        except TaskReplacedError as error:
            if error.new_status is not None:
                error.new_status = TaskStatus.from_dict(without_text(error.new_status))
            raise

    def _after(self, status: TaskStatus, memory: WaitState) -> PollReport:
        if not status.is_terminal:
            return PollReport(outcome=None, memory=memory, pause=self._within_timeout(self._interval, memory))
        secrets = (self._client._settings.auth, self._token)
        return PollReport(outcome=outcome_of(status, secrets), memory=memory, pause=0)

    def _after_fault(self, fault: TransientError, memory: WaitState) -> PollReport:
        retry = self._client._settings.retry
        pause = Outage(memory.failing_since, retry, time.time, memory.faults).pause_after(fault)
        memory = attrs.evolve(memory, faults=memory.faults + 1)
        return PollReport(
            outcome=None, memory=memory, pause=self._within_timeout(pause, memory, fault), fault=fault
        )

    def _within_timeout(
        self, pause: float, memory: WaitState, fault: Optional[TransientError] = None
    ) -> float:
        if self._timeout is None:
            return pause
        elapsed = time.time() - memory.began
        if elapsed < self._timeout:
            return min(pause, self._timeout - elapsed)
        last = memory.last_status
        seen = "no status could be read" if last is None else f"last seen as {last.state.name}"
        # Its token is not known if it could not be loaded.
        task = f"task {shorten(self._token)}" if self._token else "the task"
        raise WaitTimeoutError(
            f"{task} has not ended after {elapsed:.1f} s ({seen})"
            + ("; it runs on" if fault is None else f"; the last poll failed: {fault}"),
            token=shorten(self._token),
            elapsed=elapsed,
            last_status=last,
        ) from fault


def outcome_of(status: TaskStatus, secrets: tuple[str, ...] = ()) -> Dict[str, Any]:
    """What is told of a terminal status: small, fit for JSON, and its message without `secrets`."""
    error = status._outcome_error(secrets)
    return {
        "outcome": status.outcome.value,
        "has_failures": status.has_failures,
        "total_count": status.total_count,
        "completed_count": status.completed_count,
        "failed_count": status.failed_count,
        "exit_code": status.exit_code,
        "message": "" if error is None else str(error),
    }
