"""One object on its way through a pipe, over a connection that is the pipe's own until it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from ...deadline import Deadline
from ...errors import RocketRideError, ServerError
from ...logs import log
from ...protocol import operations
from ...protocol.operations import Buffer, Operation
from .pool import Pool
from .websocket_uploads import pipe_id_of

if TYPE_CHECKING:
    from .connection import Connection


class WebSocketPipe:
    """An open pipe. Its connection goes back to the pool when the pipe is closed, and is closed in any other case.

    Args:
        pool: where the connection comes from.
        operation: opens the pipe.
        deadline: by when it must be open.

    Raises:
        RocketRideError: what connecting and `Connection.ask` raise. Nothing of the object has been sent then.
    """

    def __init__(self, pool: Pool, operation: Operation, deadline: Deadline) -> None:
        self._pool = pool
        self._operation = operation
        connection = pool.take() or pool.make(deadline)
        self._connection: Optional[Connection] = connection
        try:
            self._id = pipe_id_of(operation, connection.ask(operation, deadline))
        except RocketRideError as error:
            self._leave(closed=isinstance(error, ServerError))
            error.request_sent = False
            raise

    def write(self, data: Buffer, deadline: Deadline) -> None:
        """As `rocketride_sync.transports.Pipe.write`."""
        try:
            self._ask("write", deadline, data)
        except ServerError:
            self._release(deadline)
            raise

    def close(self, deadline: Deadline) -> Any:
        """As `rocketride_sync.transports.Pipe.close`."""
        try:
            result = self._ask("close", deadline)
        except ServerError:
            self._leave(closed=True)
            raise
        self._leave(closed=True)
        return result

    def abandon(self) -> None:
        """As `rocketride_sync.transports.Pipe.abandon`."""
        self._leave(closed=False)

    def _ask(self, subcommand: str, deadline: Deadline, data: Optional[Buffer] = None) -> Any:
        assert self._connection is not None
        step = operations.through_pipe(self._operation, subcommand, self._id)
        return self._connection.ask(step, deadline, data)

    def _release(self, deadline: Deadline) -> None:
        """Close a pipe that failed: it would keep its place among the task's pipes for a minute and more."""
        try:
            self.close(deadline)
        except RocketRideError as error:
            log.debug("a pipe that failed could not be closed: %s", error)

    def _leave(self, *, closed: bool) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and closed:
            self._pool.give(connection)
        elif connection is not None:
            connection.close()
