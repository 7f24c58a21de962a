"""Sends files to a task and shows the progress."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence

from ..deadline import Deadline
from ..errors import WaitTimeoutError
from ..reporting.snapshot import BYTES, LONGEST_SUBJECT, ProgressSnapshot
from ..transports.chunks import size_of
from . import output
from .file_results import Result, failed_files, failure_label, failure_text
from .progress import ProgressPrinter

if TYPE_CHECKING:
    from ..client.client import RocketRideClient
    from ..models import TaskStatus


class UploadWithProgress:
    """Sends files, shows the progress meanwhile, and prints each file that fails.

    Args:
        files: their paths.
        printer: prints and shows the progress; its last status is that of the run that gets the files.
        timeout: seconds for everything, from now on; a file that is being sent at that moment may take that long again.

    Attributes:
        deadline: the end of `timeout`.
        results: the results of the files that are finished; when all are, in the order of `files`.

    Raises:
        ConfigurationError: one of the paths is no file.
    """

    def __init__(self, files: Sequence[str], printer: ProgressPrinter, timeout: Optional[float]) -> None:
        self.results: List[Result] = []
        self._files = files
        self._printer = printer
        self._timeout = timeout
        self.deadline = Deadline(timeout)
        self._total = sum(map(size_of, files))
        self._sent_of_file: Dict[str, int] = {}
        self._sent_bytes = self._finished = self._failed = 0

    def send(self, client: RocketRideClient, token: str) -> TaskStatus:
        """Send the files to the task; return its status after that.

        Raises:
            WaitTimeoutError: the time was up before all files were finished.
        """
        left = self.deadline.clamp(None)
        self.results = list(
            client.send_files(
                self._files,
                token,
                on_progress=self._on_event,
                timeout=None if left is None else max(left, 0.001),
            )
        )
        status = client.get_task_status(token, previous=self._printer.last)
        self._printer.add_status(status)
        return status

    def _on_event(self, event: Mapping[str, Any]) -> None:
        path, sent = event["filepath"], event.get("bytes_sent", 0)
        self._sent_bytes += sent - self._sent_of_file.get(path, 0)
        self._sent_of_file[path] = sent
        if event["action"] in ("complete", "error"):
            del self._sent_of_file[path]  # the same file may come again
            self.results.append(event)
            # A file that fails once the time is up counts as unfinished: it failed because of the timeout.
            self._finished += event["action"] == "complete" or not self.deadline.expired
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
        self._check_timeout()

    def _check_timeout(self) -> None:
        done = self._finished
        if done < len(self._files) and self.deadline.expired:
            seconds = self._timeout or 0.0
            message = f"{done:,} of {len(self._files):,} files were through after {seconds:g} s"
            last = self._printer.last
            raise WaitTimeoutError(message, token="", elapsed=seconds, last_status=last)

    def _print_failure(self, result: Result) -> None:
        if not failed_files([result]):
            return
        self._failed += 1
        if not self._printer.quiet:
            self._printer.display.print_note(f"{failure_label()} {failure_text(result)}")
