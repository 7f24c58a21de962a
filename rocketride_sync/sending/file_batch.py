"""Sends many files to one task, several at a time. Each file has a result of its own."""

from __future__ import annotations

import contextlib
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Iterator,
    List,
    Optional,
    Sequence,
    Union,
    cast,
)

from ..deadline import Deadline
from ..errors import OverloadedError, RocketRideError
from ..handler_exceptions import pass_on
from ..protocol.failures import NotReadyError
from ..protocol.operations import Data, Operation
from ..transports.caller import Caller, with_unknown_outcome
from ..transports.pipe_interface import NotBegunError
from .file_upload import FINAL_ACTIONS, Entry, Event, OnUpload, Upload
from .pipe import result_of
from .upload_threads import UploadThreads

if TYPE_CHECKING:
    from .. import transports
    from .upload_events import UploadEvent


class _CallbackError(Exception):
    """Carries what the callback raised through generators and transports, which might take it for something else."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class FileBatch:
    """The files of one call.

    Args:
        caller: makes the calls.
        operation: makes the operation that sends one file.
        on_progress: called with the event of each step, or None.
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
        self._final_events: Dict[int, Event] = {}

    def send(self, entries: Sequence[Entry], at_once: Optional[int]) -> List[Event]:
        """Send all files, and return the final event of each, in order.

        They go over one connection if the transport offers that, else through threads. If the connection breaks, the
        files in transfer fail, and the others go over a new one. Those that had begun keep their deadlines: if one of
        them ends before there is a new connection, it fails alone.

        Args:
            entries: the files.
            at_once: how many at a time; None leaves it to the transport.
        """
        queued = [Upload(index, entry, self._handle_event) for index, entry in enumerate(entries)]
        queued.reverse()
        try:
            self._send_all(queued, at_once)
        except _CallbackError as raised:
            error = raised.error
        else:
            return [self._final_events[index] for index in range(len(entries))]
        raise error

    def _send_all(self, queued: List[Upload], at_once: Optional[int]) -> None:
        while queued:
            # Of files that come a second time, the first is the one that has the least time left.
            first, again = queued[-1], queued[-1].begun
            if again and first.deadline.expired:
                self._begin_upload(queued.pop())  # that ends it
                continue
            deadline = first.deadline if again else Deadline(self._timeout)
            # Then an overload that lasts for its time may be over in the time that the others have.
            only_first = again and self._caller.is_limited_by(deadline)
            fault = self._send_some(queued, at_once, deadline)
            if fault is None or (again and deadline.expired):
                continue
            if only_first and _is_overload(fault):
                queued.remove(first)
                first.end(fault)
                continue
            while queued:
                queued.pop().end(fault)

    def _send_some(
        self, queued: List[Upload], at_once: Optional[int], deadline: Deadline
    ) -> Optional[RocketRideError]:
        """Send files until there are no more, or the connection is lost. Returns the error of those that are left.

        Args:
            queued: the files.
            at_once: how many at a time.
            deadline: for a connection.
        """
        try:
            self._caller.retry_overload(lambda: self._send_once(queued, at_once, deadline), deadline)
        except RocketRideError as error:
            pass_on(error, of_auth=True)
            return error
        return None

    def _send_once(self, queued: List[Upload], at_once: Optional[int], deadline: Deadline) -> None:
        """As `_send_some`, with one connection, or with threads if the transport has no connection for several files.

        Raises:
            OverloadedError: try again later: no connection was to be had, or the task takes no data yet.
            RocketRideError: there is no connection.
        """
        opener = getattr(self._caller.transport, "uploads", None)
        uploads: Optional[transports.Uploads] = None if opener is None else opener(deadline)
        if uploads is None:
            self._send_with_threads(queued, at_once)
        else:
            self._send_over_connection(uploads, queued, at_once)

    def _send_over_connection(
        self, uploads: transports.Uploads, queued: List[Upload], at_once: Optional[int]
    ) -> None:
        before = len(self._final_events)
        returned: List[Upload] = []
        refusals: List[NotReadyError] = []
        jobs = (upload for upload in _pop_each(queued, refusals) if self._begin_upload(upload))
        with contextlib.closing(uploads.run(jobs, at_once)) as outcomes:
            for upload, outcome in outcomes:
                if isinstance(outcome, NotReadyError):
                    refusals.append(outcome)
                if isinstance(outcome, (NotReadyError, NotBegunError)):
                    returned.append(upload)
                elif isinstance(outcome, RocketRideError):
                    upload.end(with_unknown_outcome(upload.operation, outcome))
                else:
                    upload.end(_checked_result(outcome))
        queued.extend(reversed(returned))
        if refusals and len(self._final_events) == before:
            raise refusals[0]

    def _send_with_threads(self, queued: List[Upload], at_once: Optional[int]) -> None:
        workers = getattr(self._caller.transport, "uploads_at_once", 1) if at_once is None else at_once
        threads = UploadThreads(
            list(_pop_each(queued)),
            begin=self._begin_upload,
            outcome_of=self._outcome_of,
            handle=self._handle_event,
            each_event=self._on_progress is not None,
        )
        self._final_events.update(threads.run(workers))

    def _outcome_of(self, upload: Upload) -> Union[Dict[str, Any], RocketRideError]:
        try:
            return _checked_result(self._caller.call(upload.operation, upload.deadline))
        except RocketRideError as error:
            pass_on(error, of_auth=True)
            return error

    def _begin_upload(self, upload: Upload) -> bool:
        try:
            upload.begin(self._timeout, self._operation)
            return True
        except RocketRideError as error:
            pass_on(error)
            fault = error
        upload.end(fault)
        return False

    def _handle_event(self, upload: Upload, event: Event) -> None:
        if event["action"] in FINAL_ACTIONS:
            self._final_events[upload.index] = event
        if self._on_progress is None:
            return
        try:
            self._on_progress(cast("UploadEvent", event))
        except Exception as error:  # noqa: BLE001 - of the user; `send` raises it
            raised = _CallbackError(error)
        else:
            return
        raise raised


def _pop_each(queued: List[Upload], refusals: Sequence[object] = ()) -> Iterator[Upload]:
    while queued and not refusals:
        yield queued.pop()


def _is_overload(fault: RocketRideError) -> bool:
    """Whether the server was overloaded, which has nothing to do with the task."""
    return isinstance(fault, OverloadedError) and not isinstance(fault, NotReadyError)


def _checked_result(document: Any) -> Union[Dict[str, Any], RocketRideError]:
    """The result of a file; an error if `document` cannot be one."""
    try:
        return result_of("send_files", document)
    except RocketRideError as error:
        pass_on(error)
        return error
