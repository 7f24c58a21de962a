"""urllib3 connections that keep a total deadline.

A socket's timeout bounds one read, so a server that sends a byte now and then can stretch a request for hours.
These connections set the timeout anew before each step (connect, TLS handshake, each send and read) to what
remains of the deadline of the exchange that the thread is in.
"""

from __future__ import annotations

import http.client
import io
import math
import socket
import threading
import time
import weakref
from typing import Any, MutableMapping, Optional, Sequence, Tuple

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from ..deadline import Deadline

# settimeout is a system call: a difference that nobody would notice is left alone.
_TOLERANCE = 0.02
# A server or a proxy in between may have dropped an idle connection without a word, and a request
# on such a one would use up its whole timeout.
_LONGEST_IDLE = 30.0
_CONNECTIONS_KEPT = 32


class Exchange:
    """One request and its answer, as seen by the sockets under them.

    Attributes:
        deadline: by when it must be over.
        connect_timeout: seconds that making a connection may take of it, None for all.
        connecting: whether it has begun to make a connection, and not finished.
        reused: whether it uses a connection kept from before.
        answered: whether a byte of an answer has come.
    """

    __slots__ = ("answered", "connect_timeout", "connecting", "deadline", "reused")

    def __init__(self, deadline: Deadline, connect_timeout: Optional[float]) -> None:
        self.deadline = deadline
        self.connect_timeout = connect_timeout
        self.connecting = False
        self.reused = False
        self.answered = False

    def __enter__(self) -> Exchange:
        _current.exchange = self
        return self

    def __exit__(self, *exc_info: object) -> None:
        _current.exchange = _UNLIMITED


_UNLIMITED = Exchange(Deadline(None), None)


class _Current(threading.local):
    """The exchange each thread is in: urllib3 has no way to hand one down to its sockets."""

    exchange = _UNLIMITED


_current = _Current()


def _arm(sock: Any) -> None:
    """Let the next operation of `sock` take no longer than what remains."""
    left = _current.exchange.deadline.remaining()
    armed = sock.gettimeout()
    if armed is None:
        armed = math.inf
    if left <= 0.0 or (left != armed and abs(left - armed) > _TOLERANCE):
        _set_timeout(sock, left)


def _set_timeout(sock: Any, seconds: float) -> None:
    if seconds <= 0.0:
        raise socket.timeout("timed out")
    sock.settimeout(None if seconds == math.inf else seconds)


class _Reader(io.RawIOBase):
    """A socket's file, each read of which keeps the deadline."""

    def __init__(self, sock: Any, file: io.RawIOBase) -> None:
        self._sock = sock
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> Optional[int]:
        _arm(self._sock)
        count = self._file.readinto(buffer)
        if count:
            _current.exchange.answered = True
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """An answer, also that of a proxy to CONNECT, read within the deadline."""

    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Reader(sock, self.fp.detach()))


class _KeepsDeadline(HTTPConnection):
    """A connection each step of which is bounded by what remains of the exchange."""

    response_class = _Response
    parked_at = 0.0

    def connect(self) -> None:
        exchange = _current.exchange
        exchange.connecting = True
        whole = exchange.deadline
        exchange.deadline = whole.within(exchange.connect_timeout)
        try:
            super().connect()
        finally:
            exchange.deadline = whole
        exchange.connecting = False

    def _new_conn(self) -> socket.socket:
        # urllib3 lets some errors pass in sending, for an answer may have come all the same. These must not.
        try:
            return _connect(self._dns_host, self.port, self.socket_options or ())
        except socket.timeout as error:
            raise ConnectTimeoutError(self, "timed out") from error
        except OSError as error:
            raise NewConnectionError(self, "not connected") from error

    def _tunnel(self) -> None:
        super()._tunnel()
        # The TLS handshake comes next, and starts with the timeout that is set now.
        _arm(self.sock)

    def send(self, data: Any) -> None:
        if self.sock is None and self.auto_open:
            self.connect()
        if self.sock is not None:
            _arm(self.sock)
        super().send(data)


def _connect(host: str, port: int, options: Sequence[Tuple[Any, ...]]) -> socket.socket:
    """A connection to the first address of `host` that accepts one; each gets its share of the time."""
    addresses = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    failure: OSError = OSError(f"{host} has no address")
    try:
        for index, (family, kind, protocol, _, address) in enumerate(addresses):
            share = _current.exchange.deadline.remaining() / (len(addresses) - index)
            sock = socket.socket(family, kind, protocol)
            try:
                return _connected(sock, address, options, share)
            except OSError as error:
                failure = error
        raise failure
    finally:
        del failure  # its traceback holds this frame: a cycle


def _connected(sock: socket.socket, address: Any, options: Sequence[Any], timeout: float) -> socket.socket:
    try:
        for option in options:
            sock.setsockopt(*option)
        _set_timeout(sock, timeout)
        sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock


class _Connection(_KeepsDeadline, HTTPConnection):
    pass


class _TlsConnection(_KeepsDeadline, HTTPSConnection):
    pass


class _KeepsFresh(HTTPConnectionPool):
    """A pool that does not hand out connections which are likely dead."""

    def _get_conn(self, timeout: Optional[float] = None) -> Any:
        connection: Any = super()._get_conn(timeout)
        if time.monotonic() - connection.parked_at > _LONGEST_IDLE:
            connection.close()
        _current.exchange.reused = connection.sock is not None
        return connection

    def _put_conn(self, connection: Any) -> None:
        if connection is not None:
            connection.parked_at = time.monotonic()
        super()._put_conn(connection)


class _Pool(_KeepsFresh, HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(_KeepsFresh, HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


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
