"""Sends files to a task within one timeout for all of them, and keeps the results so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, List, Optional, Sequence

from ..deadline import Deadline
from ..errors import RocketRideError, WaitTimeoutError
from ..handler_exceptions import pass_on
from ..logs import log
from ..redact import shorten
from ..sending.file_upload import FINAL_ACTIONS, read_entries

if TYPE_CHECKING:
    from ..models import TaskStatus
    from ..sending.file_upload import FileEntry
    from ..sending.upload_events import UploadEvent, UploadResult
    from .client import RocketRideClient


_STATUS_SECONDS = 2.0


def status_after(client: RocketRideClient, token: str, last: Optional[TaskStatus]) -> TaskStatus:
    """The status after all was sent, or the `last` one if there is one and this cannot be read: the results matter more.

    Reading it takes two seconds at most, also when the time is up.
    """
    try:
        return client.get_task_status(token, previous=last, timeout=_STATUS_SECONDS)
    except RocketRideError as error:
        pass_on(error)
        if last is None:
            raise
        log.warning("task %s: its status after the sending could not be read: %s", shorten(token), error)
    return last


class TimedUpload:
    """Sends files. `RocketRideClient.run` and the command line both use it.

    Args:
        files: as in `RocketRideClient.send_files`; None if there are none to send.
        deadline: of everything; a file that is being sent at that moment may take as long again as was left before it.
        seconds: the timeout that `deadline` was made with, for the message.
        on_progress: as in `RocketRideClient.send_files`, called before the time is checked.

    Attributes:
        results: the results of the files that are finished; when all are, in the order of `files`.
        last: the latest status of the run that gets the files, from the caller.

    Raises:
        ConfigurationError: a file cannot be sent.
    """

    def __init__(
        self,
        files: Optional[Sequence[FileEntry]],
        deadline: Deadline,
        seconds: Optional[float],
        on_progress: Optional[Callable[[UploadEvent], object]] = None,
    ) -> None:
        if files is not None:
            read_entries(files)
        self.results: List[UploadResult] = []
        self.last: Optional[TaskStatus] = None
        self._files = files or ()
        self._deadline = deadline
        self._seconds = seconds or 0.0
        self._on_progress = on_progress
        self._finished = 0

    def send(self, client: RocketRideClient, token: str) -> TaskStatus:
        """Send the files to the task; return its status after that, or the latest if that one cannot be read.

        Raises:
            WaitTimeoutError: the time was up before all files were finished.
        """
        self.results = list(
            client.send_files(
                self._files,
                token,
                on_progress=self._on_event,
                timeout=self._deadline.for_call(),
            )
        )
        self.last = status_after(client, token, self.last)
        return self.last

    def _on_event(self, event: UploadEvent) -> None:
        if event["action"] in FINAL_ACTIONS:
            self.results.append(event)
            # A file that fails once the time is up counts as unfinished: it failed because of the timeout.
            self._finished += event["action"] == "complete" or not self._deadline.expired
        if self._on_progress is not None:
            self._on_progress(event)
        self._check_timeout()

    def _check_timeout(self) -> None:
        done = self._finished
        if done < len(self._files) and self._deadline.expired:
            message = f"{done:,} of {len(self._files):,} files were through after {self._seconds:g} s"
            raise WaitTimeoutError(message, elapsed=self._seconds, last_status=self.last)
