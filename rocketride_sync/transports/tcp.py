"""Connecting within a deadline, to the first address of a host that accepts it."""

from __future__ import annotations

import math
import socket
from typing import Any, Sequence

from ..deadline import Deadline

Options = Sequence[Any]


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
    addresses = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    failure: OSError = OSError(f"{host} has no address")
    try:
        for index, (family, kind, protocol, _, address) in enumerate(addresses):
            share = deadline.remaining() / (len(addresses) - index)
            try:
                return _connected(socket.socket(family, kind, protocol), address, options, share)
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


def _connected(sock: socket.socket, address: Any, options: Options, timeout: float) -> socket.socket:
    try:
        for option in options:
            sock.setsockopt(*option)
        set_timeout(sock, timeout)
        sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock
