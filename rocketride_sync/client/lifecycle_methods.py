"""The client's methods that find, restart and terminate tasks, and call any other command of the server."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

from .. import arguments
from ..deadline import Deadline, system_time
from ..errors import ProtocolError, RocketRideError, TaskNotFoundError, TransientError
from ..handler_exceptions import pass_on
from ..loading import load
from ..models import TaskStatus
from ..options import CLIENT_TIMEOUT, Seconds
from ..protocol import operations
from .base_client import BaseClient

_SOON = 2.5


class LifecycleMethods(BaseClient):
    """The methods of `RocketRideClient` for tasks that were started before: restart, terminate, and finding them."""

    def terminate(self, token: str, *, timeout: Optional[Seconds] = CLIENT_TIMEOUT) -> None:
        """End a task, and return when it has ended: after 0.1 s, or 5 s if it resists. May be repeated.

        The client reads the status first. So later statuses can say that this client ended the run: see
        `TaskStatus.terminated_by_client`. If the status cannot be read, the task is ended all the same,
        but they do not say so; after a request without an answer, they say that it is not known.

        Args:
            token: the task's token.
            timeout: seconds for this call; omitted, the client's; None is unlimited.

        Raises:
            TaskNotFoundError: the server does not know the task.
            TransportError: with `request_sent`, the task may end all the same: a later status tells.
        """
        token = arguments.task_token(token)
        deadline = Deadline(self._limit(timeout))
        self._terminate(token, self._status_before(token, deadline), deadline)

    def _status_before(self, token: str, deadline: Deadline) -> Optional[TaskStatus]:
        """The status just before something is done to the task; None if it cannot be read soon."""
        # Twice, because a kept connection may be dead without a word; the second poll uses another one.
        for _ in range(2):
            soon = deadline.within(min(_SOON, deadline.remaining() / 4))
            try:
                return self._read_status(operations.get_task_status(token), soon)
            except RocketRideError as error:
                pass_on(error, of_auth=True)
                if not isinstance(error, TransientError):
                    break
        return None

    def restart(
        self,
        *,
        project_id: str,
        source: str,
        pipeline: Mapping[str, Any],
        token: Optional[str] = None,
        team_id: Optional[str] = None,
        timeout: Optional[Seconds] = 600.0,
    ) -> None:
        """Run a task again, even a finished one. Its counts and errors are reset. WebSocket only.

        Args:
            project_id: the project's identifier.
            source: the component the pipeline starts at.
            pipeline: the pipeline to run from now on.
            token: the task's token; without it, the token is looked up by project and source.
            team_id: the team of a deployed run; None means a run of your own. Only newer servers know it; older ones
                ignore it.
            timeout: seconds until the task runs. Default 600; None is unlimited.

        Raises:
            TaskNotFoundError: there is no such task.
        """
        pipelines, start_operations = load(_restarting)

        document = pipelines.load(None, pipeline, None)
        deadline = Deadline(self._limit(timeout))
        arguments.text("project_id", project_id)
        arguments.text("source", source)
        team = arguments.optional_text("team_id", team_id)
        found = (
            self._find_token(project_id, source, team, deadline)
            if token is None
            else arguments.task_token(token)
        )
        if found is None:
            raise TaskNotFoundError("restart: the project has no task with this source", operation="restart")
        if self._terminated is not None:
            self._terminated.forget(found)
        self._call_until(start_operations.restart(found, project_id, source, document, team), deadline)

    def get_task_token(
        self,
        project_id: str,
        source: str,
        *,
        team_id: Optional[str] = None,
        timeout: Optional[Seconds] = CLIENT_TIMEOUT,
    ) -> Optional[str]:
        """The token of the latest run of a project's source; None if the server knows none. WebSocket only.

        Args:
            project_id: the project's identifier.
            source: the component the pipeline starts at.
            team_id: the team of a deployed run; None means a run of your own. Only newer servers know it; older ones
                ignore it.
            timeout: seconds for this call; omitted, the client's; None is unlimited.

        Raises:
            ProtocolError: the answer holds no token.
        """
        team = arguments.optional_text("team_id", team_id)
        return self._find_token(project_id, source, team, Deadline(self._limit(timeout)))

    def _find_token(
        self, project_id: str, source: str, team_id: Optional[str], deadline: Deadline
    ) -> Optional[str]:
        operation = operations.get_task_token(
            arguments.text("project_id", project_id), arguments.text("source", source), team_id
        )
        try:
            body = self._call_until(operation, deadline)
        except TaskNotFoundError as error:
            pass_on(error, of_auth=True)
            return None
        token = body.get("token") if isinstance(body, dict) else None
        if not isinstance(token, str):
            raise ProtocolError("get_task_token: the answer holds no token")
        return token or None

    def ping(self, *, timeout: Optional[Seconds] = CLIENT_TIMEOUT) -> float:
        """Check that the server answers, and accepts the key. Returns the seconds that it took. WebSocket only.

        Args:
            timeout: seconds for this call; omitted, the client's; None is unlimited.
        """
        began = system_time.monotonic()
        self._call(operations.ping(), timeout)
        return system_time.monotonic() - began

    def call(
        self,
        command: str,
        /,
        *,
        token: Optional[str] = None,
        timeout: Optional[Seconds] = CLIENT_TIMEOUT,
        **parameters: Any,
    ) -> Dict[str, Any]:
        """Call any command of the server by its name on the wire. Returns the body of the answer, ``{}`` if it has
        none.

        The command is never sent a second time. WebSocket only.

        No call changes what another one gets. So a command that changes its connection has no effect on later calls:
        that connection is closed after the answer. These are ``auth``, ``deauth``, ``rrext_monitor``, the ``open`` of
        ``rrext_process``, and the commands for a debugger, such as ``attach``. Give another credential to a client of
        its own, follow a task with `iter_task_status`, and send objects with `pipe`.

        Args:
            command: its name, such as ``rrext_get_pipeline``.
            token: the task that the command is about, if there is one.
            timeout: seconds; omitted, the client's; None is unlimited.
            parameters: the command's own arguments.

        Raises:
            ProtocolError: the body of the answer is not an object.
        """
        about = {} if token is None else {"token": arguments.task_token(token)}
        given = load(_documents).document("the arguments", {**parameters, **about})
        return self._ask(operations.call(arguments.text("command", command), given), timeout)


def _documents() -> Any:
    from .. import documents  # nor does a status need it

    return documents


def _restarting() -> Any:
    from ..protocol import start_operations  # most processes start nothing
    from . import pipelines

    return pipelines, start_operations
