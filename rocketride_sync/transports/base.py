"""The transport interface (provisional: it may still change in a minor release).

A transport carries operations to the server and wire documents back. Nothing of the library that moves the
bytes crosses this line: every exception a transport raises is one of `rocketride_sync.errors`.
"""

from __future__ import annotations

from typing import Any, Protocol

from ..deadline import Deadline, pause
from ..protocol.operations import Operation


class Watch(Protocol):
    """What a wait uses to follow one task: it polls with `call`, and pauses between polls.

    A watch that listens to events may also have a method ``end_told()``, see `rocketride_sync.transports.end_told`.
    """

    def call(self, operation: Operation, deadline: Deadline) -> Any:
        """As `Transport.call`."""

    def pause(self, seconds: float) -> None:
        """Return after `seconds`, or sooner when there is reason to poll again."""

    def close(self) -> None:
        """Release what the watch holds. Never raises, never blocks for long."""


class Transport(Protocol):
    """What `RocketRideClient(transport=…)` takes: anything with these three methods.

    A transport may be used by several threads at once. Its optional methods are those of
    `rocketride_sync.transports.PipingTransport` and `rocketride_sync.transports.poller.PollingTransport`.
    """

    def call(self, operation: Operation, deadline: Deadline) -> Any:
        """Send `operation`, and return the document of its answer: a decoded JSON value, or None if there is none.

        Raises only errors of `rocketride_sync.errors`, and `TransportTimeoutError` once `deadline` passes.
        """

    def watch(self, operation: Operation) -> Watch:
        """A watch of the task whose status `operation` reads. Does no I/O yet.

        A `TransportError`, such as of a module that cannot be loaded, counts as a poll that failed.
        """

    def close(self) -> None:
        """Close every connection. May be called twice; a later call opens new ones."""


class PollingWatch:
    """The watch of a transport without events: it calls through the transport, and its pause is a sleep."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def call(self, operation: Operation, deadline: Deadline) -> Any:
        return self._transport.call(operation, deadline)

    def pause(self, seconds: float) -> None:
        pause(seconds)

    def close(self) -> None:
        """Nothing is held."""
