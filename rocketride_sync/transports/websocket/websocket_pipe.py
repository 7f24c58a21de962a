"""A pipe over WebSocket: it sends one object in pieces, over a connection of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from ...deadline import Deadline
from ...errors import RocketRideError, ServerError
from ...handler_exceptions import pass_on
from ...logs import log
from ...protocol.failures import NotReadyError
from ...protocol.object_operations import pipe_id_of, through_pipe
from ...protocol.operations import Buffer, Operation
from .pool import Pool

if TYPE_CHECKING:
    from .connection import Connection


class WebSocketPipe:
    """An open pipe. Its connection returns to the pool when the pipe is closed; in any other case it is closed.

    Args:
        pool: where the connection comes from.
        operation: opens the pipe.
        deadline: for opening it.

    Raises:
        RocketRideError: what connecting and `Connection.ask` raise. Then nothing of the object has been sent.
    """

    def __init__(self, pool: Pool, operation: Operation, deadline: Deadline) -> None:
        self._pool = pool
        self._operation = operation
        connection = pool.take() or pool.connect(deadline, replaceable=operation.replaceable)
        self._connection: Optional[Connection] = connection
        try:
            self._id = pipe_id_of(operation, connection.ask(operation, deadline))
        except RocketRideError as error:
            pass_on(error)
            self._release_connection(closed=isinstance(error, (ServerError, NotReadyError)))
            error.request_sent = False
            raise

    def write(self, data: Buffer, deadline: Deadline) -> None:
        """As `rocketride_sync.transports.Pipe.write`."""
        try:
            self._ask("write", deadline, data)
        except ServerError as error:
            pass_on(error)
            self._close_failed_pipe(deadline)
            raise

    def close(self, deadline: Deadline) -> Any:
        """As `rocketride_sync.transports.Pipe.close`."""
        try:
            result = self._ask("close", deadline)
        except ServerError as error:
            pass_on(error)
            self._release_connection(closed=True)
            raise
        self._release_connection(closed=True)
        return result

    def abandon(self) -> None:
        """As `rocketride_sync.transports.Pipe.abandon`."""
        self._release_connection(closed=False)

    def _ask(self, subcommand: str, deadline: Deadline, data: Optional[Buffer] = None) -> Any:
        assert self._connection is not None
        step = through_pipe(self._operation, subcommand, self._id)
        return self._connection.ask(step, deadline, data)

    def _close_failed_pipe(self, deadline: Deadline) -> None:
        """Close a pipe that failed: it would count among the task's pipes for a minute and more."""
        try:
            self.close(deadline)
        except RocketRideError as error:
            pass_on(error)
            log.debug("a pipe that failed could not be closed: %s", error)

    def _release_connection(self, *, closed: bool) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and closed:
            self._pool.give_back(connection)
        elif connection is not None:
            connection.close()
