"""Many files to one task, several at a time, each with a result of its own."""

from __future__ import annotations

import contextlib
import queue
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple, Union

from ..deadline import SLICE, Deadline
from ..errors import RocketRideError
from ..protocol.operations import Data, Operation
from ..transports.caller import Caller, with_unknown_outcome
from ..transports.pipe_interface import NotBegunError
from .file_upload import Entry, Event, OnUpload, Upload
from .pipe import result_of

if TYPE_CHECKING:
    from .. import transports

_ENDS = ("complete", "error")


class _CallbackError(Exception):
    """An error of ours that the callback raised, past transports that must not take it for one of their own."""

    def __init__(self, error: RocketRideError) -> None:
        super().__init__()
        self.error = error


class Batch:
    """The files of one call.

    Args:
        caller: makes the calls.
        operation: makes what sends one file.
        on_progress: told of each step, or None.
        timeout: seconds for each file, or None.
    """

    def __init__(
        self,
        caller: Caller,
        operation: Callable[[Entry, Data], Operation],
        on_progress: Optional[OnUpload],
        timeout: Optional[float],
    ) -> None:
        self._caller = caller
        self._operation = operation
        self._on_progress = on_progress
        self._timeout = timeout
        self._ends: Dict[int, Event] = {}
        self._stopped = False

    def send(self, entries: Sequence[Entry], at_once: Optional[int]) -> List[Event]:
        """Send all files, `at_once` at a time, or as many as suits the transport; the last event of each, in order.

        Over one connection where the transport can do that, else with threads. A connection that breaks takes with it
        what is on its way; the others go over the next one.
        """
        waiting = [Upload(index, entry, self._take) for index, entry in enumerate(entries)]
        waiting.reverse()
        try:
            self._send_all(waiting, at_once)
        except _CallbackError as raised:
            error = raised.error
        else:
            return [self._ends[index] for index in range(len(entries))]
        raise error

    def _send_all(self, waiting: List[Upload], at_once: Optional[int]) -> None:
        while waiting:
            way = self._way()
            if isinstance(way, RocketRideError):
                while waiting:
                    waiting.pop().end(way)
            elif way is None:
                self._send_with_threads(waiting, at_once)
            else:
                self._send_over(way, waiting, at_once)

    def _way(self) -> Union[transports.Uploads, RocketRideError, None]:
        """A connection for many; None if the transport has no such thing, an error if there is none to be had."""
        opener = getattr(self._caller.transport, "uploads", None)
        if opener is None:
            return None
        deadline = Deadline(self._timeout)
        try:
            way: Optional[transports.Uploads] = self._caller.retry_overload(
                lambda: opener(deadline), deadline
            )
            return way
        except RocketRideError as error:
            return error

    def _send_over(self, way: transports.Uploads, waiting: List[Upload], at_once: Optional[int]) -> None:
        returned: List[Upload] = []
        jobs = (upload for upload in _popped(waiting) if self._begin(upload))
        with contextlib.closing(way.run(jobs, at_once)) as outcomes:
            for upload, outcome in outcomes:
                if isinstance(outcome, NotBegunError):
                    returned.append(upload)
                elif isinstance(outcome, RocketRideError):
                    upload.end(with_unknown_outcome(upload.operation, outcome))
                else:
                    upload.end(_checked(outcome))
        waiting.extend(reversed(returned))

    def _send_with_threads(self, waiting: List[Upload], at_once: Optional[int]) -> None:
        from concurrent.futures import ThreadPoolExecutor  # slow to load, and seldom needed

        workers = getattr(self._caller.transport, "uploads_at_once", 1) if at_once is None else at_once
        uploads = list(_popped(waiting))
        events: queue.SimpleQueue[Tuple[Optional[Upload], Any]] = queue.SimpleQueue()
        tell = self._teller(events)
        with ThreadPoolExecutor(min(workers, len(uploads)), "rocketride-upload") as executor:
            try:
                for upload in uploads:
                    upload.report = tell
                    executor.submit(self._work, upload, events)
                while len(self._ends) < len(uploads):
                    self._listen(events)
            finally:
                # What has not begun is left, and what is on its way is cut off; all is over if it went well.
                self._stopped = True
                for upload in uploads:
                    upload.deadline.cancel()

    def _teller(self, events: queue.SimpleQueue[Any]) -> Callable[[Upload, Event], None]:
        """Passes on what is wanted, for each event wakes the caller's thread."""

        def tell(upload: Upload, event: Event) -> None:
            if self._on_progress is not None or event["action"] in _ENDS:
                events.put((upload, event))

        return tell

    def _listen(self, events: queue.SimpleQueue[Any]) -> None:
        """Take the next event, in the caller's thread."""
        try:
            upload, event = events.get(timeout=SLICE)
        except queue.Empty:
            return
        if upload is None:
            raise event
        self._take(upload, event)

    def _work(self, upload: Upload, events: queue.SimpleQueue[Any]) -> None:
        """One file, in a thread."""
        try:
            if not self._stopped and self._begin(upload) and not self._stopped:
                upload.end(self._sent(upload))
        except BaseException as error:  # noqa: BLE001 - a bug of ours must reach the caller, who waits for an end
            events.put((None, error))

    def _sent(self, upload: Upload) -> Union[Dict[str, Any], RocketRideError]:
        try:
            return _checked(self._caller.call(upload.operation, upload.deadline))
        except RocketRideError as error:
            return error

    def _begin(self, upload: Upload) -> bool:
        try:
            upload.begin(self._timeout, self._operation)
            return True
        except RocketRideError as error:
            fault = error
        upload.end(fault)
        return False

    def _take(self, upload: Upload, event: Event) -> None:
        if event["action"] in _ENDS:
            self._ends[upload.index] = event
        if self._on_progress is None:
            return
        try:
            self._on_progress(event)
        except RocketRideError as error:
            raised = _CallbackError(error)
        else:
            return
        raise raised


def _popped(waiting: List[Upload]) -> Iterator[Upload]:
    while waiting:
        yield waiting.pop()


def _checked(document: Any) -> Union[Dict[str, Any], RocketRideError]:
    """The result of a file, or an error if it is none."""
    try:
        return result_of("send_files", document)
    except RocketRideError as error:
        return error
