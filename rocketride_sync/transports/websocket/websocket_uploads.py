"""Whole objects over one connection, several at a time: while the server works on one, the next are on their way."""

from __future__ import annotations

import copy
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Deque, Dict, Generator, Iterator, List, Optional, Tuple

from ...deadline import Deadline
from ...errors import ProtocolError, RocketRideError, ServerError, TransportError, TransportTimeoutError
from ...logs import DEBUG, log, took
from ...protocol import operations
from ...protocol.operations import Buffer, Operation
from ..pipe_interface import Job, NotBegunError, Outcome
from .pool import Pool

if TYPE_CHECKING:
    from .connection import Connection

_AT_ONCE = 32

Steps = Generator[Tuple[Operation, Optional[Buffer]], Any, Any]


def steps(opening: Operation) -> Steps:
    """What is asked to send the object of `opening`, each time after the answer to the last; returns its result.

    A `ServerError` comes out of it only when no pipe is open any more: of the opening, or once the pipe is closed.
    """
    assert opening.data is not None
    pipe_id = pipe_id_of(opening, (yield opening, None))
    fault = None
    for chunk in opening.data:
        try:
            yield operations.through_pipe(opening, "write", pipe_id), chunk
        except ServerError as error:
            fault = error
            break
    try:
        # Also a pipe that failed: it would keep its place among the task's pipes for a minute and more.
        result = yield operations.through_pipe(opening, "close", pipe_id), None
    except ServerError:
        if fault is None:
            raise
    if fault is not None:
        raise fault
    return result


def pipe_id_of(opening: Operation, body: Any) -> Any:
    """The number of the pipe that was opened."""
    pipe_id = body.get("pipe_id") if isinstance(body, dict) else None
    if pipe_id is None:
        raise ProtocolError(f"{opening.name} failed: the server opened a pipe and did not tell which")
    return pipe_id


class Single:
    """A job of its own: one object to send."""

    def __init__(self, operation: Operation, deadline: Deadline) -> None:
        self.operation = operation
        self.deadline = deadline


class _Transfer:
    """One object on its way.

    Attributes:
        job: what it is.
        started: when it set out, as a time of `time.perf_counter`.
        steps: its further steps.
        operation: the step whose answer is awaited.
        over: whether its outcome is known.
    """

    over = False

    def __init__(self, job: Job) -> None:
        self.job = job
        self.started = time.perf_counter()
        self.steps = steps(job.operation)
        self.operation = job.operation

    @property
    def begun(self) -> bool:
        """Whether its pipe is open; until then nothing of it has been sent."""
        return self.operation is not self.job.operation

    def advance(self, answer: Any) -> Optional[Buffer]:
        """Go on to the next step, after `answer`, which may be an error; the data that goes along with it."""
        go_on = self.steps.throw if isinstance(answer, RocketRideError) else self.steps.send
        self.operation, data = go_on(answer)
        return data

    def lost(self, error: RocketRideError) -> RocketRideError:
        """`error`, as it is for this object."""
        if not isinstance(error, (TransportError, ProtocolError)):
            return error
        own = copy.copy(error)
        own.request_sent = self.begun
        return own


class Uploads:
    """Sends objects over one connection.

    The connection goes back to the pool when all objects that were begun have been completed or refused, and is
    closed in any other case: then the server drops the pipes that are left open. Such a one may keep others from
    being opened, so once there is one, the objects that have a pipe are sent to their end, and no others.

    What breaks the connection takes all with it that is on its way. So the first object goes alone, and with each
    piece that the server has taken one more may be on its way: where data break connections, few objects are lost.

    Args:
        pool: where the connection comes from.
        deadline: by when there must be one.
    """

    def __init__(self, pool: Pool, deadline: Deadline) -> None:
        self._pool = pool
        self._connection: Connection = pool.take() or pool.make(deadline)
        self._transfers: Dict[int, _Transfer] = {}
        self._begun: Deque[_Transfer] = deque()
        self._outcomes: List[Outcome] = []
        self._taken = 0
        self._left_open = False

    def run(self, jobs: Iterator[Job], at_once: Optional[int]) -> Generator[Outcome, None, None]:
        """As `rocketride_sync.transports.Uploads.run`."""
        at_once = at_once or _AT_ONCE
        try:
            while not self._connection.broken and self._step(jobs, at_once):
                yield from self._known()
            self._give_back()
            yield from self._known()
        finally:
            self._leave()

    def _step(self, jobs: Iterator[Job], at_once: int) -> bool:
        """Begin an object or take an answer; False if neither is to be done."""
        room = not self._left_open and len(self._transfers) < min(at_once, 1 + self._taken)
        job = next(jobs, None) if room else None
        if job is not None:
            self._begin(_Transfer(job))
            return True
        awaited = any(transfer.begun or not self._left_open for transfer in self._transfers.values())
        if awaited:
            self._take_answer()
        return awaited

    def _known(self) -> List[Outcome]:
        """The outcomes that nobody was told yet."""
        known, self._outcomes = self._outcomes, []
        return known

    def _begin(self, transfer: _Transfer) -> None:
        self._begun.append(transfer)
        self._go_on(transfer, None)

    def _go_on(self, transfer: _Transfer, answer: Any) -> None:
        fault: Optional[RocketRideError] = None
        try:
            data = transfer.advance(answer)
            _check_time(transfer)
            number = self._connection.post(transfer.operation, transfer.job.deadline, data)
        except StopIteration as end:
            self._end(transfer, end.value)
        except RocketRideError as error:
            fault = error
        else:
            self._transfers[number] = transfer
        if fault is not None:
            self._left_open = self._left_open or not isinstance(fault, ServerError)
            self._end(transfer, transfer.lost(fault))
            self._check_connection(fault)

    def _take_answer(self) -> None:
        while self._begun[0].over:
            self._begun.popleft()
        found, fault = None, None
        try:
            found = self._connection.next_answer(self._begun[0].job.deadline)
        except RocketRideError as error:
            fault = error
        if fault is not None:
            self._check_connection(fault)
        elif found is None:
            self._expire()
        else:
            number, answer = found
            transfer = self._transfers.pop(number, None)
            if transfer is not None:  # else it came too late
                self._taken += transfer.begun
                self._go_on(transfer, self._interpreted(transfer, answer))

    def _interpreted(self, transfer: _Transfer, answer: Any) -> Any:
        """The body of an answer, or the error it is."""
        try:
            return self._connection.interpret(transfer.operation, answer)
        except RocketRideError as error:
            return error

    def _check_connection(self, fault: RocketRideError) -> None:
        """If the connection is broken, all that is on its way is lost with it."""
        while self._connection.broken and self._transfers:
            _, transfer = self._transfers.popitem()
            self._end(transfer, transfer.lost(fault))

    def _expire(self) -> None:
        late = [number for number, transfer in self._transfers.items() if transfer.job.deadline.expired]
        for number in late:
            transfer = self._transfers.pop(number)
            self._left_open = True
            self._end(transfer, transfer.lost(_late(transfer)))

    def _give_back(self) -> None:
        """What waits for a pipe that is left open may go over another connection."""
        for transfer in self._transfers.values():
            self._end(
                transfer, NotBegunError(f"{transfer.operation.name} failed: its connection had to be closed")
            )
        self._transfers.clear()

    def _end(self, transfer: _Transfer, outcome: Any) -> None:
        transfer.over = True
        if log.isEnabledFor(DEBUG):
            took(transfer.job.operation, "WebSocket", time.perf_counter() - transfer.started, outcome)
        self._outcomes.append((transfer.job, outcome))

    def _leave(self) -> None:
        if self._left_open or not all(transfer.over for transfer in self._begun):
            self._connection.close()
        else:
            self._pool.give(self._connection)


def _check_time(transfer: _Transfer) -> None:
    # To find out while sending would break the connection.
    if transfer.job.deadline.expired:
        raise _late(transfer)


def _late(transfer: _Transfer) -> TransportTimeoutError:
    return TransportTimeoutError(f"{transfer.operation.name} failed: no answer within the timeout")
