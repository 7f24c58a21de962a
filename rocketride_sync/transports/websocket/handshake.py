"""The opening handshake of a WebSocket connection (RFC 6455, section 4): the request, and what its answer means. No I/O.

websocket-client's handshake takes an informational answer for the final one, refuses headers that HTTP allows, and
keeps cookies for all clients of a process.
"""

from __future__ import annotations

import base64
import hashlib
import os
from typing import Dict, List, Mapping, Sequence

NO_HEADERS: Mapping[str, str] = {}
_LOWEST, _HIGHEST = 100, 999  # statuses
_SWITCHING_PROTOCOLS = 101
_ACCEPT_SUFFIX = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3


class NotAgreedError(Exception):
    """The answer is not HTTP, or does not agree to the upgrade as it must."""


class RefusedError(Exception):
    """The upgrade was answered with another HTTP status than 101.

    Attributes:
        status: the status.
        headers: the headers, with names in lower case.
    """

    def __init__(self, status: int, headers: Dict[str, str]) -> None:
        super().__init__(status)
        self.status = status
        self.headers = headers


class Head:
    """An HTTP answer without its body."""

    def __init__(self, status: int, headers: Dict[str, str]) -> None:
        self.status = status
        self.headers = headers

    @classmethod
    def parse(cls, lines: Sequence[bytes]) -> Head:
        """Read it from its lines, without their ends. Several headers of one name are joined with commas.

        Raises:
            NotAgreedError: the first line is no status line.
        """
        version, _, rest = (lines[0] if lines else b"").partition(b" ")
        code = rest[:4].rstrip()
        if not version.startswith(b"HTTP/1.") or not code.isdigit() or not _LOWEST <= int(code) <= _HIGHEST:
            raise NotAgreedError
        headers: Dict[str, str] = {}
        name = ""
        for line in lines[1:]:
            folded = line[:1].isspace()
            before, _, value = (b"", b"", line) if folded else line.partition(b":")
            name = name if folded else before.decode("latin-1").lower()
            found = value.decode("latin-1").strip()
            headers[name] = f"{headers[name]}{' ' if folded else ', '}{found}" if name in headers else found
        return cls(int(code), headers)

    @property
    def is_informational(self) -> bool:
        """Whether another answer follows: any 1xx but 101 (RFC 9110, section 15.2)."""
        return 100 <= self.status < 200 and self.status != _SWITCHING_PROTOCOLS

    def tokens(self, name: str) -> List[str]:
        """The items of a header that is a list, in lower case."""
        return [item.strip().lower() for item in self.headers.get(name, "").split(",")]


class Handshake:
    """One handshake: make the request, then check the answer.

    Args:
        host: for the Host header.
        resource: the path that is asked for.
        user_agent: for the User-Agent header.
        headers: more headers.
    """

    def __init__(
        self, host: str, resource: str, user_agent: str, headers: Mapping[str, str] = NO_HEADERS
    ) -> None:
        self._key = base64.b64encode(os.urandom(16))
        more = "".join(f"{name}: {text}\r\n" for name, text in headers.items())
        self.request = (
            f"GET {resource} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {user_agent}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {self._key.decode()}\r\n{more}\r\n"
        ).encode()

    def check(self, answer: Head) -> None:
        """Return if `answer`, the final one, agrees to the upgrade.

        Raises:
            RefusedError: it has another status.
            NotAgreedError: it agrees to something else, or does not prove that the request was read.
        """
        if answer.status != _SWITCHING_PROTOCOLS:
            raise RefusedError(answer.status, answer.headers)
        agreed = "websocket" in answer.tokens("upgrade") and "upgrade" in answer.tokens("connection")
        proof = base64.b64encode(hashlib.sha1(self._key + _ACCEPT_SUFFIX).digest())  # noqa: S324 - as the RFC says
        if not agreed or answer.headers.get("sec-websocket-accept") != proof.decode():
            raise NotAgreedError
