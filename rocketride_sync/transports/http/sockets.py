"""urllib3 connections that keep a total deadline.

A socket's timeout bounds one read, so a server that sends a byte now and then can prolong a request for hours. These
connections set the timeout before each step (connect, TLS handshake, each send and read) to what remains of the
deadline of the thread's current exchange (`exchange.py`).
"""

from __future__ import annotations

import copy
import http.client
import io
import math
import socket
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from ...deadline import SLICE, system_time
from ...errors import RocketRideError
from ...handler_exceptions import pass_on
from ...logs import log
from ..tcp import connect, current_hub, set_timeout
from .exact_response import AnswerFile, ExactResponse
from .exchange import Exchange, current

if TYPE_CHECKING:
    from ..dialing import Dialer

# settimeout is a system call, and avoided for such differences. A step may end early, for it is repeated, but not late.
_EARLY = 0.02
_LATE = 0.0005
_JOINED = 128 * 1024  # the longest part of a body that is copied to be sent together with the head
_MAX_CHECKED = 32
_HTTP = b"HTTP/"  # how every answer begins


def _set_remaining_timeout(sock: Any, longest: float = math.inf) -> None:
    """Set the timeout of the next operation of `sock` to what remains of the deadline, at most `longest`."""
    left = min(current().deadline.remaining(), longest)
    timeout = sock.gettimeout()
    if timeout is None:
        timeout = math.inf
    if left <= 0.0 or (left != timeout and not left - _EARLY < timeout < left + _LATE):
        set_timeout(sock, left)


class _DeadlineReader(io.RawIOBase):
    """The file of a socket. Each read keeps the deadline.

    Attributes:
        in_head: whether the status line and the headers are being read.
    """

    in_head = True
    _file: Any = None  # so that `close` works even if Ctrl-C comes in `__init__`
    _ended = False

    def __init__(self, sock: Any, file: io.BufferedIOBase) -> None:
        self._sock = sock
        self._file = file
        self._first = b""

    def end(self) -> bool:
        """Read nothing any more. Returns whether TLS holds bytes that were received and not read."""
        self._ended = True
        pending = getattr(self._sock, "pending", None)
        return pending is not None and bool(pending())

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> Optional[int]:
        while not self._ended:
            _set_remaining_timeout(self._sock, SLICE)
            try:
                count: int = self._sock.recv_into(buffer)
            except socket.timeout as error:
                pass_on(error)
                continue
            if count:
                current().count_received(count)
                if len(self._first) < len(_HTTP):
                    self._first = (self._first + bytes(buffer[:count]))[: len(_HTTP)]
            elif self.in_head and _HTTP.startswith(self._first):
                # http.client would take the headers that came for all, and a status line that is cut for another.
                raise http.client.RemoteDisconnected("it was closed before the end of the answer's headers")
            return count
        return 0

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        super().close()


class _Response(ExactResponse):
    """An answer that is read within the deadline."""

    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        # Wraps the file instead of detaching its raw file: Ctrl-C in between would leave one that cannot be closed.
        self._reader = _DeadlineReader(sock, self.fp)
        self.fp = AnswerFile(self._reader)
        current().answer = self

    def begin(self) -> None:
        super().begin()
        self._reader.in_head = False


class _DeadlineConnection(HTTPConnection):
    """A connection whose every step is bounded by what remains of the exchange's deadline."""

    response_class = _Response
    parked_at = math.inf
    socket_class: Optional[type] = (
        None  # `socket.socket` when it connected; an application may replace it later
    )
    hub: Optional[object] = None  # `current_hub` when it connected
    # An application may set it for all connections. Then answers would be printed, and a server may repeat our key.
    debuglevel = 0
    dialer: Optional[Dialer] = None  # without one, it connects to a proxy that gets whole URLs
    _buffer: List[bytes]  # of http.client: the lines of the head so far
    _output: Callable[[bytes], None]  # adds one

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._checked: Dict[Any, bytes] = {}

    def putheader(self, header: Any, *values: Any) -> None:
        """As the base class, which checks and encodes a header each time, a tenth of a call; most are always the same."""
        line = self._checked.get((header, values))
        if line is not None:
            self._output(line)
            return
        before = len(self._buffer)
        super().putheader(header, *values)
        if len(self._checked) < _MAX_CHECKED and len(self._buffer) == before + 1:
            self._checked[header, values] = self._buffer[-1]

    def connect(self) -> None:
        exchange = current()
        exchange.connecting = True
        whole_deadline = exchange.deadline
        exchange.deadline = whole_deadline.within(exchange.connect_timeout)
        began = system_time.perf_counter()
        try:
            self._connect(exchange)
        finally:
            exchange.deadline = whole_deadline
        exchange.connecting = False
        self.socket_class = socket.socket
        self.hub = current_hub()
        took_ms = (system_time.perf_counter() - began) * 1000
        log.debug("connected to %s:%s over HTTP in %.1f ms", self.host, self.port, took_ms)

    def _connect(self, exchange: Exchange) -> None:
        if self.dialer is None:
            super().connect()
            return
        try:
            self.sock = self.dialer.dial(exchange.deadline)
        except RocketRideError as error:
            pass_on(error)
            # urllib3 wraps those that are OSErrors. Without the traceback, which would refer back to the exchange.
            exchange.connect_fault = copy.copy(error)
            raise

    def _new_conn(self) -> socket.socket:
        # urllib3 ignores some errors while it sends, because an answer may have come. These two it does not ignore.
        try:
            return connect(self._dns_host, self.port, current().deadline, self.socket_options or ())
        except socket.timeout as error:
            raise ConnectTimeoutError(self, "timed out") from error
        except OSError as error:
            raise NewConnectionError(self, "not connected") from error

    def send(self, data: Any) -> None:
        if self.sock is None and self.auto_open:
            self.connect()
        exchange = current()
        if exchange.operation is not None:
            exchange.operation.sent = True
        # Not in a `finally`: urllib3 reads the answer even if sending has failed, and the rest is never sent.
        exchange.sending = True
        if exchange.has_body:
            exchange.has_body, exchange.head = False, data
            return
        head, exchange.head = exchange.head, None
        if head is not None and len(data) > _JOINED:
            self._send_all(head)
        elif head is not None:
            data = b"".join((head, data))
        self._send_all(data)
        exchange.sending = False

    def _send_all(self, data: Any) -> None:
        left = memoryview(data)
        while left:
            _set_remaining_timeout(self.sock, SLICE)
            try:
                left = left[self.sock.send(left) :]
            except socket.timeout as error:
                pass_on(error)

    def getresponse(self, *args: Any, **options: Any) -> Any:
        if current().head is not None:  # the body is empty
            self.send(b"")
        return super().getresponse(*args, **options)


class Connection(_DeadlineConnection, HTTPConnection):
    pass


class TlsConnection(_DeadlineConnection, HTTPSConnection):
    pass
