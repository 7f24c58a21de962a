"""One object on its way through a pipe, over a connection that is the pipe's own until it ends."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Optional

from ...deadline import Deadline
from ...errors import RocketRideError, ServerError, TransportError
from ...protocol import operations
from ...protocol.operations import Buffer, Operation
from .pool import Pool
from .uploads import pipe_id_of

if TYPE_CHECKING:
    from .connection import Connection

log = logging.getLogger("rocketride_sync")


class WebSocketPipe:
    """An open pipe. Its connection goes back to the pool when the pipe was closed, and is closed in any other case.

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
            pool.give(connection)
            if isinstance(error, TransportError):
                error.request_sent = False
            raise

    def write(self, data: Buffer, deadline: Deadline) -> None:
        """As `rocketride_sync.transports.Pipe.write`."""
        assert self._connection is not None
        try:
            self._connection.ask(self._step("write"), deadline, data)
        except ServerError:
            self._release(self._connection, deadline)
            raise

    def close(self, deadline: Deadline) -> Any:
        """As `rocketride_sync.transports.Pipe.close`."""
        connection, self._connection = self._connection, None
        assert connection is not None
        try:
            return connection.ask(self._step("close"), deadline)
        finally:
            self._pool.give(connection)

    def abandon(self) -> None:
        """As `rocketride_sync.transports.Pipe.abandon`."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _step(self, subcommand: str) -> Operation:
        return operations.through_pipe(self._operation, subcommand, self._id)

    def _release(self, connection: Connection, deadline: Deadline) -> None:
        """Close a pipe that failed: it would keep its place among the task's pipes for a minute and more."""
        try:
            connection.ask(self._step("close"), deadline)
        except RocketRideError as error:
            log.debug("a pipe that failed could not be closed: %s", error)
