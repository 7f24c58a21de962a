"""The exceptions of this library, in one tree.

    RocketRideError (RuntimeError)
    ├── ConfigurationError (ValueError)           an argument or a setting is wrong: mend it
    ├── TransientError                            the same call may succeed later
    │   ├── TransportError (ConnectionError)      the connection failed or broke
    │   │   └── TransportTimeoutError (TimeoutError)  no answer within the timeout
    │   └── OverloadedError                       the server is short of connection slots, for example
    ├── CertificateError (ConnectionError)        TLS could not verify the server
    ├── ProtocolError                             the answer is not what the protocol says
    │   └── DecodeError (ValueError)              a field of the answer has a wrong type
    ├── AuthenticationError                       the server refused the API key
    ├── UnsupportedOperationError (NotImplementedError)  the transport cannot carry this
    ├── ServerError                               the server answered with an error
    │   ├── TaskNotFoundError                     no such task, or no longer
    │   ├── TaskAlreadyRunningError               a run of this pipeline is active
    │   └── PermissionDeniedError                 the key may not do this
    ├── WaitTimeoutError (TimeoutError)           the wait's timeout passed; the task runs on
    ├── TaskLostError                             the end was missed, and no run log has a status of it
    │   ├── TaskVanishedError                     the server forgot a task that was seen before
    │   └── TaskReplacedError                     another run took over the token
    └── TaskFailedError                           the task ended with a failure
        └── TaskCancelledError                    the task was cancelled

The root is a `RuntimeError`, so that the reference page's ``except RuntimeError`` works. All of them pickle
and copy with their attributes. Messages never hold an API key or a whole task token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple, Type, TypeVar

if TYPE_CHECKING:
    from .models import Outcome, TaskStatus

    E = TypeVar("E", bound="RocketRideError")


def _rebuild(cls: Type[E], args: Tuple[Any, ...], state: Dict[str, Any]) -> E:
    """Make an exception again without its `__init__`, whose keywords pickle cannot call."""
    # If OSError is a base too, the instance has the memory layout of OSError, which RuntimeError cannot make.
    maker = OSError if issubclass(cls, OSError) else RuntimeError
    error: E = maker.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class RocketRideError(RuntimeError):
    """The root of every error of this library.

    Attributes:
        request_sent: whether the request may have reached the server and been carried out in spite of the error. True
            only for faults: a refusal by the server says that nothing was done.
    """

    request_sent = False
    # Whether the caller's function for the key raised it: then it means nothing about the server.
    _is_of_auth = False
    # Whether only WebSocket can carry the call, and the upgrade to it was tried and has failed.
    _is_for_want_of_websocket = False
    # Whether the fault is that the credential is another task's token: it is about the one task that was named.
    _is_of_one_task = False
    # Whether it says that there is no RocketRide server at the address.
    _is_of_address = False
    # What set the proxy with which no connection could be made, as `Proxy.origin`; empty if it was none.
    _unreached_proxy = ""
    # How its message ends, if that says what is known of the fate of the task or of the request.
    _fate = ""

    def __init__(self, message: str) -> None:
        super().__init__(message)

    def __reduce__(self) -> Tuple[Any, ...]:
        return _rebuild, (type(self), self.args, dict(self.__dict__))

    def _copied(self: E) -> E:
        """As `copy.copy`, without loading that."""
        return _rebuild(type(self), self.args, dict(self.__dict__))

    def _tell_fate(self, words: str) -> None:
        """Let the message end with `words` on the fate of the task or of the request, in place of what was known before."""
        self.args, self._fate = (f"{self._without_fate}; {words}",), words

    @property
    def _without_fate(self) -> str:
        message, end = str(self), f"; {self._fate}"
        return message[: -len(end)] if message.endswith(end) else message

    def _render_traceback_(self) -> List[str]:
        """What IPython shows of it."""
        from .import_lock import import_lock

        with import_lock:
            from .notebook_traceback import rendered  # only in IPython

        return rendered(self)


class ConfigurationError(RocketRideError, ValueError):
    """An argument, an environment variable or an address is unusable, or the credential is the token of another task.
    Correct what the message names.
    """


class TransientError(RocketRideError):
    """The call failed for a temporary reason: the same call may succeed later.

    After such an error, a wait polls again, until its deadline or for `RetryPolicy.max_outage`.

    Attributes:
        retry_after: seconds the server asked to wait, from its ``Retry-After``, or None.
        http_status: the HTTP status of the answer (408, 425, 429 or 5xx; 400 if the server has lost its connection to
            itself), or None.
    """

    def __init__(
        self, message: str, *, retry_after: Optional[float] = None, http_status: Optional[int] = None
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.http_status = http_status


class TransportError(TransientError, ConnectionError):
    """The server could not be reached, or the connection broke. Check address, network and server."""


class TransportTimeoutError(TransportError, TimeoutError):
    """No complete answer came within the call's timeout. Raise `timeout`, or check the server's load."""


class OverloadedError(TransientError):
    """The server ran out of connection slots (docs/protocol.md, "Overload"), or a task that has just started takes no
    data yet. Ask less often or later.
    """


class CertificateError(RocketRideError, ConnectionError):
    """TLS did not verify the server: its certificate has expired, is another host's, or is of an unknown authority.
    See `verify=`.
    """

    # What is wrong: the "authority", the "name" or the "time" of the server's certificate, or the certificate of the "client".
    _in_doubt = "authority"


class ProtocolError(RocketRideError):
    """The answer does not follow the protocol: it is not JSON, has no envelope, is too large, or is a redirect.

    Is the address really a RocketRide server, and not a proxy's login page?
    """

    # Whether the answer to the next poll would be the same: one that is too large. Others may be made on the way.
    _is_lasting = False

    @classmethod
    def lasting(cls, message: str) -> ProtocolError:
        """The error for an answer that would be the same another time, so that no wait asks again: made, not raised."""
        error = cls(message)
        error._is_lasting = True
        return error


class DecodeError(ProtocolError, ValueError):
    """A field of a document has a type that its schema does not allow.

    All attributes are "" if only the message was kept, as in a result of Celery in JSON.

    Attributes:
        path: the place in the document, as a JSON path such as ``$.metrics.cpu_percent``.
        expected: what the schema allows there.
        actual: the value that came: its type, and for a number the value.
    """

    def __init__(self, path: str, expected: str = "", actual: str = "") -> None:
        message, where = (f"{path}: expected {expected}, got {actual}", path) if expected else (path, "")
        super().__init__(message)
        self.path = where
        self.expected = expected
        self.actual = actual


class AuthenticationError(RocketRideError):
    """The server refused the credential. Check `auth=` or ``ROCKETRIDE_APIKEY``."""


class UnsupportedOperationError(RocketRideError, NotImplementedError):
    """The transport cannot carry the operation. The message names one that can."""


class ServerError(RocketRideError):
    """The server understood the request and answered with an error.

    Attributes:
        code: the machine-readable code of newer servers, such as ``TASK_NOT_REGISTERED``, or None.
        hint: the server's advice, or None.
        http_status: the HTTP status, or None over WebSocket.
        operation: which operation failed, such as ``get_task_status``, or None.
    """

    def __init__(
        self,
        message: str,
        *,
        code: Optional[str] = None,
        hint: Optional[str] = None,
        http_status: Optional[int] = None,
        operation: Optional[str] = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint
        self.http_status = http_status
        self.operation = operation


class TaskNotFoundError(ServerError):
    """The server knows no task by this token: never started, mistyped, or finished and forgotten."""


class TaskAlreadyRunningError(ServerError):
    """A run of the same project and source is active. Join it with ``use(use_existing=True)``, or terminate it."""


class PermissionDeniedError(ServerError):
    """The credential is valid but may not do this. Ask for the permission that the message names."""


class WaitTimeoutError(RocketRideError, TimeoutError):
    """The wait's timeout passed before an end of the task was seen. The task itself runs on, as far as is known.

    Attributes:
        token: the task's token, shortened.
        elapsed: seconds waited.
        last_status: the latest status seen, or None if no poll succeeded: then nothing is known of the task, and the
            message says why.
    """

    # Whether `last_status` is so old that the task may well have ended since.
    _lost_sight = False

    def __init__(
        self, message: str, *, token: str = "", elapsed: float = 0.0, last_status: Optional[TaskStatus] = None
    ) -> None:
        super().__init__(message)
        self.token = token
        self.elapsed = elapsed
        self.last_status = last_status


class TaskLostError(RocketRideError):
    """The task existed, its end was missed, and the server's run log, if there is one, has no final status of it.

    Attributes:
        last_status: the latest status seen of the lost run; None only if nothing but the message was kept, as in a
            result of Celery in JSON.
        outcome: how the run ended, if the run log has only that; else None.
    """

    outcome: Optional[Outcome] = None

    def __init__(
        self, message: str, *, last_status: Optional[TaskStatus] = None, outcome: Optional[Outcome] = None
    ) -> None:
        super().__init__(message)
        self.last_status = last_status
        self.outcome = outcome


class TaskVanishedError(TaskLostError):
    """The task was seen before and the server no longer knows it.

    It ended and was forgotten (after 300 s, docs/protocol.md), or the server restarted.
    """


class TaskReplacedError(TaskLostError):
    """Another run took over the token: its ``startTime`` differs from that of the run that was watched.

    Attributes:
        last_status: the latest status seen of the lost run.
        new_status: the first status seen of the run that replaced it; None as for `last_status`.
        outcome: as of `TaskLostError`.
    """

    def __init__(
        self,
        message: str,
        *,
        last_status: Optional[TaskStatus] = None,
        new_status: Optional[TaskStatus] = None,
        outcome: Optional[Outcome] = None,
    ) -> None:
        super().__init__(message, last_status=last_status, outcome=outcome)
        self.new_status = new_status


class TaskFailedError(RocketRideError):
    """The task ended with a failure. Raised by ``check=True`` and `TaskStatus.raise_for_outcome`.

    Attributes:
        status: the terminal status; None only if just the message was kept, as for `TaskLostError`.
    """

    def __init__(self, message: str, *, status: Optional[TaskStatus] = None) -> None:
        super().__init__(message)
        self.status = status


class TaskCancelledError(TaskFailedError):
    """The task was cancelled: it was terminated, or its ttl ran out. `TaskStatus.end_reason` says which, if the
    server said it.
    """


class RocketRideWarning(UserWarning):
    """The category of every warning of this library."""
