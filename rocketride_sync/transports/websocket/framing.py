"""Messages over a `SteadySocket`: sent in one masked frame each, and received.

A message in a single short frame, which is nearly every one, is read here. websocket-client reads the rest, and is
loaded for that.
"""

from __future__ import annotations

import functools
import os
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, List, Optional, Tuple, Type, Union

from ...loading import load
from ...protocol.operations import Buffer
from .handshake import Handshake, Head
from .steady_socket import EndedError, OverdueError, SteadySocket

if TYPE_CHECKING:
    from .frame_reader import FrameReader

Frames = Union[bytes, bytearray]
"""One frame, or several after each other."""

_TEXT, _CLOSE = 1, 8  # opcodes of RFC 6455
_NORMAL_CLOSURE = b"\x03\xe8"  # 1000
_FINAL = 0x80
_MASKED = 0x80
_EACH_BYTE = int.from_bytes(bytes(range(256)), "big")
_ONES = int.from_bytes(b"\1" * 256, "big")
# Seconds, for what has been read already: it came in time, but may be 32,768 frames.
_LONGEST_AFTER_DEADLINE = 0.05
_SHORT = 512  # bytes, up to which it is faster to mask them as one number


def masked_frame(opcode: int, *parts: Buffer) -> Frames:
    """The frame of a whole message with the payload `parts`, masked (RFC 6455, sections 5.2 and 5.3).

    For 1 MiB websocket-client takes 4 ms and seven copies, this function 1 ms and one copy. For a short request it
    takes less than half the time of websocket-client.
    """
    size = len(parts[0]) if len(parts) == 1 else sum(map(len, parts))
    head, key = _head(_FINAL | opcode, size), os.urandom(4)
    if size <= _SHORT:
        mask = (key * (size // 4 + 1))[:size]
        masked = int.from_bytes(b"".join(parts), "big") ^ int.from_bytes(mask, "big")
        return head + key + masked.to_bytes(size, "big")
    frame = bytearray().join((head, key, *parts))
    for place, value in enumerate(key, len(head) + len(key)):
        frame[place::4] = frame[place::4].translate(_masked(value))
    return frame


def _head(first: int, size: int) -> bytes:
    if size < 126:
        return struct.pack("!BB", first, _MASKED | size)
    if size < 1 << 16:
        return struct.pack("!BBH", first, _MASKED | 126, size)
    return struct.pack("!BBQ", first, _MASKED | 127, size)


@functools.lru_cache(256)
def _masked(value: int) -> bytes:
    """The translation table for one byte of a mask: each byte value XOR `value`."""
    return (_EACH_BYTE ^ value * _ONES).to_bytes(256, "big")  # in 1 µs; a loop over the bytes takes 30


class Framing:
    """Messages of at most `limit` bytes over a `SteadySocket`."""

    def __init__(self, steady: SteadySocket, limit: int) -> None:
        self._steady = steady
        self._limit = limit
        self._between_messages = True
        self._unsent = b""  # of pongs
        self._reader: Optional[FrameReader] = None

    def limit(self, size: int) -> None:
        """From the next message on, take messages of at most `size`."""
        self._limit = size
        if self._reader is not None:
            self._reader.limit(size)

    def upgrade(self, handshake: Handshake) -> None:
        """Make the opening handshake. Informational answers are skipped.

        Raises:
            NotAgreedError, RefusedError: as `Handshake.check`.
            Exception: what the socket raises.
        """
        self.send_all(handshake.request)
        answer = self._read_head()
        while answer.is_informational:
            answer = self._read_head()
        handshake.check(answer)

    def _read_head(self) -> Head:
        lines: List[bytes] = []
        while True:
            line = self._steady.readline()
            if not line.endswith(b"\n"):
                raise EndedError("the connection ended")
            line = line.rstrip(b"\r\n")
            if not line:
                return Head.parse(lines)
            lines.append(line)

    def send_close(self) -> None:
        """Send a close frame."""
        self.send_all(masked_frame(_CLOSE, _NORMAL_CLOSURE))

    def receive(self) -> Tuple[int, bytes]:
        """The opcode and payload of the next message or control frame; of a fragment, no payload. Answers pings.

        Raises:
            OverdueError: the deadline passed.
            Exception: what the socket and websocket-client raise.
        """
        if self._steady.deadline.overdue_by(_LONGEST_AFTER_DEADLINE):
            raise OverdueError("timed out")
        if self._unsent:
            self._send_pongs()
        if self._between_messages:
            text = self._steady.short_text(self._limit)
            if text is not None:
                return _TEXT, text
        if self._reader is None:
            self._reader = load(frame_reader)(self._steady, self._limit, self._send_pong)
        self._between_messages = False
        opcode, data, within_message = self._reader.receive()
        # A control frame may come in the middle of a message.
        self._between_messages = not within_message
        return opcode, data

    def buffered_text(self) -> Optional[bytes]:
        """The payload of the next message, if it is a short text that has been read already. Does no I/O."""
        return self._steady.buffered_text(self._limit) if self._between_messages else None

    def send_all(self, frames: Frames) -> None:
        """Send one frame or several, as `masked_frame` makes them."""
        self._send_unsent()
        sent = self._steady.send(frames)
        while sent < len(frames):
            sent += self._steady.send(memoryview(frames)[sent:])

    def _send_pong(self, frame: bytes) -> None:
        self._unsent += frame
        self._send_pongs()

    def _send_pongs(self) -> None:
        """Send what is owed of pongs. What there is no time for is sent with the next frame, or before the next is read.

        A ping may have come together with a message, and be read when no time is left. Without its pong the server would
        close the connection; and behind a part of a pong, the next frame would be no frame.
        """
        with suppress(OverdueError):
            self._send_unsent()

    def _send_unsent(self) -> None:
        while self._unsent:
            self._unsent = self._unsent[self._steady.send(self._unsent) :]


def frame_reader() -> Type[FrameReader]:
    """For `load`: what reads frames that are not simple."""
    from .frame_reader import FrameReader

    return FrameReader
