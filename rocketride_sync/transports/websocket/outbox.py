"""Frames that wait to be sent together: a system call costs more than everything else of a short request.

No sockets: the connection sends what `Outbox.take` returns, before it waits for an answer.
"""

from __future__ import annotations

from typing import List, Optional, Tuple, Union

from ...deadline import Deadline, system_time

_SIZE = 256 * 1024
_LONGEST_WAIT = 0.01  # seconds; the application's code may run between two requests


class Outbox:
    """Frames in the order in which they are sent."""

    __slots__ = ("_frames", "_since", "_size")

    def __init__(self) -> None:
        self._frames: List[Tuple[Deadline, bytearray]] = []
        self._size = 0
        self._since = 0.0

    def has_room(self, frame: bytearray) -> bool:
        """Whether `frame` may wait with the others. A large one is sent alone, so that it is not copied."""
        return not self._frames or self._size + len(frame) <= _SIZE

    def add(self, frame: bytearray, deadline: Deadline) -> None:
        """Add a frame that is of no use after `deadline`."""
        if not self._frames:
            self._since = system_time.monotonic()
        self._frames.append((deadline, frame))
        self._size += len(frame)

    @property
    def is_due(self) -> bool:
        """Whether the frames must be sent now: they are large enough, or have waited long enough."""
        return self._size >= _SIZE or system_time.monotonic() - self._since >= _LONGEST_WAIT

    def take(self) -> Optional[Tuple[Deadline, Union[bytes, bytearray]]]:
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


def _time_left(waiting: Tuple[Deadline, bytearray]) -> float:
    return waiting[0].remaining()
