"""The interface of a poller, which asks for the statuses of many tasks, and what a transport without its own gets."""

from __future__ import annotations

import enum
from typing import Any, Optional, Protocol, Sequence, Tuple

from ..deadline import Deadline
from ..errors import RocketRideError
from ..protocol.operations import Operation
from .base import Transport


class Poll(Protocol):
    """A task to poll, now and again.

    Attributes:
        operation: asks for its status.
        until: the end of the time for all polls of it.
    """

    operation: Operation

    @property
    def until(self) -> Deadline: ...

    def begin(self) -> Deadline:
        """The question goes out now: by when it must be answered. Any thread may call it."""

    def answered(self) -> None:
        """The answer has come, or failed to, now. To be called before it is handed out, maybe later, by any thread."""


class WakeUp(enum.Enum):
    """In place of an answer: there is reason to poll, of which POLL says no more."""

    POLL = "poll"
    ENDED = "ended"


PollResult = Tuple[Any, Any]
"""A poll, and the document that is its answer, or the error, or a wake_up: one without a poll is for that which is due
next."""


class Poller(Protocol):
    """A way to poll many tasks."""

    def submit(self, poll: Poll) -> None:
        """Poll the task as soon as it is its turn. Does no I/O, and never raises."""

    def next(self, deadline: Deadline) -> Optional[PollResult]:
        """What comes next; None when `deadline` passes first, or sooner. Does what I/O there is to do meanwhile."""

    @property
    def has_results(self) -> bool:
        """Whether there is something for `next` to return without I/O."""

    def remove(self, poll: Poll) -> None:
        """The task will not be polled any more."""

    def close(self) -> None:
        """Give back what is held, and end what is under way. Never raises, never blocks for long."""


class PollingTransport(Transport, Protocol):
    """A transport that has a way of its own to poll many tasks. Others are asked for one after the other."""

    def watch_many(self, polls: Sequence[Poll]) -> Poller:
        """Get ready to poll the tasks. Does no I/O yet, and never raises."""


def poll_once(transport: Transport, poll: Poll, deadline: Deadline) -> Any:
    """The document that `transport` returns for `poll`, or the error that it raises."""
    try:
        return transport.call(poll.operation, deadline)
    except RocketRideError as error:
        return error
    finally:
        poll.answered()
