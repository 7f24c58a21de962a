"""The interfaces for sending objects: a pipe for one object in pieces, uploads for several objects at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generator, Iterator, Optional, Protocol, Tuple, Type

from ..deadline import Deadline
from ..errors import TransportError
from ..loading import load
from ..protocol.operations import Buffer, Operation
from .base import Transport

if TYPE_CHECKING:
    from .spooled_pipe import SpooledPipe


class Pipe(Protocol):
    """An open pipe. It carries one object."""

    def write(self, data: Buffer, deadline: Deadline) -> None:
        """Send the next piece of the object, and return once the server has taken it."""

    def close(self, deadline: Deadline) -> Any:
        """The object is whole: return the document that is its result. After an `OverloadedError`, try again."""

    def abandon(self) -> None:
        """Give up the pipe, and the object unless `close` has returned. Never raises; may be called twice."""


class Job(Protocol):
    """One object to send: `operation` holds its data."""

    operation: Operation
    deadline: Deadline


class NotBegunError(TransportError):
    """The connection had to be closed before anything of the object was sent. The next `Uploads` can send it."""


Outcome = Tuple[Any, Any]
"""A job, and its result document or a RocketRideError: `NotBegunError` or `NotReadyError` if nothing of the object was sent."""


class Uploads(Protocol):
    """Sends several objects at a time over one connection."""

    def run(self, jobs: Iterator[Job], at_once: Optional[int]) -> Generator[Outcome, None, None]:
        """Send the objects, and yield the outcome of each as it comes, in any order.

        It ends when there are no more jobs, or when the connection is lost. It takes a job only when it can begin it.

        Args:
            jobs: the objects. No job may have an earlier deadline than those before it.
            at_once: how many at a time; None leaves it to the transport.
        """


class PipingTransport(Transport, Protocol):
    """A transport that can do more than send whole objects one by one. Each of these is optional.

    Attributes:
        uploads_at_once: how many threads should send objects with `call`.
    """

    uploads_at_once: int

    def pipe(self, operation: Operation, deadline: Deadline) -> Pipe:
        """Open a pipe. `operation` is the one that would send the whole object, without its `data`."""

    def uploads(self, deadline: Deadline) -> Optional[Uploads]:
        """A connection that sends several objects at a time; None if they must be sent with `call`, in threads."""


def open_pipe(transport: Transport, operation: Operation, deadline: Deadline) -> Pipe:
    """Open a pipe over `transport`. One without pipes sends the whole object when the pipe is closed."""
    opener = getattr(transport, "pipe", None)
    if opener is None:
        return load(_spooling)(transport, operation)
    pipe: Pipe = opener(operation, deadline)
    return pipe


def _spooling() -> Type[SpooledPipe]:
    from .spooled_pipe import SpooledPipe

    return SpooledPipe
