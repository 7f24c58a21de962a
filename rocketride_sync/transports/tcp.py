"""Connecting within a deadline, to the first address of a host that accepts it."""

from __future__ import annotations

import math
import os
import select
import selectors
import socket
import ssl
import sys
from typing import Any, Callable, Deque, Optional, Sequence, TypeVar, Union

from ..deadline import SLICE, Deadline
from ..handler_exceptions import as_it_was_raised, pass_on

T = TypeVar("T")

Options = Sequence[Any]

# For a single look. The selectors around it take three times as long, and the default one makes more system calls.
_poll = getattr(select, "poll", None)  # `select.poll` is missing on Windows
_POLLIN = getattr(select, "POLLIN", 0)


# Closes a socket that is garbage collected, without the `ResourceWarning` that it would give. A client that was not
# closed gives its own warning. A child process drops the sockets that it inherits, and Ctrl-C at a bad moment leaves a
# socket without an owner: neither deserves one. It is no function of Python's, in which a signal would be lost.
_close_collected = socket.SocketType.close


class _Socket(socket.socket):
    __del__ = _close_collected

    def settimeout(self, value: Optional[float]) -> None:
        # urllib3 sets it before each step. The system call gives up the interpreter's lock, which costs more than it.
        if value != self.gettimeout():
            super().settimeout(value)


# An application may put other classes in place of these two: gevent, eventlet, a SOCKS package, a test's guard. If it has
# done so before, they may be of another kind.
_closed_quietly = socket.socket if issubclass(socket.socket, socket.SocketType) else None
_tls_closed_quietly = ssl.SSLSocket if issubclass(ssl.SSLSocket, socket.SocketType) else None


def current_hub() -> Any:
    """What wakes this thread's greenlets when a socket is ready; None if `socket.socket` is not gevent's.

    A socket of gevent belongs to the hub of the thread that made it. In any other thread, a read that has to wait ends
    with "Cannot switch to a different thread", and leaves the other thread's greenlets asleep.
    """
    gevent = sys.modules.get("gevent")  # asked first: a mock in place of `socket.socket` has every attribute
    return None if gevent is None or not hasattr(socket.socket, "hub") else gevent.get_hub()


def may_keep() -> bool:
    """Whether connections of this thread may be kept for later.

    gevent cannot close a socket once the thread that made it has ended. The main thread is there for as long as any.
    """
    hub = current_hub()
    return hub is None or bool(hub.main_hub)


def take_latest(kept: Deque[T]) -> Optional[T]:
    """Take out the latest of the connections that this thread can use; None if there is none.

    Other threads may use `kept` meanwhile. It may hold None in place of a connection, and one from before gevent came.
    """
    hub = current_hub()
    try:
        if hub is None:
            return kept.pop()
        for connection in reversed(kept.copy()):
            made_by = getattr(connection, "hub", None)
            if made_by is None or made_by is hub:
                kept.remove(connection)
                return connection
    except (IndexError, ValueError) as error:  # it is empty, or another thread was faster
        pass_on(error)
    return None


class SystemNetwork:
    """What connections need of the operating system, sockets apart. A simulation replaces `system_network`."""

    def resolve(self, host: Union[str, bytes], port: int) -> Sequence[Any]:
        """The addresses of a host, as `socket.getaddrinfo` gives them."""
        return as_it_was_raised(socket.getaddrinfo, host, port, 0, socket.SOCK_STREAM)

    def make_socket(self, family: int, kind: int, protocol: int) -> socket.socket:
        """A socket, not connected yet."""
        kind_of_socket = _Socket if socket.socket is _closed_quietly else socket.socket
        return kind_of_socket(family, kind, protocol)

    def is_writable(self, sock: socket.socket, seconds: float) -> bool:
        """Whether `sock`, which is connecting, is connected or refused within `seconds`."""
        with selectors.DefaultSelector() as selector:
            selector.register(sock, selectors.EVENT_WRITE)
            return bool(selector.select(seconds))

    def input_check(self, sock: Any) -> Callable[[], bool]:
        """A function that tells whether a read of `sock` would return now."""
        if _poll is None:
            return lambda: bool(select.select([sock], [], [], 0)[0])
        look = _poll()
        look.register(sock, _POLLIN)
        return lambda: bool(look.poll(0))


system_network = SystemNetwork()


class TlsSocket(ssl.SSLSocket):
    """For `ssl.SSLContext.sslsocket_class`."""

    __del__ = _close_collected


def use_tls_class(context: ssl.SSLContext) -> None:
    """Have `context` make sockets that can be collected without a warning, unless others have taken their place."""
    if ssl.SSLSocket is _tls_closed_quietly:
        context.sslsocket_class = TlsSocket


def connect(host: str, port: int, deadline: Deadline, options: Options = ()) -> socket.socket:
    """A connected socket. Each address gets a share of the time: a silent one must leave some for the others.

    Args:
        host: a name or an address, an IPv6 address with or without brackets.
        port: the port.
        deadline: by when it must be connected, name resolution excepted.
        options: arguments for `socket.setsockopt`.

    Raises:
        OSError: the failure of the last address; a `socket.timeout` if the time was up.
    """
    addresses = addresses_of(host, port)
    failure: OSError = OSError(f"{host} has no address")
    try:
        for index, (family, kind, protocol, _, address) in enumerate(addresses):
            share = deadline.within(deadline.remaining() / (len(addresses) - index))
            try:
                return _connect_one(
                    system_network.make_socket(family, kind, protocol), address, options, share
                )
            except OSError as error:
                pass_on(error)
                failure = error
        raise failure
    finally:
        del failure  # its traceback refers to this frame: a reference cycle


def addresses_of(host: str, port: int) -> Sequence[Any]:
    """The addresses of a host, as `socket.getaddrinfo` gives them. The arguments are those of `connect`.

    Raises:
        OSError, ValueError: it has none, or is no name.
    """
    name = host.strip("[]")
    # As bytes: for a str Python loads its IDNA codec, which ASCII does not need and which slows a short process.
    return system_network.resolve(name.encode() if name.isascii() else name, port)


def set_timeout(sock: Any, seconds: float) -> None:
    """Set the timeout of the next operation of `sock`; infinity is none.

    Raises:
        socket.timeout: at once, if no time is left.
    """
    if seconds <= 0.0:
        raise socket.timeout("timed out")
    sock.settimeout(None if seconds == math.inf else seconds)


def in_slices(sock: Any, deadline: Deadline, step: Callable[..., T], *args: Any) -> T:
    """The result of `step`, an operation of `sock` that can be called again after a timeout: slices of `SLICE` seconds.

    Raises:
        socket.timeout: `deadline` passed.
    """
    while True:
        set_timeout(sock, min(deadline.remaining(), SLICE))
        try:
            return step(*args)
        except socket.timeout as error:
            pass_on(error)


def input_check(sock: Any) -> Callable[[], bool]:
    """A function that tells whether a read of `sock` would return now: data, the end of the stream, or an error.

    It is made once for a socket, because to make it takes longer than to ask it. TLS may have read from the network what
    nobody has read from it yet.
    """
    came = system_network.input_check(sock)
    pending = getattr(sock, "pending", None)
    return came if pending is None else lambda: bool(pending()) or came()


def _connect_one(sock: socket.socket, address: Any, options: Options, deadline: Deadline) -> socket.socket:
    try:
        for option in options:
            sock.setsockopt(*option)
        set_timeout(sock, min(deadline.remaining(), SLICE))
        try:
            sock.connect(address)
        except socket.timeout as error:
            pass_on(error)
            _await_connection(sock, deadline)
    except BaseException:
        sock.close()
        raise
    return sock


def _await_connection(sock: socket.socket, deadline: Deadline) -> None:
    """Wait until `sock`, which is connecting, is connected or refused: `connect` cannot be called a second time."""
    while not system_network.is_writable(sock, min(deadline.remaining(), SLICE)):
        if deadline.expired:
            raise socket.timeout("timed out")
    failure = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if failure:
        # The C library of Windows has no text for the errors of its sockets.
        text = getattr(socket, "errorTab", {}).get(failure) or os.strerror(failure)
        raise OSError(failure, text)
