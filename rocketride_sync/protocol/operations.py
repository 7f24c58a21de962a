"""What an operation of the server is: its DAP command, its HTTP request, and whether it may be repeated; and those of a
connection and of a task that was started. Starts, objects, the run log and what a server knows besides have modules of
their own, which few processes load.

Source of the facts: docs/protocol.md, "HTTP" and "WebSocket".
"""

from __future__ import annotations

import contextlib
import functools
from contextvars import ContextVar
from typing import Any, Dict, Iterator, Mapping, Optional, Protocol, Sequence, Tuple, Union

from ..redact import shorten

Query = Tuple[Tuple[str, str], ...]
Buffer = Union[bytes, memoryview]

RUN_LOG = "rrext_log"  # only newer servers have this command
PROCESS = "rrext_process"


class Data(Protocol):
    """The bytes of an object to send. Each iteration yields them in chunks, from the beginning.

    Attributes:
        size: the number of bytes.
    """

    size: int

    def __iter__(self) -> Iterator[Buffer]:
        """The chunks. A chunk may be overwritten when the next is asked for."""


_GET_STATUS = "rrext_get_task_status"
_MONITOR = "rrext_monitor"
_OWN_PREFIX = "rrext_"
_STARTS = ("execute", "restart")
_ABOUT_TASKS = (*_STARTS, "terminate")


def _changes_connection(command: str, arguments: Mapping[str, Any]) -> bool:
    """Whether `command` changes whose its connection is, which events come over it, or what is open.

    A command without the server's own prefix is about a task, about authentication, or for a debugger. The last two belong
    to the connection: a debugger is attached to one, and gets its events there.
    """
    if command.startswith(_OWN_PREFIX):
        return command == _MONITOR or (command == PROCESS and arguments.get("subcommand") == "open")
    return bool(command) and command not in _ABOUT_TASKS


_goes_on_over_http: ContextVar[bool] = ContextVar("_goes_on_over_http", default=False)


@contextlib.contextmanager
def going_on_over_http() -> Iterator[None]:
    """A block whose operations count as `replaceable`: who makes them goes on over HTTP, without them or with less."""
    before = _goes_on_over_http.set(True)
    try:
        yield
    finally:
        _goes_on_over_http.reset(before)


class Operation:
    """One request to the server, described for both transports.

    Attributes:
        name: the method that the user called, for messages: ``get_task_status``.
        command: the DAP command; empty if WebSocket has no such request.
        arguments: the DAP arguments. They may hold a token and are never printed.
        method: the HTTP method; None if HTTP has no such request.
        path: the HTTP path below the server's base path.
        query: the HTTP query parameters, in order.
        json: the document in the HTTP body, or None.
        data: the object to send, or None. Over HTTP it is the body. Over WebSocket the command opens a pipe for it.
        http_lacks: the given arguments that HTTP cannot carry.
        repeatable: whether sending it twice does no harm, so that it may be retried after it may have
            reached the server.
        recovery: if it is not repeatable: the end of a message that says how to find out whether it was carried out.
        public: whether it needs no credential, so that HTTP sends none.
        changes_connection: whether a WebSocket connection is another one afterwards: authenticated otherwise, subscribed
            to events, with a debugger or an open pipe. Then no other call may use it, even if the command was refused.
        replaceable: whether HTTP can take the place of WebSocket: it carries the operation, or its caller goes on over HTTP
            with less (`going_on_over_http`).
        sent: if it is not repeatable: whether a byte of it may have been sent, so that the server may carry it out. None
            with a transport that does not tell. Others set True before the first byte.
    """

    sent: Optional[bool] = None

    def __init__(
        self,
        name: str,
        command: str,
        arguments: Mapping[str, Any],
        *,
        method: Optional[str] = None,
        path: str = "",
        query: Query = (),
        json: Any = None,
        data: Optional[Data] = None,
        http_lacks: Tuple[str, ...] = (),
        repeatable: bool = False,
        recovery: str = "",
        public: bool = False,
    ) -> None:
        self.name = name
        self.command = command
        self.arguments = arguments
        self.method = method
        self.path = path
        self.query = query
        self.json = json
        self.data = data
        self.http_lacks = http_lacks
        self.repeatable = repeatable
        self.recovery = recovery
        self.public = public
        self.replaceable = self.over_http or _goes_on_over_http.get()
        # What sends a whole object closes its pipe.
        self.changes_connection = data is None and _changes_connection(command, arguments)

    @property
    def asks_status(self) -> bool:
        """Whether the answer is a status."""
        return self.command == _GET_STATUS

    @property
    def starts_run(self) -> bool:
        """Whether it starts a run, and is answered once that works."""
        return self.command in _STARTS

    @property
    def over_http(self) -> bool:
        """Whether HTTP can carry the operation with all its arguments."""
        return self.method is not None and not self.http_lacks

    @property
    def unsupported_by_http(self) -> str:
        """What HTTP cannot carry, for a message: the name, with the arguments that HTTP lacks."""
        return f"{self.name} with {', '.join(self.http_lacks)}" if self.http_lacks else self.name

    @property
    def advice_for_http(self) -> str:
        """What to leave out, so that HTTP can carry it; empty if that is not for the caller to say, as of ``env``."""
        given = bool(self.http_lacks) and "env" not in self.http_lacks
        return f"; leave out {', '.join(self.http_lacks)}" if given else ""

    @property
    def token(self) -> Optional[str]:
        """The token of the task that it is about, or None. A secret."""
        token = self.arguments.get("token")
        return token if isinstance(token, str) else None

    def __repr__(self) -> str:
        """A repr without the fields that may hold a user's data; of the token, the beginning."""
        about = "" if self.token is None else f", token={shorten(self.token)!r}"
        return f"Operation(name={self.name!r}, command={self.command!r}{about})"


@functools.lru_cache
def get_task_status(token: str, name: str = "get_task_status") -> Operation:
    """Read the status of the task `token`, for the method `name`; the answer is a TASK_STATUS document.

    The next poll gets the same object, so that a connection need not encode it again.
    """
    return Operation(
        name=name,
        command=_GET_STATUS,
        arguments={"token": token},
        method="GET",
        path="/task",
        query=(("token", token),),
        repeatable=True,
    )


def auth(credential: str, client_name: str, client_version: str) -> Operation:
    """Authenticate a WebSocket connection. HTTP sends the credential with each request instead."""
    return Operation(
        name="auth",
        command="auth",
        arguments={"auth": credential, "clientName": client_name, "clientVersion": client_version},
        repeatable=True,
    )


def monitor(token: str, types: Sequence[str]) -> Operation:
    """Subscribe a WebSocket connection to events of the task `token`; no `types` unsubscribes.

    The types are sent by name: the server refuses some masks, and takes unknown names for "none".
    """
    return Operation(
        name="monitor",
        command=_MONITOR,
        arguments={"token": token, "types": list(types)},
        repeatable=True,
    )


def terminate(token: str) -> Operation:
    """End the task `token`. The answer comes when its process has ended, and has no body. A second one succeeds too.

    It is not repeatable: by then, the next run may have the token.
    """
    return Operation(
        name="terminate",
        command="terminate",
        arguments={"token": token},
        method="DELETE",
        path="/task",
        query=(("token", token),),
        recovery="; the task's status tells",
    )


def get_tasks() -> Operation:
    """List the running tasks; the answer holds TaskInfo documents in ``tasks``."""
    return Operation(name="get_tasks", command="rrext_get_tasks", arguments={}, repeatable=True)


def get_task_token(project_id: str, source: str, team_id: Optional[str] = None) -> Operation:
    """Look up the token of a project's task, even a finished one; the answer holds it in ``token``."""
    arguments = {"projectId": project_id, "source": source, **without_none({"teamId": team_id})}
    return Operation(name="get_task_token", command="rrext_get_token", arguments=arguments, repeatable=True)


def ping() -> Operation:
    """Check that the server answers, and accepts the credential."""
    return Operation(name="ping", command="rrext_ping", arguments={}, repeatable=True)


def call(command: str, arguments: Mapping[str, Any]) -> Operation:
    """Any command of the server, by its own name."""
    return Operation(name=command, command=command, arguments=arguments)


def without_none(options: Mapping[str, Any]) -> Dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in options.items() if value is not None}
