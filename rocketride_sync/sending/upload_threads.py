"""Sends files through threads, each of which sends one after the other. Their events are handled in the caller's thread."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections import deque
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Union

from ..deadline import SLICE
from ..errors import RocketRideError
from ..transports.result_queue import ResultQueue
from ..transports.worker_threads import join_threads, start_thread
from .file_upload import FINAL_ACTIONS, Event, Upload


class UploadThreads:
    """The threads that send some files.

    Args:
        uploads: the files. Until a thread takes it, the `report` of each is for the caller's thread.
        begin: begins an upload, in a thread; False if that has ended it.
        outcome_of: sends the file of an upload that has begun, in a thread.
        handle: handles an event, in the caller's thread.
        each_event: whether `handle` needs each of them: else only that which ends the last file is sure to reach it.
    """

    def __init__(
        self,
        uploads: Sequence[Upload],
        *,
        begin: Callable[[Upload], bool],
        outcome_of: Callable[[Upload], Union[Dict[str, Any], RocketRideError]],
        handle: Callable[[Upload, Event], None],
        each_event: bool,
    ) -> None:
        self._uploads = uploads
        self._begin = begin
        self._outcome_of = outcome_of
        self._handle = handle
        self._each_event = each_event
        self._waiting = deque(uploads)
        self._events: ResultQueue[Tuple[Optional[Upload], Any]] = ResultQueue()
        self._final_events: Dict[int, Event] = {}
        self._stopped = False

    def run(self, workers: int) -> Dict[int, Event]:
        """Send the files with at most so many threads. Returns the final events that came of threads, by index.

        If the system refuses even the first thread, the files are sent in the caller's thread.
        """
        threads: List[threading.Thread] = []
        try:
            while len(threads) < min(workers, len(self._uploads)) and start_thread(
                threads, "rocketride-upload", self._send_waiting
            ):
                pass
            if threads:
                while len(self._final_events) < len(self._uploads):
                    self._take_event()
            else:
                self._send_one_by_one()
        finally:
            # After an exception: do not send files that have not begun, and cut off those in transfer.
            self._stopped = True
            for upload in self._uploads:
                upload.deadline.cancel()
            join_threads(threads)
        return self._final_events

    def _send_one_by_one(self) -> None:
        for upload in self._waiting:
            if self._begin(upload):
                upload.end(self._outcome_of(upload))

    def _take_event(self) -> None:
        """Handle the next event of the threads."""
        try:
            upload, event = self._events.get(timeout=SLICE)
        except queue.Empty:
            return
        if upload is None:
            raise event
        self._keep_if_final(upload, event)
        self._handle(upload, event)

    # In the threads.

    def _send_waiting(self) -> None:
        """Send one file after the other."""
        with contextlib.suppress(IndexError):
            while True:
                upload = self._waiting.popleft()
                upload.report = self._pass_on
                self._send(upload)

    def _send(self, upload: Upload) -> None:
        try:
            if not self._stopped and self._begin(upload) and not self._stopped:
                upload.end(self._outcome_of(upload))
        except BaseException as error:  # noqa: BLE001 - a bug of ours must reach the caller, who waits for the event
            self._events.put((None, error))

    def _pass_on(self, upload: Upload, event: Event) -> None:
        """Pass an event to the caller's thread, if it needs that: each event wakes it."""
        if self._each_event or self._keep_if_final(upload, event):
            self._events.put((upload, event))

    def _keep_if_final(self, upload: Upload, event: Event) -> bool:
        """Keep a final event; whether each file has one now."""
        if event["action"] not in FINAL_ACTIONS:
            return False
        self._final_events[upload.index] = event
        return len(self._final_events) == len(self._uploads)
