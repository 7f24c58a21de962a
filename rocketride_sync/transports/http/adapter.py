"""requests' adapter with connections that keep a total deadline."""

from __future__ import annotations

import contextlib
import queue
import socket
import weakref
from collections import deque
from typing import TYPE_CHECKING, Any, Deque, Dict, Optional

import requests
from requests.adapters import HTTPAdapter
from urllib3 import Timeout
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from ...deadline import SLICE, system_time
from ...logs import log
from ..tcp import may_keep, take_latest
from .exchange import current
from .sockets import Connection, TlsConnection

if TYPE_CHECKING:
    from ...address import Address
    from ..dialing import Dialer

# A server or a proxy may have dropped an idle connection silently, and a request over such a connection lasts until
# its timeout.
_LONGEST_IDLE = 30.0
_MAX_IDLE = 32
_MAX_TARGETS = 64

SLICES: Any = Timeout(connect=SLICE, read=SLICE)
"""The timeout of each request: the sockets keep the deadline, in slices, and urllib3 would set theirs to any other value."""


class _ConnectionStack:
    """Stands in for the `queue.LifoQueue` of a pool, without its lock, which Ctrl-C at a bad moment leaves locked.

    None takes the place of a connection that broke: urllib3 then makes a new one. Nothing blocks, whatever `options` say.
    """

    def __init__(self) -> None:
        self.queue: Deque[Any] = deque()
        self._closed = False

    def get(self, **options: Any) -> Any:  # noqa: ARG002
        connection = take_latest(self.queue)
        if connection is None:
            raise queue.Empty  # then, too, urllib3 makes a new one
        return connection

    def put(self, item: Any, **options: Any) -> None:  # noqa: ARG002
        if len(self.queue) >= _MAX_IDLE:
            raise queue.Full
        self.queue.append(item)
        if self._closed:
            self._close_all()

    def close(self) -> None:
        """Close the connections, and any that are put here later."""
        self._closed = True
        self._close_all()

    def _close_all(self) -> None:
        with contextlib.suppress(IndexError):
            while True:
                connection = self.queue.pop()
                if connection is not None:
                    connection.close()

    def qsize(self) -> int:
        return len(self.queue)


class _FreshConnections(HTTPConnectionPool):
    """A pool that closes connections that were idle for too long instead of handing them out open."""

    dialer: Optional[Dialer] = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.pool: Any = _ConnectionStack()
        # urllib3 closes the connections of its own queue when the pool is dropped. There are none, and a Ctrl-C would
        # be lost there.
        for reference in weakref.getweakrefs(self):
            if isinstance(reference.__callback__, weakref.finalize):
                reference.__callback__.detach()

    def _get_conn(self, timeout: Optional[float] = None) -> Any:
        connection: Any = super()._get_conn(timeout)
        idle_too_long = system_time.monotonic() - connection.parked_at > _LONGEST_IDLE
        if idle_too_long or connection.socket_class is not socket.socket:
            connection.close()
        connection.dialer = self.dialer
        current().reused = connection.sock is not None
        if current().reused:
            log.debug("a kept HTTP connection is used again")
        return connection

    def _put_conn(self, connection: Any) -> None:
        if connection is not None:
            if not current().ended_exactly:
                connection.close()  # else what follows could be taken for the answer to the next request
            connection.parked_at = system_time.monotonic()
            if not may_keep():
                connection.close()
                connection = None
        super()._put_conn(connection)

    def close(self) -> None:
        """Close the connections. Threads that use the pool meanwhile make new ones, which are closed after use."""
        self.pool.close()


class _Pool(_FreshConnections, HTTPConnectionPool):
    ConnectionCls = Connection


class _TlsPool(_FreshConnections, HTTPSConnectionPool):
    ConnectionCls = TlsConnection

    def _validate_conn(self, conn: Any) -> None:
        """Give no warning for each request with verify=False, as urllib3's does: the client has warned once.

        Nor connect, which `send` does.
        """


class DeadlineAdapter(HTTPAdapter):
    """requests' adapter with connections that keep the deadline of the thread's `Exchange`.

    Args:
        address: the one server that it is for.
        dialer: makes the connections; None if they go through a proxy that gets whole URLs, which is requests' matter.
    """

    def __init__(self, address: Address, dialer: Optional[Dialer]) -> None:
        self._pool: Any = None
        self._closed = False
        self._targets: Dict[str, str] = {}
        super().__init__()
        if dialer is not None:
            kind = _TlsPool if address.secure else _Pool
            self._pool = kind(address.host, address.port)
            self._pool.dialer = dialer

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """The pool, looked up once: a look-up for each call would be a tenth of its work."""
        if self._pool is None:
            self._keep(super().get_connection_with_tls_context(*args, **kwargs))
        return self._pool

    def get_connection(self, *args: Any, **kwargs: Any) -> Any:
        """The same for requests before 2.32."""
        if self._pool is None:
            self._keep(super().get_connection(*args, **kwargs))
        return self._pool

    def _keep(self, pool: Any) -> None:
        self._pool = pool
        if self._closed:  # by another thread
            pool.close()

    def request_url(self, request: Any, proxies: Any) -> str:
        """The target in the request line, computed once for each URL."""
        target = self._targets.get(request.url)
        if target is None:
            if len(self._targets) >= _MAX_TARGETS:
                self._targets.clear()
            target = self._targets[request.url] = super().request_url(request, proxies)
        return target

    def build_response(self, req: Any, resp: Any) -> requests.Response:
        """The response without cookies and guessed encoding, which take a tenth of a call and are not used here."""
        response = requests.Response()
        response.status_code = resp.status
        response.headers = resp.headers
        response.reason = resp.reason
        response.raw = resp
        response.url = req.url
        response.request = req
        return response

    @property
    def is_open(self) -> bool:
        """Whether a connection is kept."""
        return self._pool is not None and any(kept and kept.sock for kept in tuple(self._pool.pool.queue))

    def close(self) -> None:
        self._closed = True
        super().close()
        if self._pool is not None:
            self._pool.close()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager


_POOLS: Dict[str, Any] = {"http": _Pool, "https": _TlsPool}
