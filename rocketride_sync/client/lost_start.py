"""Ends a task whose start was broken off, by a signal or a timeout, before the server told its token."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..deadline import Deadline, pause
from ..errors import RocketRideError, UnsupportedOperationError

if TYPE_CHECKING:
    from ..models import TaskStatus
    from .client import RocketRideClient

_PAUSE = 0.2
# Clocks of two machines differ. A run that is older by more than that was started by somebody else.
_CLOCK_DIFFERENCE = 5.0


class LostStart:
    """A start that has been requested, and whose answer may never be read.

    Its task is found by project and source. Only WebSocket can ask for that.

    Args:
        project_id: the pipeline's project; "" if it has none, and then its task cannot be found.
        source: the component it starts at.
        advice: how a user finds and ends the task, if this cannot.

    Attributes:
        over_http: whether the start or the latest search found that there is no WebSocket, so that nothing can be looked up.
    """

    def __init__(self, project_id: str, source: str, advice: str = "") -> None:
        self._project_id = project_id
        self._source = source
        self._advice = advice
        self._requested_at = time.time()
        self.over_http = False

    @property
    def may_be_found(self) -> bool:
        """Whether there is a way to look for the task."""
        return bool(self._project_id) and not self.over_http

    def end(self, client: RocketRideClient, deadline: Deadline) -> bool:
        """Look for the task until `deadline`, and end it; return whether it is known to have ended."""
        self.over_http = False  # the server may accept WebSocket by now
        while self._project_id:
            try:
                if self._end_if_found(client, deadline):
                    return True
                self.over_http = False
            except UnsupportedOperationError:
                self.over_http = True
                return False
            except RocketRideError as error:
                # It may pass, and the connection may be a new one the next time.
                self.over_http = self.over_http or error._is_for_want_of_websocket
            if deadline.expired:
                return False
            pause(min(_PAUSE, deadline.remaining()))
        return False

    def _end_if_found(self, client: RocketRideClient, deadline: Deadline) -> bool:
        token = client.get_task_token(self._project_id, self._source, timeout=_left(deadline))
        if token is None or not self._is_ours(client.get_task_status(token, timeout=_left(deadline))):
            return False
        client.terminate(token, timeout=_left(deadline))
        return True

    def _is_ours(self, status: TaskStatus) -> bool:
        """Whether the latest run of the source is that of this start, and not an earlier one."""
        if not status.start_time:
            return not status.is_terminal  # it has not begun yet
        return status.start_time >= self._requested_at - _CLOCK_DIFFERENCE

    def __str__(self) -> str:
        where = (
            f"project {self._project_id!r}, source {self._source!r}" if self._project_id else "no project_id"
        )
        reason = "; it can be looked up over WebSocket only" if self.over_http else ""
        return f"the task may run on ({where}){reason}{self._advice}"


def _left(deadline: Deadline) -> float:
    return max(0.001, deadline.remaining())
