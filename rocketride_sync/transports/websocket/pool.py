"""Idle connections, kept for the next call, and a few new ones at a time."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Callable, Deque, Iterator, Optional, TypeVar

from ...deadline import Deadline
from ...errors import RocketRideError, TransportError, TransportTimeoutError
from ...logs import log

if TYPE_CHECKING:
    from .connection import Connection

T = TypeVar("T")

_LONGEST_IDLE = 30.0  # an idle connection answers no pings, and a silently dead one eats a whole timeout
_SHORT_IDLE = 1.0
_MOST_IDLE = 8
_CONNECTING_AT_ONCE = (
    4  # the server takes ten that have not authenticated yet, from all clients of an address
)
_ONE_TURN = 0.1  # seconds after which a thread tries for the next of them


class Pool:
    """Connections that nobody uses at the moment, the latest first. They belong to the process that made them.

    Args:
        connect: makes a connection within a deadline.
    """

    def __init__(self, connect: Callable[[Deadline], Connection]) -> None:
        self._connect = connect
        self._begin()

    def take(self) -> Optional[Connection]:
        """A connection that is alive as far as can be told, or None."""
        self._forget_inherited()
        for connection in iter(self._latest, None):
            if self.own(connection) and _usable(connection):
                log.debug("a kept WebSocket connection is used again")
                return connection
            log.debug("a kept WebSocket connection is stale, and is closed")
            connection.close()
        return None

    def attempt(
        self,
        step: Callable[[Connection], T],
        deadline: Deadline,
        *,
        repeatable: bool,
        held: Optional[Connection] = None,
    ) -> T:
        """The result of `step` over the connection `held`, an idle one, or a new one.

        A connection that the server closed while nobody listened is replaced, once, if `step` is `repeatable`:
        what is not may have arrived all the same.
        """
        connection = self.own(held) or self.take()
        if connection is not None:
            try:
                return step(connection)
            except TransportTimeoutError:
                raise
            except TransportError as error:
                if not repeatable:
                    raise
                log.debug("a WebSocket connection is replaced: %s", error)
        return step(self.make(deadline))

    def make(self, deadline: Deadline) -> Connection:
        """A new connection. Of many threads that want one, a few connect at a time.

        Raises:
            RocketRideError: what `connect` raises, or `TransportTimeoutError` when its turn does not come.
        """
        self._forget_inherited()
        turn = self._turn(deadline)
        try:
            return self._connect(deadline)
        except RocketRideError as error:
            log.debug("no WebSocket connection: %s", error)
            raise
        finally:
            turn.release()

    def _turn(self, deadline: Deadline) -> threading.Lock:
        """One of the turns, taken. Which is tried first goes round."""
        first = next(self._first)
        patience = 0.0
        while True:
            for number in range(first, first + _CONNECTING_AT_ONCE):
                turn = self._turns[number % _CONNECTING_AT_ONCE]
                if turn.acquire(timeout=min(patience, deadline.remaining())):
                    return turn
            if deadline.expired:
                raise TransportTimeoutError(
                    "no connection within the timeout: too many threads are connecting"
                )
            patience = _ONE_TURN

    def give(self, connection: Connection) -> None:
        """Keep `connection` for later, unless it is broken. Of many, the latest are kept."""
        self._forget_inherited()
        if self.own(connection) is None or connection.broken:
            return
        connection.idle_since = time.monotonic()
        self._idle.append(connection)
        for superfluous in iter(self._superfluous, None):
            superfluous.close()

    @property
    def is_open(self) -> bool:
        """Whether a connection is kept that this process made."""
        return bool(self._idle) and self._pid == os.getpid()

    @staticmethod
    def own(connection: Optional[Connection]) -> Optional[Connection]:
        """`connection`, unless it is the parent process's: that one is let go of without a word."""
        if connection is not None and connection.pid != os.getpid():
            connection.abandon()
            return None
        return connection

    def close(self) -> None:
        """Close every idle connection."""
        self._forget_inherited()
        for connection in iter(self._latest, None):
            connection.close()

    def _latest(self) -> Optional[Connection]:
        """The latest connection, taken out; None when there is none. Other threads take and give meanwhile."""
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _superfluous(self) -> Optional[Connection]:
        """A connection that is one too many, or idle for too long, taken out; None when there is none."""
        try:
            if len(self._idle) <= _MOST_IDLE and not _expired(self._idle[0]):
                return None
            return self._idle.popleft()
        except IndexError:  # another thread was faster
            return None

    def _begin(self) -> None:
        self._idle: Deque[Connection] = deque()
        # Not a semaphore: that has a lock of its own, which Ctrl-C at a bad moment leaves locked for ever.
        self._turns = [threading.Lock() for _ in range(_CONNECTING_AT_ONCE)]
        self._first: Iterator[int] = itertools.count()
        # The last: a thread that finds its process here uses the rest.
        self._pid = os.getpid()

    def _forget_inherited(self) -> None:
        """After a fork, start anew: a goodbye on a connection of the parent's would end it for the parent."""
        if self._pid != os.getpid():
            inherited = self._idle
            self._begin()
            for connection in tuple(inherited):
                self.own(connection)


def _expired(connection: Connection) -> bool:
    return time.monotonic() - connection.idle_since > _LONGEST_IDLE


def _usable(connection: Connection) -> bool:
    if _expired(connection):
        return False
    if time.monotonic() - connection.idle_since > _SHORT_IDLE:
        try:
            connection.drain()
        except RocketRideError:
            return False
    return True
