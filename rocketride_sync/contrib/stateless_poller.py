"""A wait whose polls are made by different processes: the state of the wait is passed from one poll to the next.

That state, a `WaitState`, is small, can be written as JSON and holds no secrets: the name, the notes and the messages
of a status may hold the task's token, so they are left out.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional

import attrs

from ..deadline import Deadline
from ..errors import ProtocolError, RocketRideError, TaskReplacedError, TransientError
from ..handler_exceptions import pass_on
from ..models import TaskStatus
from ..models.outcome import STOPPED
from ..waiting.outage import MALFORMED_IN_A_ROW, Outage
from ..waiting.same_run import is_doubtful_end
from ..waiting.timeout_error import timeout_error

if TYPE_CHECKING:
    from ..client.client import RocketRideClient

_KEPT_FIELDS = (
    "project_id",  # these two are what the run log is asked by
    "source",
    "state",
    "completed",
    "startTime",
    "endTime",
    "exitCode",
    "totalCount",
    "completedCount",
    "failedCount",
)
_PLAIN_TEXTS = ("", STOPPED)  # exit messages of the server's own, which the table of outcomes asks for
_LEFT_OUT = "(left out)"


@attrs.frozen(kw_only=True)
class WaitState:
    """The state of a wait between two polls.

    Attributes:
        began: Unix time of the first poll.
        previous: the fields of the last status that tell its run from another one; None before the first status.
        faults: how many polls in a row have failed.
        failing_since: Unix time of the first of those.
        malformed: how many malformed answers there were since the last status.
        in_doubt: whether the last status was an end that the next poll has to confirm.
    """

    began: float = attrs.field(factory=time.time)
    previous: Optional[Dict[str, Any]] = None
    faults: int = 0
    failing_since: float = 0.0
    malformed: int = 0
    in_doubt: bool = False

    def to_dict(self) -> Dict[str, Any]:
        """The state as a dict for JSON; ``WaitState(**state.to_dict())`` restores it."""
        return attrs.asdict(self)

    @property
    def last_status(self) -> Optional[TaskStatus]:
        """The last status, with the kept fields only; None before the first."""
        return None if self.previous is None else TaskStatus.from_dict(self.previous)

    def without_faults(self) -> WaitState:
        """The same state as after a successful poll, so that the next outage is counted from its own begin."""
        return attrs.evolve(self, faults=0, failing_since=0.0, malformed=0)

    def after(self, status: TaskStatus) -> WaitState:
        """The state after a poll that returned `status`."""
        kept = kept_fields(status)
        # A run that is about to start has no start time yet. Whether it is another run shows only later.
        if self.previous and not kept["startTime"]:
            kept["startTime"] = self.previous["startTime"]
        return WaitState(began=self.began, previous=kept)


def kept_fields(status: TaskStatus) -> Dict[str, Any]:
    """The state, times and counts of `status`: what a `WaitState` keeps of it.

    Of its texts, which may hold a secret, only what the outcome depends on: whether there are any.
    """
    kept = {name: int(status[name]) if name == "state" else status[name] for name in _KEPT_FIELDS}
    text = status.exit_message
    kept["exitMessage"] = text if text in _PLAIN_TEXTS else _LEFT_OUT
    kept["errors"] = [_LEFT_OUT] if status.errors else []
    return kept


@attrs.frozen(kw_only=True)
class PollReport:
    """The result of one poll.

    Attributes:
        outcome: how the task ended, see `outcome_fields`; None if another poll must follow.
        state: what to pass to the next poll.
        pause: seconds until the next poll.
        fault: why the status could not be read, or None.
    """

    outcome: Optional[Dict[str, Any]]
    state: WaitState
    pause: float
    fault: Optional[RocketRideError] = None


class StatelessPoller:
    """Polls a task once a call and keeps nothing between calls: each takes a `WaitState` and returns the next one.

    Args:
        client: its `RetryPolicy` gives the pauses after faults.
        load_token: returns the task's token. If it raises `TransientError`, the poll failed; other errors end the wait.
        interval: seconds between polls.
        timeout: seconds for the whole wait by the wall clock, from the first poll; None is unlimited, 0 polls once.
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

    def poll(self, state: WaitState) -> PollReport:
        """Read the status once.

        Raises:
            WaitTimeoutError: the time is up; the task runs on.
            TaskNotFoundError, TaskVanishedError, TaskReplacedError: the end of the task cannot be seen any more.
            TransientError: every poll of the last `RetryPolicy.max_outage` seconds failed.
            ProtocolError: three malformed answers in a row.
            RocketRideError: the other errors of `RocketRideClient.get_task_status`.
        """
        began = time.time()
        try:
            status = self._read_status(state.last_status)
        except TransientError as error:
            pass_on(error)
            fault: RocketRideError = error
        except ProtocolError as error:
            pass_on(error)
            state = attrs.evolve(state, malformed=state.malformed + 1)
            if self._timeout == 0 or error._is_lasting or state.malformed >= MALFORMED_IN_A_ROW:
                raise
            fault = error
        else:
            return self._report_status(status, state)
        return self._report_fault(fault, attrs.evolve(state, failing_since=state.failing_since or began))

    def _read_status(self, previous: Optional[TaskStatus]) -> TaskStatus:
        try:
            self._token = self._load_token()
            # Not `get_task_status`: that may pause, and whoever calls this does not want to hold a worker.
            return self._client._look_at_run(self._token, previous, Deadline(self._client._settings.timeout))
        except TaskReplacedError as error:
            pass_on(error)
            if error.new_status is not None:
                error.new_status = TaskStatus.from_dict(kept_fields(error.new_status))
            raise

    def _report_status(self, status: TaskStatus, before: WaitState) -> PollReport:
        if is_doubtful_end(before.last_status, status) and not before.in_doubt and self._time_is_left(before):
            state = attrs.evolve(before.without_faults(), in_doubt=True)
            return PollReport(outcome=None, state=state, pause=self._within_timeout(self._interval, state))
        state = before.after(status)
        if not status.is_terminal:
            return PollReport(outcome=None, state=state, pause=self._within_timeout(self._interval, state))
        secrets = (*self._client._settings.secrets, self._token)
        return PollReport(outcome=outcome_fields(status, secrets), state=state, pause=0)

    def _report_fault(self, fault: RocketRideError, state: WaitState) -> PollReport:
        retry = self._client._settings.retry
        pause = Outage(state.failing_since, retry, time.time, state.faults).pause_after(fault)
        state = attrs.evolve(state, faults=state.faults + 1)
        return PollReport(
            outcome=None, state=state, pause=self._within_timeout(pause, state, fault), fault=fault
        )

    def _time_is_left(self, state: WaitState) -> bool:
        return self._timeout is None or time.time() - state.began < self._timeout

    def _within_timeout(
        self, pause: float, state: WaitState, fault: Optional[RocketRideError] = None
    ) -> float:
        if self._timeout is None:
            return pause
        elapsed = time.time() - state.began
        if elapsed < self._timeout:
            return min(pause, self._timeout - elapsed)
        # The token is unknown if `load_token` failed.
        raise timeout_error(self._token, elapsed, state.last_status, fault) from fault


def outcome_fields(status: TaskStatus, secrets: tuple[str, ...] = ()) -> Dict[str, Any]:
    """The result of a wait as a small dict for JSON, from a terminal status; its message shows none of `secrets`."""
    error = status._outcome_error(secrets)
    return {
        "outcome": status.outcome.value,
        "outcome_certain": status.outcome_certain,
        "has_failures": status.has_failures,
        "total_count": status.total_count,
        "completed_count": status.completed_count,
        "failed_count": status.failed_count,
        "exit_code": status.exit_code,
        "message": "" if error is None else str(error),
    }
