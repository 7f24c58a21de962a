"""A poller for any transport. It polls one task after the other, in the caller's thread."""

from __future__ import annotations

from collections import deque
from typing import Callable, Deque, List, Sequence, Tuple

from ..deadline import Deadline, pause
from .base import Transport
from .poller import Poll, Poller, PollResult, WakeUp, poll_once


def poller_for(transport: Transport, polls: Sequence[Poll]) -> Poller:
    """The transport's own poller of these tasks, or a `SequentialPoller` if it has none."""
    make = getattr(transport, "watch_many", None)
    poller: Poller = SequentialPoller(transport) if make is None else make(polls)
    return poller


class SequentialPoller:
    """Polls one task after the other.

    Args:
        transport: what the polls go over.
        sleep: returns after some seconds, or sooner when there is reason to poll.
    """

    def __init__(self, transport: Transport, sleep: Callable[[float], object] = pause) -> None:
        self._transport = transport
        self._sleep = sleep
        self._queue: Deque[Poll] = deque()

    has_results = False

    def submit(self, poll: Poll) -> None:
        self._queue.append(poll)

    def next(self, deadline: Deadline) -> PollResult:
        if self._queue:
            poll = self._queue.popleft()
            return poll, poll_once(self._transport, poll, poll.begin())
        self._sleep(deadline.remaining())
        return None, WakeUp.POLL

    def take_queued(self) -> Tuple[List[Poll], None]:
        """As `rocketride_sync.transports.poller.Poller.take_queued`."""
        queued = list(self._queue)
        self._queue.clear()
        return queued, None

    def remove(self, poll: Poll) -> None:
        """Nothing is kept of a task."""

    def close(self) -> None:
        """Nothing is held."""
