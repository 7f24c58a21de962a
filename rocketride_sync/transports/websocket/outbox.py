"""Requests that are sent while others are in flight, and together: a system call costs more than all else of a short one."""

from __future__ import annotations

from typing import List, Optional, Tuple

from ...deadline import Deadline, system_time
from ...protocol import dap
from ...protocol.operations import Buffer, Operation
from ..caller import check_task
from .channel import request_frame
from .connection import Connection
from .framing import Frames

_SIZE = 256 * 1024
_LONGEST_WAIT = 0.01  # seconds; the application's code may run between two requests


class PostedRequests:
    """Requests over one connection, many of them in flight, whose answers come in any order.

    Args:
        connection: sends them. It is used for nothing else meanwhile.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._channel = connection.channel
        self._outbox = Outbox()

    def post(self, operation: Operation, deadline: Deadline, data: Optional[Buffer] = None) -> int:
        """Send `operation`, with `data` if given; its number, for `next_answer`. Raises TransportError, ConfigurationError.

        It is sent together with those that are posted next, before `next_answer` waits. `data` is not needed any more.
        """
        check_task(operation, self._connection.credential)
        self._channel.expect(operation, deadline)
        number, text = self._channel.dialogue.request(operation.command, operation.arguments)
        frame = self._channel.guarded(request_frame, text, data)
        if not self._outbox.has_room(frame):
            self._send_posted()
        self._outbox.add(frame, deadline)
        if self._outbox.is_due:
            self._send_posted()
        return number

    def next_answer(self, deadline: Deadline) -> Optional[Tuple[int, dap.Message]]:
        """As `Connection.next_answer`. Unless an answer has been received already, what was posted is sent first."""
        found = self._connection.answer_received()
        if found is None:
            self._send_posted()
            found = self._connection.next_answer(deadline)
        return found

    def _send_posted(self) -> None:
        """Send the requests that were posted and not sent yet."""
        posted = self._outbox.take()
        if posted is not None:
            deadline, frames = posted
            self._channel.send(frames, deadline)


class Outbox:
    """Frames that wait to be sent together. It does no I/O: the caller sends what `take` returns."""

    __slots__ = ("_frames", "_since", "_size")

    def __init__(self) -> None:
        self._frames: List[Tuple[Deadline, Frames]] = []
        self._size = 0
        self._since = 0.0

    def has_room(self, frame: Frames) -> bool:
        """Whether `frame` may wait with the others. A large one is sent alone, so that it is not copied."""
        return not self._frames or self._size + len(frame) <= _SIZE

    def add(self, frame: Frames, deadline: Deadline) -> None:
        """Add a frame that is of no use after `deadline`."""
        if not self._frames:
            self._since = system_time.monotonic()
        self._frames.append((deadline, frame))
        self._size += len(frame)

    @property
    def is_due(self) -> bool:
        """Whether the frames must be sent now: they are large enough, or have waited long enough."""
        return self._size >= _SIZE or system_time.monotonic() - self._since >= _LONGEST_WAIT

    def take(self) -> Optional[Tuple[Deadline, Frames]]:
        """Take all frames, and the earliest of their deadlines; None if there is nothing to send.

        A frame whose deadline has passed is dropped: its request has been given up, and sending it with no time left
        would break the connection for the others.
        """
        if not self._frames:
            return None
        kept = [each for each in self._frames if not each[0].expired]
        self._frames, self._size = [], 0
        if len(kept) < 2:
            return kept[0] if kept else None
        deadline, _ = min(kept, key=_time_left)
        return deadline, b"".join([frame for _, frame in kept])


def _time_left(waiting: Tuple[Deadline, Frames]) -> float:
    return waiting[0].remaining()
