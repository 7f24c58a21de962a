"""The error for a failure answer of the server, the same over either transport.

The machine-readable `code` decides if the server sends one, known or not, else its known message texts decide
(docs/protocol.md, "HTTP"): texts are for people.
"""

from __future__ import annotations

from typing import Any, Iterable, Optional

from ..address import is_in_quotes
from ..errors import (
    AuthenticationError,
    OverloadedError,
    PermissionDeniedError,
    RocketRideError,
    ServerError,
    TaskAlreadyRunningError,
    TaskNotFoundError,
    TransientError,
    TransportError,
    TransportTimeoutError,
)
from ..redact import (
    SHORTEST_SECRET,
    TOKEN_PREFIXES,
    Secret,
    cut,
    environment_proxy_secrets,
    named_secrets,
    printable,
)
from .operations import RUN_LOG, Operation

_MAX_SHOWN = 300
_MAX_READ = 8192
_ALREADY_RUNNING = "Pipeline is already running"
_NOT_RUNNING = "Your pipeline is not running"
_ALREADY_COMPLETED = "Task has already completed"
_ENDED_AT_ONCE = (
    ". It ended within moments of its start, which a server takes for a failed start. Its work may be done: look at what "
    "it should have produced, or for its run in the run log (get_task_runs, or rocketride-sync runs). "
    "A pipeline must work for longer than 250 ms"
)
_ENDED_EARLIER = ". A task that has ended does nothing more; to go on, start its pipeline again"
_JOIN_OR_END = (
    " Join it with use(use_existing=True), wait for its end, or terminate it: over WebSocket, "
    "get_task_token(project_id, source) gives its token."
)
_BLANK = "; the token begins or ends with white space: leave that out, as strip() does"
_QUOTED = "; the token begins or ends with a quote: leave the quotes out, as jq -r does"
_UNKNOWN_TASK = (
    "; check the token and the address. A server forgets a task 5 to 6 minutes after its end, or when it restarts: then "
    "get_task_runs(project_id, source) tells how the run ended, if the server keeps a run log"
)
_NO_SLOTS = "server rejected WebSocket connection: HTTP 403"
# Where a server's connection to itself fails, which it makes for each HTTP request; what came over it has another place.
_OWN_CONNECTION = "transport_websocket.py"
UNKNOWN_CREDENTIAL = "Bad request"
_NO_SUCH_COMMAND = "Invalid command"
_NOT_BOUND = "Connect call failed"
_NOT_REGISTERED = "TASK_NOT_REGISTERED"
_COMPLETED = "TASK_COMPLETED"
_NO_PERMISSION = ("Permission '", "Access denied: no permissions", "Not authenticated")
_TOO_EARLY = 425
_TOO_MANY_REQUESTS = 429
PROXY_AUTHENTICATION = 407
_UNKNOWN_PROXY = "the proxy"
_REQUEST_TIMEOUT = 408
_NOT_IMPLEMENTED = 501
_METHOD_NOT_ALLOWED = 405
_VERSION_NOT_SUPPORTED = 505
_ENOUGH_TIME = 1.0


class UnclearRefusalError(AuthenticationError, TransientError):
    """A key that was accepted before was refused with a text that does not say that the key is wrong: that of a fault inside
    the server, perhaps, which may pass.
    """


class NotReadyError(OverloadedError):
    """A pipe was to be opened before the task's data port was bound. Nothing of the object was sent."""


def is_task_credential(auth: str) -> bool:
    """Whether the credential is a task token or a public key, which is valid for one task only."""
    return auth.startswith(TOKEN_PREFIXES)


def secrets_of(operation: Operation, auth: str) -> Iterable[str]:
    """The texts that must not be shown when `operation` fails: credential, headers, token, values of variables, credentials
    in its arguments, and the passwords of proxies, whose answers cannot always be told from the server's.
    """
    variables = (operation.arguments.get("env") or {}).values()
    secrets = (value for value in variables if isinstance(value, str) and len(value) >= SHORTEST_SECRET)
    along = auth.along if isinstance(auth, Secret) else ()
    token = str(operation.arguments.get("token") or "")
    # The variables are read when a connection is made, so they may have changed since the client was.
    return (auth, *along, token, *secrets, *named_secrets(operation.arguments), *environment_proxy_secrets())


def readable(text: str, secrets: Iterable[str] = (), longest: int = _MAX_SHOWN) -> str:
    """Foreign text on one line, without secrets and control characters, of limited length."""
    line = printable(" ".join(cut(text, _MAX_READ, secrets).split()))
    return line if len(line) <= longest else line[: longest - 1] + "…"


def failure(
    operation: Operation,
    message: str,
    auth: str,
    *,
    code: Any = None,
    hint: Any = None,
    http_status: Optional[int] = None,
    retry_after: Optional[float] = None,
    own: bool = True,
    file: Any = None,
    opens_pipe: bool = False,
) -> RocketRideError:
    """The error for a failure answer with this `message`: made, not raised.

    Args:
        operation: the operation that was sent.
        message: the server's text, raw; further parts may follow a ``*``.
        auth: the credential that was used. Its kind matters, and the message must not show it.
        code: the server's machine-readable code, if any.
        hint: the server's advice, if any.
        http_status: the HTTP status, None over WebSocket.
        retry_after: the seconds that the server asked to wait. They count for an overload alone.
        own: whether the server itself sent the message. If not, its text is shown, and means nothing.
        file: the file of the server where it failed, if it tells.
        opens_pipe: whether it is the answer to a request that opens a pipe and sends nothing of the object.
    """
    secrets = secrets_of(operation, auth)
    shown = readable(message, secrets) or "no message"
    text = f"{operation.name} failed: the server answered: {shown}"
    if http_status == 401:
        return AuthenticationError(f"{text}. Check the API key (auth= or ROCKETRIDE_APIKEY)")
    code = code if isinstance(code, str) and code else None
    known = message if own and code is None else ""
    own_connection = http_status is not None and file == _OWN_CONNECTION
    if known.startswith(_NO_SLOTS) and (own_connection or operation.repeatable):
        # Not begun, or it does no harm. Else the text may come from what was begun, such as the pipeline.
        text += ". It is out of connection slots; try again later"
        return OverloadedError(text, retry_after=retry_after)
    if own and own_connection and code is None:
        text += ". It has lost its connection to itself; try again later"
        return TransientError(text, http_status=http_status, retry_after=retry_after)
    if opens_pipe and _NOT_BOUND in known:
        return NotReadyError(f"{text}. The task takes no data yet; try again later")
    kind = _error_type(known, auth, code, http_status)
    if kind is TaskAlreadyRunningError:
        text += _JOIN_OR_END
    token = str(operation.arguments.get("token") or "")
    if kind is TaskNotFoundError and token:
        # A token of one's own may have such ends, so they are not left out unasked.
        text += "" if token == token.strip() else _BLANK
        text += _QUOTED if is_in_quotes(token.strip()) else ""
        text += _UNKNOWN_TASK
    if operation.command == RUN_LOG and known.startswith(_NO_SUCH_COMMAND):
        text += ". An older server has no run log"
    if own and code in (None, _COMPLETED) and message.startswith(_ALREADY_COMPLETED):
        text += _ENDED_AT_ONCE if operation.starts_run else _ENDED_EARLIER
    return kind(
        text,
        code=None if code is None else readable(code, secrets),
        hint=readable(hint, secrets) if isinstance(hint, str) else None,
        http_status=http_status,
        operation=operation.name,
    )


def refused_object(name: str) -> ServerError:
    """The error for an object whose failure an older server does not tell (docs/protocol.md, "Data"): made, not raised."""
    return ServerError(
        f"{name} failed: the pipeline refused the object; the server does not say why", operation=name
    )


def _error_type(
    message: str, auth: str, code: Optional[str], http_status: Optional[int]
) -> type[ServerError]:
    """The subclass of `ServerError` for a failure. `message` is empty if its text means nothing."""
    if http_status == 403:
        return PermissionDeniedError
    if code == _NOT_REGISTERED:
        return TaskNotFoundError
    if message.startswith(_NOT_RUNNING):
        return TaskNotFoundError
    if message.startswith(_ALREADY_RUNNING):
        return TaskAlreadyRunningError
    if is_task_credential(auth) and UNKNOWN_CREDENTIAL in message:
        return TaskNotFoundError
    if message.startswith(_NO_PERMISSION):
        return PermissionDeniedError
    return ServerError


def is_transient(status: int) -> bool:
    """Whether the same request may succeed later: any server error, those of proxies such as 520 to 530 included,
    but for the two that say what the server cannot do at all.
    """
    if status >= 500:
        return status not in (_NOT_IMPLEMENTED, _VERSION_NOT_SUPPORTED)
    return status in (_REQUEST_TIMEOUT, _TOO_EARLY, _TOO_MANY_REQUESTS)


def is_unprocessed(status: int) -> bool:
    """Whether `status` says that nobody began to process the request: not yet, or not for this method."""
    return status in (_TOO_EARLY, _TOO_MANY_REQUESTS, _METHOD_NOT_ALLOWED, _NOT_IMPLEMENTED)


def is_want_of_time(fault: RocketRideError, seconds: float) -> bool:
    """Whether `fault` of a request that had that many seconds says only that they were few. An earlier one says more."""
    return isinstance(fault, TransportTimeoutError) and seconds < _ENOUGH_TIME


class TunnelRefusedError(ServerError):
    """The proxy opens no tunnel to the server, as many do only for port 443. What needs none may pass all the same."""


def refused_by_proxy(
    start: str,
    status: int,
    operation: Optional[str] = None,
    proxy: str = _UNKNOWN_PROXY,
    is_only_way: bool = True,
) -> RocketRideError:
    """The error for a proxy that refused a tunnel, or wants a password: made, not raised.

    Nothing of its answer but the status is shown: it may repeat the password.

    Args:
        start: the beginning of the message.
        status: the HTTP status of the proxy's answer.
        operation: the name of what failed, if it is known.
        proxy: which one it was, and where it was set, if that is known.
        is_only_way: whether nothing passes this proxy without a tunnel.
    """
    if status == PROXY_AUTHENTICATION:
        reason = f"{proxy} wants a password, or refused the one it got"
    else:
        reason = f"{proxy} refused the tunnel"
    text = f"{start}: {reason} (HTTP {status})"
    if is_transient(status):
        return TransportError(text, http_status=status)
    advice = ". See proxies=" if proxy == _UNKNOWN_PROXY else ""
    kind = ServerError if is_only_way or status == PROXY_AUTHENTICATION else TunnelRefusedError
    return kind(f"{text}{advice}", http_status=status, operation=operation)
