"""A poller that uses threads, for a transport whose connections carry one call at a time."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import weakref
from typing import Any, Dict, List, Optional, Tuple

from ..deadline import SLICE, Deadline
from ..handler_exceptions import is_fault
from .base import Transport
from .poller import Poll, PollResult, poll_once
from .result_queue import ResultQueue
from .worker_threads import join_threads, start_thread


class _Work:
    """What a poller shares with its threads. They do not hold the poller, so that it can be garbage collected."""

    def __init__(self, transport: Transport) -> None:
        self.queue: queue.SimpleQueue[Optional[Poll]] = queue.SimpleQueue()
        self.results: ResultQueue[Tuple[Poll, Any]] = ResultQueue()
        self.pid = os.getpid()
        self._transport = transport
        self._deadlines: Dict[int, Deadline] = {}
        self._stopped = False

    def stop(self) -> None:
        """End the threads, and the polls in flight; in a forked child, nothing. May be called again."""
        if self.pid != os.getpid():
            return
        self._stopped = True
        self.queue.put(None)
        for deadline in list(self._deadlines.values()):
            deadline.cancel()

    def run(self) -> None:
        """What each thread does."""
        poll = self.queue.get()
        while poll is not None and not self._stopped:
            self.results.put((poll, self._poll(poll)))
            poll = self.queue.get()
        self.queue.put(None)  # for the next thread

    def run_once(self) -> None:
        """Make the next poll, if there is one, in the caller's thread."""
        with contextlib.suppress(queue.Empty):
            poll = self.queue.get_nowait()
            if poll is not None:
                self.results.put((poll, self._poll(poll)))

    def _poll(self, poll: Poll) -> Any:
        try:
            deadline = self._deadlines[threading.get_ident()] = poll.begin()
            if self._stopped:
                deadline.cancel()
            return poll_once(self._transport, poll, deadline)
        except BaseException as error:  # noqa: BLE001 - a bug of ours must reach the caller, who waits for a result
            return error


class ThreadPoller:
    """Polls several tasks at a time, in threads, which end with `close`. Without threads, in the caller's, one by one.

    Args:
        transport: what the polls go over, in several threads at once.
        at_once: the largest number of threads.
    """

    def __init__(self, transport: Transport, at_once: int) -> None:
        self._transport = transport
        self._at_once = at_once
        self._submitted: Dict[Poll, None] = {}
        self._reset()

    def _reset(self) -> None:
        self._threads: List[threading.Thread] = []
        self._work = _Work(self._transport)
        # Ctrl-C may come before the first line of `close`; then nobody else ends the threads.
        self._unowned = weakref.finalize(self, self._work.stop)
        self._unowned.atexit = False

    @property
    def has_results(self) -> bool:
        return not self._work.results.empty()

    def submit(self, poll: Poll) -> None:
        self._restart_after_fork()
        self._submitted[poll] = None
        if len(self._threads) < min(self._at_once, len(self._submitted)):
            start_thread(self._threads, "rocketride-poll", self._work.run)
        self._work.queue.put(poll)

    def next(self, deadline: Deadline) -> Optional[PollResult]:
        self._restart_after_fork()
        while True:
            if not self._threads:
                self._work.run_once()
            # A result that is there is handed out even after the deadline.
            try:
                poll, answer = self._work.results.get(timeout=min(deadline.remaining(), SLICE))
            except queue.Empty:
                if deadline.expired:
                    return None
                continue
            del self._submitted[poll]
            if isinstance(answer, BaseException) and not is_fault(answer):
                raise answer
            return poll, answer

    def take_queued(self) -> Tuple[List[Poll], None]:
        """As `rocketride_sync.transports.poller.Poller.take_queued`."""
        queued: List[Poll] = []
        with contextlib.suppress(queue.Empty):
            while True:
                poll = self._work.queue.get_nowait()
                if poll is not None:
                    queued.append(poll)
        for poll in queued:
            del self._submitted[poll]
        return queued, None

    def remove(self, poll: Poll) -> None:
        """Nothing is kept of a task."""

    def close(self) -> None:
        if self._work.pid != os.getpid():
            return
        self._work.stop()
        # From now on nothing of Python's runs when this is dropped: a Ctrl-C would be lost there.
        self._unowned.detach()
        join_threads(self._threads)

    def _restart_after_fork(self) -> None:
        """In a forked child the threads do not exist: start new ones, and submit all polls again."""
        if self._work.pid == os.getpid():
            return
        self._reset()
        for poll in list(self._submitted):
            self.submit(poll)
