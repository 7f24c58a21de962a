"""TLS with the server inside a TLS connection with a proxy."""

from __future__ import annotations

import contextlib
import io
import socket
import ssl
from typing import Any, Callable, Optional, TypeVar

from ..handler_exceptions import pass_on

T = TypeVar("T")

_READ_SIZE = 65_536


class TlsOverTls:
    """A connection over another one, with those methods of `socket.socket` that the transports use.

    A step that has timed out can be called again. Python has no such socket, and urllib3's must make its handshake
    within one timeout.

    Args:
        outer: the connection with the proxy, whose timeout and file descriptor this uses.
        context: for the server.
        host: the server's name.
    """

    def __init__(self, outer: ssl.SSLSocket, context: ssl.SSLContext, host: str) -> None:
        self._outer = outer
        self._received = ssl.MemoryBIO()
        self._to_send = ssl.MemoryBIO()
        self._unsent = b""
        self._tls = context.wrap_bio(self._received, self._to_send, server_hostname=host)
        self.getpeercert = self._tls.getpeercert
        self.settimeout = outer.settimeout
        self.gettimeout = outer.gettimeout
        self.fileno = outer.fileno
        self.close = outer.close

    def pending(self) -> int:
        """How many bytes were received and not read, by either connection, decrypted or not."""
        return self._tls.pending() + self._received.pending + self._outer.pending()

    def do_handshake(self) -> None:
        self._step(self._tls.do_handshake)
        self._flush()

    def recv(self, size: int) -> bytes:
        return self._read(self._tls.read, size) or b""

    def recv_into(self, buffer: Any) -> int:
        # typeshed has the signature of a read without a buffer only.
        count: Any = self._read(self._tls.read, len(buffer), buffer)
        return count or 0

    def send(self, data: Any) -> int:
        self._flush()  # a timeout here means that nothing of `data` was taken
        count: int = self._step(self._tls.write, data)
        try:
            self._flush()
        except socket.timeout as error:  # the next call sends the rest
            pass_on(error)
        return count

    def makefile(self, mode: str, *_: Any, **__: Any) -> io.BufferedReader:  # noqa: ARG002 - only read by http.client
        """As of a socket: the connection stays open until the file is closed, too."""
        self._outer._io_refs += 1  # type: ignore[attr-defined]
        return io.BufferedReader(socket.SocketIO(self, "r"))  # type: ignore[arg-type]

    def _decref_socketios(self) -> None:
        self._outer._decref_socketios()  # type: ignore[attr-defined]

    def _read(self, step: Callable[..., T], *args: Any) -> Optional[T]:
        """What `step` reads; None at the end of the stream, with or without the other side's goodbye."""
        try:
            return self._step(step, *args)
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return None

    def _step(self, step: Callable[..., T], *args: Any) -> T:
        while True:
            with contextlib.suppress(ssl.SSLWantReadError):
                return step(*args)
            self._flush()
            data = self._outer.recv(_READ_SIZE)
            if data:
                self._received.write(data)
            else:
                self._received.write_eof()

    def _flush(self) -> None:
        """Send what TLS has produced. After a timeout the rest is sent by the next call."""
        self._unsent += self._to_send.read()
        while self._unsent:
            self._unsent = self._unsent[self._outer.send(self._unsent) :]
