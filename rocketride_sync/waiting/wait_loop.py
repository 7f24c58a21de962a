"""The loop of the wait for one task: poll, then pause, until the task has ended."""

from __future__ import annotations

from typing import Callable, Generator, Optional

from ..deadline import Deadline, system_time
from ..errors import RocketRideError, TransientError
from ..handler_exceptions import pass_on
from ..logs import DEBUG, as_note, beginning, log
from ..models import TaskStatus
from ..redact import shorten
from ..transports.end_told import EndTold
from . import end_reason
from .wait_rules import PollOutcome, Wait

Read = Callable[[Deadline], TaskStatus]
Sleep = Callable[[float], None]
TellEnd = Callable[[], EndTold]


class _WaitLog:
    """The log messages of one wait.

    Args:
        token: the task's token, which is shortened.
    """

    def __init__(self, token: str) -> None:
        self._task = shorten(token)
        self._failing_since: Optional[float] = None
        self._outage_noted = False

    def status_read(self, status: TaskStatus) -> None:
        """A poll returned a status."""
        if self._failing_since is not None:
            seconds = system_time.monotonic() - self._failing_since
            note = as_note(f"task {self._task}: seen again after {seconds:.1f} s")
            noted = note if self._outage_noted else None
            log.info("task %s: seen again after %.1f s", self._task, seconds, extra=noted)
            self._failing_since = None
            self._outage_noted = False
        if log.isEnabledFor(DEBUG):
            log.debug("task %s: %s", self._task, status._progress())

    def poll_failed(self, fault: RocketRideError, pause: float, left: float) -> None:
        """A poll failed, and there will be others for the seconds that are `left`."""
        note = None
        if self._failing_since is None:
            self._failing_since = system_time.monotonic()
        if not self._outage_noted and isinstance(fault, TransientError):  # a few malformed answers are none
            self._outage_noted = True
            note = as_note(beginning(f"task {self._task}: {fault}", left))
        log.info("task %s: %s; polling again in %.1f s at the latest", self._task, fault, pause, extra=note)


def statuses(
    token: str, wait: Wait, read: Read, sleep: Sleep, end_told: TellEnd = EndTold
) -> Generator[TaskStatus, None, None]:
    """Yield every status of the task, the terminal one last and once.

    Args:
        token: the task's token, for the log, where it is shortened.
        wait: the rules of the wait.
        read: reads the status within a deadline. Raises errors of `rocketride_sync.errors` only.
        sleep: returns after some seconds, or sooner when there is reason to poll.
        end_told: returns what events have told of the end.

    Raises:
        RocketRideError: the wait has ended without a terminal status, see `Wait.record` and `Wait.next_pause`.
    """
    wait_log = _WaitLog(token)
    while True:
        wait.mark_due()
        outcome = _poll(read, wait.begin())
        wait.mark_answered()
        wait.record(outcome)
        if isinstance(outcome, TaskStatus):
            if wait.ended:
                outcome = wait.last = _with_end_reason(outcome, wait, sleep, end_told)
            wait_log.status_read(outcome)
            if not wait.in_doubt:
                yield outcome
            if wait.ended:
                return
        pause = wait.next_pause()
        if not isinstance(outcome, TaskStatus):
            wait_log.poll_failed(outcome, pause, wait.seconds_left)
        sleep(pause)


def _with_end_reason(status: TaskStatus, wait: Wait, sleep: Sleep, end_told: TellEnd) -> TaskStatus:
    """The terminal status, with the reason of the end if an event tells it. Where that matters, it is awaited."""
    deadline = wait.end_reason_deadline()
    while end_reason.is_awaited(status, end_told()) and not deadline.expired:
        sleep(deadline.remaining())
    return end_reason.with_reason(status, end_told())


def _poll(read: Read, deadline: Deadline) -> PollOutcome:
    try:
        return read(deadline)
    except RocketRideError as error:
        pass_on(error)
        return error
