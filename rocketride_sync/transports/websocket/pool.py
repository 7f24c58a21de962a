"""A pool of idle connections, kept for the next call. It limits how many connect at the same time."""

from __future__ import annotations

import os
import socket
import sys
import threading
import warnings
from collections import deque
from typing import TYPE_CHECKING, Callable, Deque, Dict, Optional, TypeVar

from ...deadline import SLICE, Deadline, system_time
from ...errors import RocketRideError, RocketRideWarning, TransportError, TransportTimeoutError
from ...handler_exceptions import pass_on
from ...logs import log
from ..tcp import may_keep, take_latest

if TYPE_CHECKING:
    from .connection import Connection

T = TypeVar("T")

# An idle connection answers no pings, and a call over one that is silently dead lasts until its timeout.
_LONGEST_IDLE = 30.0
_MOST_IDLE = 8
# A server accepts ten unauthenticated connections for all clients of an address together.
_CONNECTING_AT_ONCE = 4


class _Turns:
    """Lets a few threads at a time take a step, in the order in which they come.

    In place of a semaphore: Ctrl-C between its `acquire` and the next `try` would take a turn away for ever. Here a
    thread is in the queue once at most, and takes the place that an interrupt left of it there when it comes again.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._queue: Dict[int, threading.Lock] = {}  # by thread; each sleeps on its lock until it is released

    def run(self, step: Callable[[], T], deadline: Deadline) -> T:
        """The result of `step`, taken when it is the thread's turn.

        Raises:
            TransportTimeoutError: `deadline` passed before that.
        """
        thread = threading.get_ident()
        try:
            self._await_turn(thread, deadline)
            return step()
        finally:
            self._queue.pop(thread, None)
            self._wake_first()

    def _await_turn(self, thread: int, deadline: Deadline) -> None:
        turn = self._queue[thread] = threading.Lock()
        while thread not in list(self._queue)[: self._limit]:
            if deadline.expired:
                raise TransportTimeoutError(
                    "no connection within the timeout: too many threads are connecting"
                )
            turn.acquire(timeout=min(deadline.remaining(), SLICE))
            self._queue.setdefault(thread, turn)  # a signal handler of this thread may have connected too

    def _wake_first(self) -> None:
        for turn in list(self._queue.values())[: self._limit]:
            try:
                turn.release()
            except RuntimeError as error:  # it is awake
                pass_on(error)


class Pool:
    """Idle connections. The latest is used first. They belong to the process that made them.

    Args:
        connect: makes a connection within a deadline; its second argument is `replaceable` of `Pool.connect`.
    """

    _generation: object

    def __init__(self, connect: Callable[[Deadline, bool], Connection]) -> None:
        self._connect = connect
        self._reset()

    def take(self) -> Optional[Connection]:
        """Take out a connection that seems to be alive; None if there is none."""
        self._forget_inherited()
        while (connection := take_latest(self._idle)) is not None:
            # `_forget_inherited` has compared the process id with the system's; another thread may be emptying the pool.
            if connection.pid == self._pid and _is_alive(connection):
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
        replaceable: bool = True,
        held: Optional[Connection] = None,
    ) -> T:
        """The result of `step` over the connection `held`, else an idle one, else a new one.

        The server may have closed the connection while it was idle. Then `step` is repeated once over a new one, but
        only if it is `repeatable`: the first request may have arrived. `replaceable`: as for `connect`.
        """
        connection = self.unless_inherited(held) or self.take()
        if connection is not None:
            try:
                return step(connection)
            except TransportTimeoutError:
                raise
            except TransportError as error:
                pass_on(error)
                if not repeatable:
                    raise
                log.debug("a WebSocket connection is replaced: %s", error)
        return step(self.connect(deadline, replaceable=replaceable))

    def connect(self, deadline: Deadline, *, replaceable: bool = True) -> Connection:
        """A new connection. Of many threads that want one, only a few connect at the same time.

        `replaceable`: as `Operation.replaceable`, of what wants one.

        Raises:
            RocketRideError: what making it raises, or `TransportTimeoutError` when its turn does not come in time.
        """
        self._forget_inherited()
        generation = self._generation  # now: loading modules, and waiting for its turn, take a while
        try:
            connection = self._turns.run(lambda: self._connect(deadline, replaceable), deadline)
        except RocketRideError as error:
            pass_on(error)
            log.debug("no WebSocket connection: %s", error)
            raise
        connection.generation = generation
        return connection

    def give_back(self, connection: Connection) -> None:
        """Keep `connection` for later, unless it is broken, or the pool was closed since it was made.

        If there are too many, the oldest are closed.
        """
        if self.unless_inherited(connection) is None or connection.broken:
            return
        if not may_keep():
            connection.close()
            return
        connection.idle_since = system_time.monotonic()
        self._idle.append(connection)
        if connection.generation is not self._generation:
            # Compared after it was added: so `close`, in another thread, either finds it or is noticed here.
            self._close_idle()
        # A single one was just given back: it is neither too many nor idle for long.
        while len(self._idle) > 1 and (superfluous := self._pop_superfluous()) is not None:
            superfluous.close()

    @property
    def is_open(self) -> bool:
        """Whether a connection is kept that this process made."""
        return bool(self._idle) and self._pid == os.getpid()

    @staticmethod
    def unless_inherited(connection: Optional[Connection]) -> Optional[Connection]:
        """`connection`; None if the parent process made it: then it is abandoned, without a close frame."""
        if connection is not None and connection.pid != os.getpid():
            connection.abandon()
            return None
        return connection

    def close(self) -> None:
        """Close every idle connection, and those in use when they are given back."""
        self._forget_inherited()
        self._generation = object()  # no number: two threads may add to it at once, and one of them in vain
        self._close_idle()

    def _close_idle(self) -> None:
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:  # not asked before: other threads may use the pool meanwhile
                return
            connection.close()

    def _pop_superfluous(self) -> Optional[Connection]:
        """Take out a connection that is one too many, or idle for too long; None if there is none."""
        try:
            if len(self._idle) <= _MOST_IDLE and not _idle_too_long(self._idle[0]):
                return None
            return self._idle.popleft()
        except IndexError:  # another thread was faster
            return None

    def _reset(self) -> None:
        self._idle: Deque[Connection] = deque()
        self._generation = 0  # another one each time that it is closed
        self._turns = _Turns(_CONNECTING_AT_ONCE)
        # Set last: a thread that finds its own process id here uses the other attributes.
        self._pid = os.getpid()

    def _forget_inherited(self) -> None:
        """After a fork, empty the pool without close frames: they would end the connections for the parent."""
        if self._pid != os.getpid():
            inherited = self._idle
            self._reset()
            for connection in tuple(inherited):
                self.unless_inherited(connection)


def _idle_too_long(connection: Connection) -> bool:
    return system_time.monotonic() - connection.idle_since > _LONGEST_IDLE


def _blocks_greenlets(connection: Connection) -> bool:
    """Whether `socket.socket` was replaced since `connection` was made. Warns if that was gevent, too late."""
    if connection.socket_class is socket.socket:
        return False
    if "gevent.monkey" in sys.modules:
        warnings.warn(
            "gevent's monkey.patch_all() came after a connection was made: whatever still waits over that one blocks all "
            "greenlets. Patch before anything else is imported",
            RocketRideWarning,
            stacklevel=2,
        )
    return True


def _is_alive(connection: Connection) -> bool:
    if _idle_too_long(connection) or _blocks_greenlets(connection):
        return False
    try:
        # However short it was idle: what must not be repeated cannot find out by failing.
        connection.drain()
    except RocketRideError as error:
        pass_on(error)
        return False
    return True
