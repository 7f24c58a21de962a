"""websocket-client's framing over a socket of ours, which keeps a deadline and reads ahead.

Its own reading gives each read of a frame the whole timeout, so that a byte now and then stretches a call for
ever, and costs two or three system calls a message. What is sent and received nearly always, a message in a single
short frame, takes a shorter way.
"""

from __future__ import annotations

import math
import socket
import time
from typing import Any, Callable, Optional, Sequence, Tuple, Union

import websocket

from ...deadline import SLICE, Deadline
from ...protocol.operations import Buffer
from .masking import masked_frame

_READ_AHEAD = 65_536
_FINAL_TEXT = 0x81
_SIZE_FOLLOWS = 126
_EARLY = 0.02
_LATE = 0.001
_SWITCHING_PROTOCOLS = 101
_LONGEST_CONTROL = 125  # RFC 6455, section 5.5


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


class _Frames(websocket.frame_buffer):
    """Frames of bounded size: one that announces more is refused before it is read.

    Attributes:
        room: bytes that the payload of the next frame may have.
    """

    def __init__(self, read: Callable[[int], bytes], room: int) -> None:
        super().__init__(read, True)
        self.room = room

    def recv_length(self) -> None:
        super().recv_length()
        opcode, length = self.header[4] if self.header else 0, self.length or 0
        if opcode >= websocket.ABNF.OPCODE_CLOSE and length > _LONGEST_CONTROL:
            raise websocket.WebSocketProtocolException("a control frame is too long")
        if length > self.room:
            raise TooLargeError

    def recv_strict(self, bufsize: int) -> bytes:
        # What was read ahead nearly always holds all of it: then one slice will do.
        if bufsize and not self.recv_buffer:
            data: bytes = self.recv(bufsize)
            if len(data) == bufsize:
                return data
            self.recv_buffer.append(data)
        return super().recv_strict(bufsize)


class _Fragments(websocket.continuous_frame):
    """A message's fragments, gathered in time that grows with their size: bytes would be copied for each."""

    def __init__(self) -> None:
        super().__init__(False, True)
        self._data: Union[bytes, bytearray] = b""

    def add(self, frame: Any) -> None:
        if frame.opcode != websocket.ABNF.OPCODE_CONT:
            self.recving_frames = frame.opcode
            self._data = frame.data if frame.fin else bytearray(frame.data)
        else:
            self._data += frame.data

    def extract(self, frame: Any) -> Tuple[int, Any]:
        opcode, self.recving_frames = self.recving_frames, None
        frame.data, self._data = bytes(self._data), b""
        return opcode or 0, frame


class Framing(websocket.WebSocket):
    """websocket-client's framing over a `SteadySocket`, messages of at most `limit` bytes."""

    def __init__(self, steady: SteadySocket, limit: int) -> None:
        # Its check of UTF-8 is pure Python, and the JSON decoder checks anyway.
        super().__init__(skip_utf8_validation=True, enable_multithread=False)
        self._steady = steady
        self._limit = limit
        self._between_messages = True
        self._frames = _Frames(self._recv, limit)
        self.frame_buffer = self._frames
        self.cont_frame = _Fragments()

    def upgrade(self, url: str, host: str, user_agent: str) -> None:
        """Shake hands; raises what websocket-client raises, and what the socket does."""
        self.connect(  # type: ignore[no-untyped-call]  # websocket-client's has no types
            url,
            socket=self._steady,
            header=[f"User-Agent: {user_agent}"],
            host=host,
            suppress_origin=True,
            redirect_limit=0,
        )
        # websocket-client before 1.9 takes a redirect that it is not to follow for success.
        status, headers = self.getstatus() or 0, self.getheaders()
        if status != _SWITCHING_PROTOCOLS:
            raise websocket.WebSocketBadStatusException(f"Handshake status {status}", status, None, headers)

    def send_message(self, opcode: int, *parts: Buffer) -> None:
        """Send a message in one frame, with the payload `parts`."""
        self._send_all(masked_frame(opcode, *parts))

    def send_messages(self, opcode: int, payloads: Sequence[bytes]) -> None:
        """Send several messages at once, each in one frame."""
        self._send_all(b"".join(masked_frame(opcode, payload) for payload in payloads))

    def receive(self) -> Tuple[int, bytes]:
        """The opcode and the payload of the next message or control frame. Pings are answered."""
        if self._between_messages:
            text = self._steady.short_text(self._limit)
            if text is not None:
                return websocket.ABNF.OPCODE_TEXT, text
        self._between_messages = False
        opcode, frame = self.recv_data_frame(control_frame=True)
        # A control frame may come in the middle of a message.
        self._between_messages = opcode < websocket.ABNF.OPCODE_CLOSE
        return opcode, frame.data

    def _send_all(self, data: Union[bytes, bytearray]) -> None:
        sent = self._steady.send(data)
        while sent < len(data):
            sent += self._steady.send(memoryview(data)[sent:])

    def _recv(self, size: int) -> bytes:
        data: bytes = self._steady.recv(size)
        if not data:
            raise websocket.WebSocketConnectionClosedException("the connection ended")
        return data

    # The next two do what websocket-client's do, without the trace, which would log keys and whole tokens. A close
    # frame is answered by whoever receives it: that it was received must not depend on whether that can be sent.

    def send_frame(self, frame: Any) -> int:
        data = frame.format()
        self._send_all(data)
        return len(data)

    def recv_data_frame(self, control_frame: bool = False) -> Any:
        while True:
            frame = self.recv_frame()
            if frame.opcode < websocket.ABNF.OPCODE_CLOSE:
                self.cont_frame.validate(frame)
                self.cont_frame.add(frame)
                if self.cont_frame.is_fire(frame):
                    return self.cont_frame.extract(frame)
                continue
            if frame.opcode == websocket.ABNF.OPCODE_PING:
                self.pong(frame.data)
            if control_frame or frame.opcode == websocket.ABNF.OPCODE_CLOSE:
                return frame.opcode, frame

    def recv_frame(self) -> Any:
        frame = self._frames.recv_frame()
        if frame.opcode < websocket.ABNF.OPCODE_CLOSE:
            # What a message's fragments may still hold; a message that ends frees it all.
            self._frames.room = self._limit if frame.fin else self._frames.room - len(frame.data)
        return frame
