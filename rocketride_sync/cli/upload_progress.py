"""Sends files to a task and shows the progress."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, List, Optional, Sequence

from ..client.timed_upload import TimedUpload
from ..deadline import Deadline
from ..reporting.snapshot import BYTES, LONGEST_SUBJECT, ProgressSnapshot
from ..sending.file_upload import FINAL_ACTIONS
from ..transports.chunks import size_of
from . import output
from .file_results import Result, failed_files, failure_label, failure_text
from .progress import ProgressPrinter

if TYPE_CHECKING:
    from ..client.client import RocketRideClient
    from ..models import TaskStatus
    from ..sending.upload_events import UploadEvent


class UploadWithProgress:
    """Sends files, shows the progress meanwhile, and prints each file that fails.

    Args:
        files: their paths.
        printer: prints and shows the progress; its last status is that of the run that gets the files.
        timeout: seconds for everything, from now on; a file that is being sent at that moment may take that long again.

    Attributes:
        deadline: the end of `timeout`.

    Raises:
        ConfigurationError: one of the paths is no file.
    """

    def __init__(self, files: Sequence[str], printer: ProgressPrinter, timeout: Optional[float]) -> None:
        self.deadline = Deadline(timeout)
        self._upload = TimedUpload(files or None, self.deadline, timeout, self._on_event)
        self._printer = printer
        self._count = len(files)
        self._total = sum(map(size_of, files))
        self._sent_of_file: Dict[str, int] = {}
        self._sent_bytes = self._failed = 0

    @property
    def results(self) -> List[Result]:
        """The results of the files that are finished; when all are, in the order of `files`."""
        return list(self._upload.results)

    def send(self, client: RocketRideClient, token: str) -> TaskStatus:
        """As `TimedUpload.send`."""
        self._upload.last = self._printer.last
        status = self._upload.send(client, token)
        self._printer.add_status(status)
        return status

    def _on_event(self, event: UploadEvent) -> None:
        self._printer.add_file_event(event, self._count)
        path, sent = event["filepath"], event.get("bytes_sent", 0)
        self._sent_bytes += sent - self._sent_of_file.get(path, 0)
        self._sent_of_file[path] = sent
        if event["action"] in FINAL_ACTIONS:
            del self._sent_of_file[path]  # the same file may come again
            self._print_failure(event)
        self._printer.display.update(
            ProgressSnapshot(
                "sending",
                self._sent_bytes,
                self._total,
                BYTES,
                self._failed,
                output.shorten(path, LONGEST_SUBJECT),
            )
        )

    def _print_failure(self, result: Result) -> None:
        if not failed_files([result]):
            return
        self._failed += 1
        if not self._printer.quiet:
            self._printer.display.print_note(f"{failure_label()} {failure_text(result)}")
