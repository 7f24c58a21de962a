"""Polls many tasks over one connection: while the server answers one, the next are on their way."""

from __future__ import annotations

import copy
import math
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Deque, Dict, List, Optional

from ...deadline import Deadline
from ...errors import RocketRideError, TransientError, TransportError, TransportTimeoutError
from ...logs import DEBUG, log, took
from ...options import RetryPolicy
from ...protocol import dap, operations
from ...redact import shorten
from ..poller import Poll, PollResult, WakeUp
from .event_filter import END, WAKING_ACTIONS, TaskEventFilter
from .in_flight import InFlight
from .pool import Pool

if TYPE_CHECKING:
    from .connection import Connection

_FEW = 32  # tasks to be told of: each subscription is answered with a list of all active tasks of the account
_GATHERING = 0.5
_LEAST = 0.001  # an expired deadline would read nothing
_GOODBYE_WITHIN = 0.5


class WebSocketPoller:
    """Asks for the statuses of many tasks over one connection, on which few tasks are told the end of, too.

    Answers are gathered, and handed out when all have come, or for half a second none: whatever the caller does with
    them, nothing piles up meanwhile on a connection that is not read.

    A lost connection is replaced at once; one that is lost again without an answer, and one that cannot be made, later
    and later.

    Args:
        pool: where the connection comes from.
        retry: how much later.
        count: how many tasks there are.
    """

    def __init__(self, pool: Pool, retry: RetryPolicy, count: int) -> None:
        self._pool = pool
        self._retry = retry
        self._left = count
        self._connection: Optional[Connection] = None
        self._subjects: Dict[Poll, TaskEventFilter] = {}  # of the tasks that the connection is subscribed to
        self._flights = InFlight()
        self._news: Deque[PollResult] = deque()
        self._answered = -math.inf  # when the last answer came
        self._unanswered = False  # whether an answer may come that nobody waits for any more
        self._failures = 0
        self._fault: Optional[RocketRideError] = None  # why there is no connection, if that may pass
        self._not_before = -math.inf

    @property
    def at_hand(self) -> bool:
        """As `rocketride_sync.transports.poller.Poller.at_hand`."""
        return bool(self._news)

    @property
    def ready(self) -> bool:
        """Whether there is a connection, or one may be tried now."""
        return self._connection is not None or time.monotonic() >= self._not_before

    def ask(self, poll: Poll) -> None:
        """As `rocketride_sync.transports.poller.Poller.ask`."""
        self._flights.waiting.append(poll)

    def leave(self, poll: Poll) -> None:  # noqa: ARG002 - a subscription is shared with twins: it ends with the rest
        """As `rocketride_sync.transports.poller.Poller.leave`."""
        self._left -= 1

    def next(self, deadline: Deadline) -> Optional[PollResult]:
        """As `rocketride_sync.transports.poller.Poller.next`."""
        if self._connection is not None and self._pool.own(self._connection) is None:
            self._lose(TransportError("the connection is the parent process's"))
        while not self._news or self._until_gathered() > 0:
            departing = self._departing()
            if departing:
                self._send(departing)
                continue
            self._await(deadline)
            if deadline.expired and not self._news:
                return None
        return self._news.popleft()

    def close(self) -> None:
        """As `rocketride_sync.transports.poller.Poller.close`: unsubscribes, and gives the connection back."""
        connection, self._connection = self._pool.own(self._connection), None
        if connection is None:
            return
        if self._flights or self._unanswered:
            connection.close()
            return
        try:
            for poll in self._subjects:
                connection.tell(_subscription(poll, to_events=False), Deadline(_GOODBYE_WITHIN))
        except RocketRideError:
            return  # a lost connection has no subscriptions
        self._pool.give(connection)

    def _until_gathered(self) -> float:
        """Seconds for which those on their way are waited for before what has come is handed out."""
        return self._flights.newest.began + _GATHERING - time.monotonic() if self._flights else 0.0

    # Sending.

    def _departing(self) -> List[Poll]:
        """The polls that may go now."""
        return self._flights.departing(len(self._news)) if self.ready else []

    def _send(self, polls: List[Poll]) -> None:
        """Send these polls, over a new connection if there is none."""
        connection = self._connection or self._connect(polls[0].begin())
        if connection is None:
            return
        deadlines = [poll.begin() for poll in polls]
        if deadlines[0].expired:  # to find out while sending would break the connection
            fault = TransportTimeoutError(f"{polls[0].operation.name} failed: no time was left for it")
            self._failed(self._flights.waiting.popleft(), fault)
            return
        self._send_over(connection, polls, deadlines)

    def _send_over(self, connection: Connection, polls: List[Poll], deadlines: List[Deadline]) -> None:
        numbers, fault = list(range(-len(polls), 0)), None  # those of no answer, for what cannot be sent
        try:
            for poll, deadline in zip(polls, deadlines):
                self._subscribe(connection, poll, deadline)
            numbers = connection.post_all([poll.operation for poll in polls], deadlines[-1])
        except RocketRideError as error:
            fault = error
        self._flights.go(numbers, deadlines)
        if fault is not None:
            self._lose(fault)

    def _connect(self, deadline: Deadline) -> Optional[Connection]:
        """Make a connection; if that fails, all polls that wait for it have failed."""
        try:
            idle = None if self._failures else self._pool.take()
            self._connection = idle or self._pool.make(deadline)
            return self._connection
        except RocketRideError as error:
            fault = error
        delay = self._retry.delay(self._failures, getattr(fault, "retry_after", None))
        # What the server asks for must not cost the last poll before the end of the time.
        half = self._flights.waiting[0].until.remaining() / 2
        self._put_off(min(delay, max(half, self._retry.initial_delay)))
        self._fault = fault if isinstance(fault, TransientError) else None
        while self._flights.waiting:
            self._failed(self._flights.waiting.popleft(), fault)
        return None

    def _failed(self, poll: Poll, fault: RocketRideError) -> None:
        poll.answered()
        # One for each, for they are kept, and raised; without what else they may hang on to.
        self._news.append((poll, copy.copy(fault)))

    def _put_off(self, seconds: float) -> None:
        """Let the next connection be made in so many seconds."""
        self._failures += 1
        self._not_before = time.monotonic() + seconds

    def _subscribe(self, connection: Connection, poll: Poll, deadline: Deadline) -> None:
        """As `WebSocketWatch` does; see there why it is TASK, and why the answer is not awaited."""
        if self._left <= _FEW and poll not in self._subjects:
            self._subjects[poll] = TaskEventFilter()
            connection.tell(_subscription(poll, to_events=True), deadline)
            if log.isEnabledFor(DEBUG):
                log.debug("subscribed to events: task %s", shorten(poll.operation.arguments["token"]))

    # Receiving.

    def _await(self, deadline: Deadline) -> None:
        """Take in what comes next, until `deadline` or until something else is to be done."""
        connection, fault = self._connection, None
        if connection is None:
            self._await_turn(deadline)
            return
        try:
            if self._flights:
                self._take_answer(connection, deadline)
            if self._subjects or not (self._flights or self._news):
                self._take_events(connection, Deadline(0) if self._flights or self._news else deadline)
        except RocketRideError as error:
            fault = error
        if fault is not None:
            self._lose(fault)

    def _await_turn(self, deadline: Deadline) -> None:
        """Pause until a connection may be made for the polls that wait for one, or their time is over."""
        waiting = self._flights.waiting
        if not waiting:
            deadline.sleep(deadline.remaining())
            return
        until = waiting[0].until
        deadline.sleep(min(until.remaining(), max(0.0, self._not_before - time.monotonic())))
        if until.expired:
            fault = self._fault or TransportTimeoutError("no connection within the timeout")
            self._failed(waiting.popleft(), fault)

    def _take_answer(self, connection: Connection, deadline: Deadline) -> None:
        # Events are read in between: an answer that never comes must not keep the end of another task untold.
        patience = self._until_gathered() if self._news else min(deadline.remaining(), _GATHERING)
        patience = min(patience, self._flights.oldest.deadline.remaining())
        # What came in time, while the caller's code ran, is read even after the end of the time.
        found = connection.next_answer(Deadline(max(patience, _LEAST)))
        if found is None:
            self._expire(connection)
            return
        number, answer = found
        self._answered = time.monotonic()
        self._failures = 0
        for poll, _, began in self._flights.answered(number):
            document = self._document(connection, poll, answer)
            if log.isEnabledFor(DEBUG):
                took(poll.operation, "WebSocket", self._answered - began, document)
            poll.answered()
            self._news.append((poll, document))

    def _document(self, connection: Connection, poll: Poll, answer: dap.Message) -> Any:
        try:
            document = connection.interpret(poll.operation, answer)
        except RocketRideError as error:
            return error
        if poll in self._subjects:
            self._subjects[poll].seen(document)
        return document

    def _take_events(self, connection: Connection, deadline: Deadline) -> None:
        """Take in events until `deadline`, or one of a task."""
        told = False
        while not told:
            event = connection.listen(deadline)
            if event is None:
                return
            for poll, subject in self._subjects.items():
                action = subject.action(event)
                if action in WAKING_ACTIONS:
                    told = True
                    log.debug("told of task %s: %s", shorten(poll.operation.arguments["token"]), action)
                    self._news.append((poll, WakeUp.ENDED if action == END else WakeUp.POLL))

    # Losing.

    def _expire(self, connection: Connection) -> None:
        """End the polls whose time is over; the connection too if it has given no answer since they began."""
        late = self._flights.expired()
        for poll, _, _ in late:
            fault = TransportTimeoutError(f"{poll.operation.name} failed: no answer within the timeout")
            self._failed(poll, fault)
        self._unanswered = self._unanswered or bool(late)
        silent = self._flights and connection.is_silent_since(self._flights.newest.began)
        if silent or any(pending.began > self._answered for pending in late):
            connection.abandon()
            self._lose(TransportError("the connection gave no more answers"))

    def _lose(self, fault: RocketRideError) -> None:
        """The connection is lost, and what was on its way with it."""
        log.info("lost the connection while waiting for many tasks, connecting again: %s", fault)
        self._connection = None
        self._unanswered = False
        self._fault = fault if isinstance(fault, TransientError) else None
        self._put_off(self._retry.delay(self._failures - 1) if self._failures else 0.0)
        for poll in self._flights.lost(again=isinstance(fault, TransportError)):
            self._failed(poll, fault)
        self._news.extend((poll, WakeUp.POLL) for poll in self._subjects)  # to close the gap
        self._subjects.clear()


def _subscription(poll: Poll, *, to_events: bool) -> operations.Operation:
    return operations.monitor(poll.operation.arguments["token"], ["TASK"] if to_events else ())
