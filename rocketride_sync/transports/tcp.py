"""Connecting within a deadline, to the first address of a host that accepts it."""

from __future__ import annotations

import contextlib
import math
import os
import selectors
import socket
import ssl
from typing import Any, Callable, Sequence, TypeVar

from ..deadline import SLICE, Deadline

T = TypeVar("T")

Options = Sequence[Any]


def discard(sock: socket.socket, close: Callable[[int], None] = socket.close) -> None:
    """Close a socket that was thrown away, without the warning that it would give of its own.

    The client warns, if it was not closed. Besides, a child process throws away what it inherits, and Ctrl-C at a bad
    moment leaves a socket in nobody's hands. At the very end of the program modules are empty: so `close` is held here.
    """
    descriptor = sock.detach()
    if descriptor != -1:
        close(descriptor)


class _Socket(socket.socket):
    __del__ = discard


class TlsSocket(ssl.SSLSocket):
    """For `ssl.SSLContext.sslsocket_class`."""

    __del__ = discard


def connect(host: str, port: int, deadline: Deadline, options: Options = ()) -> socket.socket:
    """A connected socket. Each address gets its share of the time, so that a silent one does not use up all.

    Args:
        host: a name or an address, an IPv6 address with or without brackets.
        port: the port.
        deadline: by when it must be connected, name resolution excepted.
        options: arguments for `socket.setsockopt`.

    Raises:
        OSError: what the last address failed with; `socket.timeout` among them.
    """
    name = host.strip("[]")
    # Text would have Python load its IDNA codec, which ASCII does not need and a process notices.
    addresses = socket.getaddrinfo(name.encode() if name.isascii() else name, port, type=socket.SOCK_STREAM)
    failure: OSError = OSError(f"{host} has no address")
    try:
        for index, (family, kind, protocol, _, address) in enumerate(addresses):
            share = deadline.within(deadline.remaining() / (len(addresses) - index))
            try:
                return _connected(_Socket(family, kind, protocol), address, options, share)
            except OSError as error:
                failure = error
        raise failure
    finally:
        del failure  # its traceback holds this frame: a cycle


def set_timeout(sock: Any, seconds: float) -> None:
    """Let the next operation of `sock` take so long.

    Raises:
        socket.timeout: at once, if no time is left.
    """
    if seconds <= 0.0:
        raise socket.timeout("timed out")
    sock.settimeout(None if seconds == math.inf else seconds)


def in_slices(sock: Any, deadline: Deadline, step: Callable[..., T], *args: Any) -> T:
    """The result of `step`, an operation of `sock` that may be taken up again when it has timed out.

    Raises:
        socket.timeout: `deadline` passed.
    """
    while True:
        set_timeout(sock, min(deadline.remaining(), SLICE))
        with contextlib.suppress(socket.timeout):
            return step(*args)


def _connected(sock: socket.socket, address: Any, options: Options, deadline: Deadline) -> socket.socket:
    try:
        for option in options:
            sock.setsockopt(*option)
        set_timeout(sock, min(deadline.remaining(), SLICE))
        try:
            sock.connect(address)
        except socket.timeout:
            _await_connection(sock, deadline)
    except BaseException:
        sock.close()
        raise
    return sock


def _await_connection(sock: socket.socket, deadline: Deadline) -> None:
    """Wait until `sock`, which is connecting, is connected or refused. Its `connect` cannot be called again."""
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_WRITE)
        while not selector.select(min(deadline.remaining(), SLICE)):
            if deadline.expired:
                raise socket.timeout("timed out")
    failure = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if failure:
        raise OSError(failure, os.strerror(failure))
