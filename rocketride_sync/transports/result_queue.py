"""What worker threads hand to the one that waits for it."""

from __future__ import annotations

import threading
from collections import deque
from queue import Empty
from typing import Deque, Generic, TypeVar

from ..deadline import Deadline
from ..handler_exceptions import pass_on

T = TypeVar("T")


class ResultQueue(Generic[T]):
    """A queue that one thread takes from, and waits for no longer than it says, whatever signals come meanwhile.

    Before Python 3.13, `queue.SimpleQueue.get` waits for ever if its time is up when a signal handler returns, or when a busy
    machine lets it begin to wait. `queue.Queue` may keep a lock when a handler raises.
    """

    def __init__(self) -> None:
        self._items: Deque[T] = deque()
        self._is_there = threading.Lock()  # free at first, and after something was put

    def put(self, item: T) -> None:
        self._items.append(item)
        try:
            self._is_there.release()
        except RuntimeError as error:  # it is free: what was put before has not been taken yet
            pass_on(error)

    def get(self, timeout: float) -> T:
        """The next item. Raises `queue.Empty` if none comes within `timeout` seconds."""
        deadline = Deadline(timeout)
        # It may be free though all was taken.
        while not self._items and self._is_there.acquire(timeout=deadline.remaining()):
            pass
        if not self._items:
            raise Empty
        return self._items.popleft()

    def empty(self) -> bool:
        return not self._items
