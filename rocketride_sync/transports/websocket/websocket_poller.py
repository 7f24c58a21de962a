"""A poller that polls many tasks over one WebSocket connection, with many polls in flight at a time."""

from __future__ import annotations

import copy
import math
from collections import deque
from typing import TYPE_CHECKING, Any, Deque, List, Optional, Tuple

from ...deadline import Deadline, system_time
from ...errors import RocketRideError, TransportError, TransportTimeoutError
from ...handler_exceptions import pass_on
from ...logs import DEBUG, log, log_call
from ...options import RetryPolicy
from ...protocol import dap
from ..caller import refusal_of
from ..end_told import EndTold
from ..poller import Poll, PollResult
from .in_flight import InFlight
from .pool import Pool
from .reconnecting import Reconnecting
from .subscription_allowance import FEW
from .subscriptions import Subscriptions

if TYPE_CHECKING:
    from .connection import Connection

_GATHER_SECONDS = 0.5
_QUIET_SECONDS = 0.01
_MAY_BE_UNREAD = 256 * 1024
_CLOSE_TIMEOUT = 0.5


class WebSocketPoller:
    """Polls many tasks over one connection, which is also subscribed to their events as `SubscriptionAllowance` says.

    Results that come together are handed out together: when no poll is in flight any more, or nothing has come for 10 ms.
    If the answers in flight may come to more than 256 KiB, they are waited for, up to half a second after the last poll
    was sent. So little accumulates on a connection that is not read while the caller handles the results.

    A lost connection is replaced when `Reconnecting` says.

    Args:
        pool: where the connection comes from.
        retry: the delays between attempts to connect.
        count: the number of tasks.
        credential: what the connections of the pool are authenticated with.
    """

    def __init__(self, pool: Pool, retry: RetryPolicy, count: int, credential: str) -> None:
        self._pool = pool
        self._reconnecting = Reconnecting(retry)
        self._unfinished = count
        self._connection: Optional[Connection] = None
        self._credential = credential
        self._subscriptions = Subscriptions(credential)
        self._in_flight = InFlight()
        self._results: Deque[PollResult] = deque()
        self._last_answer_at = -math.inf  # monotonic time of the last answer
        self._late_answer_possible = False  # an answer may come to a poll that has failed already

    @property
    def has_results(self) -> bool:
        """As `rocketride_sync.transports.poller.Poller.has_results`."""
        return bool(self._results)

    @property
    def is_open(self) -> bool:
        """Whether there is a connection."""
        return self._connection is not None

    @property
    def ready(self) -> bool:
        """Whether there is a connection, or it is time to try to connect."""
        # A connection is made when that is due, and only its loss sets another time.
        return self._reconnecting.is_due

    def submit(self, poll: Poll) -> None:
        """As `rocketride_sync.transports.poller.Poller.submit`."""
        refusal = refusal_of(poll.operation, self._credential)
        if refusal is None:
            self._in_flight.queued.append(poll)
        else:
            self._add_failure(poll, refusal)

    def take_queued(self) -> Tuple[List[Poll], Optional[RocketRideError]]:
        """As `rocketride_sync.transports.poller.Poller.take_queued`."""
        queued = list(self._in_flight.queued)
        self._in_flight.queued.clear()
        return queued, self._reconnecting.fault

    def remove(self, poll: Poll) -> None:
        """As `rocketride_sync.transports.poller.Poller.remove`. Twins share a subscription: it stays."""
        self._unfinished -= 1
        self._subscriptions.drop_candidate(poll)

    def next(self, deadline: Deadline) -> Optional[PollResult]:
        """As `rocketride_sync.transports.poller.Poller.next`."""
        if self._connection is not None and self._pool.unless_inherited(self._connection) is None:
            self._connection_lost(TransportError("the connection is the parent process's"))
        while not self._results or self._until_gathered() > 0:
            next_to_send = self._next_to_send()
            if next_to_send:
                self._send(next_to_send)
            elif not self._subscribe_more():
                self._receive(deadline)
                if deadline.expired and not self._results:
                    return None
        return self._results.popleft()

    def end_told(self, poll: Poll) -> EndTold:
        """As `rocketride_sync.transports.end_told.end_told`."""
        return self._subscriptions.end_told(poll, connected=self._connection is not None)

    def shown_elsewhere(self, poll: Poll, document: Any) -> None:
        """A poll of the task that went another way found this."""
        self._subscriptions.shown_elsewhere(poll, document)

    def close(self) -> None:
        """As `rocketride_sync.transports.poller.Poller.close`: unsubscribes, and returns the connection to the pool."""
        connection, self._connection = self._pool.unless_inherited(self._connection), None
        if connection is None:
            return
        if self._in_flight or self._late_answer_possible:
            connection.close()
            return
        try:
            settled = self._subscriptions.unsubscribe(connection, _CLOSE_TIMEOUT)
        except RocketRideError as error:
            pass_on(error)
            return  # a lost connection has no subscriptions
        if settled:
            self._pool.give_back(connection)
        else:
            connection.close()

    def _until_gathered(self) -> float:
        """Seconds to wait for the polls in flight before results are handed out."""
        if not self._in_flight:
            return 0.0
        until = self._in_flight.newest.sent_at + _GATHER_SECONDS
        longest = self._connection.longest_answer if self._connection is not None else 0
        if len(self._in_flight) * longest <= _MAY_BE_UNREAD:
            until = min(until, max(self._last_answer_at, self._in_flight.newest.sent_at) + _QUIET_SECONDS)
        return until - system_time.monotonic()

    # Sending.

    def _next_to_send(self) -> List[Poll]:
        """The polls that may be sent now."""
        return self._in_flight.next_to_send(len(self._results)) if self.ready else []

    def _send(self, polls: List[Poll]) -> None:
        """Send these polls, the first of the queue; over a new connection if there is none."""
        connection = self._connection or self._connect(polls[0].begin())
        if connection is None:
            return
        if self._drop_refused(connection, polls):
            return
        deadlines = [poll.begin() for poll in polls]
        if deadlines[0].expired:  # a timeout while sending would break the connection
            fault = TransportTimeoutError(f"{polls[0].operation.name} failed: no time was left for it")
            self._add_failure(self._in_flight.queued.popleft(), fault)
            return
        self._send_over(connection, polls, deadlines)

    def _drop_refused(self, connection: Connection, polls: List[Poll]) -> bool:
        """Fail the polls that `connection` must not send, for its credential may be another one; whether there are any."""
        refused = [
            (poll, refusal)
            for poll in polls
            if (refusal := refusal_of(poll.operation, connection.credential))
        ]
        for poll, refusal in refused:
            self._in_flight.queued.remove(poll)
            self._add_failure(poll, refusal)
        return bool(refused)

    def _send_over(self, connection: Connection, polls: List[Poll], deadlines: List[Deadline]) -> None:
        # For polls that cannot be sent: no request has such numbers.
        numbers, fault = list(range(-len(polls), 0)), None
        try:
            if self._unfinished <= FEW and self._subscriptions.subscribing.allowed:
                # An `unsubscribe` of an earlier wait must not overtake what comes now.
                if not self._subscriptions:
                    connection.settle(deadlines[0])
                for poll, deadline in zip(polls, deadlines):
                    self._subscriptions.add(connection, poll, deadline)
            for poll in polls:
                self._subscriptions.poll_sent(poll)
            numbers = connection.post_all([poll.operation for poll in polls], deadlines[-1])
        except RocketRideError as error:
            pass_on(error)
            fault = error
        self._in_flight.mark_sent(numbers, deadlines)
        if fault is not None:
            self._connection_lost(fault)

    def _subscribe_more(self) -> bool:
        """Subscribe to more of many tasks; False if it is not time to, or there are none."""
        connection, fault = self._connection, None
        try:
            return connection is not None and self._subscriptions.add_more(connection, self._unfinished)
        except RocketRideError as error:
            pass_on(error)
            fault = error
        self._connection_lost(fault)
        return True

    def _connect(self, deadline: Deadline) -> Optional[Connection]:
        """Make a connection; if that fails, all polls that wait for it have failed."""
        try:
            idle = None if self._reconnecting.failed_before else self._pool.take()
            self._connection = idle or self._pool.connect(deadline)
            self._subscriptions.subscribing.connected()
            return self._connection
        except RocketRideError as error:
            pass_on(error, of_auth=True)  # that concerns all tasks, and comes out itself, not a copy
            fault = error
        self._reconnecting.refused(fault, self._in_flight.queued[0].until)
        while self._in_flight.queued:
            self._add_failure(self._in_flight.queued.popleft(), fault)
        return None

    def _add_failure(self, poll: Poll, fault: RocketRideError) -> None:
        poll.mark_answered()
        # A copy for each poll: they are kept and raised separately, and must not refer to the traceback of the first.
        self._results.append((poll, copy.copy(fault)))

    # Receiving.

    def _receive(self, deadline: Deadline) -> None:
        """Receive answers and events, until `deadline` or until there is something else to do."""
        connection, fault = self._connection, None
        if connection is None:
            self._wait_to_connect(deadline)
            return
        try:
            if self._in_flight:
                self._take_answer(connection, deadline)
            elif self._subscriptions.has_candidates:  # the answer to a subscription may allow more
                connection.receive_frame(deadline)
                self._take_events(connection, Deadline(0))
                return
            idle = not (self._in_flight or self._results)
            if self._subscriptions or idle:
                self._take_events(connection, deadline if idle else Deadline(0))
        except RocketRideError as error:
            pass_on(error)
            fault = error
        if fault is not None:
            self._connection_lost(fault)

    def _wait_to_connect(self, deadline: Deadline) -> None:
        """Sleep until the next attempt to connect, or until the time of the first queued poll is up: then it fails."""
        waiting = self._in_flight.queued
        if not waiting:
            deadline.sleep(deadline.remaining())
            return
        until = waiting[0].until
        deadline.sleep(min(until.remaining(), self._reconnecting.left))
        if until.expired:
            self._add_failure(waiting.popleft(), self._reconnecting.out_of_time())

    def _take_answer(self, connection: Connection, deadline: Deadline) -> None:
        # Bounded, so that events are read too: an answer that never comes must not hold up the events of other tasks.
        limit = self._until_gathered() if self._results else min(deadline.remaining(), _GATHER_SECONDS)
        limit = min(limit, self._in_flight.oldest.deadline.remaining())
        # An answer may have come in time while the caller's code ran: so it is read even after the deadline.
        found = connection.next_answer(Deadline(limit)) if limit > 0.0 else connection.answer_at_hand()
        if found is None:
            self._fail_expired(connection)
            return
        number, answer = found
        self._last_answer_at = system_time.monotonic()
        self._reconnecting.answered()
        for poll, _, sent_at in self._in_flight.take_answered(number):
            self._subscriptions.subscribing.poll_answered(sent_at)
            document = self._read_answer(connection, poll, answer)
            if log.isEnabledFor(DEBUG):
                log_call(poll.operation, "WebSocket", self._last_answer_at - sent_at, document)
            poll.mark_answered()
            self._results.append((poll, document))

    def _read_answer(self, connection: Connection, poll: Poll, answer: dap.Message) -> Any:
        try:
            document = connection.interpret(poll.operation, answer)
        except RocketRideError as error:
            pass_on(error)
            return error
        self._subscriptions.learn(poll, document)
        if self._unfinished > FEW:
            self._subscriptions.take_candidate(poll, document)
        return document

    def _take_events(self, connection: Connection, deadline: Deadline) -> None:
        """Receive events until `deadline`, or until one that wakes a task up, and those received with it."""
        wake_ups: List[PollResult] = []
        while not wake_ups:
            event = connection.listen(deadline)
            if event is None:
                return
            wake_ups = self._subscriptions.wake_ups(event)
        self._results.extend(wake_ups)
        self._take_queued(connection)

    def _take_queued(self, connection: Connection) -> None:
        """Process the events that have been received already."""
        for event in iter(connection.queued_event, None):
            self._results.extend(self._subscriptions.wake_ups(event))

    # Failing.

    def _fail_expired(self, connection: Connection) -> None:
        """Fail the polls whose deadline has passed; the connection too if no answer came since they were sent."""
        late = self._in_flight.take_expired()
        for poll, _, _ in late:
            fault = TransportTimeoutError(f"{poll.operation.name} failed: no answer within the timeout")
            self._add_failure(poll, fault)
        self._late_answer_possible = self._late_answer_possible or bool(late)
        silent = self._in_flight and connection.is_silent_since(self._in_flight.newest.sent_at)
        if silent or any(pending.sent_at > self._last_answer_at for pending in late):
            connection.abandon()
            self._connection_lost(TransportError("the connection gave no more answers"))

    def _connection_lost(self, fault: RocketRideError) -> None:
        """Note that the connection is lost: queue the polls in flight again, and delay the next attempt if needed."""
        log.info("lost the connection while waiting for many tasks, connecting again: %s", fault)
        connection, self._connection = self._connection, None
        if connection is not None:
            self._take_queued(connection)
        self._late_answer_possible = False
        may_pass = isinstance(fault, TransportError)
        failed = self._in_flight.connection_lost(retry=may_pass)
        self._reconnecting.lost(fault, caused_by_poll=bool(failed) and not may_pass)
        for poll in failed:
            self._add_failure(poll, fault)
        self._results.extend(self._subscriptions.connection_lost())
