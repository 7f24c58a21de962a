"""The watch of one wait over WebSocket: its own connection, and a pause that an event of the task ends early."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from ...deadline import Deadline, pause
from ...errors import RocketRideError, TransportError, TransportTimeoutError
from ...handler_exceptions import pass_on
from ...logs import log
from ...protocol import dap, operations
from ...protocol.operations import Operation
from ...redact import shorten
from ..caller import check_task
from ..end_backoff import EndBackoff
from ..end_told import EndTold
from .event_filter import END, WAKING_ACTIONS, TaskEventFilter
from .pool import Pool
from .reconnecting import Subscribing

if TYPE_CHECKING:
    from .connection import Connection

_FIRST_LOSS_PAUSE = 0.25
_CLOSE_TIMEOUT = 0.5


class WebSocketWatch:
    """Polls over one connection, which is also subscribed to the events of the task.

    When a wait ends never depends on events: a lost, late, repeated or foreign event changes when the next poll
    happens, not what it finds. The reason that an `end` event of this very run tells may decide what the end is called.

    Args:
        pool: where the connection comes from.
        operation: reads the status of the task.
        credential: what the connections of the pool are authenticated with.
    """

    _deadline: Deadline  # of the latest poll

    def __init__(self, pool: Pool, operation: Operation, credential: str) -> None:
        self._pool = pool
        self._token: str = operation.arguments["token"]
        self._task = shorten(self._token)
        self._credential = credential
        self._connection: Optional[Connection] = None
        self._event_filter = TaskEventFilter(self._token, credential)
        self._subscribing = Subscribing()
        self._backoff = EndBackoff()
        self._answered = False
        self._loss_pause = 0.0
        self._latest_pause = 0.0  # as it was asked for

    @property
    def is_open(self) -> bool:
        """Whether it has a connection."""
        return self._connection is not None

    def call(self, operation: Operation, deadline: Deadline) -> Any:
        """As `rocketride_sync.transports.Watch.call`. A poll that a subscription may have cost is repeated without."""
        self._answered = False
        self._deadline = deadline
        check_task(operation, self._credential)
        document = self._poll(operation, deadline)
        self._answered = True
        self._event_filter.learn(document)
        return document

    def _poll(self, operation: Operation, deadline: Deadline) -> Any:
        lost_to_subscription = False

        def ask(connection: Connection) -> Any:
            nonlocal lost_to_subscription
            try:
                self._hold(connection)
                check_task(operation, connection.credential)
                self._subscribe(connection, deadline)
                self._event_filter.poll_sent()
                document = connection.ask(operation, deadline)
                self._subscribing.poll_answered()
                return document
            finally:
                if connection.broken:
                    lost_to_subscription = self._lose(connection)

        try:
            return self._pool.attempt(ask, deadline, repeatable=True, held=self._connection)
        except TransportTimeoutError:
            raise
        except TransportError as error:
            pass_on(error)
            if not lost_to_subscription:
                raise
            log.debug("a WebSocket connection is replaced: %s", error)
        return self._pool.attempt(ask, deadline, repeatable=True)

    def pause(self, seconds: float) -> None:
        """As `rocketride_sync.transports.Watch.pause`. An `end`, `begin` or `restart` event ends it at once.

        After an `end` event pauses are short and grow, see `EndBackoff`. A lost connection ends a pause too; if it is
        lost again and again, each time later.
        """
        self._latest_pause = seconds
        # After a fault the pause is a retry delay, which the server may have asked for: it is not shortened.
        end = Deadline(self._backoff.shorten(seconds) if self._answered else seconds)
        self._connection = self._pool.unless_inherited(self._connection)
        if self._connection is None:
            pause(end.remaining())
            return
        try:
            ended = self._listen(self._connection, end)
        except RocketRideError as error:
            pass_on(error)
            log.info("lost the connection while waiting, connecting again: %s", error)
            self._lose(self._connection)
            pause(min(end.remaining(), self._loss_pause))
            self._loss_pause = max(_FIRST_LOSS_PAUSE, self._loss_pause * 2)
        else:
            self._loss_pause = 0.0
            if ended:
                self._backoff.start(seconds)

    def shown_elsewhere(self, document: Any) -> None:
        """A poll that went another way, while there was no connection, found this."""
        self._event_filter.shown_elsewhere(document)

    def _lose(self, connection: Connection) -> bool:
        """The connection is lost, but not what was received before. Returns as `Subscribing.lost`."""
        if self._take_queued(connection):
            self._backoff.start(self._latest_pause)
        self._connection = None
        return self._subscribing.lost()

    def end_told(self) -> EndTold:
        """As `rocketride_sync.transports.end_told.end_told`."""
        self._connection = self._pool.unless_inherited(self._connection)
        if self._connection is not None:
            self._take_queued(self._connection)
        listening = self._connection is not None and self._subscribing.requested
        return self._event_filter.end_told(listening=listening)

    def _hold(self, connection: Connection) -> None:
        if connection is not self._connection:
            if self._connection is not None:
                self._take_queued(self._connection)
            self._event_filter.connection_lost()
            self._connection = connection
            self._subscribing.connected()

    def _subscribe(self, connection: Connection, deadline: Deadline) -> None:
        if self._subscribing.requested or not self._subscribing.allowed:
            return
        # An `unsubscribe` of an earlier wait must not overtake what comes now.
        connection.settle(deadline)
        # Never SUMMARY: its statuses accumulate unread while a callback runs, and a subscriber that does not read
        # blocks the task for everybody, terminate included. TASK sends a few hundred bytes in the life of a task.
        # The answer is not awaited: even if the subscription is refused, the wait polls.
        self._subscribing.request()
        connection.send_notice(operations.monitor(self._token, ["TASK"]), deadline)
        self._event_filter.subscribed()
        log.debug("subscribed to events: task %s", self._task)

    def _listen(self, connection: Connection, deadline: Deadline) -> bool:
        """Listen until `deadline` or an event of the task; whether that is an `end` event."""
        while True:
            event = connection.listen(deadline)
            if event is None:
                return False
            action = self._take(event)
            if action is not None:
                return self._take_queued(connection) or action == END

    def _take_queued(self, connection: Connection) -> bool:
        """Process what has been received already; whether an `end` event is among it."""
        actions = [self._take(event) for event in iter(connection.queued_event, None)]
        return END in actions

    def _take(self, event: dap.Message) -> Optional[str]:
        """Process an event; its action if that is a reason to poll."""
        action = self._event_filter.take(event)
        if action not in WAKING_ACTIONS:
            return None
        log.debug("told of task %s: %s", self._task, action)
        return action

    def close(self) -> None:
        """As `rocketride_sync.transports.Watch.close`: unsubscribes, and returns the connection to the pool.

        If the server has not answered the subscription, it may yet come after its end: then the connection is closed.
        """
        connection, self._connection = self._pool.unless_inherited(self._connection), None
        if connection is None:
            return
        try:
            if not connection.settle(self._deadline.within(_CLOSE_TIMEOUT)):
                connection.close()
                return
            if self._subscribing.requested:
                connection.send_notice(operations.monitor(self._token, ()), Deadline(_CLOSE_TIMEOUT))
        except RocketRideError as error:
            pass_on(error)
            return  # a lost connection has no subscriptions
        self._pool.give_back(connection)
