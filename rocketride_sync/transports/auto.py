"""WebSocket where it works, HTTP where it does not."""

from __future__ import annotations

import logging
from typing import Any, Optional

from ..deadline import Deadline
from ..errors import UnsupportedOperationError
from ..protocol.operations import Operation
from .base import Watch
from .http import HttpTransport
from .pipes import Pipe, Uploads
from .websocket.transport import WebSocketTransport
from .websocket.upgrade import NoSlotError, NoWebSocketError, UpgradeCutError

log = logging.getLogger("rocketride_sync")


class AutoTransport:
    """Asks over WebSocket, and over HTTP when the upgrade is refused.

    An upgrade that is refused for good, or cut by a proxy, is not tried again once HTTP has given an answer. One
    that is refused for want of slots is tried again by the next call.

    Args:
        websocket: the transport to prefer.
        http: the one to fall back to.
    """

    def __init__(self, websocket: WebSocketTransport, http: HttpTransport) -> None:
        self._websocket = websocket
        self._http = http
        self._http_only = False

    def call(self, operation: Operation, deadline: Deadline) -> Any:
        """As `rocketride_sync.transports.Transport.call`."""
        return self.ask(self._websocket, operation, deadline)

    def ask(self, websocket: Any, operation: Operation, deadline: Deadline) -> Any:
        """Ask through `websocket`, a transport or a watch, and through HTTP if no connection can be had for it."""
        if self._http_only:
            return self._http.call(operation, deadline)
        try:
            return websocket.call(operation, deadline)
        except (NoSlotError, NoWebSocketError, UpgradeCutError) as error:
            # A fault that may pass must not look like a transport that cannot.
            if not (operation.over_http or isinstance(error, NoWebSocketError)):
                raise
            for_good, reason = not isinstance(error, NoSlotError), str(error)
        if not operation.over_http:
            # Without the advice to use HTTP, which follows the reason.
            raise UnsupportedOperationError(
                f"{operation.beyond_http} takes WebSocket, but {reason.partition(';')[0]}"
            )
        document = self._http.call(operation, deadline)
        if for_good and not self._http_only:
            self._http_only = True
            log.info("%s; using HTTP from now on", reason)
        return document

    uploads_at_once = HttpTransport.uploads_at_once

    def pipe(self, operation: Operation, deadline: Deadline) -> Pipe:
        """As `rocketride_sync.transports.PipingTransport.pipe`."""
        if not self._http_only:
            try:
                return self._websocket.pipe(operation, deadline)
            except (NoSlotError, NoWebSocketError, UpgradeCutError) as error:
                if operation.http_lacks:
                    raise
                log.info("%s; the pipe will go over HTTP", error)
        return self._http.pipe(operation, deadline)

    def uploads(self, deadline: Deadline) -> Optional[Uploads]:
        """As `rocketride_sync.transports.PipingTransport.uploads`."""
        if not self._http_only:
            try:
                return self._websocket.uploads(deadline)
            except (NoSlotError, NoWebSocketError, UpgradeCutError) as error:
                log.info("%s; the files will go over HTTP", error)
        return None

    def watch(self, operation: Operation) -> Watch:
        """As `rocketride_sync.transports.Transport.watch`."""
        return (
            self._http.watch(operation)
            if self._http_only
            else _AutoWatch(self, self._websocket.watch(operation))
        )

    def close(self) -> None:
        """As `rocketride_sync.transports.Transport.close`."""
        self._websocket.close()
        self._http.close()


class _AutoWatch:
    """The watch of one wait; its pause is a sleep while there is no WebSocket."""

    def __init__(self, transport: AutoTransport, watch: Watch) -> None:
        self._transport = transport
        self._watch = watch
        self.pause = watch.pause
        self.close = watch.close

    def call(self, operation: Operation, deadline: Deadline) -> Any:
        return self._transport.ask(self._watch, operation, deadline)
