"""The client's methods that read the status of one task: once, or until it ends."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Callable, Generator, List, Optional

from .. import arguments
from ..deadline import Deadline, system_time
from ..errors import (
    TaskLostError,
    TaskNotFoundError,
    TransientError,
    WaitTimeoutError,
)
from ..handler_exceptions import pass_on
from ..loading import load, load_with_retries
from ..models import TaskStatus
from ..options import CLIENT_TIMEOUT, Seconds, optional_seconds
from ..protocol import operations
from ..redact import shorten
from .base_client import BaseClient, check_previous

if TYPE_CHECKING:
    from .given_up_task import GivenUpTask

OnProgress = Callable[[TaskStatus], object]
Statuses = Generator[TaskStatus, None, None]


class StatusMethods(BaseClient):
    """The methods of `RocketRideClient` that read the status of one task."""

    def get_task_status(
        self,
        token: str,
        *,
        previous: Optional[TaskStatus] = None,
        timeout: Optional[Seconds] = CLIENT_TIMEOUT,
    ) -> TaskStatus:
        """Read the status of a task once.

        Args:
            token: the task's token, as `use()` or ``POST /task`` returned it. All runs of a pipeline have the same one,
                so without `previous` the status is of the run that has it now.
            previous: an earlier status of the same token, kept by the caller. It shows whether the server has
                forgotten or replaced the run since, or never had it. A forgotten or replaced run is looked for in the
                server's run log (newer servers, WebSocket only). If its final status is there, it is returned
                (`from_run_log`). An end without a ``startTime`` may be that of the next run: it is read once more, a
                second later, if there is time.
            timeout: seconds for this call; omitted, the client's; None is unlimited.

        Raises:
            TaskNotFoundError: the server does not know the task.
            TaskVanishedError, TaskReplacedError: the run of `previous` was forgotten, or replaced by another run, and
                the run log has no final status of it.
            RocketRideError: and the other errors of `rocketride_sync.errors`.
        """
        deadline = Deadline(self._limit(timeout))
        status = self._look_at_run(token, previous, deadline)
        if previous is None:
            return status
        load(_waiting)
        from ..waiting.same_run import CONFIRM_AFTER, is_doubtful_end

        if is_doubtful_end(previous, status) and deadline.remaining() > CONFIRM_AFTER:
            deadline.sleep(CONFIRM_AFTER)
            return self._look_at_run(token, previous, deadline)
        return status

    def _look_at_run(self, token: str, previous: Optional[TaskStatus], deadline: Deadline) -> TaskStatus:
        """As `get_task_status`, but an end that may be that of the next run is returned at once."""
        operation = operations.get_task_status(arguments.task_token(token))
        if previous is None:
            return self._read_status(operation, deadline)
        check_previous(previous)
        load(_waiting)  # most processes pass no `previous`
        from ..waiting.run_log import recover
        from ..waiting.same_run import check_same_run, vanished

        try:
            status = self._read_status(operation, deadline)
            check_same_run(token, previous, status)
            return status
        except TaskNotFoundError as error:
            pass_on(error, of_auth=True)
            lost: TaskLostError = vanished(token, previous)
        except TaskLostError as error:
            pass_on(error)
            lost = error
        found = recover(token, lost, previous, self._call_until, deadline)
        return self._status_of(token, found, system_time.monotonic())

    def wait_until_complete(
        self,
        token: str,
        timeout: Optional[Seconds] = None,
        interval: Seconds = 2.0,
        on_progress: Optional[OnProgress] = None,
        *,
        previous: Optional[TaskStatus] = None,
        check: bool = False,
        cancel_on_timeout: bool = False,
        cancel_on_interrupt: bool = False,
    ) -> TaskStatus:
        """Block until a task has truly ended, and return its terminal status.

        Terminal means `completed` **and** state COMPLETED or CANCELLED: ``completed`` alone turns true while
        the task is still stopping. Transient faults do not end the wait until they have lasted for 300 s, see `RetryPolicy`.

        Args:
            token: the task's token. All runs of a pipeline have the same one. The wait is for the run that it sees first,
                or for that of `previous`.
            timeout: seconds for the whole wait, not counting time in which the machine is suspended; None, the
                default, is unlimited; 0 polls once. The last poll begins two round trips before the deadline, and
                the error may come that much early.
            interval: seconds between polls. Default 2.0.
            on_progress: called with every status from the first on, and once with the terminal one. An exception in it
                ends the wait, and is raised unchanged. Time spent in it counts.
            previous: an earlier status of the same token; see `get_task_status`.
            check: raise if the task did not succeed, instead of leaving that to the caller.
            cancel_on_timeout: terminate the task when `timeout` passes, and return its terminal status. This may take
                another client timeout, 30 s at most. If the task cannot be ended, for whatever reason,
                `WaitTimeoutError` is still raised, and says why.
            cancel_on_interrupt: terminate the task on Ctrl-C, before the `KeyboardInterrupt` is raised. Its message
                says whether that succeeded. So does that of a second Ctrl-C meanwhile.

        Raises:
            WaitTimeoutError: the task has not ended, and runs on; with `cancel_on_timeout`, it could not be ended.
            TaskNotFoundError: the server does not know the task, and it was not seen before.
            TaskVanishedError, TaskReplacedError: the end of the task was missed, and the run log has no final status of
                it.
            TaskFailedError, TaskCancelledError: with `check` only.
            RocketRideError: and the other errors of `rocketride_sync.errors`.
        """
        last: Optional[TaskStatus] = None
        arguments.function("on_progress", on_progress)
        timed_out: List[WaitTimeoutError] = []
        stopped: Optional[BaseException] = None
        seen = self._checked_statuses(token, previous, timeout, interval)
        try:
            # Closed at once: after an exception in the callback its traceback would keep the generator alive.
            with contextlib.closing(seen):
                for status in _until_timeout(seen, timed_out) if cancel_on_timeout else seen:
                    last = status
                    if on_progress is not None:
                        on_progress(status)
            if timed_out:
                last = self._given_up(token, last or previous).timed_out(timed_out[0])
                if on_progress is not None:
                    on_progress(last)
        except KeyboardInterrupt as stop:
            # At the timeout the task was about to be ended: then Ctrl-C does not leave it behind.
            cancels = cancel_on_interrupt or timed_out
            fate = self._given_up(token, last or previous).interrupted() if cancels else "it runs on"
            stop.args = stop.args or (f"interrupted; task {shorten(token)}: {fate}",)
            raise
        except RuntimeError as raised:
            # A generator cannot let out the StopIteration of a function for the key, and raises this in its place.
            if not getattr(raised.__cause__, "_is_of_auth", False):
                raise
            stopped = raised.__cause__
        if stopped is not None:
            raise stopped
        assert last is not None  # a wait without an error yields the terminal status last
        # As `raise_for_outcome`, but that does not know the secrets that the message must not show.
        error = last._outcome_error((*self._settings.secrets, token)) if check else None
        if error is not None:
            raise error
        return last

    def _given_up(self, token: str, last: Optional[TaskStatus]) -> GivenUpTask:
        load(_waiting)
        from .given_up_task import GivenUpTask

        return GivenUpTask(self, token, last)

    def iter_task_status(
        self,
        token: str,
        *,
        previous: Optional[TaskStatus] = None,
        timeout: Optional[Seconds] = None,
        interval: Seconds = 2.0,
    ) -> Statuses:
        """An iterator of the statuses that `wait_until_complete` sees. It ends after the terminal status.

        Leaving the loop ends the polling. Arguments and errors are those of `wait_until_complete`, with one
        exception: a `StopIteration` of a function for the key arrives as the ``__cause__`` of a `RuntimeError` (PEP
        479).
        """
        return self._checked_statuses(token, previous, timeout, interval)

    def _checked_statuses(
        self, token: str, previous: Optional[TaskStatus], timeout: Optional[Seconds], interval: Seconds
    ) -> Statuses:
        """Check the arguments, and return the iterator. A generator would check them only at its first step."""
        operation = operations.get_task_status(arguments.task_token(token))
        check_previous(previous)
        limit = self._load_for_wait(token, previous, optional_seconds("timeout", timeout, zero=True))
        load(_waiting)
        from ..waiting.retention import check_interval
        from .watched_task import watched_statuses

        return watched_statuses(self, operation, previous, limit, check_interval(interval))

    def _load_for_wait(
        self, token: str, previous: Optional[TaskStatus], timeout: Optional[float]
    ) -> Optional[float]:
        """Load what a wait needs, which a process that reads one status does not. Returns what is left of its timeout."""
        deadline = Deadline(timeout)
        try:
            load_with_retries(lambda: load(_waiting), deadline, self._settings.retry)
            return timeout and deadline.for_call()
        except TransientError as error:
            pass_on(error)
            fault = error
        if not deadline.expired:
            raise fault
        name = shorten(token)
        message = f"task {name}: no status could be read for {timeout:.1f} s: {fault}"
        raise WaitTimeoutError(message, token=name, elapsed=timeout or 0.0, last_status=previous) from fault


def _waiting() -> None:
    """Import what a wait may need, all of it before its first poll."""
    from ..models import messages  # noqa: F401 - for the error of an outcome
    from ..waiting import retention, run_log, same_run, wait_rules  # noqa: F401
    from . import given_up_task, terminated_runs, watched_task  # noqa: F401 - it may terminate its task


def _until_timeout(statuses: Statuses, timed_out: List[WaitTimeoutError]) -> Statuses:
    """Yield `statuses`. At the timeout of the wait they end without an error, which is appended to `timed_out`."""
    try:
        yield from statuses
    except WaitTimeoutError as error:
        pass_on(error)
        timed_out.append(error)
