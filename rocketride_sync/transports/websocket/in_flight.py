"""Which of many polls go out next over a connection, and what becomes of those that it takes with it."""

from __future__ import annotations

import itertools
import time
from collections import deque
from typing import Deque, Dict, Iterable, List, NamedTuple, Sequence, Set

from ...deadline import Deadline
from ..poller import Poll

_AT_ONCE = 64
_CLEARED_AFTER = 0.5  # seconds: who went alone and has broken nothing by then is slow, no more


class PendingPoll(NamedTuple):
    """A poll that is on its way."""

    poll: Poll
    deadline: Deadline
    began: float


class InFlight:
    """The polls that wait for their turn, and those that are on their way. It does nothing itself.

    What was on its way when a connection was lost goes again, after those that wait. If it is lost again, each goes
    alone: so what breaks connections is found, and is the only one to fail.

    Attributes:
        queued: the polls whose turn has not come.
    """

    def __init__(self) -> None:
        self.queued: Deque[Poll] = deque()
        self._pending: Dict[int, PendingPoll] = {}  # by the number of the request
        self._lost_once: Set[Poll] = set()
        self._suspects: Set[Poll] = set()

    def __len__(self) -> int:
        """How many are on their way."""
        return len(self._pending)

    def next_to_send(self, held: int) -> List[Poll]:
        """Those that may go now, with so many answers that have come but not been handed out."""
        room = max(0, _AT_ONCE - len(self) - held)
        first = list(itertools.islice(self.queued, room))
        if not self._suspects:
            return first
        fresh = self._fresh()
        if not self._suspects.isdisjoint(fresh):
            return []
        if first and first[0] in self._suspects:
            return [] if fresh else first[:1]
        return list(itertools.takewhile(lambda poll: poll not in self._suspects, first))

    def _fresh(self) -> List[Poll]:
        """Those that went so lately that they may break the connection yet."""
        since = time.monotonic() - _CLEARED_AFTER
        return [pending.poll for pending in self._pending.values() if pending.began > since]

    def mark_sent(self, numbers: Sequence[int], deadlines: Sequence[Deadline]) -> None:
        """As many as there are numbers go, as the requests with these."""
        now = time.monotonic()
        for number, deadline in zip(numbers, deadlines):
            self._pending[number] = PendingPoll(self.queued.popleft(), deadline, now)

    @property
    def oldest(self) -> PendingPoll:
        """What has been on its way for longest."""
        return next(iter(self._pending.values()))

    @property
    def newest(self) -> PendingPoll:
        """What went last."""
        return next(reversed(self._pending.values()))

    def answered(self, number: int) -> List[PendingPoll]:
        """The one whose answer has come, if anybody waits for it still."""
        pending = self._pending.pop(number, None)
        if pending is None:
            return []
        self._clear([pending.poll])
        return [pending]

    def expired(self) -> List[PendingPoll]:
        """Those whose time is over."""
        numbers = [number for number, pending in self._pending.items() if pending.deadline.expired]
        late = [self._pending.pop(number) for number in numbers]
        self._clear(pending.poll for pending in late)
        return late

    def lost(self, *, again: bool) -> List[Poll]:
        """The connection is lost: the poll that failed with it, if one did, because it had gone alone before.

        With `again`, one that went alone for the first time may go once more.
        """
        lost = [pending.poll for pending in self._pending.values()]
        blamed = self._fresh() or lost
        self._pending.clear()
        failed = blamed if len(blamed) == 1 and (blamed[0] in self._lost_once or not again) else []
        self._suspects.update(self._lost_once.intersection(lost))
        self._lost_once.update(lost)
        self._clear(failed)
        self.queued.extend(poll for poll in lost if poll not in failed)
        return failed

    def _clear(self, polls: Iterable[Poll]) -> None:
        """They have been answered, or given up."""
        for poll in polls:
            self._lost_once.discard(poll)
            self._suspects.discard(poll)
