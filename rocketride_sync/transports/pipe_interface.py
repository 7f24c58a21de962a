"""The interface of what carries objects: a pipe for one in pieces, uploads for several at a time."""

from __future__ import annotations

from typing import Any, Generator, Iterator, Optional, Protocol, Tuple

from ..deadline import Deadline
from ..errors import TransportError
from ..protocol.operations import Buffer, Operation
from .base import Transport


class Pipe(Protocol):
    """An open pipe: it carries one object."""

    def write(self, data: Buffer, deadline: Deadline) -> None:
        """Send the next piece of the object, and return once the server has taken it."""

    def close(self, deadline: Deadline) -> Any:
        """The object is whole: return the document that is its result. After an `OverloadedError`, try again."""

    def abandon(self) -> None:
        """Let go of the pipe, and of the object unless `close` has returned. Never raises; may be called twice."""


class Job(Protocol):
    """One object to send: `operation` holds its data."""

    operation: Operation
    deadline: Deadline


class NotBegunError(TransportError):
    """The way had to be closed before anything of the object was sent: it can go over the next one."""


Outcome = Tuple[Any, Any]
"""A job, and what came of it: the document that is its result, or a RocketRideError; a `NotBegunError` if nothing."""


class Uploads(Protocol):
    """A way to send several objects at a time."""

    def run(self, jobs: Iterator[Job], at_once: Optional[int]) -> Generator[Outcome, None, None]:
        """Send them, `at_once` or as many as is best, and give the outcome of each as it comes, in any order.

        It ends when the jobs do, or when the way is lost, and takes a job only when it can begin it. No job has an
        earlier deadline than those before it.
        """


class PipingTransport(Transport, Protocol):
    """A transport that can do more than send whole objects one by one. Each of these is optional.

    Attributes:
        uploads_at_once: how many threads should send objects with `call`.
    """

    uploads_at_once: int

    def pipe(self, operation: Operation, deadline: Deadline) -> Pipe:
        """Open a pipe. `operation` is what would send the whole object, without its `data`."""

    def uploads(self, deadline: Deadline) -> Optional[Uploads]:
        """Get ready to send several objects at a time; None if only `call` in threads can do so."""


def open_pipe(transport: Transport, operation: Operation, deadline: Deadline) -> Pipe:
    """A pipe over `transport`; one that cannot do so sends the whole object when the pipe is closed."""
    opener = getattr(transport, "pipe", None)
    if opener is None:
        from .spooled_pipe import SpooledPipe

        return SpooledPipe(transport, operation)
    pipe: Pipe = opener(operation, deadline)
    return pipe
