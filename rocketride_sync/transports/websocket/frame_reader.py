"""Frames that are not simple: fragments, control frames and long ones, read by websocket-client.

Loading it takes a third of a process that reads one status, whose answers are short. So only the first such frame of
a process does, and a wait and what must not be repeated, before their first byte.
"""

from __future__ import annotations

from typing import Any, Callable, Tuple, Union

import websocket

from .steady_socket import EndedError, SteadySocket, TooLargeError

_LONGEST_CONTROL = 125  # RFC 6455, section 5.5


class _Frames(websocket.frame_buffer):
    """Reads frames of bounded size: a frame that announces more is refused before its payload is read.

    Attributes:
        bytes_allowed: the largest payload of the next frame.
    """

    def __init__(self, read: Callable[[int], bytes], bytes_allowed: int) -> None:
        super().__init__(read, True)
        self.bytes_allowed = bytes_allowed

    def recv_length(self) -> None:
        super().recv_length()
        opcode, length = self.header[4] if self.header else 0, self.length or 0
        if opcode >= websocket.ABNF.OPCODE_CLOSE and length > _LONGEST_CONTROL:
            raise websocket.WebSocketProtocolException("a control frame is too long")
        if length > self.bytes_allowed:
            raise TooLargeError

    def recv_strict(self, bufsize: int) -> bytes:
        # The read-ahead buffer nearly always holds everything: then one slice is enough.
        if bufsize and not self.recv_buffer:
            data: bytes = self.recv(bufsize)
            if len(data) == bufsize:
                return data
            self.recv_buffer.append(data)
        return super().recv_strict(bufsize)


class _Fragments(websocket.continuous_frame):
    """Joins the fragments of a message in linear time: with `bytes` each fragment would copy all before it."""

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


class FrameReader(websocket.WebSocket):
    """Reads the messages that `SteadySocket.short_text` does not, of at most `limit` bytes, and answers pings.

    Args:
        steady: where the frames come from.
        limit: the largest message.
        send: sends bytes.
    """

    def __init__(self, steady: SteadySocket, limit: int, send: Callable[[bytes], object]) -> None:
        # Its UTF-8 check is slow (pure Python), and the JSON decoder checks anyway.
        super().__init__(skip_utf8_validation=True, enable_multithread=False)
        self._steady = steady
        self._limit = limit
        self._send_bytes = send
        self._frames = _Frames(self._recv, limit)
        self.frame_buffer = self._frames
        self.cont_frame = _Fragments()

    def limit(self, size: int) -> None:
        """From the next message on, take messages of at most `size`."""
        self._limit = size
        if self.cont_frame.recving_frames is None:
            self._frames.bytes_allowed = size

    def receive(self) -> Tuple[int, bytes, bool]:
        """The opcode and payload of the next frame, and whether the one after it may belong to the same message.

        The last fragment of a message gives all of it; one before has the opcode 0 and no payload.
        """
        frame = self.recv_frame()
        if frame.opcode >= websocket.ABNF.OPCODE_CLOSE:
            if frame.opcode == websocket.ABNF.OPCODE_PING:
                self.pong(frame.data)
            return frame.opcode, frame.data, True
        self.cont_frame.validate(frame)
        self.cont_frame.add(frame)
        if not self.cont_frame.is_fire(frame):
            return websocket.ABNF.OPCODE_CONT, b"", True
        opcode, frame = self.cont_frame.extract(frame)
        return opcode, frame.data, False

    def _recv(self, size: int) -> bytes:
        data: bytes = self._steady.recv(size)
        if not data:
            raise EndedError("the connection ended")
        return data

    def send_frame(self, frame: Any) -> int:
        # Not websocket-client's method, whose trace would log what is sent. A close frame is answered by the caller: a
        # failure to send that answer must not hide the close frame.
        data = frame.format()
        self._send_bytes(data)
        return len(data)

    def recv_frame(self) -> Any:
        frame = self._frames.recv_frame()
        if frame.opcode < websocket.ABNF.OPCODE_CLOSE:
            # The limit holds for all fragments of a message together; after the last one it is whole again.
            self._frames.bytes_allowed = (
                self._limit if frame.fin else self._frames.bytes_allowed - len(frame.data)
            )
        return frame
