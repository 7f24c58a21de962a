"""Which of many polls are sent next over a connection, and which of them fail when the connection is lost."""

from __future__ import annotations

import itertools
from collections import deque
from typing import Deque, Dict, Iterable, List, NamedTuple, Sequence, Set

from ...deadline import Deadline, system_time
from ..poller import Poll

_MAX_IN_FLIGHT = 64
_RECENT_SECONDS = 0.5  # a poll that has been in flight for longer does not break connections: it is only slow


class PendingPoll(NamedTuple):
    """A poll in flight."""

    poll: Poll
    deadline: Deadline
    sent_at: float


class InFlight:
    """The polls that are queued, and those in flight. It keeps the books, and does no I/O.

    A poll in flight when its connection is lost is sent again, after those that are queued. If it is lost a second
    time, it is isolated: sent only when no other poll is. So the poll whose answer breaks connections is found, and no
    other poll fails.

    Attributes:
        queued: the polls that are not sent yet.
    """

    def __init__(self) -> None:
        self.queued: Deque[Poll] = deque()
        self._pending: Dict[int, PendingPoll] = {}  # by the number of the request
        self._lost_once: Set[Poll] = set()
        self._isolated: Set[Poll] = set()

    def __len__(self) -> int:
        """The number of polls in flight."""
        return len(self._pending)

    def next_to_send(self, undelivered: int) -> List[Poll]:
        """The polls that may be sent now. `undelivered` results, which nobody has taken yet, count as in flight."""
        room = max(0, _MAX_IN_FLIGHT - len(self) - undelivered)
        first = list(itertools.islice(self.queued, room))
        if not (first and self._isolated):
            return first
        recent = self._recently_sent()
        if not self._isolated.isdisjoint(recent):
            return []
        if first[0] in self._isolated:
            return [] if recent else first[:1]
        return list(itertools.takewhile(lambda poll: poll not in self._isolated, first))

    def _recently_sent(self) -> List[Poll]:
        """The polls in flight that were sent so recently that they may still break the connection."""
        since = system_time.monotonic() - _RECENT_SECONDS
        return [pending.poll for pending in self._pending.values() if pending.sent_at > since]

    def mark_sent(self, numbers: Sequence[int], deadlines: Sequence[Deadline]) -> None:
        """The first polls of the queue were sent, as the requests with these numbers."""
        now = system_time.monotonic()
        for number, deadline in zip(numbers, deadlines):
            self._pending[number] = PendingPoll(self.queued.popleft(), deadline, now)

    @property
    def oldest(self) -> PendingPoll:
        """The poll that was sent first."""
        return next(iter(self._pending.values()))

    @property
    def newest(self) -> PendingPoll:
        """The poll that was sent last."""
        return next(reversed(self._pending.values()))

    def take_answered(self, number: int) -> List[PendingPoll]:
        """The poll whose answer came, taken out; none if it is no longer in flight."""
        pending = self._pending.pop(number, None)
        if pending is None:
            return []
        self._forget([pending.poll])
        return [pending]

    def take_expired(self) -> List[PendingPoll]:
        """The polls whose deadline has passed, taken out."""
        numbers = [number for number, pending in self._pending.items() if pending.deadline.expired]
        late = [self._pending.pop(number) for number in numbers]
        self._forget(pending.poll for pending in late)
        return late

    def connection_lost(self, *, retry: bool) -> List[Poll]:
        """Queue the polls in flight again. Returns the poll that failed, if the loss can be its doing alone.

        It can be if no other poll was sent recently, and if it was lost before. Without `retry` the first loss is
        enough.
        """
        lost = [pending.poll for pending in self._pending.values()]
        suspected = self._recently_sent() or lost
        self._pending.clear()
        proven = not retry or self._lost_once.issuperset(suspected)
        failed = suspected if proven and len(suspected) == 1 else []
        self._isolated.update(self._lost_once.intersection(lost))
        self._lost_once.update(lost)
        self._forget(failed)
        self.queued.extend(poll for poll in lost if poll not in failed)
        return failed

    def _forget(self, polls: Iterable[Poll]) -> None:
        """Drop what is known of losses: these polls were answered, or have failed."""
        for poll in polls:
            self._lost_once.discard(poll)
            self._isolated.discard(poll)
