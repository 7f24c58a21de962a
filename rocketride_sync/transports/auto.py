"""WebSocket where it works, HTTP where it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Optional, Sequence

from ..deadline import Deadline
from ..errors import RocketRideError, TransientError, UnsupportedOperationError
from ..logs import log
from ..protocol.operations import Operation
from .base import Watch
from .http import HttpTransport
from .pipe_interface import Pipe, Uploads
from .websocket.transport import WebSocketTransport
from .websocket.upgrade import NoSlotError, NoWebSocketError, UpgradeCutError

if TYPE_CHECKING:
    from .poller import Poll, Poller, PollResult
    from .websocket.websocket_poller import WebSocketPoller

_REFUSED = (NoSlotError, NoWebSocketError, UpgradeCutError)

_TURN = 0.05  # seconds for which HTTP is listened to, where WebSocket has its turn too
_GLANCE = 0.001  # the same for WebSocket: in no time at all nothing would be read


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
        self.http_only = False

    def call(self, operation: Operation, deadline: Deadline) -> Any:
        """As `rocketride_sync.transports.Transport.call`."""
        return self.ask(self._websocket, operation, deadline)

    def ask(self, websocket: Any, operation: Operation, deadline: Deadline) -> Any:
        """Ask through `websocket`, a transport or a watch, and through HTTP if no connection can be had for it."""
        if self.http_only:
            return self._http.call(operation, deadline)
        try:
            return websocket.call(operation, deadline)
        except _REFUSED as error:
            # A fault that may pass must not look like a transport that cannot.
            if error.request_sent or not (operation.over_http or isinstance(error, NoWebSocketError)):
                raise
            refusal = error
        if not operation.over_http:
            # Without the advice to use HTTP, which follows the reason.
            raise UnsupportedOperationError(
                f"{operation.beyond_http} takes WebSocket, but {str(refusal).partition(';')[0]}"
            )
        document = self._http.call(operation, deadline)
        self.fell_back(refusal)
        return document

    uploads_at_once = HttpTransport.uploads_at_once

    def pipe(self, operation: Operation, deadline: Deadline) -> Pipe:
        """As `rocketride_sync.transports.PipingTransport.pipe`."""
        if not self.http_only:
            try:
                return self._websocket.pipe(operation, deadline)
            except _REFUSED as error:
                if error.request_sent or operation.http_lacks:
                    raise
                log.info("%s; the pipe will go over HTTP", error)
        return self._http.pipe(operation, deadline)

    def uploads(self, deadline: Deadline) -> Optional[Uploads]:
        """As `rocketride_sync.transports.PipingTransport.uploads`."""
        if not self.http_only:
            try:
                return self._websocket.uploads(deadline)
            except _REFUSED as error:
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

    def fell_back(self, error: RocketRideError) -> None:
        """HTTP gave an answer where WebSocket was refused with `error`."""
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
    """The watch of one wait; its pause is a sleep while there is no WebSocket."""

    def __init__(self, transport: AutoTransport, watch: Watch) -> None:
        self._transport = transport
        self._watch = watch
        self.pause = watch.pause
        self.close = watch.close

    def call(self, operation: Operation, deadline: Deadline) -> Any:
        return self._transport.ask(self._watch, operation, deadline)


class _AutoPoller:
    """Polls over WebSocket, and over HTTP while no connection can be had: then both are listened to in turn.

    When the next connection may be tried is for the looks over WebSocket to say.
    """

    def __init__(self, transport: AutoTransport, websocket: WebSocketPoller, http: Poller) -> None:
        self._transport = transport
        self._websocket = websocket
        self._http = http
        # The polls that HTTP is asked for, with how WebSocket refused them just now, if it did.
        self._over_http: Dict[Poll, Optional[RocketRideError]] = {}
        self._refused = False  # the latest time that WebSocket was tried
        self._for_good = False

    @property
    def has_results(self) -> bool:
        return self._websocket.has_results or self._http.has_results

    def submit(self, poll: Poll) -> None:
        if not self._refused or (self._websocket.ready and not self._for_good):
            self._websocket.submit(poll)
        else:
            self._ask_http(poll, None)

    def next(self, deadline: Deadline) -> Optional[PollResult]:
        results = self._websocket.next(Deadline(_GLANCE) if self._over_http else deadline)
        if results is not None:
            return self._heard(*results)
        if self._over_http:
            results = self._http.next(deadline if self._for_good else deadline.within(_TURN))
            if results is not None:
                self._answered(*results)
        return results

    def _heard(self, poll: Poll, answer: Any) -> Optional[PollResult]:
        """What came over WebSocket, unless it is that a poll must go over HTTP."""
        if isinstance(answer, _REFUSED):
            self._refused = True
            self._for_good = not isinstance(answer, NoSlotError)
            self._ask_http(poll, answer)
            return None
        if isinstance(answer, dict):  # no error, and no wake_up
            self._refused = False
        return poll, answer

    def _answered(self, poll: Poll, answer: Any) -> None:
        """HTTP has answered."""
        refusal = self._over_http.pop(poll)
        if isinstance(answer, TransientError):
            self._for_good = self._transport.http_only  # else the server may have been on its way down
        elif refusal is not None and not isinstance(answer, RocketRideError):
            self._transport.fell_back(refusal)

    def _ask_http(self, poll: Poll, refusal: Optional[RocketRideError]) -> None:
        self._over_http[poll] = refusal
        self._http.submit(poll)

    def remove(self, poll: Poll) -> None:
        self._websocket.remove(poll)

    def close(self) -> None:
        self._websocket.close()
        self._http.close()
