"""urllib3 connections that keep a total deadline.

A socket's timeout bounds one read, so a server that sends a byte now and then can stretch a request for hours.
These connections set the timeout anew before each step (connect, TLS handshake, each send and read) to what
remains of the deadline of the exchange that the thread is in.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import math
import socket
import threading
import time
from typing import Any, Optional

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.util.ssl_ import create_urllib3_context, resolve_cert_reqs

from ...deadline import SLICE, Deadline
from ...logs import log
from ...protocol.http_answers import too_large
from ..tcp import TlsSocket, connect, in_slices, set_timeout

# settimeout is a system call: a difference that nobody would notice is left alone.
_TOLERANCE = 0.02
_LARGEST_HEAD = 1024 * 1024


class Exchange:
    """One request and its answer, as seen by the sockets under them.

    Attributes:
        deadline: by when it must be over.
        connect_timeout: seconds that making a connection may take of it, None for all.
        connecting: whether it has begun to make a connection, and not finished.
        reused: whether it uses a connection kept from before.
        answered: whether a byte of an answer has come.
        limit: the largest body it may bring, None for any.
    """

    __slots__ = (
        "_outer",
        "_room",
        "answered",
        "connect_timeout",
        "connecting",
        "deadline",
        "limit",
        "reused",
    )

    def __init__(
        self, deadline: Deadline, connect_timeout: Optional[float], limit: Optional[int] = None
    ) -> None:
        self.deadline = deadline
        self.connect_timeout = connect_timeout
        self.connecting = False
        self.reused = False
        self.answered = False
        self.limit = limit
        self._room = math.inf if limit is None else 2 * limit + _LARGEST_HEAD

    def account(self, size: int) -> None:
        """So many bytes have come.

        Whoever decodes them has other limits, or none: http.client takes a chunk of size -1 for all that comes.

        Raises:
            ProtocolError: that is more than a body of `limit` can need, be it in small chunks.
        """
        self.answered = True
        self._room -= size
        if self.limit is not None and self._room < 0:
            raise too_large(self.limit)

    def __enter__(self) -> Exchange:
        # A signal handler may ask in the middle of another exchange of its thread.
        self._outer: Exchange = current.exchange
        current.exchange = self
        return self

    def __exit__(self, *exc_info: object) -> None:
        current.exchange = self._outer


_UNLIMITED = Exchange(Deadline(None), None)


class _Current(threading.local):
    """The exchange each thread is in: urllib3 has no way to hand one down to its sockets."""

    exchange = _UNLIMITED


current = _Current()


def _arm(sock: Any, longest: float = math.inf) -> None:
    """Let the next operation of `sock` take no longer than what remains, nor than `longest`."""
    left = min(current.exchange.deadline.remaining(), longest)
    armed = sock.gettimeout()
    if armed is None:
        armed = math.inf
    if left <= 0.0 or (left != armed and abs(left - armed) > _TOLERANCE):
        set_timeout(sock, left)


class _Reader(io.RawIOBase):
    """A socket's file, each read of which keeps the deadline."""

    _file: Any = None  # if Ctrl-C comes before the next line, this is closed all the same

    def __init__(self, sock: Any, file: io.BufferedIOBase) -> None:
        self._sock = sock
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> Optional[int]:
        while True:
            _arm(self._sock, SLICE)
            try:
                count: int = self._sock.recv_into(buffer)
            except socket.timeout:
                continue
            if count:
                current.exchange.account(count)
            return count

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """An answer, also that of a proxy to CONNECT, read within the deadline."""

    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        # Not of what is detached from it: Ctrl-C in between would leave a file that cannot be closed.
        self.fp = io.BufferedReader(_Reader(sock, self.fp))


class _KeepsDeadline(HTTPConnection):
    """A connection each step of which is bounded by what remains of the exchange."""

    response_class = _Response
    parked_at = math.inf
    # Whoever sets it for all connections would have answers printed, and a server may repeat our key in one.
    debuglevel = 0

    def connect(self) -> None:
        exchange = current.exchange
        exchange.connecting = True
        whole = exchange.deadline
        exchange.deadline = whole.within(exchange.connect_timeout)
        began = time.perf_counter()
        try:
            super().connect()
        finally:
            exchange.deadline = whole
        exchange.connecting = False
        took_ms = (time.perf_counter() - began) * 1000
        log.debug("connected to %s:%s over HTTP in %.1f ms", self.host, self.port, took_ms)

    def _new_conn(self) -> socket.socket:
        # urllib3 lets some errors pass in sending, for an answer may have come all the same. These must not.
        try:
            return connect(self._dns_host, self.port, current.exchange.deadline, self.socket_options or ())
        except socket.timeout as error:
            raise ConnectTimeoutError(self, "timed out") from error
        except OSError as error:
            raise NewConnectionError(self, "not connected") from error

    def send(self, data: Any) -> None:
        if self.sock is None and self.auto_open:
            self.connect()
        left = memoryview(data)
        while left:
            _arm(self.sock, SLICE)
            with contextlib.suppress(socket.timeout):
                left = left[self.sock.send(left) :]


class Connection(_KeepsDeadline, HTTPConnection):
    pass


class _TlsSocket(TlsSocket):
    """Shakes hands within the deadline, and is closed if that fails, whatever the reason."""

    def do_handshake(self, *args: Any) -> None:
        try:
            in_slices(self, current.exchange.deadline, super().do_handshake, *args)
        except BaseException:
            self.close()
            raise


class TlsConnection(_KeepsDeadline, HTTPSConnection):
    def connect(self) -> None:
        if self.ssl_context is None:
            self.ssl_context = create_urllib3_context(cert_reqs=resolve_cert_reqs(self.cert_reqs))
            self.ssl_context.sslsocket_class = _TlsSocket
        super().connect()
