"""Requests' adapter, on connections that keep a total deadline."""

from __future__ import annotations

import contextlib
import queue
import time
import weakref
from collections import deque
from typing import Any, Deque, MutableMapping, Optional

import requests
from requests.adapters import HTTPAdapter
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from ...logs import log
from .sockets import Connection, TlsConnection, current

# A server or a proxy in between may have dropped an idle connection without a word, and a request
# on such a one would use up its whole timeout.
_LONGEST_IDLE = 30.0
_CONNECTIONS_KEPT = 32


class _Stack:
    """What a pool asks of `queue.LifoQueue`, without a lock: Ctrl-C at a bad moment would leave it locked for ever.

    In place of a connection that broke there is None: the next one is made anew.
    """

    def __init__(self) -> None:
        self.queue: Deque[Any] = deque()
        self._closed = False

    def get(self, block: bool = False, timeout: Optional[float] = None) -> Any:  # noqa: ARG002 - never blocks
        try:
            return self.queue.pop()
        except IndexError:
            pass
        raise queue.Empty

    def put(self, item: Any, block: bool = False) -> None:  # noqa: ARG002 - never blocks
        if len(self.queue) >= _CONNECTIONS_KEPT:
            raise queue.Full
        self.queue.append(item)
        if self._closed:
            self._empty()

    def close(self) -> None:
        """Close what there is, and whatever is put here from now on."""
        self._closed = True
        self._empty()

    def _empty(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                connection = self.get()
                if connection is not None:
                    connection.close()

    def qsize(self) -> int:
        return len(self.queue)


class _KeepsFresh(HTTPConnectionPool):
    """A pool that does not hand out connections which are likely dead."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Set afterwards: those in a stack of its own urllib3 closes before a client can tell that nobody did.
        self.pool: Any = _Stack()

    def _get_conn(self, timeout: Optional[float] = None) -> Any:
        connection: Any = super()._get_conn(timeout)
        if time.monotonic() - connection.parked_at > _LONGEST_IDLE:
            connection.close()
        current.exchange.reused = connection.sock is not None
        if current.exchange.reused:
            log.debug("a kept HTTP connection is used again")
        return connection

    def _put_conn(self, connection: Any) -> None:
        if connection is not None:
            connection.parked_at = time.monotonic()
        super()._put_conn(connection)

    def close(self) -> None:
        """Keep no connection any more. Threads that are about to ask have theirs made anew, for this one time."""
        self.pool.close()


class _Pool(_KeepsFresh, HTTPConnectionPool):
    ConnectionCls = Connection


class _TlsPool(_KeepsFresh, HTTPSConnectionPool):
    ConnectionCls = TlsConnection

    def _validate_conn(self, conn: Any) -> None:
        # Without urllib3's warning at each request when verify=False: the client has warned, once.
        if conn.sock is None:
            conn.connect()


class DeadlineAdapter(HTTPAdapter):
    """requests' adapter with connections that keep the deadline of the thread's `Exchange`.

    It is for one server, always with the same TLS and proxy options.
    """

    def __init__(self) -> None:
        self._pool: Any = None
        self._targets: MutableMapping[Any, str] = weakref.WeakKeyDictionary()
        super().__init__(pool_connections=1, pool_maxsize=_CONNECTIONS_KEPT)

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """The pool, looked up once: each time would be a tenth of a call's work."""
        if self._pool is None:
            self._pool = super().get_connection_with_tls_context(*args, **kwargs)
        return self._pool

    def get_connection(self, *args: Any, **kwargs: Any) -> Any:
        """The same for requests before 2.32."""
        if self._pool is None:
            self._pool = super().get_connection(*args, **kwargs)
        return self._pool

    def request_url(self, request: Any, proxies: Any) -> str:
        """What the request line asks for, worked out once for each prepared request."""
        target = self._targets.get(request)
        if target is None:
            target = self._targets[request] = super().request_url(request, proxies)
        return target

    def build_response(self, req: Any, resp: Any) -> requests.Response:
        """Without cookies and the guessed encoding, which are a tenth of a call and read by nobody here."""
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
        super().close()
        if self._pool is not None:
            self._pool.close()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):
            # SOCKS has connections of its own kind: there the deadline holds for each read only.
            manager.pool_classes_by_scheme = _POOLS
        return manager


_POOLS = {"http": _Pool, "https": _TlsPool}
