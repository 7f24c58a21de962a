"""The base of all parts of `RocketRideClient`: its settings, its transport, and a call with a timeout."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Dict, NoReturn, Optional, Type

from ..config import Settings
from ..deadline import Clock, Deadline, system_time
from ..errors import ConfigurationError, ProtocolError, TaskNotFoundError
from ..handler_exceptions import pass_on
from ..import_lock import import_lock
from ..loading import load
from ..models import TaskStatus
from ..options import CLIENT_TIMEOUT, Seconds, optional_seconds
from ..protocol import operations
from ..protocol.operations import Operation
from ..transports import Transport
from ..transports.caller import Caller

if TYPE_CHECKING:
    from ..waiting.wait_rules import Wait
    from .terminated_runs import TerminatedRuns


class BaseClient:
    """The base of the classes that `RocketRideClient` is composed of."""

    _settings: Settings
    _transport: Transport
    _caller: Caller
    _terminated: Optional[TerminatedRuns] = None  # made when the first run is terminated

    def _call(self, operation: Operation, timeout: Optional[Seconds]) -> Any:
        return self._call_until(operation, Deadline(self._limit(timeout)))

    def _call_until(self, operation: Operation, deadline: Deadline) -> Any:
        """As `Caller.call`."""
        return self._caller.call(operation, deadline)

    def _ask(self, operation: Operation, timeout: Optional[Seconds]) -> Dict[str, Any]:
        """The object in the answer to `operation`; an empty one if the answer has none."""
        return self._ask_until(operation, Deadline(self._limit(timeout)))

    def _ask_until(self, operation: Operation, deadline: Deadline) -> Dict[str, Any]:
        """As `_ask`, until `deadline`."""
        body = self._call_until(operation, deadline)
        if body is None:
            return {}
        if isinstance(body, dict):
            return body
        raise ProtocolError(
            f"{operation.name}: the body of the answer is not an object but {type(body).__name__}"
        )

    def _read_status(self, operation: Operation, deadline: Deadline) -> TaskStatus:
        """The status that `operation` reads, with what this client knows of the run besides."""
        asked_at = system_time.monotonic()
        document = self._caller.call(operation, deadline)
        return self._status_of(operation.arguments["token"], document, asked_at)

    def _status_of(self, token: str, document: Any, asked_at: float) -> TaskStatus:
        """The status in `document`, which was asked for at `asked_at` (monotonic). It may be a status already."""
        # Asked in this order because `isinstance` of a mapping's class takes a microsecond.
        ready = type(document) is not dict and isinstance(document, TaskStatus)
        status = document if ready else TaskStatus.from_dict(document)
        return status if self._terminated is None else self._terminated.mark(token, status, asked_at)

    def _end_unless_ended(self, token: str, status: Optional[TaskStatus], deadline: Deadline) -> bool:
        """Terminate a task, unless `status`, its latest one, shows its end. `status` is None if it could not be read.

        Returns whether this client terminated the task, now or before.
        """
        if status is not None and status.is_terminal:
            return status.terminated_by_client is True
        try:
            self._terminate(token, status, deadline)
        except TaskNotFoundError as error:  # forgotten since then
            pass_on(error, of_auth=True)
            return False
        return True

    def _terminate(self, token: str, before: Optional[TaskStatus], deadline: Deadline) -> None:
        """Terminate a task. `before`: its status just before; None if it could not be read."""
        operation = operations.terminate(token)
        operation.sent = False  # yet
        self._memory_of_terminated().terminate(
            token,
            before,
            lambda: self._call_until(operation, deadline),
            lambda: self._read_status(operations.get_task_status(token), deadline),
            lambda: operation.sent,
        )

    def _memory_of_terminated(self) -> TerminatedRuns:
        """`_terminated`, which is made when it is first needed."""
        if self._terminated is not None:
            return self._terminated
        # Of two threads that get here, `setdefault` lets one make it for both: else the other would note its run in vain.
        made: TerminatedRuns = vars(self).setdefault("_terminated", load(_terminated_runs)())
        return made

    def _wait_for(
        self,
        token: str,
        timeout: Optional[float],
        interval: float,
        *,
        previous: Optional[TaskStatus] = None,
        phase: float = 0.0,
        own_time: Optional[Clock] = None,
    ) -> Wait:
        """The rules of a wait for the task, with this client's timeout of a call and its retry policy."""
        return load(_wait_rules)(
            token,
            timeout=timeout,
            interval=interval,
            call_timeout=self._settings.timeout,
            retry=self._settings.retry,
            previous=previous,
            phase=phase,
            own_time=own_time,
        )

    def _limit(self, timeout: Optional[Seconds]) -> Optional[float]:
        """The timeout of one call in seconds: `timeout`, or that of the client if it was omitted."""
        return limit_of(self._settings, timeout)


def limit_of(settings: Settings, timeout: Optional[Seconds]) -> Optional[float]:
    """The timeout of one call in seconds: `timeout`, or that of the settings if it was omitted."""
    return settings.timeout if timeout is CLIENT_TIMEOUT else optional_seconds("timeout", timeout)


def check_previous(previous: Any) -> None:
    """Raise ConfigurationError for something else than an earlier status or None."""
    if previous is not None and not isinstance(previous, TaskStatus):
        raise ConfigurationError(f"previous must be a TaskStatus, not {type(previous).__name__}")


class Explaining(type):
    """The class of `RocketRideClient`: it explains names of the asynchronous client, on the class and on its objects."""

    if not TYPE_CHECKING:  # type checkers shall go on knowing each name

        def __getattr__(cls, name: str) -> Any:
            _explain(cls, name)
            return type.__getattribute__(cls, name)  # raises Python's own error


class ExplainingObject:
    """As `Explaining`, for the objects."""

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            _explain(type(self), name)
            return object.__getattribute__(self, name)

        def __aenter__(self) -> NoReturn:  # Python looks it up in the class, past `__getattr__`
            with import_lock:
                from .migration import PAGE  # only for an error

            raise TypeError(
                f"{type(self).__name__!r} object does not support async with; "
                f"in its place there is with (see {PAGE})"
            )

        def __aexit__(self, *_: object) -> NoReturn:
            self.__aenter__()


def _explain(cls: type, name: str) -> None:
    """Raise AttributeError with an explanation, if there is one for `name`."""
    if name.startswith("_"):
        return
    with import_lock:
        from .migration import NAMES, explained  # only for an error

    more = explained(name, NAMES)
    if more is not None:
        raise AttributeError(f"{cls.__name__!r} object has no attribute {name!r}{more}")


def explains_arguments(function: Any) -> Any:
    """`function`, a method; its TypeError for an argument of the asynchronous client says what takes its place."""
    code = function.__code__
    known = frozenset(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])

    @functools.wraps(function)
    def explaining(*args: Any, **named: Any) -> Any:
        unknown = named.keys() - known
        if unknown:
            with import_lock:
                from .migration import unknown_argument  # only for an error

            raise TypeError(unknown_argument(function.__name__, min(unknown)))
        return function(*args, **named)

    return explaining


# A process that reads one status neither terminates anything nor waits.


def _terminated_runs() -> Type[TerminatedRuns]:
    from .terminated_runs import TerminatedRuns

    return TerminatedRuns


def _wait_rules() -> Type[Wait]:
    from ..waiting.wait_rules import Wait

    return Wait
