"""The statuses of a task that is waited for: of its polls, or, once its run is lost, of the server's run log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from ..deadline import Deadline, pause, system_time
from ..errors import TaskLostError
from ..handler_exceptions import pass_on
from ..models import TaskStatus
from ..protocol.operations import Operation
from ..transports import Transport, Watch
from ..transports.end_told import end_told
from ..waiting.run_log import recover
from ..waiting.wait_loop import statuses

if TYPE_CHECKING:
    from .base_client import BaseClient
    from .status_methods import Statuses


def watched_statuses(
    client: BaseClient,
    operation: Operation,
    previous: Optional[TaskStatus],
    timeout: Optional[float],
    interval: float,
) -> Statuses:
    """Yield the statuses of a task until it has ended. The wait begins with the first step.

    Args:
        client: waits.
        operation: reads the task's status.
        previous: an earlier status, if the wait is for that run.
        timeout: seconds for the wait; None for no limit, 0 for a single poll.
        interval: seconds between polls.

    Raises:
        RocketRideError: those of `RocketRideClient.iter_task_status`.
    """
    token = operation.arguments["token"]
    watch: Optional[Watch] = None
    wait = client._wait_for(token, timeout, interval, previous=previous)

    def read(deadline: Deadline) -> TaskStatus:
        nonlocal watch
        # Made here, so that a module that cannot be loaded is outlived as a poll that failed.
        if watch is None:
            _load_ahead(client._transport, wait.deadline)
            watch = client._transport.watch(operation)
        asked_at = system_time.monotonic()
        return client._status_of(token, watch.call(operation, deadline), asked_at)

    def rest(seconds: float) -> None:
        (pause if watch is None else watch.pause)(seconds)

    try:
        yield from statuses(token, wait, read, rest, lambda: end_told(watch))
        return
    except TaskLostError as error:
        pass_on(error)
        if error._is_of_auth:
            raise
        lost, told = error, end_told(watch)
    finally:
        if watch is not None:
            watch.close()

    def ask(operation: Operation, deadline: Deadline) -> Any:
        return client._call_until(operation, wait.for_request(deadline))

    found = recover(token, lost, wait.run_status, ask, wait.deadline, told)
    yield client._status_of(token, found, system_time.monotonic())


def _load_ahead(transport: Transport, deadline: Deadline) -> None:
    """Let `transport` load what the wait may need later, if it has a method for that."""
    load = getattr(transport, "load_ahead", None)
    if load is not None:
        load(deadline)
