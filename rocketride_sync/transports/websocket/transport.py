"""The transport itself: calls over pooled connections. What a single status does not need is loaded on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Optional, Sequence, Tuple, Type

from ..._version import __version__
from ...config import Settings
from ...deadline import Deadline, system_time
from ...errors import RocketRideError
from ...loading import load
from ...logs import log
from ...protocol.operations import Operation
from ..caller import check_task, with_key
from .pool import Pool

if TYPE_CHECKING:
    from ..dialing import Dialer
    from ..poller import Poll
    from .connection import Connection
    from .watch import WebSocketWatch
    from .websocket_pipe import WebSocketPipe
    from .websocket_poller import WebSocketPoller
    from .websocket_uploads import SingleJob, WebSocketUploads

DEAD_AFTER = 45.0


class WebSocketTransport:
    """Carries operations over WebSocket. What a connection needs is loaded with the first.

    Args:
        settings: address, credential, timeouts, TLS, proxies, size limit.
        dead_after: seconds after which a server counts as gone, if it sends nothing while we read (it should ping
            every 15 s), or accepts nothing while we send. Default 45.
        dialer: makes the connections; by default one that is made with the first.
        upgrade_share: as `share` of `Connection`.
    """

    prefers_websocket = True

    def __init__(
        self,
        settings: Settings,
        *,
        dead_after: float = DEAD_AFTER,
        dialer: Optional[Dialer] = None,
        upgrade_share: Optional[float] = None,
    ) -> None:
        self._settings = settings
        self._dead_after = dead_after
        self._dialer = dialer
        self._upgrade_share = upgrade_share
        self._accepted_key: Optional[str] = None
        self.pool = Pool(self.connect)

    def call(self, operation: Operation, deadline: Deadline) -> Any:
        """As `rocketride_sync.transports.Transport.call`."""
        # Before there is a connection: of a key that opens nothing, the server would say something else. Another key may be
        # used in the end, so the connection looks again.
        check_task(operation, self._settings.key)
        if operation.data is not None:
            return self._send(operation, deadline)
        if not operation.repeatable:
            operation.sent = False
            load(_frames)  # the answer must not be lost for want of a module

        def ask(connection: Connection) -> Any:
            try:
                return connection.ask(operation, deadline)
            finally:
                if operation.changes_connection:
                    connection.close()
                else:
                    self.pool.give_back(connection)

        return self.pool.attempt(
            ask, deadline, repeatable=operation.repeatable, replaceable=operation.replaceable
        )

    def pipe(self, operation: Operation, deadline: Deadline) -> WebSocketPipe:
        """As `rocketride_sync.transports.PipingTransport.pipe`."""
        check_task(operation, self._settings.key)
        WebSocketPipe = load(_piping)  # noqa: N806
        return WebSocketPipe(self.pool, operation, deadline)

    def uploads(self, deadline: Deadline, *, replaceable: bool = True) -> WebSocketUploads:
        """As `rocketride_sync.transports.PipingTransport.uploads`. `replaceable`: as for `Pool.connect`."""
        WebSocketUploads, _ = load(_uploading)  # noqa: N806
        return WebSocketUploads(self.pool, deadline, replaceable=replaceable)

    def _send(self, operation: Operation, deadline: Deadline) -> Any:
        """Send one object, and return its result."""
        _, SingleJob = load(_uploading)  # noqa: N806
        uploads = self.uploads(deadline, replaceable=operation.replaceable)
        ((_, outcome),) = uploads.run(iter([SingleJob(operation, deadline)]), 1)
        if isinstance(outcome, RocketRideError):
            raise outcome
        return outcome

    def watch(self, operation: Operation) -> WebSocketWatch:
        """As `rocketride_sync.transports.Transport.watch`."""
        WebSocketWatch = load(_watching)  # noqa: N806
        return WebSocketWatch(self.pool, operation, self._settings.key)

    def watch_many(self, polls: Sequence[Poll]) -> WebSocketPoller:
        """As `rocketride_sync.transports.poller.PollingTransport.watch_many`."""
        WebSocketPoller = load(_polling)  # noqa: N806
        return WebSocketPoller(self.pool, self._settings.retry, len(polls), self._settings.key)

    @property
    def is_open(self) -> bool:
        """Whether there are connections to close."""
        return self.pool.is_open

    def close(self) -> None:
        """As `rocketride_sync.transports.Transport.close`."""
        self.pool.close()

    def connect(
        self, deadline: Deadline, replaceable: bool = True, on_upgrade: Callable[[], object] = lambda: None
    ) -> Connection:
        """A new connection, outside of the pool. Its arguments and errors are those of `Connection`."""
        return with_key(
            self._settings, lambda key: self._connect_with(key, deadline, replaceable, on_upgrade)
        )

    def _connect_with(
        self, key: str, deadline: Deadline, replaceable: bool, on_upgrade: Callable[[], object]
    ) -> Connection:
        Connection, Dialer = load(_connecting)  # noqa: N806

        began = system_time.perf_counter()
        settings = self._settings
        if self._dialer is None:
            self._dialer = Dialer(settings)
        connect_deadline = deadline.within(settings.connect_timeout)
        sock = self._dialer.dial(connect_deadline)
        connection = Connection(
            sock,
            settings.address,
            key,
            client_name="rocketride-sync",
            client_version=__version__,
            headers=settings.headers,
            limit_of=settings.limit_of,
            dead_after=self._dead_after,
            connect_deadline=connect_deadline,
            deadline=deadline,
            share=self._upgrade_share,
            replaceable=replaceable,
            on_upgrade=on_upgrade,
            accepted_before=key == self._accepted_key,
        )
        self._accepted_key = key
        took_ms = (system_time.perf_counter() - began) * 1000
        log.debug("connected to %s over WebSocket in %.1f ms", settings.address, took_ms)
        return connection


# What is loaded when it is first needed.


def _connecting() -> Tuple[Type[Connection], Type[Dialer]]:
    from ..dialing import Dialer
    from .connection import Connection

    return Connection, Dialer


def _frames() -> object:
    from .framing import frame_reader

    return frame_reader()


def _watching() -> Type[WebSocketWatch]:
    _frames()
    from .watch import WebSocketWatch

    return WebSocketWatch


def _polling() -> Type[WebSocketPoller]:
    _frames()
    from .websocket_poller import WebSocketPoller

    return WebSocketPoller


def _piping() -> Type[WebSocketPipe]:
    _frames()
    from .websocket_pipe import WebSocketPipe

    return WebSocketPipe


def _uploading() -> Tuple[Type[WebSocketUploads], Type[SingleJob]]:
    _frames()
    from .websocket_uploads import SingleJob, WebSocketUploads

    return WebSocketUploads, SingleJob
