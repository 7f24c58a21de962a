"""The event subscriptions of a poller's connection, and the wake-ups that events cause."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, Optional, Set, Tuple

from ...deadline import Deadline
from ...logs import DEBUG, log
from ...models.outcome import shows_life
from ...protocol import dap, operations
from ...redact import shorten
from ..end_told import EndTold
from ..poller import Poll, PollResult, WakeUp
from .event_filter import END, WAKING_ACTIONS, TaskEventFilter, active_ids, is_distinct
from .reconnecting import Subscribing
from .subscription_allowance import FEW, SubscriptionAllowance

if TYPE_CHECKING:
    from .connection import Connection


class Subscriptions:
    """The tasks of a poller whose events its connection is subscribed to, and what those events told.

    Args:
        credential: what the connection is authenticated with.

    Attributes:
        subscribing: whether the connection may be subscribed at all.
    """

    def __init__(self, credential: str) -> None:
        self.subscribing = Subscribing()
        self._credential = credential
        self._filters: Dict[Poll, TaskEventFilter] = {}
        self._lost: Dict[Poll, TaskEventFilter] = {}  # of lost connections: what was told is still true

        self._allowance = SubscriptionAllowance()
        self._candidates: Dict[Poll, Dict[str, Any]] = {}  # with project and source
        # By project and source, unless events tell them apart.
        self._twins: Dict[Tuple[Any, Any], Set[Poll]] = {}

    def __bool__(self) -> bool:
        return bool(self._filters)

    def __iter__(self) -> Iterator[Poll]:
        return iter(self._filters)

    def add(self, connection: Connection, poll: Poll, deadline: Deadline) -> None:
        """Subscribe to the events of the task. `WebSocketWatch` says why to TASK, and why the answer is not awaited.

        A poll that does not read the status of a task, such as one of the run log, has no events.
        """
        if poll in self._filters or "token" not in poll.operation.arguments:
            return
        token = poll.operation.arguments["token"]
        event_filter = self._lost.pop(poll, None) or TaskEventFilter(token, self._credential)
        event_filter.subscribed()
        self._filters[poll] = event_filter
        self.drop_candidate(poll)
        self.subscribing.request()
        connection.send_notice(_subscription(poll, to_events=True), deadline)
        if log.isEnabledFor(DEBUG):
            log.debug("subscribed to events: task %s", shorten(token))

    @property
    def has_candidates(self) -> bool:
        """Whether there are tasks that `add_more` may subscribe to."""
        return bool(self._candidates)

    def take_candidate(self, poll: Poll, document: Any) -> None:
        """One of many tasks has this status: it may be subscribed to, if it runs and its events would be a help."""
        if poll in self._filters or not isinstance(document, dict) or "token" not in poll.operation.arguments:
            return
        if not self.subscribing.allowed:
            return
        if shows_life(document.get("state"), document.get("completed")) and self._suits(poll, document):
            self._candidates[poll] = {key: document.get(key) for key in ("project_id", "source")}

    def drop_candidate(self, poll: Poll) -> None:
        """The task has ended."""
        self._candidates.pop(poll, None)

    def add_more(self, connection: Connection, left: int) -> bool:
        """Subscribe to as many candidates as `SubscriptionAllowance` says, once all earlier subscriptions are answered.

        Args:
            connection: the connection of the poller.
            left: the tasks that have not ended.

        Returns:
            Whether there were any.
        """
        if not self._candidates or not connection.settled:
            return False
        longest = connection.longest_event(forget=self._allowance.tries(left))
        polls = list(itertools.islice(self._candidates, self._allowance.next(left, longest)))
        for poll in polls:
            known = self._candidates[poll]
            self.add(connection, poll, poll.until)
            self.learn(poll, known)
        return bool(polls)

    def _suits(self, poll: Poll, document: Mapping[str, Any]) -> bool:
        """Whether an event tells the task from its twins, or they are few: else each would wake up so many."""
        if is_distinct(poll.operation.arguments["token"], self._credential):
            return True
        key = str(document.get("project_id")), str(document.get("source"))
        twins = self._twins.setdefault(key, set())
        if len(twins) < FEW:
            twins.add(poll)
        return poll in twins

    def poll_sent(self, poll: Poll) -> None:
        """The task's status is asked for now."""
        event_filter = self._filter_of(poll)
        if event_filter is not None:
            event_filter.poll_sent()

    def learn(self, poll: Poll, document: Any) -> None:
        """Take the task's project and source from its status document."""
        event_filter = self._filter_of(poll)
        if event_filter is not None:
            event_filter.learn(document)

    def shown_elsewhere(self, poll: Poll, document: Any) -> None:
        """A poll of the task that went another way found this."""
        event_filter = self._lost.get(poll)
        if event_filter is not None:
            event_filter.shown_elsewhere(document)

    def end_told(self, poll: Poll, *, connected: bool) -> EndTold:
        """What was told of the end of the task's run."""
        event_filter = self._filter_of(poll)
        if event_filter is None:
            return EndTold()
        return event_filter.end_told(listening=connected and poll in self._filters)

    def _filter_of(self, poll: Poll) -> Optional[TaskEventFilter]:
        return self._filters.get(poll) or self._lost.get(poll)

    def wake_ups(self, event: dap.Message) -> List[PollResult]:
        """A wake-up for each task that `event` belongs to; where there are many, not for twins it does not belong to."""
        found: List[PollResult] = []
        active, crowded = active_ids(event), len(self._filters) > FEW
        for poll, event_filter in self._filters.items():
            action = event_filter.take(event) if active is None else event_filter.take_active(active)
            if action in WAKING_ACTIONS and not (
                crowded and active is None and event_filter.is_of_twin(event)
            ):
                log.debug("told of task %s: %s", shorten(poll.operation.arguments["token"]), action)
                found.append((poll, WakeUp.ENDED if action == END else WakeUp.POLL))
        return found

    def unsubscribe(self, connection: Connection, timeout: float) -> bool:
        """Unsubscribe from all; False if a subscription may yet come after its end. Raises the connection's errors."""
        left = max((poll.until.remaining() for poll in self._filters), default=0.0)
        if not connection.settle(Deadline(min(left, timeout))):
            return False
        for poll in self._filters:
            connection.send_notice(_subscription(poll, to_events=False), Deadline(timeout))
        return True

    def connection_lost(self) -> List[PollResult]:
        """Forget the subscriptions. Returns a wake-up for each task: its `end` event may have been lost."""
        wake_ups: List[PollResult] = [(poll, WakeUp.POLL) for poll in self._filters]
        for event_filter in self._filters.values():
            event_filter.connection_lost()
        self.subscribing.lost()
        self._allowance.connection_lost()
        self._candidates.clear()
        self._lost.update(self._filters)
        self._filters.clear()
        return wake_ups


def _subscription(poll: Poll, *, to_events: bool) -> operations.Operation:
    return operations.monitor(poll.operation.arguments["token"], ["TASK"] if to_events else ())
