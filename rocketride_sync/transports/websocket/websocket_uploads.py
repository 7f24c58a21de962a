"""Sends whole objects over one WebSocket connection, several at a time: the server works on one and receives others."""

from __future__ import annotations

import copy
from collections import deque
from typing import TYPE_CHECKING, Any, Deque, Dict, Generator, Iterator, List, Optional

from ...deadline import Deadline, system_time
from ...errors import ProtocolError, RocketRideError, ServerError, TransportError, TransportTimeoutError
from ...handler_exceptions import pass_on
from ...logs import DEBUG, log, log_call
from ...protocol.failures import NotReadyError
from ...protocol.object_operations import upload_steps
from ...protocol.operations import Buffer, Operation
from ..pipe_interface import Job, NotBegunError, Outcome
from .outbox import PostedRequests
from .pool import Pool

if TYPE_CHECKING:
    from .connection import Connection

_MAX_IN_FLIGHT = 32


class SingleJob:
    """The job of sending one object alone."""

    def __init__(self, operation: Operation, deadline: Deadline) -> None:
        self.operation = operation
        self.deadline = deadline


class _Transfer:
    """The transfer of one object.

    Attributes:
        job: the object.
        started: its begin, as a time of `time.perf_counter`.
        steps: the requests that are left.
        operation: the request whose answer is pending.
        over: whether its outcome is known.
    """

    over = False

    def __init__(self, job: Job) -> None:
        self.job = job
        self.started = system_time.perf_counter()
        self.steps = upload_steps(job.operation)
        self.operation = job.operation

    @property
    def begun(self) -> bool:
        """Whether its pipe is open. Before that nothing of the object has been sent."""
        return self.operation is not self.job.operation

    def advance(self, answer: Any) -> Optional[Buffer]:
        """Go on to the next request after `answer`, which may be an error. Returns the data of the request."""
        resume = self.steps.throw if isinstance(answer, RocketRideError) else self.steps.send
        self.operation, data = resume(answer)
        return data

    def error_for(self, error: RocketRideError) -> RocketRideError:
        """`error` for this object: a connection's error says whether anything of the object was sent."""
        if not isinstance(error, (TransportError, ProtocolError)):
            return error
        copied = copy.copy(error)
        copied.request_sent = self.begun
        return copied


class WebSocketUploads:
    """Sends objects over one connection.

    The connection returns to the pool when all objects that were begun have been completed or refused. In any other
    case it is closed, so that the server drops the pipes that are left open. A pipe that is left open may keep others
    from being opened. So once there is one, only the objects that already have a pipe are sent.

    A lost connection fails all objects that are in transfer. So the first object is sent alone, and each piece that
    the server accepts allows one more transfer: where the data break connections, few objects are lost.

    Args:
        pool: where the connection comes from.
        deadline: for making one.
        replaceable: as for `Pool.connect`.
    """

    def __init__(self, pool: Pool, deadline: Deadline, *, replaceable: bool = True) -> None:
        self._pool = pool
        self._connection: Connection = pool.take() or pool.connect(deadline, replaceable=replaceable)
        self._requests = PostedRequests(self._connection)
        self._transfers: Dict[int, _Transfer] = {}
        self._started: Deque[_Transfer] = deque()
        self._outcomes: List[Outcome] = []
        self._accepted = 0
        self._left_open = False

    def run(self, jobs: Iterator[Job], at_once: Optional[int]) -> Generator[Outcome, None, None]:
        """As `rocketride_sync.transports.Uploads.run`."""
        at_once = at_once or _MAX_IN_FLIGHT
        try:
            while not self._connection.broken and self._step(jobs, at_once):
                yield from self._take_outcomes()
            self._return_unsent()
            yield from self._take_outcomes()
        finally:
            self._release_connection()

    def _step(self, jobs: Iterator[Job], at_once: int) -> bool:
        """Begin an object or take an answer; False if there is neither to do."""
        room = not self._left_open and len(self._transfers) < min(at_once, 1 + self._accepted)
        job = next(jobs, None) if room else None
        if job is not None:
            self._start(_Transfer(job))
            return True
        awaited = any(transfer.begun or not self._left_open for transfer in self._transfers.values())
        if awaited:
            self._take_answer()
        return awaited

    def _take_outcomes(self) -> List[Outcome]:
        """Take the outcomes that were not handed out yet."""
        known, self._outcomes = self._outcomes, []
        return known

    def _start(self, transfer: _Transfer) -> None:
        self._started.append(transfer)
        self._advance(transfer, None)

    def _advance(self, transfer: _Transfer, answer: Any) -> None:
        fault: Optional[RocketRideError] = None
        try:
            data = transfer.advance(answer)
            _check_deadline(transfer)
            number = self._requests.post(transfer.operation, transfer.job.deadline, data)
        except StopIteration as end:
            self._finish(transfer, end.value)
        except RocketRideError as error:
            pass_on(error)
            fault = error
        else:
            self._transfers[number] = transfer
        if fault is not None:
            closed = fault._is_of_one_task or isinstance(fault, (ServerError, NotReadyError))
            self._left_open = self._left_open or not closed
            self._finish(transfer, transfer.error_for(fault))
            self._fail_if_broken(fault)

    def _take_answer(self) -> None:
        while self._started[0].over:
            self._started.popleft()
        found, fault = None, None
        try:
            found = self._requests.next_answer(self._started[0].job.deadline)
        except RocketRideError as error:
            pass_on(error)
            fault = error
        if fault is not None:
            self._fail_if_broken(fault)
        elif found is None:
            self._fail_expired()
        else:
            number, answer = found
            transfer = self._transfers.pop(number, None)
            if transfer is not None:  # else its transfer has failed already
                self._accepted += transfer.begun
                self._advance(transfer, self._interpret(transfer, answer))

    def _interpret(self, transfer: _Transfer, answer: Any) -> Any:
        """The body of an answer, or the error that it stands for."""
        try:
            return self._connection.interpret(transfer.operation, answer)
        except RocketRideError as error:
            pass_on(error)
            return error

    def _fail_if_broken(self, fault: RocketRideError) -> None:
        """If the connection is broken, fail all transfers."""
        while self._connection.broken and self._transfers:
            _, transfer = self._transfers.popitem()
            self._finish(transfer, transfer.error_for(fault))

    def _fail_expired(self) -> None:
        late = [number for number, transfer in self._transfers.items() if transfer.job.deadline.expired]
        for number in late:
            transfer = self._transfers.pop(number)
            self._left_open = True
            self._finish(transfer, transfer.error_for(_timeout_error(transfer)))

    def _return_unsent(self) -> None:
        """Return the objects that have no pipe yet: the next connection can send them."""
        for transfer in self._transfers.values():
            self._finish(
                transfer, NotBegunError(f"{transfer.operation.name} failed: its connection had to be closed")
            )
        self._transfers.clear()

    def _finish(self, transfer: _Transfer, outcome: Any) -> None:
        transfer.over = True
        if log.isEnabledFor(DEBUG):
            log_call(
                transfer.job.operation, "WebSocket", system_time.perf_counter() - transfer.started, outcome
            )
        self._outcomes.append((transfer.job, outcome))

    def _release_connection(self) -> None:
        if self._left_open or not all(transfer.over for transfer in self._started):
            self._connection.close()
        else:
            self._pool.give_back(self._connection)


def _check_deadline(transfer: _Transfer) -> None:
    # A timeout while sending would break the connection.
    if transfer.job.deadline.expired:
        raise _timeout_error(transfer)


def _timeout_error(transfer: _Transfer) -> TransportTimeoutError:
    return TransportTimeoutError(f"{transfer.operation.name} failed: no answer within the timeout")
