"""The client's methods that start a task, or make a handle of one that was started elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Mapping, Optional, Sequence, cast, overload

from .. import arguments
from ..deadline import Deadline
from ..errors import ConfigurationError, DecodeError, ProtocolError, RocketRideError, TaskNotFoundError
from ..handler_exceptions import is_fault, pass_on
from ..loading import load
from ..logs import log
from ..models import TaskStatus
from ..options import CLIENT_TIMEOUT, Seconds, optional_seconds
from ..protocol import operations
from ..protocol.operations import Operation
from ..redact import shorten
from ..transports.caller import with_unknown_outcome
from .base_client import BaseClient, check_previous

if TYPE_CHECKING:
    from ..models import TaskStart
    from . import pipelines
    from .client import RocketRideClient
    from .task import Task

TraceLevel = Literal["none", "metadata", "summary", "full"]

_MAX_THREADS = 64
_TRACE_LEVELS = ("none", "metadata", "summary", "full")


class StartingMethods(BaseClient):
    """The methods of `RocketRideClient` that give a `Task`."""

    @overload
    def use(
        self,
        filepath: pipelines.PathLike,
        *,
        token: Optional[str] = None,
        source: Optional[str] = None,
        threads: Optional[int] = None,
        use_existing: Optional[bool] = None,
        args: Optional[Sequence[str]] = None,
        ttl: Optional[Seconds] = None,
        name: Optional[str] = None,
        env: Optional[Mapping[str, str]] = None,
        trace_level: Optional[TraceLevel] = None,
        timeout: Optional[Seconds] = 600.0,
    ) -> Task: ...

    @overload
    def use(
        self,
        *,
        pipeline: Mapping[str, Any],
        token: Optional[str] = None,
        source: Optional[str] = None,
        threads: Optional[int] = None,
        use_existing: Optional[bool] = None,
        args: Optional[Sequence[str]] = None,
        ttl: Optional[Seconds] = None,
        name: Optional[str] = None,
        env: Optional[Mapping[str, str]] = None,
        trace_level: Optional[TraceLevel] = None,
        timeout: Optional[Seconds] = 600.0,
    ) -> Task: ...

    def use(
        self,
        filepath: Optional[pipelines.PathLike] = None,
        *,
        pipeline: Optional[Mapping[str, Any]] = None,
        token: Optional[str] = None,
        source: Optional[str] = None,
        threads: Optional[int] = None,
        use_existing: Optional[bool] = None,
        args: Optional[Sequence[str]] = None,
        ttl: Optional[Seconds] = None,
        name: Optional[str] = None,
        env: Optional[Mapping[str, str]] = None,
        trace_level: Optional[TraceLevel] = None,
        timeout: Optional[Seconds] = 600.0,
    ) -> Task:
        """Start a pipeline, and return once its task runs.

        Args:
            filepath: a ``.pipe`` or JSON file, with or without the ``{"pipeline": …}`` wrapper; JSON5 with the extra
                ``json5``. It has at most 16 MiB, and is no named pipe.
            pipeline: the document itself, instead of a file.
            token: a token that you choose; otherwise the server makes one from user, project and source.
            source: the component to start at, instead of the pipeline's own ``source``.
            threads: 1 to 64; the server's default is 64 over WebSocket and 4 over HTTP.
            use_existing: join a run that is active, instead of `TaskAlreadyRunningError`. WebSocket only.
            args: arguments for the engine. WebSocket only.
            ttl: after so many seconds without data, the server ends the task; 0 means never. The server's default is
                900. WebSocket only.
            name: the task's name. Its status shows it with the source's name after it; by default, the server takes the
                begin of the token in its place. It does not change the token. WebSocket only.
            env: values for ``${ROCKETRIDE_…}`` in the pipeline. Other variables that the pipeline refers to are taken
                from the environment, except the API key. One that is not set stays as it is, with a warning in the
                log. WebSocket only.
            trace_level: ``none``, ``metadata``, ``summary`` or ``full``.
            timeout: seconds until the task runs. Default 600, because servers allow a slow start 5 minutes and more.

        Raises:
            TaskAlreadyRunningError: a run of the same project and source is active.
            ServerError: the pipeline is refused, or failed before it ran; the message holds its exit text.
            UnsupportedOperationError: HTTP cannot carry an argument that was given.
            RocketRideError: with `request_sent`, the task may run all the same. Over WebSocket, `get_task_token`
                returns the token of the latest run, and the `start_time` of its status shows whether it is this one.
            KeyboardInterrupt: on Ctrl-C. If the server has already told the task's token, the task is terminated, unless
                `use_existing` is set. Before that, if the request may have been sent, it is unknown whether it was
                started, and it may run. The message says what became of it.
        """
        # Slow to load, and not needed by a process that only reads a status.
        load(_starting)
        from ..protocol import start_operations
        from ..task_fate import before_start, tell_interrupt, tell_not_started
        from . import pipelines
        from .task import Task

        deadline = Deadline(self._limit(timeout))
        with before_start():
            document = pipelines.load(filepath, pipeline, source, deadline)
        operation = start_operations.execute(
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
        start: Optional[TaskStart] = None
        try:
            start = self._start(operation, deadline)
            status = self._first_poll(start.token, deadline)
            joined = _may_be_joined(operation, start)
            return Task(cast("RocketRideClient", self), start, joined=joined, status=status)
        except BaseException as stop:
            # A signal handler may raise something else. An error of ours comes before the token only.
            if operation.sent is False and not is_fault(stop):
                tell_not_started(stop)
            elif isinstance(stop, KeyboardInterrupt) or start is not None:
                tell_interrupt(stop, self._fate(operation, start))
            raise

    def _fate(self, operation: Operation, start: Optional[TaskStart]) -> str:
        """What becomes of the task when `use` is interrupted: once its token is known, which the caller will not get, it
        is terminated, unless it may be somebody else's.
        """
        load(_starting)
        from ..task_fate import tell_interrupt

        if start is None:
            return f"whether the task was started is unknown{operation.recovery}"
        task = f"task {shorten(start.token)}"
        if _may_be_joined(operation, start):
            return f"{task} runs on{operation.recovery}"
        try:
            self._call(operations.terminate(start.token), CLIENT_TIMEOUT)
        except RocketRideError as error:
            pass_on(error)
            if isinstance(error, TaskNotFoundError) and not error._is_of_auth:
                return f"{task} has ended"
            return f"{task} could not be terminated and may run on: {error}"
        except KeyboardInterrupt as stop:  # a second one
            tell_interrupt(stop, f"{task} may run on{operation.recovery}")
            raise
        return f"{task} was ended"

    def _start(self, operation: Operation, deadline: Deadline) -> TaskStart:
        load(_starting)
        from ..models import TaskStart

        body = self._call_until(operation, deadline)
        token = body.get("token") if isinstance(body, dict) else None
        if not _is_usable(token):
            fault = ProtocolError("use failed: the answer has no usable token")
            fault.request_sent = True  # as after a garbled answer, there may be a task
            raise with_unknown_outcome(operation, fault)
        try:
            return TaskStart.from_dict(body)
        except DecodeError as error:
            pass_on(error)
            # Not an error: the task runs, and the caller needs its token.
            log.warning("the task was started, but the answer is not as it should be: %s", error)
        return TaskStart.from_dict({"token": token})

    def task(self, token: str, *, previous: Optional[TaskStatus] = None) -> Task:
        """A handle of a task that was started elsewhere. Leaving its ``with`` block does not end the task. Nothing is
        sent.

        Args:
            token: the task's token.
            previous: an earlier status of the run that you mean, kept by the caller: see
                `RocketRideClient.get_task_status`. Without it, each call is about the run that the token has at that
                time.
        """
        load(_starting)
        from ..models import TaskStart
        from .task import Task

        start = TaskStart.from_dict({"token": arguments.task_token(token)})
        check_previous(previous)
        return Task(cast("RocketRideClient", self), start, joined=True, status=previous)

    def _first_poll(self, token: str, deadline: Deadline) -> Optional[TaskStatus]:
        """The first status after the start, whose ``startTime`` identifies the run; None if it cannot be read."""
        within = deadline.within(self._settings.timeout)
        try:
            return self._read_status(operations.get_task_status(token), within)
        except RocketRideError as error:
            pass_on(error)
            # Not an error: the task runs, and the caller needs its token. Later polls will show what is wrong.
            log.warning("the task was started, but its first status could not be read: %s", error)
            return None


def _starting() -> None:
    """Import what a start needs, before it is sent."""
    from .. import task_fate  # noqa: F401
    from ..models import TaskStart  # noqa: F401
    from ..protocol import start_operations  # noqa: F401
    from . import pipelines, task  # noqa: F401


def _is_usable(token: Any) -> bool:
    """Whether calls can name a task by `token`."""
    try:
        arguments.task_token(token)
    except ConfigurationError as error:
        pass_on(error)
        return False
    return True


def _may_be_joined(operation: Operation, start: TaskStart) -> bool:
    """Whether the run may be somebody else's: what the server says, or else whether it could be joined."""
    return bool(operation.arguments.get("useExisting")) if start.reused is None else start.reused
