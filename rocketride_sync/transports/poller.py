"""How many tasks are polled, whether a transport can do so with several at a time or not."""

from __future__ import annotations

import enum
import os
import queue
import threading
from collections import deque
from typing import Any, Callable, Deque, Dict, List, Optional, Protocol, Sequence, Tuple

from ..deadline import SLICE, Deadline, pause
from ..errors import RocketRideError, TransportError
from ..logs import log
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
"""A poll, and the document that is its answer, or the error, or a hint: one without a poll is for that which is due
next."""


class Poller(Protocol):
    """A way to poll many tasks."""

    def ask(self, poll: Poll) -> None:
        """Poll the task as soon as it is its turn. Does no I/O, and never raises."""

    def next(self, deadline: Deadline) -> Optional[PollResult]:
        """What comes next; None when `deadline` passes first, or sooner. Does what I/O there is to do meanwhile."""

    @property
    def at_hand(self) -> bool:
        """Whether there is something for `next` to return without I/O."""

    def leave(self, poll: Poll) -> None:
        """The task will not be polled any more."""

    def close(self) -> None:
        """Give back what is held, and end what is under way. Never raises, never blocks for long."""


class PollingTransport(Transport, Protocol):
    """A transport that has a way of its own to poll many tasks. Others are asked for one after the other."""

    def watch_many(self, polls: Sequence[Poll]) -> Poller:
        """Get ready to poll the tasks. Does no I/O yet, and never raises."""


def watch_many(transport: Transport, polls: Sequence[Poll]) -> Poller:
    """A way to poll many tasks over `transport`."""
    opener = getattr(transport, "watch_many", None)
    way: Poller = SequentialPoller(transport) if opener is None else opener(polls)
    return way


def outcome(transport: Transport, poll: Poll, deadline: Deadline) -> Any:
    """The document that `transport` brings, or the error."""
    try:
        return transport.call(poll.operation, deadline)
    except RocketRideError as error:
        return error
    finally:
        poll.answered()


class SequentialPoller:
    """Polls one task after the other.

    Args:
        transport: what is asked.
        sleep: returns after some seconds, or sooner when there is reason to poll.
    """

    def __init__(self, transport: Transport, sleep: Callable[[float], object] = pause) -> None:
        self._transport = transport
        self._sleep = sleep
        self._asked: Deque[Poll] = deque()

    at_hand = False

    def ask(self, poll: Poll) -> None:
        self._asked.append(poll)

    def next(self, deadline: Deadline) -> PollResult:
        if self._asked:
            poll = self._asked.popleft()
            return poll, outcome(self._transport, poll, poll.begin())
        self._sleep(deadline.remaining())
        return None, WakeUp.POLL

    def leave(self, poll: Poll) -> None:
        """Nothing is known of it."""

    def close(self) -> None:
        """Nothing is held."""


class ThreadPoller:
    """Polls several tasks at a time, in threads, which end with `close`.

    Args:
        transport: what is asked, by several threads at once.
        at_once: how many of them.
    """

    def __init__(self, transport: Transport, at_once: int) -> None:
        self._transport = transport
        self._at_once = at_once
        self._asked: Dict[Poll, None] = {}
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._threads: List[threading.Thread] = []
        self._turns: queue.SimpleQueue[Optional[Poll]] = queue.SimpleQueue()
        self._news: queue.SimpleQueue[Tuple[Poll, Any]] = queue.SimpleQueue()
        self._under_way: Dict[int, Deadline] = {}
        self._closed = False

    @property
    def at_hand(self) -> bool:
        return not self._news.empty()

    def ask(self, poll: Poll) -> None:
        self._here()
        self._asked[poll] = None
        if len(self._threads) < min(self._at_once, len(self._asked)):
            self._start_thread()
        if self._threads:
            self._turns.put(poll)
        else:
            poll.answered()
            self._news.put((poll, TransportError("the task was not polled: no thread could be started")))

    def _start_thread(self) -> None:
        # A daemon: who leaves it to the end of the interpreter to close this must not wait for it there.
        thread = threading.Thread(target=self._work, name="rocketride-poll", daemon=True)
        self._threads.append(thread)  # before it starts: Ctrl-C may come while it does
        try:
            thread.start()
        except RuntimeError as error:  # the system has no more of them
            self._threads.remove(thread)
            log.debug("polls go on in %s threads: %s", len(self._threads), error)

    def next(self, deadline: Deadline) -> Optional[PollResult]:
        self._here()
        while True:
            # What is at hand is handed out, whatever the time.
            try:
                poll, answer = self._news.get(timeout=min(deadline.remaining(), SLICE))
            except queue.Empty:
                if deadline.expired:
                    return None
                continue
            del self._asked[poll]
            if isinstance(answer, BaseException) and not isinstance(answer, RocketRideError):
                raise answer
            return poll, answer

    def leave(self, poll: Poll) -> None:
        """Nothing is known of it."""

    def close(self) -> None:
        self._closed = True
        if self._pid != os.getpid():
            return
        for _ in self._threads:
            self._turns.put(None)
        for deadline in list(self._under_way.values()):
            deadline.cancel()
        for thread in self._threads:
            # One that never started cannot be joined, nor can one that collects garbage and finds this in it.
            if thread.is_alive() and thread is not threading.current_thread():
                thread.join()

    def _here(self) -> None:
        """In a forked child there are no threads: begin again."""
        if self._pid == os.getpid():
            return
        asked = list(self._asked)
        self._asked.clear()
        self._begin()
        for poll in asked:
            self.ask(poll)

    def _work(self) -> None:
        while True:
            poll = self._turns.get()
            if poll is None or self._closed:
                return
            self._news.put((poll, self._poll(poll)))

    def _poll(self, poll: Poll) -> Any:
        try:
            deadline = self._under_way[threading.get_ident()] = poll.begin()
            if self._closed:
                deadline.cancel()
            return outcome(self._transport, poll, deadline)
        except BaseException as error:  # noqa: BLE001 - a bug of ours must reach the caller, who waits for news
            return error
