"""Each operation of the server once: its DAP command, its HTTP request, and whether it may be repeated.

Source of the facts: docs/protocol.md, "HTTP" and "WebSocket".
"""

from __future__ import annotations

from typing import Any, Mapping, Optional, Sequence, Tuple

import attrs


@attrs.frozen(kw_only=True)
class Operation:
    """One request to the server, in the terms of both transports.

    Attributes:
        name: what the user called, for messages: ``get_task_status``.
        command: the DAP command.
        arguments: the DAP arguments. They may hold a token and are never printed.
        method: the HTTP method, or None where HTTP has no such request.
        path: the HTTP path below the server's base path.
        query: the HTTP query parameters, in order.
        repeatable: whether sending it twice does no harm, so that it may be retried after it may have
            reached the server.
    """

    name: str
    command: str
    arguments: Mapping[str, Any] = attrs.field(repr=False)
    method: Optional[str] = None
    path: str = ""
    query: Tuple[Tuple[str, str], ...] = attrs.field(default=(), repr=False)
    repeatable: bool = False


def get_task_status(token: str) -> Operation:
    """Read the status of the task `token`; the answer is a TASK_STATUS document."""
    return Operation(
        name="get_task_status",
        command="rrext_get_task_status",
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
        command="rrext_monitor",
        arguments={"token": token, "types": list(types)},
        repeatable=True,
    )
