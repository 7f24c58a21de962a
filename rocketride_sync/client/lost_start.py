"""Ends a task whose start was broken off, by a signal or a timeout, before the server told its token.

The token is looked up by project and source, and the latest run of these may be somebody else's. So the latest run is
noted before the start is requested. Afterwards that run is left alone, and a later one is ours. No clock of this
machine is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Optional

from ..deadline import Deadline, pause
from ..errors import RocketRideError, TaskNotFoundError, TransientError, UnsupportedOperationError
from ..handler_exceptions import pass_on
from ..logs import log
from ..protocol import operations
from ..task_fate import HAD_ENDED, MAY_RUN_ON, WAS_ENDED

if TYPE_CHECKING:
    from ..models import TaskStatus
    from .client import RocketRideClient

_PAUSE = 0.2
_LONGEST_LOOK = 30.0  # before the start: then the start is requested all the same


class _Run(NamedTuple):
    token: str
    start_time: float  # by the server's clock; a restart keeps it


_NONE = _Run("", 0.0)


class LostStart:
    """A start whose answer may never be read.

    Its task is found by project and source. Only WebSocket can ask for that.

    Args:
        project_id: the pipeline's project; "" if it has none, and then its task cannot be found.
        source: the component it starts at.
        advice: how a user finds and ends the task, if this cannot.

    Attributes:
        over_http: whether the start or the latest look found that there is no WebSocket, so that nothing can be looked up.
        fault: why the look before the start failed, if that may pass; else None.
    """

    def __init__(self, project_id: str, source: str, advice: str = "") -> None:
        self._project_id = project_id
        self._source = source
        self._advice = advice
        self._before: Optional[_Run] = None  # None: unknown, so that ours cannot be told from it
        self.over_http = False
        self.fault: Optional[TransientError] = None

    @property
    def may_be_found(self) -> bool:
        """Whether there is a way to look for the task."""
        return self._before is not None and not self.over_http

    def look_before(self, client: RocketRideClient, deadline: Deadline) -> None:
        """Note the latest run, just before the start is requested.

        Raises only what the function for the key raised: the start tells what else is wrong.
        """
        if not self._project_id:
            return
        try:
            self._before = self._latest(client, deadline.within(_LONGEST_LOOK))
        except UnsupportedOperationError as error:
            pass_on(error)
            self.over_http = True
        except RocketRideError as error:
            pass_on(error, of_auth=True)
            self.over_http = error._is_for_want_of_websocket
            self.fault = error if isinstance(error, TransientError) else None
            log.debug("the run before this one could not be looked up: %s", error)

    def _latest(self, client: RocketRideClient, deadline: Deadline) -> Optional[_Run]:
        """The latest run, `_NONE` if there is none, None if it has no start time yet."""
        token = self._find_token(client, deadline)
        if token is None:
            return _NONE
        try:
            start_time = client.get_task_status(token, timeout=_left(deadline)).start_time
        except TaskNotFoundError as error:  # forgotten between the two calls
            pass_on(error, of_auth=True)
            return _NONE
        return _Run(token, start_time) if start_time else None

    def end(self, client: RocketRideClient, deadline: Deadline) -> str:
        """Look for the task until `deadline`, and end it. Returns what became of it; "" if it is not known to have ended."""
        if self._before is None:
            return ""
        self.over_http = False  # the server may accept WebSocket by now
        while True:
            try:
                fate = self._end_if_found(client, deadline, self._before)
                if fate:
                    return fate
                self.over_http = False
            except UnsupportedOperationError as error:
                pass_on(error)
                self.over_http = True
                return ""
            except RocketRideError as error:
                pass_on(error)
                # It may pass, and the connection may be a new one the next time.
                self.over_http = self.over_http or error._is_for_want_of_websocket
                if error._is_of_auth:
                    return ""
            if deadline.expired:
                return ""
            pause(min(_PAUSE, deadline.remaining()))

    def _end_if_found(self, client: RocketRideClient, deadline: Deadline, before: _Run) -> str:
        token = self._find_token(client, deadline)
        if token is None:
            return ""
        status = client.get_task_status(token, timeout=_left(deadline))
        if not _is_later(_Run(token, status.start_time), status, before):
            return ""
        by_client = client._end_unless_ended(token, status, Deadline(_left(deadline)))
        return WAS_ENDED if by_client else HAD_ENDED

    def _find_token(self, client: RocketRideClient, deadline: Deadline) -> Optional[str]:
        # The start goes on without the look before it, and the look after it is repeated: neither takes all the time.
        with operations.going_on_over_http():
            return client.get_task_token(self._project_id, self._source, timeout=_left(deadline))

    @property
    def place(self) -> str:
        """By what a user finds the task, in words."""
        return (
            f"project {self._project_id!r}, source {self._source!r}" if self._project_id else "no project_id"
        )

    @property
    def started(self) -> str:
        """What to say of the task once it is known to run: `MAY_RUN_ON`, and where."""
        return f"{MAY_RUN_ON} ({self.place}){self._advice}"

    def __str__(self) -> str:
        if not self._project_id:
            return self.started
        reason = ""
        if self.over_http:
            reason = "; it can be looked up over WebSocket only"
        elif self._before is None:
            reason = "; it cannot be told from an earlier run, so none was ended"
        return f"{MAY_RUN_ON} ({self.place}){reason}{self._advice}"


def _is_later(run: _Run, status: TaskStatus, before: _Run) -> bool:
    """Whether `run`, which has that status, is neither the run `before` nor a restart of that one, nor older."""
    if not run.start_time:
        return not status.is_terminal  # it has not begun yet
    if run.token == before.token:
        return run.start_time != before.start_time  # a token has one run at a time
    # The server names an older task once it has forgotten a later one, if the callers chose their tokens.
    return run.start_time > before.start_time


def _left(deadline: Deadline) -> float:
    return max(0.001, deadline.remaining())
