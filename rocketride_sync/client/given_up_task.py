"""Terminates the task of a wait that was given up, at its timeout or on Ctrl-C, and tells what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from ..deadline import Deadline
from ..errors import RocketRideError, TaskLostError, TaskNotFoundError, WaitTimeoutError
from ..handler_exceptions import is_fault, pass_on
from ..models import TaskStatus
from ..redact import shorten
from ..task_fate import tell_interrupt
from ..waiting.same_run import vanished

if TYPE_CHECKING:
    from .status_methods import StatusMethods

_LONGEST = 30.0
_INTERVAL = 0.1  # seconds between polls of a task that was just terminated: it ends very soon


class GivenUpTask:
    """The task of a wait that was given up.

    Args:
        client: waited for it.
        token: its token.
        last: its latest status, if there is one.
    """

    def __init__(self, client: StatusMethods, token: str, last: Optional[TaskStatus]) -> None:
        self._client = client
        self._token = token
        self._last = last

    def timed_out(self, error: WaitTimeoutError) -> TaskStatus:
        """Terminate the task after its wait ended with `error`, and return its terminal status.

        Raises:
            WaitTimeoutError: `error`, which also says why the task may run on. That is its cause, if it had none.
            TaskNotFoundError, TaskLostError: the server does not know the task, or its end was missed: it does not run on.
            RocketRideError: of the caller's function for the key.
        """
        try:
            return self._terminate()
        except KeyboardInterrupt:
            raise  # the wait ends the task, and says what became of it
        except BaseException as raised:
            if not is_fault(raised):
                # Nor does the first signal leave it behind if its handler raises something else.
                self.interrupted()
                raise
            if raised._is_of_auth or isinstance(raised, (TaskNotFoundError, TaskLostError)):
                raise
            fault = raised.with_traceback(None)  # its frames would keep `error` alive
        error._tell_fate(_may_run_on(fault))
        raise error from (error.__cause__ or fault)

    def interrupted(self) -> str:
        """Terminate the task. Returns what came of that, for the message of the `KeyboardInterrupt`."""
        try:
            return f"it was ended: {self._terminate().outcome.value}"
        except RocketRideError as error:
            pass_on(error)
            gone = isinstance(error, (TaskNotFoundError, TaskLostError)) and not error._is_of_auth
            return str(error) if gone else _may_run_on(error)
        except KeyboardInterrupt as second:
            tell_interrupt(second, f"task {shorten(self._token)}: it may run on")
            raise

    def _terminate(self) -> TaskStatus:
        """Terminate the run that was watched, and return its terminal status. Another run is not touched."""
        client, token = self._client, self._token
        deadline = Deadline(min(client._settings.timeout or _LONGEST, _LONGEST))
        status = client.get_task_status(token, previous=self._last, timeout=deadline.clamp(None))
        if status.is_terminal:
            return status
        if not client._end_unless_ended(token, status, deadline):  # forgotten between the two calls
            raise vanished(token, status)
        # Not `wait_until_complete`, which would say on Ctrl-C that the task runs on.
        for seen in client.iter_task_status(
            token, previous=status, timeout=deadline.remaining(), interval=_INTERVAL
        ):
            status = seen
        return status


def _may_run_on(fault: RocketRideError) -> str:
    reason = fault._without_fate if isinstance(fault, WaitTimeoutError) else fault
    return f"it could not be terminated and may run on: {reason}"
