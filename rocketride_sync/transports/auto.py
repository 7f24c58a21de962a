"""A transport that uses WebSocket where the server accepts it, and HTTP where it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Optional, Sequence

from ..deadline import Deadline
from ..errors import RocketRideError, TransientError, UnsupportedOperationError
from ..logs import log
from ..protocol.operations import Operation
from .base import Watch
from .end_told import EndTold, end_told
from .http import HttpTransport
from .pipe_interface import Pipe, Uploads
from .websocket.transport import WebSocketTransport
from .websocket.upgrade import NoSlotError, NoWebSocketError, UpgradeCutError

if TYPE_CHECKING:
    from .poller import Poll, Poller, PollResult
    from .websocket.websocket_poller import WebSocketPoller

_UPGRADE_REFUSED = (NoSlotError, NoWebSocketError, UpgradeCutError)

# While polls are in flight over HTTP, results are read from both transports in turn, each for so many seconds.
_HTTP_TURN = 0.05
_WEBSOCKET_TURN = 0.001  # not 0: an expired deadline would read nothing


class AutoTransport:
    """Calls over WebSocket, and over HTTP when the upgrade is refused.

    If the upgrade is refused for good, or cut by a proxy, it is not tried again once a call over HTTP has succeeded.
    If it is refused because the server has no free connection slot, the next call tries it again.

    Args:
        websocket: the preferred transport.
        http: the fallback.
    """

    def __init__(self, websocket: WebSocketTransport, http: HttpTransport) -> None:
        self._websocket = websocket
        self._http = http
        self.http_only = False

    def call(self, operation: Operation, deadline: Deadline) -> Any:
        """As `rocketride_sync.transports.Transport.call`."""
        return self.call_with_fallback(self._websocket, operation, deadline)

    def call_with_fallback(self, websocket: Any, operation: Operation, deadline: Deadline) -> Any:
        """Call through `websocket`, a transport or a watch; over HTTP if the server refuses the upgrade."""
        if self.http_only:
            return self._http.call(operation, deadline)
        try:
            return websocket.call(operation, deadline)
        except _UPGRADE_REFUSED as error:
            # A fault that may pass must not be reported as something that the transport cannot do.
            if error.request_sent or not (operation.over_http or isinstance(error, NoWebSocketError)):
                raise
            refusal = error
        if not operation.over_http:
            # Without the part after the semicolon: it advises to use HTTP.
            raise UnsupportedOperationError(
                f"{operation.unsupported_by_http} takes WebSocket, but {str(refusal).partition(';')[0]}"
            )
        document = self._http.call(operation, deadline)
        self.note_fallback(refusal)
        return document

    uploads_at_once = HttpTransport.uploads_at_once

    def pipe(self, operation: Operation, deadline: Deadline) -> Pipe:
        """As `rocketride_sync.transports.PipingTransport.pipe`."""
        if not self.http_only:
            try:
                return self._websocket.pipe(operation, deadline)
            except _UPGRADE_REFUSED as error:
                if error.request_sent or operation.http_lacks:
                    raise
                log.info("%s; the pipe will go over HTTP", error)
        return self._http.pipe(operation, deadline)

    def uploads(self, deadline: Deadline) -> Optional[Uploads]:
        """As `rocketride_sync.transports.PipingTransport.uploads`."""
        if not self.http_only:
            try:
                return self._websocket.uploads(deadline)
            except _UPGRADE_REFUSED as error:
                log.info("%s; the files will go over HTTP", error)
        return None

    def watch(self, operation: Operation) -> Watch:
        """As `rocketride_sync.transports.Transport.watch`."""
        return (
            self._http.watch(operation)
            if self.http_only
            else _AutoWatch(self, self._websocket.watch(operation))
        )

    def watch_many(self, polls: Sequence[Poll]) -> Poller:
        """As `rocketride_sync.transports.poller.PollingTransport.watch_many`."""
        http = self._http.watch_many(polls)
        return http if self.http_only else _AutoPoller(self, self._websocket.watch_many(polls), http)

    def note_fallback(self, error: RocketRideError) -> None:
        """Note that HTTP succeeded where WebSocket was refused with `error`: the refusal may hold from now on."""
        if isinstance(error, NoSlotError):
            log.debug("%s; using HTTP this time", error)
        elif not self.http_only:
            self.http_only = True
            log.info("%s; using HTTP from now on", error)

    @property
    def is_open(self) -> bool:
        """Whether there are connections to close."""
        return self._websocket.is_open or self._http.is_open

    def close(self) -> None:
        """As `rocketride_sync.transports.Transport.close`."""
        self._websocket.close()
        self._http.close()


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
        return end_told(self._watch)


class _AutoPoller:
    """Polls over WebSocket, and over HTTP while the upgrade is refused. Then it reads results from both in turn.

    When the upgrade may be tried again is decided by the WebSocket poller (`WebSocketPoller.ready`).
    """

    def __init__(self, transport: AutoTransport, websocket: WebSocketPoller, http: Poller) -> None:
        self._transport = transport
        self._websocket = websocket
        self._http = http
        # The polls submitted over HTTP. The value is the refusal if this very poll was refused over WebSocket.
        self._over_http: Dict[Poll, Optional[RocketRideError]] = {}
        self._upgrade_refused = False  # at the latest attempt
        self._refused_for_good = False

    @property
    def has_results(self) -> bool:
        return self._websocket.has_results or self._http.has_results

    def submit(self, poll: Poll) -> None:
        if not self._upgrade_refused or (self._websocket.ready and not self._refused_for_good):
            self._websocket.submit(poll)
        else:
            self._submit_over_http(poll, None)

    def next(self, deadline: Deadline) -> Optional[PollResult]:
        results = self._websocket.next(Deadline(_WEBSOCKET_TURN) if self._over_http else deadline)
        if results is not None:
            return self._take_websocket_result(*results)
        if self._over_http:
            results = self._http.next(deadline if self._refused_for_good else deadline.within(_HTTP_TURN))
            if results is not None:
                self._take_http_result(*results)
        return results

    def _take_websocket_result(self, poll: Poll, answer: Any) -> Optional[PollResult]:
        """The result to hand out; None if the upgrade was refused and the poll now goes over HTTP."""
        if isinstance(answer, _UPGRADE_REFUSED):
            self._upgrade_refused = True
            self._refused_for_good = not isinstance(answer, NoSlotError)
            self._submit_over_http(poll, answer)
            return None
        if isinstance(answer, dict):  # a status: neither an error nor a wake-up
            self._upgrade_refused = False
        return poll, answer

    def _take_http_result(self, poll: Poll, answer: Any) -> None:
        """Learn from a result of HTTP whether WebSocket is worth another attempt."""
        refusal = self._over_http.pop(poll)
        if isinstance(answer, TransientError):
            # HTTP fails too: perhaps the server was shutting down when it refused the upgrade.
            self._refused_for_good = self._transport.http_only
        elif refusal is not None and not isinstance(answer, RocketRideError):
            self._transport.note_fallback(refusal)

    def _submit_over_http(self, poll: Poll, refusal: Optional[RocketRideError]) -> None:
        self._over_http[poll] = refusal
        self._http.submit(poll)

    def remove(self, poll: Poll) -> None:
        self._websocket.remove(poll)

    def end_told(self, poll: Poll) -> EndTold:
        return self._websocket.end_told(poll)

    def close(self) -> None:
        self._websocket.close()
        self._http.close()
