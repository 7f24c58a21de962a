"""A connected socket that keeps a total deadline and reads ahead.

websocket-client's own reading gives each read of a frame the whole timeout, so that a byte now and then stretches a
call for ever, and costs two or three system calls a message.
"""

from __future__ import annotations

import math
import socket
import time
from typing import Any, Optional, Union

from ...deadline import SLICE, Deadline
from ...protocol.operations import Buffer

_READ_AHEAD = 65_536
_FINAL_TEXT = 0x81
_SIZE_FOLLOWS = 126
_EARLY = 0.02
_LATE = 0.001


class TooLargeError(Exception):
    """More came, or was announced, than may come."""


class SteadySocket:
    """A connected socket that keeps a total deadline and reads ahead.

    Attributes:
        deadline: by when the current operation must be over; set before each.
        dead_after: seconds after which a peer counts as gone, of silence or without taking a byte.
        heard: when the last byte came, by the monotonic clock.
    """

    def __init__(self, sock: Any, deadline: Deadline, dead_after: float) -> None:
        self._sock = sock
        self._armed = -1.0
        self._buffer = b""
        self._at = 0
        self._ended = False
        self.deadline = deadline
        self.dead_after = dead_after
        self.heard = time.monotonic()
        self.room = math.inf  # bytes that may still come; bounded during the upgrade

    def recv(self, size: int) -> bytes:
        """At most `size` bytes, b"" at the end of the stream. Nothing is waited for if `size` is 0.

        Raises:
            socket.timeout: the deadline passed.
            OSError: the connection broke, or the peer was silent for too long.
        """
        if size and self._at >= len(self._buffer):
            self._buffer, self._at = self._read(), 0
        start = self._at
        self._at = start + size
        return self._buffer[start : self._at]

    def short_text(self, limit: int) -> Optional[bytes]:
        """The payload of the next frame, if that is all of a text message of at most `limit` bytes, and what was
        read ahead holds it. Otherwise None, and nothing is taken.
        """
        if self._at >= len(self._buffer):
            self._buffer, self._at = self._read(), 0
        head = self._buffer[self._at : self._at + 4]
        if len(head) < 4 or head[0] != _FINAL_TEXT or head[1] > _SIZE_FOLLOWS:
            return None
        follows = head[1] == _SIZE_FOLLOWS
        start = self._at + (4 if follows else 2)
        end = start + (head[2] << 8 | head[3] if follows else head[1])
        if end > len(self._buffer) or end - start > limit:
            return None
        self._at = end
        return self._buffer[start:end]

    def _read(self) -> bytes:
        began = time.monotonic()
        while not self._ended:
            self._arm()
            try:
                data: bytes = self._sock.recv(_READ_AHEAD)
            except socket.timeout:
                if time.monotonic() - max(began, self.heard) < self.dead_after:
                    continue
                data = b""
            if not data:
                break
            self.heard = time.monotonic()
            self._account(len(data))
            return data
        self._ended = True
        return b""

    def _account(self, size: int) -> None:
        self.room -= size
        if self.room < 0:
            raise TooLargeError

    def send(self, data: Union[Buffer, bytearray]) -> int:
        """Send some of `data`; how many bytes. Raises as `recv`, also when none is taken for too long."""
        began = time.monotonic()
        while True:
            self._arm()
            try:
                sent: int = self._sock.send(data)
            except socket.timeout:
                if time.monotonic() - began < self.dead_after:
                    continue
            else:
                return sent
            raise OSError(None, f"it took no more data for {self.dead_after:g} s")

    def _arm(self) -> None:
        """Let the next step take a slice of what remains of the deadline; the caller tries again after it."""
        left = min(self.deadline.remaining(), SLICE)
        if left <= 0.0:
            raise socket.timeout("timed out")
        # settimeout is a system call. A step may end early, for it is tried again, but must not outlast the deadline.
        if not left - _EARLY < self._armed < left + _LATE:
            self._armed = left
            self._sock.settimeout(left)

    def gettimeout(self) -> float:
        """For websocket-client, which asks whether the socket blocks: it does."""
        return SLICE

    def close(self) -> None:
        self._sock.close()
