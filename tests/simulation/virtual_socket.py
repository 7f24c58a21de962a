"""The sockets that the client holds, with the methods of one that requests, urllib3, websocket-client and this package use."""

from __future__ import annotations

import errno
import io
import itertools
import os
import socket

_WINDOW = 1 << 18  # bytes that the peer has not taken yet, before a send blocks
_PEEK = int(socket.MSG_PEEK)  # to compute with its enum takes long
# No descriptors of the process: whoever asks the system for one gets an error.
_NUMBERS = itertools.count(1_000_000)


class VirtualSocket:
    """What the client holds in place of a socket: the methods of one that requests, urllib3, websocket-client and we use."""

    family = socket.AF_INET
    type = socket.SOCK_STREAM
    proto = 0

    def __init__(self, network):
        self._network = network
        self._world = network.world
        self._timeout = None
        self._connection = None
        self._connecting = None
        self._number = next(_NUMBERS)
        self._files = 0
        self._closed = False

    def __repr__(self):
        return f"<VirtualSocket {self._number}>"

    def settimeout(self, seconds):
        self._timeout = seconds

    def gettimeout(self):
        return self._timeout

    def setblocking(self, flag):
        self._timeout = None if flag else 0.0

    def setsockopt(self, *args):
        self._check()

    def getsockopt(self, level, option, *size):
        if option == socket.SO_ERROR and self._connecting is not None:
            return self._connecting.failure
        return 0

    def getpeername(self):
        return ("127.0.0.1", 5565)

    def getsockname(self):
        return ("127.0.0.1", 40_000)

    def fileno(self):
        return -1 if self._closed else self._number

    def _check(self):
        if self._closed:
            raise OSError(errno.EBADF, "Bad file descriptor")

    def connect(self, address):
        self._check()
        self._connecting = self._network.connect(self, address)
        if not self._world.wait(lambda: self._connecting.done, self._timeout):
            raise socket.timeout("timed out")
        if self._connecting.failure:
            raise OSError(self._connecting.failure, os.strerror(self._connecting.failure))

    def connected(self, connection):
        """The network made the connection, in the meantime perhaps of a socket that was closed."""
        if self._closed:
            connection.client_closes()
        else:
            self._connection = connection

    def is_writable(self, seconds):
        return self._world.wait(lambda: self._connecting.done, seconds)

    def is_readable(self):
        stream = self._stream()
        return bool(stream.arrived or stream.ended or stream.failure)

    def recv(self, size, flags=0):
        self._check()
        stream = self._stream()
        # A reset may overtake nothing that has arrived.
        if not self._world.wait(lambda: stream.arrived or stream.ended or stream.failure, self._timeout):
            raise BlockingIOError if self._timeout == 0 else socket.timeout("timed out")
        self._check()
        if stream.arrived:
            data = bytes(stream.arrived[:size])
            if not flags & _PEEK:
                del stream.arrived[:size]
            return data
        if stream.failure:
            raise OSError(stream.failure, os.strerror(stream.failure))
        return b""

    def recv_into(self, buffer, size=0, flags=0):
        data = self.recv(size or len(buffer), flags)
        buffer[: len(data)] = data
        return len(data)

    def send(self, data, flags=0):
        self._check()
        back = self._stream()
        out = self._connection.to_server
        if not self._world.wait(lambda: out.under_way <= _WINDOW // 2 or back.failure, self._timeout):
            raise socket.timeout("timed out")
        if back.failure:
            raise OSError(back.failure, os.strerror(back.failure))
        piece = bytes(data[: max(1, _WINDOW - out.under_way)])
        out.send(piece)
        return len(piece)

    def sendall(self, data, flags=0):
        view = memoryview(data)
        while view:
            view = view[self.send(view) :]

    def _stream(self):
        if self._connection is None:
            raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")
        return self._connection.to_client

    def shutdown(self, how):
        if self._connection is not None:
            self._connection.to_server.end()

    def makefile(self, mode="rb", buffering=None, **options):
        self._files += 1
        return io.BufferedReader(_File(self))

    def file_closed(self):
        self._files -= 1
        if self._closed:
            self.close()

    def close(self):
        self._closed = True
        if self._files <= 0 and self._connection is not None:
            connection, self._connection = self._connection, None
            connection.client_closes()

    def detach(self):
        self._files = 0
        self.close()
        return -1

    def __del__(self):
        self._files = 0
        self.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()


class _File(io.RawIOBase):
    """The file of `makefile`: it keeps the socket open until it is closed, as a real one does."""

    def __init__(self, sock):
        self._sock = sock

    def readable(self):
        return True

    def readinto(self, buffer):
        return self._sock.recv_into(buffer)

    def close(self):
        if not self.closed:
            super().close()
            self._sock.file_closed()
