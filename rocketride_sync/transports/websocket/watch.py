"""One wait over WebSocket: a connection of its own, and a pause that the end of the task cuts short."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from ...deadline import Deadline, pause
from ...errors import RocketRideError
from ...logs import log
from ...protocol import operations
from ...protocol.operations import Operation
from ...redact import shorten
from ..end_backoff import EndBackoff
from .event_filter import END, WAKING_ACTIONS, TaskEventFilter
from .pool import Pool

if TYPE_CHECKING:
    from .connection import Connection

_FIRST_LOSS = 0.25
_GOODBYE_WITHIN = 0.5


class WebSocketWatch:
    """Asks over one connection, on which the server also tells when the task ends.

    Nothing depends on being told: a lost, late, doubled or foreign event changes when the next poll happens, never
    what it sees.
    """

    def __init__(self, pool: Pool, operation: Operation) -> None:
        self._pool = pool
        self._token: str = operation.arguments["token"]
        self._task = shorten(self._token)
        self._connection: Optional[Connection] = None
        self._subject = TaskEventFilter()
        self._backoff = EndBackoff()
        self._answered = False
        self._after_loss = 0.0

    def call(self, operation: Operation, deadline: Deadline) -> Any:
        """As `rocketride_sync.transports.Watch.call`."""
        self._answered = False

        def ask(connection: Connection) -> Any:
            try:
                self._subscribe(connection, deadline)
                return connection.ask(operation, deadline)
            finally:
                if connection.broken:
                    self._connection = None

        document = self._pool.attempt(ask, deadline, repeatable=True, held=self._connection)
        self._answered = True
        self._subject.seen(document)
        return document

    def pause(self, seconds: float) -> None:
        """As `rocketride_sync.transports.Watch.pause`: the task's end, begin or restart ends it at once.

        Once the end was told, pauses are short and grow, so that a status that is not terminal yet, or an event
        that was a twin's, costs a few polls and no more. A lost connection ends a pause too, but one that is
        lost again and again does so later and later.
        """
        # After a fault, the pause is the backoff that the server may have asked for.
        length = self._backoff.shorten(seconds) if self._answered else seconds
        self._connection = self._pool.own(self._connection)
        if self._connection is None:
            pause(length)
            return
        try:
            ended = self._listen(self._connection, Deadline(length))
        except RocketRideError as error:
            log.info("lost the connection while waiting, connecting again: %s", error)
            self._connection = None
            pause(min(seconds, self._after_loss))
            self._after_loss = max(_FIRST_LOSS, self._after_loss * 2)
        else:
            self._after_loss = 0.0
            if ended:
                self._backoff.start(seconds)

    def _subscribe(self, connection: Connection, deadline: Deadline) -> None:
        if connection is self._connection:
            return
        self._connection = connection
        # Never SUMMARY: its statuses pile up while a callback runs, and a subscriber that does not read freezes the
        # task for everybody, terminate included. Of TASK come a few hundred bytes in the life of a task.
        # The answer is not awaited: refused or not, the wait polls all the same.
        connection.tell(operations.monitor(self._token, ["TASK"]), deadline)
        log.debug("subscribed to events: task %s", self._task)

    def _listen(self, connection: Connection, deadline: Deadline) -> bool:
        """Listen until `deadline` or an event of the task. Whether it was told that the task ended."""
        while True:
            event = connection.listen(deadline)
            if event is None:
                return False
            action = self._subject.action(event)
            if action in WAKING_ACTIONS:
                log.debug("told of task %s: %s", self._task, action)
                return action == END

    def close(self) -> None:
        """As `rocketride_sync.transports.Watch.close`: unsubscribes, and gives the connection back."""
        connection, self._connection = self._pool.own(self._connection), None
        if connection is None:
            return
        try:
            connection.tell(operations.monitor(self._token, ()), Deadline(_GOODBYE_WITHIN))
        except RocketRideError:
            return  # a lost connection has no subscriptions
        self._pool.give(connection)
