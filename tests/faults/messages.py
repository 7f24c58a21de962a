"""Whole messages out of a stream of bytes."""

import json
import re
import struct

_WHOLE_URL = re.compile(rb"([A-Z]+ )http://[^/ ]+")
STATUS = "rrext_get_task_status"
_LENGTH = re.compile(rb"(?i)content-length: *(\d+)")


class OverError(ConnectionError):
    """The connection is done with."""


class Messages:
    """Cuts a stream of bytes into whole messages: HTTP heads with their bodies, later WebSocket frames.

    Attributes:
        framed: whether frames come.
    """

    def __init__(self):
        self.framed = False
        self._data = b""

    def receive(self, sock):
        """Take in what has come. Raises OverError at the end of the stream."""
        data = sock.recv(65536)
        if not data:
            raise OverError
        self._data += data

    def take(self):
        """The next message, or None if it is not complete."""
        size = self._frame_size() if self.framed else self._http_size()
        if size is None or len(self._data) < size:
            return None
        message, self._data = self._data[:size], self._data[size:]
        return message

    def _http_size(self):
        head, found, _ = self._data.partition(b"\r\n\r\n")
        if not found:
            return None
        length = _LENGTH.search(head)
        return len(head) + 4 + (int(length.group(1)) if length else 0)

    def _frame_size(self):
        # Of a head that is not complete, the zeros make a frame that is not complete.
        return sum(_layout(self._data + bytes(10)))


def _layout(frame):
    """The sizes of a frame's head and of its payload."""
    size, masked = frame[1] & 0x7F, 4 * (frame[1] >> 7)
    if size == 126:
        return 4 + masked, struct.unpack("!H", frame[2:4])[0]
    if size == 127:
        return 10 + masked, struct.unpack("!Q", frame[2:10])[0]
    return 2 + masked, size


def head_and_body(answer):
    """An answer in two parts: the HTTP head or the head of the frame, and what follows it."""
    head = answer.index(b"\r\n\r\n") + 4 if answer.startswith(b"HTTP/") else _layout(answer)[0]
    return answer[:head], answer[head:]


def is_object(request, framed):
    """Whether the client sends a piece of an object."""
    return request[0] & 0x0F == 2 if framed else request.startswith(b"POST /task/data")


def is_upgrade(request, framed):
    """Whether the client asks for WebSocket."""
    return not framed and b"\r\nupgrade: websocket\r\n" in request.lower()


def for_the_server(request):
    """A request that a proxy got with a whole URL, as the server wants it; None if it is not of that kind."""
    found = _WHOLE_URL.match(request)
    return None if found is None else found.group(1) + request[found.end() :]


def is_question(request, framed):
    """Whether the client asks for the status of a task."""
    if not framed:
        return request.startswith(b"GET /task?")
    head, payload = head_and_body(request)
    text = bytes(byte ^ head[-4 + index % 4] for index, byte in enumerate(payload))
    return request[0] & 0x0F == 1 and json.loads(text).get("command") == STATUS
