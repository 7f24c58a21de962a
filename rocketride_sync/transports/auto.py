"""A transport that uses WebSocket where the server accepts it, and HTTP where it does not."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Callable, List, Optional, Sequence, Set, Tuple

from ..deadline import Deadline, system_time
from ..errors import RocketRideError, UnsupportedOperationError
from ..loading import load
from ..logs import log
from ..protocol.operations import Operation
from .base import Watch
from .fallback import Fallback
from .http import HttpTransport
from .websocket.transport import WebSocketTransport
from .websocket.upgrade import NoSlotError, NoWebSocketError, OddUpgradeError, UpgradeCutError

if TYPE_CHECKING:
    from .end_told import EndTold
    from .pipe_interface import Pipe, Uploads
    from .poller import Poll, Poller, PollResult
    from .websocket.websocket_poller import WebSocketPoller

UPGRADE_REFUSED = (NoSlotError, NoWebSocketError, OddUpgradeError, UpgradeCutError)
"""What makes `AutoTransport` ask over HTTP."""

_HTTP_TURN = 0.05
_WEBSOCKET_TURN = 0.001  # not 0: an expired deadline would read nothing


class AutoTransport:
    """Calls over WebSocket, and over HTTP when the upgrade is refused.

    For how long HTTP is used then is decided by `Fallback`. A call that HTTP cannot carry tries WebSocket in any case,
    and whatever has a WebSocket connection goes on using it.

    Args:
        websocket: the preferred transport.
        http: the fallback.
    """

    prefers_websocket = True

    def __init__(self, websocket: WebSocketTransport, http: HttpTransport) -> None:
        self._websocket = websocket
        self._http = http
        self.fallback = Fallback()

    @property
    def http_only(self) -> bool:
        """Whether WebSocket is not tried at the moment."""
        return self.fallback.active

    def call(self, operation: Operation, deadline: Deadline) -> Any:
        """As `rocketride_sync.transports.Transport.call`."""
        return self.call_with_fallback(self._websocket, operation, deadline)

    def call_with_fallback(self, websocket: Any, operation: Operation, deadline: Deadline) -> Any:
        """Call through `websocket`, a transport or a watch; over HTTP if the server refuses the upgrade."""
        if operation.over_http and not self._tries(websocket):
            return self._http.call(operation, deadline)
        try:
            document = websocket.call(operation, deadline)
        except UPGRADE_REFUSED as error:
            # A fault that may pass must not be reported as something that the transport cannot do.
            if error.request_sent or not (operation.over_http or isinstance(error, NoWebSocketError)):
                raise
            if deadline.expired:
                raise
            refusal = error
        else:
            self.fallback.reset()
            return document
        if not operation.over_http:
            raise _unsupported(operation, refusal)
        document = self._http.call(operation, deadline)
        self.fallback.http_succeeded(refusal)
        return document

    def _tries(self, websocket: Any) -> bool:
        """Whether to use `websocket`: a transport, a watch or a poller."""
        return websocket.is_open or not self.fallback.active

    uploads_at_once = HttpTransport.uploads_at_once

    def pipe(self, operation: Operation, deadline: Deadline) -> Pipe:
        """As `rocketride_sync.transports.PipingTransport.pipe`."""
        if operation.over_http and not self._tries(self._websocket):
            return self._http.pipe(operation, deadline)
        try:
            pipe = self._websocket.pipe(operation, deadline)
        except UPGRADE_REFUSED as error:
            if error.request_sent or not (operation.over_http or isinstance(error, NoWebSocketError)):
                raise
            refusal = error
        else:
            self.fallback.reset()
            return pipe
        if not operation.over_http:
            raise _unsupported(operation, refusal)
        log.info("%s; the pipe will go over HTTP", refusal)
        return self._http.pipe(operation, deadline)

    def uploads(self, deadline: Deadline) -> Optional[Uploads]:
        """As `rocketride_sync.transports.PipingTransport.uploads`."""
        if not self._tries(self._websocket):
            return None
        try:
            uploads = self._websocket.uploads(deadline)
        except UPGRADE_REFUSED as error:
            log.info("%s; the files will go over HTTP", error)
            return None
        self.fallback.reset()
        return uploads

    def watch(self, operation: Operation) -> Watch:
        """As `rocketride_sync.transports.Transport.watch`. HTTP is loaded now: not in the middle of the wait."""
        self._http.load()
        return _AutoWatch(self, self._websocket.watch(operation))

    def watch_many(self, polls: Sequence[Poll]) -> Poller:
        """As `rocketride_sync.transports.poller.PollingTransport.watch_many`."""
        self._http.load()
        return _AutoPoller(self.fallback, self._websocket.watch_many(polls), self._http.watch_many(polls))

    @property
    def is_open(self) -> bool:
        """Whether there are connections to close."""
        return self._websocket.is_open or self._http.is_open

    def close(self) -> None:
        """As `rocketride_sync.transports.Transport.close`."""
        self.fallback.reset()
        self._websocket.close()
        self._http.close()


def _unsupported(operation: Operation, refusal: RocketRideError) -> UnsupportedOperationError:
    # Without the part after the semicolon: it advises to use HTTP.
    reason = str(refusal).partition(";")[0]
    return UnsupportedOperationError(f"{operation.unsupported_by_http} takes WebSocket, but {reason}")


def _end_told() -> Callable[[Watch], EndTold]:
    from .end_told import end_told

    return end_told


class _AutoWatch:
    """The watch of one wait. While there is no WebSocket connection, its pause is a sleep."""

    def __init__(self, transport: AutoTransport, watch: Watch) -> None:
        self._transport = transport
        self._watch = watch
        self.pause = watch.pause
        self.close = watch.close

    def call(self, operation: Operation, deadline: Deadline) -> Any:
        return self._transport.call_with_fallback(self._watch, operation, deadline)

    def end_told(self) -> EndTold:
        return load(_end_told)(self._watch)


class _AutoPoller:
    """Polls over WebSocket, and over HTTP while the upgrade is refused. Then it reads results from both in turn.

    After a refusal the upgrade is tried again when the WebSocket poller is ready to (`WebSocketPoller.ready`), unless
    `Fallback` says that there is no WebSocket.
    """

    def __init__(self, fallback: Fallback, websocket: WebSocketPoller, http: Poller) -> None:
        self._fallback = fallback
        self._websocket = websocket
        self._http = http
        self._over_http: Set[Poll] = set()
        self._upgrade_refused = False  # at the latest attempt
        # Of the latest attempt, until HTTP has succeeded in its place. Several polls may be refused by one attempt.
        self._refusal: Optional[RocketRideError] = None
        self._websocket_read_at = -math.inf

    @property
    def has_results(self) -> bool:
        return self._websocket.has_results or self._http.has_results

    def submit(self, poll: Poll) -> None:
        websocket = self._websocket
        refused = self._fallback.active or (self._upgrade_refused and not websocket.ready)
        if websocket.is_open or not refused:
            websocket.submit(poll)
        else:
            self._submit_over_http(poll)

    def next(self, deadline: Deadline) -> Optional[PollResult]:
        if self._is_websocket_turn():
            result = self._websocket.next(Deadline(_WEBSOCKET_TURN) if self._over_http else deadline)
            self._websocket_read_at = system_time.monotonic()
            if result is not None:
                return self._take_websocket_result(*result)
        result = None
        if self._over_http:
            alone = self._fallback.active and not self._websocket.is_open
            result = self._http.next(deadline if alone else deadline.within(_HTTP_TURN))
            if result is not None:
                self._take_http_result(*result)
        return result

    def _is_websocket_turn(self) -> bool:
        """Whether to read from WebSocket now: not for each result over HTTP, of which many would come late then."""
        if not self._over_http or self._websocket.has_results:
            return True
        return system_time.monotonic() - self._websocket_read_at >= _HTTP_TURN

    def _take_websocket_result(self, poll: Poll, answer: Any) -> Optional[PollResult]:
        """The result to hand out; None if the upgrade was refused and the poll now goes over HTTP."""
        if isinstance(answer, UPGRADE_REFUSED):
            self._upgrade_refused = True
            self._refusal = answer
            self._submit_over_http(poll)
            return None
        if isinstance(answer, dict):  # a status: neither an error nor a wake-up
            self._upgrade_refused = False
            self._refusal = None
            self._fallback.reset()
        return poll, answer

    def _take_http_result(self, poll: Poll, answer: Any) -> None:
        self._over_http.discard(poll)
        if self._refusal is not None and not isinstance(answer, RocketRideError):
            self._fallback.http_succeeded(self._refusal)
            self._refusal = None

    def _submit_over_http(self, poll: Poll) -> None:
        self._over_http.add(poll)
        self._http.submit(poll)

    def take_queued(self) -> Tuple[List[Any], Optional[RocketRideError]]:
        queued, fault = self._websocket.take_queued()
        over_http, http_fault = self._http.take_queued()
        self._over_http.difference_update(over_http)
        return [*queued, *over_http], fault or http_fault

    def remove(self, poll: Poll) -> None:
        self._websocket.remove(poll)

    def end_told(self, poll: Poll) -> EndTold:
        return self._websocket.end_told(poll)

    def close(self) -> None:
        self._websocket.close()
        self._http.close()
