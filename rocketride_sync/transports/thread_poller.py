"""A poller with threads, for a transport that carries one call at a time on each connection."""

from __future__ import annotations

import os
import queue
import threading
from typing import Any, Dict, List, Optional, Tuple

from ..deadline import SLICE, Deadline
from ..errors import RocketRideError, TransportError
from ..logs import log
from .base import Transport
from .poller import Poll, PollResult, poll_once


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
        self._results: queue.SimpleQueue[Tuple[Poll, Any]] = queue.SimpleQueue()
        self._under_way: Dict[int, Deadline] = {}
        self._closed = False

    @property
    def has_results(self) -> bool:
        return not self._results.empty()

    def submit(self, poll: Poll) -> None:
        self._here()
        self._asked[poll] = None
        if len(self._threads) < min(self._at_once, len(self._asked)):
            self._start_thread()
        if self._threads:
            self._turns.put(poll)
        else:
            poll.answered()
            self._results.put((poll, TransportError("the task was not polled: no thread could be started")))

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
                poll, answer = self._results.get(timeout=min(deadline.remaining(), SLICE))
            except queue.Empty:
                if deadline.expired:
                    return None
                continue
            del self._asked[poll]
            if isinstance(answer, BaseException) and not isinstance(answer, RocketRideError):
                raise answer
            return poll, answer

    def remove(self, poll: Poll) -> None:
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
            self.submit(poll)

    def _work(self) -> None:
        while True:
            poll = self._turns.get()
            if poll is None or self._closed:
                return
            self._results.put((poll, self._poll(poll)))

    def _poll(self, poll: Poll) -> Any:
        try:
            deadline = self._under_way[threading.get_ident()] = poll.begin()
            if self._closed:
                deadline.cancel()
            return poll_once(self._transport, poll, deadline)
        except BaseException as error:  # noqa: BLE001 - a bug of ours must reach the caller, who waits for results
            return error
