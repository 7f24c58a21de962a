"""Files on their way to a task, with progress."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence

from ..deadline import Deadline
from ..errors import WaitTimeoutError
from ..reporting.snapshot import BYTES, SUBJECT_WIDTH, Snapshot
from ..transports.chunks import size_of
from . import output
from .file_results import Result, complaint, failures
from .progress import Follower

if TYPE_CHECKING:
    from ..client.client import RocketRideClient
    from ..models import TaskStatus


class Uploads:
    """Sends files; shows meanwhile how far they are, and tells of each that fails.

    Args:
        files: their paths.
        follower: where it is told and shown, and whose last status is that of the run they go to.
        timeout: seconds for all of them; one that is on its way then may take that long again.

    Attributes:
        results: what became of the files that are through; once all are, in the order of `files`.

    Raises:
        ConfigurationError: one of the files is none.
    """

    def __init__(self, files: Sequence[str], follower: Follower, timeout: Optional[float]) -> None:
        self.results: List[Result] = []
        self._files = files
        self._follower = follower
        self._timeout = timeout
        self._deadline = Deadline(None)
        self._total = sum(map(size_of, files))
        self._sent: Dict[str, int] = {}
        self._all_sent = self._through = self._failed = 0

    def send(self, client: RocketRideClient, token: str) -> TaskStatus:
        """Send them to the task; returns its status after that.

        Raises:
            WaitTimeoutError: time was up before all were through.
        """
        self._deadline = Deadline(self._timeout)
        self.results = list(
            client.send_files(self._files, token, on_progress=self._show, timeout=self._timeout)
        )
        seen = client.get_task_status(token, previous=self._follower.last)
        self._follower.look(seen)
        return seen

    def _show(self, event: Mapping[str, Any]) -> None:
        path, sent = event["filepath"], event.get("bytes_sent", 0)
        self._all_sent += sent - self._sent.get(path, 0)
        self._sent[path] = sent
        if event["action"] in ("complete", "error"):
            del self._sent[path]  # the same file may come again
            self.results.append(event)
            # What fails once time is up fails for that.
            self._through += event["action"] == "complete" or not self._deadline.expired
            self._tell(event)
        self._follower.display.update(
            Snapshot(
                "sending",
                self._all_sent,
                self._total,
                BYTES,
                self._failed,
                output.shorten(path, SUBJECT_WIDTH),
            )
        )
        self._check_time()

    def _check_time(self) -> None:
        done = self._through
        if done < len(self._files) and self._deadline.expired:
            seconds = self._timeout or 0.0
            message = f"{done:,} of {len(self._files):,} files were through after {seconds:g} s"
            last = self._follower.last
            raise WaitTimeoutError(message, token="", elapsed=seconds, last_status=last)

    def _tell(self, result: Result) -> None:
        if not failures([result]):
            return
        self._failed += 1
        if not self._follower.quiet:
            label = output.paint("file error:", "red", sys.stderr)
            self._follower.display.say(f"{label} {complaint(result)}")
