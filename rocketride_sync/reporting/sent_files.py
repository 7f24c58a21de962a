"""What a recorder keeps of the files that were sent: how many, how many failed, and the newest results."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Collection, Deque, List, NamedTuple

from ..redact import cut

if TYPE_CHECKING:
    from ..sending.upload_events import UploadEvent

LONGEST_MESSAGE = 1_000
MOST_FILES = 10_000  # of those that failed, and of the others


class SentFile(NamedTuple):
    """What became of one file.

    Attributes:
        text: its path, and why it failed; redacted, and each cut at 1,000 characters.
        failed: whether it failed.
        sent: the bytes that were sent.
        seconds: how long it took.
    """

    text: str
    failed: bool
    sent: int
    seconds: float


class SentFiles:
    """The files of a run; `add` is the `on_upload` of a run, or the `on_progress` of `RocketRideClient.send_files`.

    Args:
        secrets: texts that must not show; may grow.

    Attributes:
        count: how many are finished, failed ones included.
        failed: how many failed.
        total: how many there are; as far as is known, those that were begun.
    """

    def __init__(self, secrets: Collection[str] = ()) -> None:
        self._secrets = secrets
        self._begun = 0
        self.count = 0
        self.failed = 0
        self.total = 0
        self._bad: Deque[SentFile] = deque(maxlen=MOST_FILES)
        self._good: Deque[SentFile] = deque(maxlen=MOST_FILES)

    @property
    def kept(self) -> List[SentFile]:
        """The newest results, oldest first, those that failed before the others."""
        return [*self._bad, *self._good]

    @property
    def all_sent(self) -> bool:
        """Whether there are files, and all that are known of are finished."""
        return 0 < self.total <= self.count

    def add(self, event: UploadEvent) -> None:
        """Take a step of a file, or its result. What the pipeline made of the file is not kept."""
        if event["action"] == "open":
            self._begun += 1
        elif event["action"] == "complete" or event["action"] == "error":
            failed = event["action"] == "error"
            text = self._shown(event["filepath"])
            if failed:
                text = f"{text}: {self._shown(event.get('error') or 'it failed')}"
            self.count += 1
            self.failed += failed
            kept = self._bad if failed else self._good
            kept.append(SentFile(text, failed, event["bytes_sent"], event["upload_time"]))
        self.total = max(self.total, self._begun, self.count)

    def _shown(self, text: str) -> str:
        return cut(text, LONGEST_MESSAGE, self._secrets)
