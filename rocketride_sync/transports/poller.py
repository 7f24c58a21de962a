"""The interface of a poller, which polls many tasks, and of the polls that are submitted to it."""

from __future__ import annotations

import enum
from typing import Any, List, Optional, Protocol, Sequence, Tuple

from ..deadline import Deadline
from ..errors import RocketRideError
from ..handler_exceptions import pass_on
from ..protocol.operations import Operation
from .base import Transport


class Poll(Protocol):
    """A task that is polled, each time it is submitted to a poller.

    Attributes:
        operation: reads the task's status, or the run log.
        until: the deadline of all its polls, the time in a queue included.
    """

    operation: Operation

    @property
    def until(self) -> Deadline: ...

    def begin(self) -> Deadline:
        """The request is sent now. Returns the deadline of its answer. Any thread may call it."""

    def mark_answered(self) -> None:
        """The answer came, or the request failed, now. Called before the result is handed out, which may happen much
        later. Any thread may call it.
        """


class WakeUp(enum.Enum):
    """A result that is no answer but a reason to poll: the task's `end` event (ENDED), or anything else (POLL)."""

    POLL = "poll"
    ENDED = "ended"


PollResult = Tuple[Any, Any]
"""A poll, and its answer: a document, an error, or a `WakeUp`. With a wake-up the poll may be None: then it is for
the task that is due next."""


class Poller(Protocol):
    """Polls many tasks. It belongs to one wait.

    One that listens to events may also have a method ``end_told(poll)``, see `rocketride_sync.transports.end_told`.
    """

    def submit(self, poll: Poll) -> None:
        """Queue the poll: the task is polled when its turn comes. Does no I/O, and never raises."""

    def next(self, deadline: Deadline) -> Optional[PollResult]:
        """The next result; None if `deadline` passes first, or earlier. The I/O of the poller happens here."""

    @property
    def has_results(self) -> bool:
        """Whether `next` can return a result without I/O."""

    def take_queued(self) -> Tuple[List[Any], Optional[RocketRideError]]:
        """Take out the polls that have not begun: they will not be made. And why they could not, if that is known."""

    def remove(self, poll: Poll) -> None:
        """The task will not be polled again."""

    def close(self) -> None:
        """Release what is held, and end the polls in flight. Never raises, never blocks for long."""


class PollingTransport(Transport, Protocol):
    """A transport with its own poller. Over any other, a wait for many tasks polls one task after the other."""

    def watch_many(self, polls: Sequence[Poll]) -> Poller:
        """A poller of these tasks. Does no I/O yet, and never raises."""


def poll_once(transport: Transport, poll: Poll, deadline: Deadline) -> Any:
    """The document that `transport` returns for `poll`, or the error that it raises."""
    try:
        return transport.call(poll.operation, deadline)
    except RocketRideError as error:
        pass_on(error)
        return error
    finally:
        poll.mark_answered()
