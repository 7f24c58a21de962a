"""Polls many tasks over one connection: while the server answers one, the next are on their way."""

from __future__ import annotations

import copy
import math
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Deque, List, Optional

from ...deadline import Deadline
from ...errors import RocketRideError, TransientError, TransportError, TransportTimeoutError
from ...logs import DEBUG, log, took
from ...options import RetryPolicy
from ...protocol import dap
from ..poller import Poll, PollResult
from .in_flight import InFlight
from .pool import Pool
from .subscriptions import Subscriptions

if TYPE_CHECKING:
    from .connection import Connection

_MOST_SUBSCRIBED = (
    32  # tasks to be told of: each subscription is answered with a list of all active tasks of the account
)
_GATHER_FOR = 0.5
_SHORTEST = 0.001  # an expired deadline would read nothing
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
        self._subscriptions = Subscriptions()
        self._in_flight = InFlight()
        self._results: Deque[PollResult] = deque()
        self._answered = -math.inf  # when the last answer came
        self._unanswered = False  # whether an answer may come that nobody waits for any more
        self._failures = 0
        self._fault: Optional[RocketRideError] = None  # why there is no connection, if that may pass
        self._not_before = -math.inf

    @property
    def has_results(self) -> bool:
        """As `rocketride_sync.transports.poller.Poller.has_results`."""
        return bool(self._results)

    @property
    def ready(self) -> bool:
        """Whether there is a connection, or one may be tried now."""
        return self._connection is not None or time.monotonic() >= self._not_before

    def submit(self, poll: Poll) -> None:
        """As `rocketride_sync.transports.poller.Poller.submit`."""
        self._in_flight.queued.append(poll)

    def remove(self, poll: Poll) -> None:  # noqa: ARG002 - a subscription is shared with twins: it ends with the rest
        """As `rocketride_sync.transports.poller.Poller.remove`."""
        self._left -= 1

    def next(self, deadline: Deadline) -> Optional[PollResult]:
        """As `rocketride_sync.transports.poller.Poller.next`."""
        if self._connection is not None and self._pool.own(self._connection) is None:
            self._lose(TransportError("the connection is the parent process's"))
        while not self._results or self._until_gathered() > 0:
            next_to_send = self._next_to_send()
            if next_to_send:
                self._send(next_to_send)
                continue
            self._await(deadline)
            if deadline.expired and not self._results:
                return None
        return self._results.popleft()

    def close(self) -> None:
        """As `rocketride_sync.transports.poller.Poller.close`: unsubscribes, and gives the connection back."""
        connection, self._connection = self._pool.own(self._connection), None
        if connection is None:
            return
        if self._in_flight or self._unanswered:
            connection.close()
            return
        try:
            self._subscriptions.end(connection, _GOODBYE_WITHIN)
        except RocketRideError:
            return  # a lost connection has no subscriptions
        self._pool.give(connection)

    def _until_gathered(self) -> float:
        """Seconds for which those on their way are waited for before what has come is handed out."""
        return self._in_flight.newest.began + _GATHER_FOR - time.monotonic() if self._in_flight else 0.0

    # Sending.

    def _next_to_send(self) -> List[Poll]:
        """The polls that may go now."""
        return self._in_flight.next_to_send(len(self._results)) if self.ready else []

    def _send(self, polls: List[Poll]) -> None:
        """Send these polls, over a new connection if there is none."""
        connection = self._connection or self._connect(polls[0].begin())
        if connection is None:
            return
        deadlines = [poll.begin() for poll in polls]
        if deadlines[0].expired:  # to find out while sending would break the connection
            fault = TransportTimeoutError(f"{polls[0].operation.name} failed: no time was left for it")
            self._failed(self._in_flight.queued.popleft(), fault)
            return
        self._send_over(connection, polls, deadlines)

    def _send_over(self, connection: Connection, polls: List[Poll], deadlines: List[Deadline]) -> None:
        numbers, fault = list(range(-len(polls), 0)), None  # those of no answer, for what cannot be sent
        try:
            if self._left <= _MOST_SUBSCRIBED:
                for poll, deadline in zip(polls, deadlines):
                    self._subscriptions.add(connection, poll, deadline)
            numbers = connection.post_all([poll.operation for poll in polls], deadlines[-1])
        except RocketRideError as error:
            fault = error
        self._in_flight.mark_sent(numbers, deadlines)
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
        half = self._in_flight.queued[0].until.remaining() / 2
        self._put_off(min(delay, max(half, self._retry.initial_delay)))
        self._fault = fault if isinstance(fault, TransientError) else None
        while self._in_flight.queued:
            self._failed(self._in_flight.queued.popleft(), fault)
        return None

    def _failed(self, poll: Poll, fault: RocketRideError) -> None:
        poll.mark_answered()
        # One for each, for they are kept, and raised; without what else they may hang on to.
        self._results.append((poll, copy.copy(fault)))

    def _put_off(self, seconds: float) -> None:
        """Let the next connection be made in so many seconds."""
        self._failures += 1
        self._not_before = time.monotonic() + seconds

    # Receiving.

    def _await(self, deadline: Deadline) -> None:
        """Take in what comes next, until `deadline` or until something else is to be done."""
        connection, fault = self._connection, None
        if connection is None:
            self._await_turn(deadline)
            return
        try:
            if self._in_flight:
                self._take_answer(connection, deadline)
            if self._subscriptions or not (self._in_flight or self._results):
                self._take_events(connection, Deadline(0) if self._in_flight or self._results else deadline)
        except RocketRideError as error:
            fault = error
        if fault is not None:
            self._lose(fault)

    def _await_turn(self, deadline: Deadline) -> None:
        """Pause until a connection may be made for the polls that wait for one, or their time is over."""
        waiting = self._in_flight.queued
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
        patience = self._until_gathered() if self._results else min(deadline.remaining(), _GATHER_FOR)
        patience = min(patience, self._in_flight.oldest.deadline.remaining())
        # What came in time, while the caller's code ran, is read even after the end of the time.
        found = connection.next_answer(Deadline(max(patience, _SHORTEST)))
        if found is None:
            self._expire(connection)
            return
        number, answer = found
        self._answered = time.monotonic()
        self._failures = 0
        for poll, _, began in self._in_flight.answered(number):
            document = self._document(connection, poll, answer)
            if log.isEnabledFor(DEBUG):
                took(poll.operation, "WebSocket", self._answered - began, document)
            poll.mark_answered()
            self._results.append((poll, document))

    def _document(self, connection: Connection, poll: Poll, answer: dap.Message) -> Any:
        try:
            document = connection.interpret(poll.operation, answer)
        except RocketRideError as error:
            return error
        self._subscriptions.seen(poll, document)
        return document

    def _take_events(self, connection: Connection, deadline: Deadline) -> None:
        """Take in events until `deadline`, or one of a task."""
        while True:
            event = connection.listen(deadline)
            if event is None:
                return
            wake_ups = self._subscriptions.wake_ups(event)
            if wake_ups:
                self._results.extend(wake_ups)
                return

    # Losing.

    def _expire(self, connection: Connection) -> None:
        """End the polls whose time is over; the connection too if it has given no answer since they began."""
        late = self._in_flight.expired()
        for poll, _, _ in late:
            fault = TransportTimeoutError(f"{poll.operation.name} failed: no answer within the timeout")
            self._failed(poll, fault)
        self._unanswered = self._unanswered or bool(late)
        silent = self._in_flight and connection.is_silent_since(self._in_flight.newest.began)
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
        for poll in self._in_flight.lost(again=isinstance(fault, TransportError)):
            self._failed(poll, fault)
        self._results.extend(self._subscriptions.lost())
