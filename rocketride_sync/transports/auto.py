"""A transport that uses WebSocket where the server accepts it, and HTTP where it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Optional, Sequence, Type, TypeVar

from ..deadline import Deadline
from ..errors import RocketRideError, UnsupportedOperationError
from ..handler_exceptions import pass_on
from ..loading import load
from ..logs import log
from ..protocol.operations import Operation
from .base import Watch
from .fallback import Fallback
from .http import HttpTransport
from .websocket.transport import WebSocketTransport
from .websocket.upgrade import NO_WEBSOCKET, UPGRADE_REFUSED, NoSlotError, UpgradeCutError

if TYPE_CHECKING:
    from .auto_poller import AutoPoller
    from .end_told import EndTold
    from .pipe_interface import Pipe, Uploads
    from .poller import Poll
    from .websocket.watch import WebSocketWatch

T = TypeVar("T")


class AutoTransport:
    """Calls over WebSocket, and over HTTP when the upgrade is refused, or nothing passes after it: `UPGRADE_REFUSED`.

    For how long HTTP is used then is decided by `Fallback`. A call that HTTP cannot carry tries WebSocket in any case,
    and whatever has a WebSocket connection goes on using it.

    Args:
        websocket: the preferred transport.
        http: the fallback.
    """

    prefers_websocket = True
    UPGRADE_SHARE = 0.5
    """Of the time that a call has left, the most that the upgrade may take, so that HTTP can take its place; likewise
    the answer to the key after it, unless HTTP cannot take the place of the call. They are the first two of three round
    trips over WebSocket: if one takes longer than half of what is left, those after it would hardly be made in time.
    """
    TIME_TO_LOAD = 5.0
    """Seconds that a wait must have left to load HTTP before its first poll, which takes a tenth of a second, and more
    than one on a busy machine. A shorter one loads it if WebSocket is refused: it hardly lives to see that its modules
    are replaced.
    """

    def __init__(self, websocket: WebSocketTransport, http: HttpTransport) -> None:
        self._websocket = websocket
        self._http = http
        self.fallback = Fallback()
        self._address_checked = False

    @property
    def http_only(self) -> bool:
        """Whether WebSocket is not tried at the moment."""
        return self.fallback.active

    def call(self, operation: Operation, deadline: Deadline) -> Any:
        """As `rocketride_sync.transports.Transport.call`."""
        return self.call_with_fallback(self._websocket, operation, deadline)

    def call_with_fallback(
        self,
        websocket: Any,
        operation: Operation,
        deadline: Deadline,
        learn: Optional[Callable[[Any], None]] = None,
    ) -> Any:
        """Call through `websocket`, a transport or a watch; over HTTP if the server refuses the upgrade.

        `learn` is told what HTTP has answered.
        """

        def over_http(refusal: Optional[RocketRideError]) -> Any:
            document = self.fallback.in_place_of(refusal, self._http.call, operation, deadline)
            if learn is not None:
                learn(document)
            return document

        return self._with_fallback(websocket, websocket.call, over_http, operation, deadline)

    def _with_fallback(
        self,
        websocket: Any,
        over_websocket: Callable[[Operation, Deadline], T],
        over_http: Callable[[Optional[RocketRideError]], T],
        operation: Operation,
        deadline: Deadline,
    ) -> T:
        """What `over_websocket` returns; if WebSocket is refused, or not worth a try, `over_http`, called with the refusal."""
        refusal: Optional[RocketRideError] = None
        if not operation.over_http or self._tries(websocket):
            try:
                found = over_websocket(operation, deadline)
            except UPGRADE_REFUSED as error:
                pass_on(error)
                refusal = error
            else:
                self.fallback.reset()
                return found
            self._check_replaceable(operation, refusal, deadline)
        return over_http(refusal or self.fallback.just_told)

    def _check_replaceable(self, operation: Operation, refusal: RocketRideError, deadline: Deadline) -> None:
        """Return if HTTP can carry `operation`, whose upgrade was refused.

        Raises:
            UnsupportedOperationError: there is no WebSocket, and nothing else can carry it.
            RocketRideError: `refusal`. A fault that may pass is not reported as something that the transport cannot do.
                In place of one that leaves it open whether the address is right, what is wrong with that.
        """
        if refusal.request_sent or (operation.over_http and deadline.expired):
            raise refusal
        if operation.over_http:
            return
        # Without the part after the semicolon: it advises to use HTTP.
        reason = str(refusal).partition(";")[0]
        text = f"{operation.unsupported_by_http} takes WebSocket, but {reason}"
        if isinstance(refusal, UpgradeCutError):
            fault: RocketRideError = type(refusal)(f"{text}. Perhaps a proxy does not let WebSocket pass")
        elif isinstance(refusal, NO_WEBSOCKET):
            fault = UnsupportedOperationError(text + operation.advice_for_http)
        else:
            raise self._fault_of_address(operation, refusal, deadline) or refusal
        fault._is_for_want_of_websocket = True
        self.fallback.told(refusal)
        raise fault

    def _fault_of_address(
        self, operation: Operation, refusal: RocketRideError, deadline: Deadline
    ) -> Optional[RocketRideError]:
        """What is wrong with the address; None if nothing is, or it is not known, or `refusal` has told.

        Asked until HTTP finds nothing wrong, so once as a rule: a server without slots is not asked each time.
        """
        if self._address_checked or not isinstance(refusal, NoSlotError):
            return None
        fault = load(_presence)(operation.name, self._http, deadline)
        self._address_checked = fault is None
        return fault

    def _tries(self, websocket: Any) -> bool:
        """Whether to use `websocket`: a transport or a watch."""
        return websocket.is_open or self.fallback.tries_websocket

    uploads_at_once = HttpTransport.uploads_at_once

    def pipe(self, operation: Operation, deadline: Deadline) -> Pipe:
        """As `rocketride_sync.transports.PipingTransport.pipe`."""

        def over_http(refusal: Optional[RocketRideError]) -> Pipe:
            if refusal is not None:
                log.info("%s; the pipe will go over HTTP", refusal)
            return _PipeOverHttp(self._http.pipe(operation, deadline), self.fallback, refusal)

        return self._with_fallback(self._websocket, self._websocket.pipe, over_http, operation, deadline)

    def uploads(self, deadline: Deadline) -> Optional[Uploads]:
        """As `rocketride_sync.transports.PipingTransport.uploads`."""
        if not self._tries(self._websocket):
            return self._http.uploads(deadline)
        try:
            uploads = self._websocket.uploads(deadline)
        except UPGRADE_REFUSED as error:
            pass_on(error)
            log.info("%s; the files will go over HTTP", error)
            self.fallback.told(error)
            return self._http.uploads(deadline)
        self.fallback.reset()
        return uploads

    def load_ahead(self, deadline: Deadline) -> None:
        """Load HTTP, so that it is not in the middle of the wait, if there is time for that. Raises TransportError."""
        if deadline.remaining() >= self.TIME_TO_LOAD:
            self._http.load()

    def watch(self, operation: Operation) -> Watch:
        """As `rocketride_sync.transports.Transport.watch`."""
        return _AutoWatch(self, self._websocket.watch(operation))

    def watch_many(self, polls: Sequence[Poll]) -> AutoPoller:
        """As `rocketride_sync.transports.poller.PollingTransport.watch_many`."""
        AutoPoller = load(_polling)  # noqa: N806
        for poll in polls[:1]:  # all have about the same
            self.load_ahead(poll.until)
        websocket = self._websocket.watch_many(polls)
        return AutoPoller(self.fallback, websocket, self._http.make_poller(), self._http.load)

    @property
    def is_open(self) -> bool:
        """Whether there are connections to close."""
        return self._websocket.is_open or self._http.is_open

    def close(self) -> None:
        """As `rocketride_sync.transports.Transport.close`."""
        self.fallback.reset()
        self._websocket.close()
        self._http.close()


class _AutoWatch:
    """The watch of one wait. While there is no WebSocket connection, its pause is a sleep."""

    def __init__(self, transport: AutoTransport, watch: WebSocketWatch) -> None:
        self._transport = transport
        self._watch = watch
        self.pause = watch.pause
        self.close = watch.close

    def call(self, operation: Operation, deadline: Deadline) -> Any:
        return self._transport.call_with_fallback(
            self._watch, operation, deadline, self._watch.shown_elsewhere
        )

    def end_told(self) -> EndTold:
        return load(_end_told)(self._watch)


class _PipeOverHttp:
    """A pipe over HTTP.

    Args:
        pipe: the pipe.
        fallback: is told once HTTP has carried the object.
        refusal: of WebSocket, in whose place it is; None if that was not tried.
    """

    def __init__(self, pipe: Pipe, fallback: Fallback, refusal: Optional[RocketRideError]) -> None:
        self._pipe = pipe
        self._fallback = fallback
        self._refusal = refusal
        self.write = pipe.write
        self.abandon = pipe.abandon

    def close(self, deadline: Deadline) -> Any:
        return self._fallback.in_place_of(self._refusal, self._pipe.close, deadline)


# What is loaded when it is first needed.


def _polling() -> Type[AutoPoller]:
    from .auto_poller import AutoPoller

    return AutoPoller


def _presence() -> Callable[[str, HttpTransport, Deadline], Optional[RocketRideError]]:
    from .presence import fault_of_address

    return fault_of_address


def _end_told() -> Callable[[Watch], EndTold]:
    from .end_told import end_told

    return end_told
