"""The client's methods that start, find, restart and terminate tasks, and call any other command of the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional, Sequence, cast

from .. import arguments
from ..deadline import Deadline, system_time
from ..errors import DecodeError, ProtocolError, RocketRideError, TaskNotFoundError, TransientError
from ..loading import load
from ..logs import log
from ..models import TaskStatus
from ..options import CLIENT_TIMEOUT, Seconds, optional_seconds
from ..protocol import operations
from ..protocol.operations import Operation
from ..redact import shorten
from .base_client import BaseClient

if TYPE_CHECKING:
    from ..models import TaskStart
    from . import pipelines
    from .client import RocketRideClient
    from .task import Task

_MAX_THREADS = 64
_SOON = 2.5
_TRACE_LEVELS = ("none", "metadata", "summary", "full")


class LifecycleMethods(BaseClient):
    """The methods of `RocketRideClient` for the life of a task: start, restart, terminate, and listing."""

    def use(
        self,
        *,
        filepath: Optional[pipelines.PathLike] = None,
        pipeline: Optional[Mapping[str, Any]] = None,
        token: Optional[str] = None,
        source: Optional[str] = None,
        threads: Optional[int] = None,
        use_existing: Optional[bool] = None,
        args: Optional[Sequence[str]] = None,
        ttl: Optional[float] = None,
        name: Optional[str] = None,
        env: Optional[Mapping[str, str]] = None,
        trace_level: Optional[str] = None,
        timeout: Optional[Seconds] = 600.0,
    ) -> Task:
        """Start a pipeline, and return once its task runs.

        Args:
            filepath: a ``.pipe`` or JSON file, with or without the ``{"pipeline": …}`` wrapper; JSON5 with the extra
                ``json5``.
            pipeline: the document itself, instead of a file.
            token: a token that you choose; otherwise the server makes one from user, project and source.
            source: the component to start at, instead of the pipeline's own ``source``.
            threads: 1 to 64; the server's default is 64 over WebSocket and 4 over HTTP.
            use_existing: join a run that is active, instead of `TaskAlreadyRunningError`. WebSocket only.
            args: arguments for the engine. WebSocket only.
            ttl: seconds without data after which the server ends the task; 0 is never; the server's default
                is 900. WebSocket only.
            name: the task's name. WebSocket only.
            env: values for ``${ROCKETRIDE_…}`` in the pipeline. Variables that it refers to and
                that are not given are taken from the environment, except the API key. WebSocket only.
            trace_level: ``none``, ``metadata``, ``summary`` or ``full``.
            timeout: seconds until the task runs. Default 600: a server gives a slow start 5 minutes and more.

        Raises:
            TaskAlreadyRunningError: a run of the same project and source is active.
            ServerError: the pipeline is refused, or failed before it ran; the message holds its exit text.
            UnsupportedOperationError: HTTP cannot carry an argument that was given.
            RocketRideError: with `request_sent`, the task may run all the same. Over WebSocket `get_task_token` gives
                the token of the latest run, and the `start_time` of its status tells whether it is this one.
            KeyboardInterrupt: on Ctrl-C. The message says whether the task was started; if it was, it is terminated,
                but not with `use_existing`.
        """
        # Slow to load, and not needed by a process that only reads a status.
        load(_starting)
        from . import pipelines
        from .task import Task

        document = pipelines.load(filepath, pipeline, source)
        operation = operations.execute(
            document,
            token=arguments.optional_text("token", token),
            threads=arguments.optional_count("threads", threads, _MAX_THREADS),
            use_existing=arguments.optional_flag("use_existing", use_existing),
            args=arguments.texts("args", args),
            ttl=optional_seconds("ttl", ttl, zero=True),
            name=arguments.optional_text("name", name),
            env=pipelines.environment_for(document, env),
            trace_level=arguments.optional_choice("trace_level", trace_level, _TRACE_LEVELS),
        )
        deadline = Deadline(self._limit(timeout))
        start: Optional[TaskStart] = None
        try:
            start = self._start(operation, deadline)
            status = self._first_poll(start.token, deadline)
            joined = _may_be_joined(operation, start)
            return Task(cast("RocketRideClient", self), start, joined=joined, status=status)
        except BaseException as stop:
            interrupt = isinstance(stop, KeyboardInterrupt)
            # A signal handler may raise something else. An error of ours comes before the token only.
            fate = self._fate(operation, start) if interrupt or start is not None else ""
            if interrupt:
                stop.args = stop.args or (f"interrupted; {fate}",)
            raise

    def _fate(self, operation: Operation, start: Optional[TaskStart]) -> str:
        """What becomes of the task when `use` is interrupted: once its token is known, which the caller will not get, it
        is terminated, unless it may be somebody else's.
        """
        if start is None:
            return f"whether the task was started is unknown{operation.recovery}"
        task = f"task {shorten(start.token)}"
        if _may_be_joined(operation, start):
            return f"{task} runs on{operation.recovery}"
        try:
            self._call(operations.terminate(start.token), CLIENT_TIMEOUT)
        except TaskNotFoundError:
            return f"{task} has ended"
        except RocketRideError as error:
            return f"{task} could not be terminated and may run on: {error}"
        except KeyboardInterrupt as stop:  # a second one
            stop.args = stop.args or (f"interrupted; {task} may run on{operation.recovery}",)
            raise
        return f"{task} was ended"

    def _start(self, operation: Operation, deadline: Deadline) -> TaskStart:
        load(_starting)
        from ..models import TaskStart

        body = self._call_until(operation, deadline)
        token = body.get("token") if isinstance(body, dict) else None
        if not isinstance(token, str) or not token:
            raise ProtocolError("use: the server started a task and did not tell its token")
        try:
            return TaskStart.from_dict(body)
        except DecodeError as error:
            # Not an error: the task runs, and the caller needs its token.
            log.warning("the task was started, but the answer is not as it should be: %s", error)
        return TaskStart.from_dict({"token": token})

    def terminate(self, token: str, *, timeout: Optional[Seconds] = CLIENT_TIMEOUT) -> None:
        """End a task, and return once it has ended: after 0.1 s, or 5 s if it resists. May be repeated.

        The status is read just before, so that later ones can tell that this client ended the run: see
        `TaskStatus.terminated_by_client`. That it cannot be read is no hindrance.

        Raises:
            TaskNotFoundError: the server does not know the task.
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
            except TransientError:
                continue
            except RocketRideError:
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
            team_id: the team whose deployed run it is; None is a run of your own. Newer servers only: older ones
                ignore it.
            timeout: seconds until the task runs.

        Raises:
            TaskNotFoundError: there is no such task.
        """
        load(_starting)
        from . import pipelines

        document = pipelines.load(None, pipeline, None)
        deadline = Deadline(self._limit(timeout))
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
        self._call_until(operations.restart(found, project_id, source, document, team), deadline)

    def get_task_token(
        self,
        project_id: str,
        source: str,
        *,
        team_id: Optional[str] = None,
        timeout: Optional[Seconds] = CLIENT_TIMEOUT,
    ) -> Optional[str]:
        """The token of the latest run of a project's source; None if the server knows none. WebSocket only.

        `team_id` is the team whose deployed run it is; None is a run of your own. Newer servers only: older ones ignore it.
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
        except TaskNotFoundError:
            return None
        token = body.get("token") if isinstance(body, dict) else None
        if not isinstance(token, str):
            raise ProtocolError("get_task_token: the answer holds no token")
        return token or None

    def ping(self, *, timeout: Optional[Seconds] = CLIENT_TIMEOUT) -> float:
        """Check that the server answers; the seconds that it took. WebSocket only."""
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
        """Call any command of the server by its name on the wire; the body of the answer, ``{}`` if it has none.

        The command is never sent a second time. WebSocket only.

        Args:
            command: such as ``rrext_get_pipeline``.
            token: the task that the command is about, if there is one.
            timeout: seconds; omitted, the client's; None is unlimited.
            parameters: the command's own arguments.

        Raises:
            ProtocolError: the body of the answer is no object.
        """
        about = {} if token is None else {"token": arguments.task_token(token)}
        given = arguments.document("the arguments", {**parameters, **about})
        return self._ask(operations.call(arguments.text("command", command), given), timeout)

    def _first_poll(self, token: str, deadline: Deadline) -> Optional[TaskStatus]:
        """The first status after the start, whose ``startTime`` identifies the run; None if it cannot be read."""
        within = deadline.within(self._settings.timeout)
        try:
            return self._read_status(operations.get_task_status(token), within)
        except RocketRideError as error:
            # Not an error: the task runs, and the caller needs its token. Later polls will show what is wrong.
            log.warning("the task was started, but its first status could not be read: %s", error)
            return None


def _starting() -> None:
    """Import what a start needs, before it is sent."""
    from ..models import TaskStart  # noqa: F401
    from . import pipelines, task  # noqa: F401


def _may_be_joined(operation: Operation, start: TaskStart) -> bool:
    """Whether the run may be somebody else's: what the server says, or else whether it could be joined."""
    return bool(operation.arguments.get("useExisting")) if start.reused is None else start.reused
