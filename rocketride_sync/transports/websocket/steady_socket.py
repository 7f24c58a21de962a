"""A connected socket that keeps a total deadline and reads ahead.

websocket-client allows each read of a frame the whole timeout: a server that sends a byte now and then could prolong a
call without end. It also makes two or three system calls for each message.
"""

from __future__ import annotations

import math
import socket
from typing import Any, Callable, Optional, Union

from ...deadline import SLICE, Deadline, system_time
from ...handler_exceptions import pass_on
from ...protocol.operations import Buffer
from ..tcp import input_check

_READ_AHEAD = 65_536
_TEXT_BEGINS = b"\x81"  # a whole message in one frame, not masked
_SIZE_FOLLOWS = 126
_SIZE_IN_TWO_BYTES = _TEXT_BEGINS + bytes([_SIZE_FOLLOWS])
_TIMEOUT_MAY_BE_SHORTER = 0.02
_TIMEOUT_MAY_BE_LONGER = 0.001
_ALMOST_NOW = 0.001  # seconds; as a timeout, 0 is another mode of sockets
_TIMER_TOLERANCE = 0.02  # clocks of some systems tick in steps of 16 ms


class TooLargeError(Exception):
    """More bytes came, or were announced, than are allowed."""


class OverdueError(socket.timeout):
    """The time of an operation is over.

    No signal handler raises one, for none leaves the transport. So whoever catches it need not ask (`pass_on`): at each pause,
    that would take a fifth of the CPU of a wait.
    """


class SilentError(OSError):
    """Nothing was received for so long that the peer counts as gone."""


class EndedError(Exception):
    """The peer has closed the connection."""


class SteadySocket:
    """A connected socket that keeps a total deadline and reads ahead.

    Attributes:
        deadline: of the current operation; set before each.
        waits: whether that may wait, as long as the deadline allows. If not, it is over its time as soon as it would have to,
            but not because something else has held this process up.
        dead_after: seconds after which a peer counts as gone, if it sends nothing or accepts nothing.
        last_received: the monotonic time at which the last byte came.
    """

    def __init__(self, sock: Any, deadline: Deadline, dead_after: float) -> None:
        self._sock = sock
        self._timeout = -1.0
        self._buffer = b""
        self._position = 0
        self._ended = False
        self._input_check: Optional[Callable[[], bool]] = None  # made when it is first needed
        self.deadline = deadline
        self.waits = True
        self.dead_after = dead_after
        self.last_received = system_time.monotonic()
        self.bytes_allowed = math.inf  # bytes that may still be received; limited during the upgrade

    def recv(self, size: int) -> bytes:
        """At most `size` bytes; b"" at the end of the stream. Does not wait if `size` is 0.

        Raises:
            OverdueError: the deadline passed.
            OSError: the connection broke, or the peer was silent for too long.
        """
        if size and self._position >= len(self._buffer):
            self._buffer, self._position = self._read(), 0
        start = self._position
        self._position = start + size
        return self._buffer[start : self._position]

    def readline(self) -> bytes:
        """The next line with its line feed, without which it is the end of the stream. Raises as `recv`."""
        line = bytearray()
        while not line.endswith(b"\n"):
            if self._position >= len(self._buffer):
                self._buffer, self._position = self._read(), 0
            end = self._buffer.find(b"\n", self._position) + 1 or len(self._buffer)
            if end == self._position:
                break
            line += self._buffer[self._position : end]
            self._position = end
        return bytes(line)

    def short_text(self, limit: int) -> Optional[bytes]:
        """The payload of the next frame, if that is a whole text message that fits in the buffer. Otherwise None, and
        nothing is consumed; nor after a timeout, and the next call goes on.

        Raises:
            TooLargeError: it is larger than `limit` bytes.
            EndedError: the stream has ended.
            OSError: as `recv`.
        """
        while True:
            if self._position < len(self._buffer):
                text = self.buffered_text(limit)
                if text is not None or not self._may_be_short_text:
                    return text
            data = self._read()
            if not data:
                raise EndedError("the connection ended")
            self._buffer, self._position = self._buffer[self._position :] + data, 0

    def buffered_text(self, limit: int) -> Optional[bytes]:
        """As `short_text`, but None unless the buffer holds all of it. Does no I/O."""
        buffer, start = self._buffer, self._position
        head = buffer[start : start + 4]
        if head[:2] == _SIZE_IN_TWO_BYTES:
            size = int.from_bytes(head[2:], "big")
            start += 4
        elif head[:1] == _TEXT_BEGINS and len(head) > 1 and head[1] < _SIZE_FOLLOWS:
            size = head[1]
            start += 2
        else:
            return None
        if size > limit:
            raise TooLargeError
        end = start + size
        if end > len(buffer):
            return None
        self._position = end
        return buffer[start:end]

    @property
    def _may_be_short_text(self) -> bool:
        """Whether what the buffer holds of the next frame is the beginning of such a message."""
        head = self._buffer[self._position : self._position + 2]
        return head[:1] in (b"", _TEXT_BEGINS) and (len(head) < 2 or head[1] <= _SIZE_FOLLOWS)

    def has_input(self) -> bool:
        """Whether `recv` would return now."""
        if self._position < len(self._buffer):
            return True
        if self._input_check is None:
            self._input_check = input_check(self._sock)
        return self._input_check()

    def _read(self) -> bytes:
        began = system_time.monotonic()
        while not self._ended:
            self._set_timeout()
            called = system_time.monotonic()
            try:
                data: bytes = self._sock.recv(_READ_AHEAD)
            except socket.timeout as error:
                pass_on(error)
            else:
                return self._received(data)
            self._check_waited(called)
            if system_time.monotonic() - max(began, self.last_received) >= self.dead_after:
                self._ended = True
                raise SilentError(None, f"nothing came from it for {self.dead_after:g} s")
        return b""

    def _received(self, data: bytes) -> bytes:
        if data:
            self.last_received = system_time.monotonic()
            self.bytes_allowed -= len(data)
            if self.bytes_allowed < 0:
                raise TooLargeError
        else:
            self._ended = True
        return data

    def send(self, data: Union[Buffer, bytearray]) -> int:
        """Send a part of `data`; the number of bytes sent. Raises as `recv`, also if the peer accepts nothing."""
        began = system_time.monotonic()
        while True:
            self._set_timeout()
            called = system_time.monotonic()
            try:
                sent: int = self._sock.send(data)
            except socket.timeout as error:
                pass_on(error)
            else:
                return sent
            self._check_waited(called)
            if system_time.monotonic() - began >= self.dead_after:
                raise OSError(None, f"it took no more data for {self.dead_after:g} s")

    def _check_waited(self, called: float) -> None:
        """Raise OverdueError if the operation may not wait, OSError if the socket's timeout came long before its time.

        Then it was none: something else was thrown in, which `pass_on` does not know, or the system tells that the
        connection timed out. Bytes that were sent or received by then are not counted. The stream could not be continued:
        the peer would wait for the rest of a frame that has begun twice, and we for its answer.
        """
        if system_time.monotonic() - called < self._timeout / 2 - _TIMER_TOLERANCE:
            raise OSError(None, "it was interrupted")
        if not self.waits:
            raise OverdueError("timed out")

    def _set_timeout(self) -> None:
        """Set the socket's timeout to what remains of the deadline, at most `SLICE`. The caller then tries again."""
        left = self.deadline.remaining()
        if left <= 0.0:
            raise OverdueError("timed out")
        if not self.waits:
            left = _ALMOST_NOW
        elif left >= SLICE:
            if self._timeout == SLICE:
                return
            left = SLICE
        # settimeout is a system call, avoided if the set timeout is close. It may be shorter, because the caller tries
        # again, but not so much that it would try very often; and it must not exceed the deadline.
        shortest = max(left - _TIMEOUT_MAY_BE_SHORTER, left / 2)
        if not shortest < self._timeout < left + _TIMEOUT_MAY_BE_LONGER:
            self._timeout = left
            self._sock.settimeout(left)

    def gettimeout(self) -> float:
        """For websocket-client, which asks whether the socket blocks: it does."""
        return SLICE

    def close(self) -> None:
        try:
            self._sock.close()
        except OSError as error:  # the system may tell here what went wrong before
            pass_on(error)
