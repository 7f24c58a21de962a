"""The HTTP transport. requests is imported on the first call, not before: that takes longer than a whole call."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional, Tuple, Union

from ...deadline import Deadline
from ...errors import UnsupportedOperationError
from ...protocol.http import interpret
from ...protocol.objects import result
from ...protocol.operations import Operation
from ..base import PollingWatch, Watch
from ..pipes import SpooledPipe

if TYPE_CHECKING:
    from .session import Session


class HttpTransport:
    """Asks over HTTP. May be shared by threads, and used after a fork.

    Args:
        base_url: ``http(s)://host:port`` and a base path, without a query.
        auth: the API key, or a task token or public key. Sent to that host only.
        connect_timeout: seconds for making a connection (TCP to all addresses, a proxy's tunnel, TLS), None for
            as long as the call may last.
        verify: True checks certificates against the usual authorities (or ``REQUESTS_CA_BUNDLE``), a path against
            those in that file or directory, False does not check.
        cert: a client certificate: path of a PEM file with its key, or (certificate, key).
        proxies: proxy addresses by scheme, such as ``{"http": "http://proxy:3128"}``; None reads ``HTTP_PROXY``,
            ``HTTPS_PROXY`` and ``NO_PROXY``, ``{}`` uses none.
        max_response_bytes: a larger answer is a `ProtocolError`, counted both as sent and decompressed.
        user_agent: sent with every request.

    Making one does no I/O.
    """

    # Each takes one of the ten slots that a server has for all its users over HTTP.
    uploads_at_once = 4

    def __init__(
        self,
        *,
        base_url: str,
        auth: str,
        connect_timeout: Optional[float],
        verify: Union[bool, str],
        cert: Union[str, Tuple[str, str], None],
        proxies: Optional[Mapping[str, str]],
        max_response_bytes: int,
        user_agent: str,
    ) -> None:
        self._auth = auth
        self._arguments: Dict[str, Any] = {
            "base_url": base_url,
            "auth": auth,
            "connect_timeout": connect_timeout,
            "verify": verify,
            "cert": cert,
            "proxies": proxies,
            "max_response_bytes": max_response_bytes,
            "user_agent": user_agent,
        }
        # By process id. A forked child leaves its parent's connections alone, open as they are:
        # the parent goes on using them.
        self._sessions: Dict[int, Session] = {}

    def call(self, operation: Operation, deadline: Deadline) -> Any:
        """Send `operation`, return the `data` of the answer's envelope, None where it has none.

        A repeatable operation is sent a second time when a connection kept from before proves dead.

        Raises:
            UnsupportedOperationError: the server offers it, or an argument of it, over WebSocket only.
        """
        if not operation.over_http:
            raise _unsupported(operation)
        status, headers, body = self._session().send(operation, deadline)
        data = interpret(operation, status, headers, body, self._auth)
        return data if operation.data is None else result(operation, data, self._auth)

    def pipe(self, operation: Operation, deadline: Deadline) -> SpooledPipe:  # noqa: ARG002 - no I/O yet
        """As `rocketride_sync.transports.PipingTransport.pipe`."""
        if operation.http_lacks:
            raise _unsupported(operation)
        return SpooledPipe(self, operation)

    def watch(self, operation: Operation) -> Watch:  # noqa: ARG002 - over HTTP all tasks are watched alike
        """A watch that asks through this transport and sleeps in between."""
        return PollingWatch(self)

    def close(self) -> None:
        """Close this process's connections. May be called twice; a later call opens new ones."""
        session = self._sessions.pop(os.getpid(), None)
        if session is not None:
            session.close()

    def _session(self) -> Session:
        pid = os.getpid()
        session = self._sessions.get(pid)
        if session is None:
            from .session import Session

            # Two threads may both get here; setdefault lets one of the sessions win.
            session = self._sessions.setdefault(pid, Session(**self._arguments))
        return session


def _unsupported(operation: Operation) -> UnsupportedOperationError:
    lacks = f" with {', '.join(operation.http_lacks)}" if operation.http_lacks else ""
    return UnsupportedOperationError(
        f'{operation.name}{lacks}: the server does not offer this over HTTP; use transport="websocket"'
    )
