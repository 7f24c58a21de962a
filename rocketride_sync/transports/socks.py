"""Asks a SOCKS proxy to connect with the server (RFC 1928, RFC 1929, and SOCKS 4 and 4a), within a deadline."""

from __future__ import annotations

import ipaddress
import socket
import struct
from typing import Any, Optional, Tuple

from ..deadline import Deadline
from ..errors import ConfigurationError, ServerError
from ..handler_exceptions import as_it_was_raised, pass_on
from .proxies import Proxy
from .tcp import in_slices, set_timeout

_NO_PASSWORD, _PASSWORD = 0, 2
_IPV4, _NAME, _IPV6 = 1, 3, 4
_SIZES = {_IPV4: 4, _IPV6: 16}
_GRANTED_V4 = 90
_PLACEHOLDER_V4 = b"\0\0\0\1"  # SOCKS 4a: the name follows
_FAILURES = {
    1: "it failed",
    3: "it cannot reach the network",
    4: "it cannot reach the host",
    5: "the host refused the connection",
    6: "its time was up",
}
_REFUSALS = {
    2: "its rules forbid the connection",
    7: "it makes no connections",
    8: "it knows no such kind of address",
}


def pass_socks(sock: Any, proxy: Proxy, host: str, port: int, deadline: Deadline) -> None:
    """Have `proxy`, which `sock` is connected with, connect it with the server.

    Raises:
        OSError: it does not, which may pass; `socket.timeout` once `deadline` passes.
        ServerError: it refuses.
        ConfigurationError: user or password cannot be said in SOCKS.
    """
    connect = _connect_v5 if proxy.scheme.startswith("socks5") else _connect_v4
    connect(_Dialogue(sock, deadline), proxy, host, port)


class _Dialogue:
    def __init__(self, sock: Any, deadline: Deadline) -> None:
        self._sock = sock
        self._deadline = deadline

    def send(self, data: bytes) -> None:
        set_timeout(self._sock, self._deadline.remaining())
        self._sock.sendall(data)

    def read(self, size: int) -> bytes:
        """The next `size` bytes, and no more: what follows comes from the server."""
        data = b""
        while len(data) < size:
            piece: bytes = in_slices(self._sock, self._deadline, self._sock.recv, size - len(data))
            if not piece:
                raise OSError(None, "the SOCKS proxy closed the connection")
            data += piece
        return data


def _connect_v5(proxy_says: _Dialogue, proxy: Proxy, host: str, port: int) -> None:
    methods = bytes([_NO_PASSWORD] if proxy.credentials is None else [_NO_PASSWORD, _PASSWORD])
    proxy_says.send(bytes([5, len(methods)]) + methods)
    version, method = proxy_says.read(2)
    if version != 5:
        raise OSError(None, "the proxy does not answer as SOCKS 5 does")
    if method not in methods:
        raise _refusal(proxy, "it wants a user and a password, or other ones")
    if method == _PASSWORD:
        _authenticate(proxy_says, proxy)
    kind, address = _target_v5(proxy, host, port)
    proxy_says.send(bytes([5, 1, 0, kind]) + address + struct.pack("!H", port))
    version, reply, _, kind = proxy_says.read(4)
    if reply in _REFUSALS:
        raise _refusal(proxy, _REFUSALS[reply])
    if reply != 0:
        raise _failure(_FAILURES.get(reply, f"code {reply}"))
    if version != 5 or kind not in (_IPV4, _IPV6, _NAME):
        raise OSError(None, "the proxy does not answer as SOCKS 5 does")
    proxy_says.read((proxy_says.read(1)[0] if kind == _NAME else _SIZES[kind]) + 2)


def _authenticate(proxy_says: _Dialogue, proxy: Proxy) -> None:
    user, _, password = ((proxy.credentials or "").encode()).partition(b":")
    if len(user) > 255 or len(password) > 255:
        raise ConfigurationError(f"{proxy}: its user or password is longer than SOCKS allows")
    proxy_says.send(bytes([1, len(user)]) + user + bytes([len(password)]) + password)
    if proxy_says.read(2)[1] != 0:
        raise _refusal(proxy, "it does not accept the user or the password")


def _target_v5(proxy: Proxy, host: str, port: int) -> Tuple[int, bytes]:
    """The kind of the server's address, and the address."""
    packed = _packed(host)
    if packed is None and proxy.resolves:
        return _NAME, bytes([len(host)]) + host.encode()
    if packed is None:
        packed = _resolved(host, port, socket.AF_UNSPEC)
    return (_IPV4 if len(packed) == 4 else _IPV6), packed


def _connect_v4(proxy_says: _Dialogue, proxy: Proxy, host: str, port: int) -> None:
    packed, name = _packed(host), b""
    if packed is None and proxy.resolves:
        packed, name = _PLACEHOLDER_V4, host.encode() + b"\0"
    elif packed is None:
        packed = _resolved(host, port, socket.AF_INET)
    if len(packed) != 4:
        raise ConfigurationError(f"{proxy}: SOCKS 4 knows no IPv6 addresses; use socks5://")
    user = (proxy.credentials or "").partition(":")[0].encode()
    proxy_says.send(struct.pack("!BBH", 4, 1, port) + packed + user + b"\0" + name)
    code = proxy_says.read(8)[1]
    if code != _GRANTED_V4:
        raise _failure(f"code {code}")


def _packed(host: str) -> Optional[bytes]:
    """The bytes of an address; None for a name."""
    try:
        return ipaddress.ip_address(host).packed
    except ValueError as error:
        pass_on(error)
        return None


def _resolved(host: str, port: int, family: int) -> bytes:
    found = as_it_was_raised(socket.getaddrinfo, host, port, family, socket.SOCK_STREAM)
    return ipaddress.ip_address(found[0][4][0]).packed


def _refusal(proxy: Proxy, reason: str) -> ServerError:
    return ServerError(f"{proxy} refused: {reason}")


def _failure(reason: str) -> OSError:
    return OSError(None, f"the SOCKS proxy did not connect: {reason}")
