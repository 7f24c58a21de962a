"""What a recorder keeps of a task: evenly thinned observations, the peaks, and the newest messages."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Collection, Deque, List, NamedTuple, Optional

from ..redact import cut
from ..task_fate import TaskFate
from .ending import Ending, ending_of
from .sent_files import LONGEST_MESSAGE, SentFiles
from .snapshot import NUMBER_LIMIT, bounded

if TYPE_CHECKING:
    from ..deadline import Clock
    from ..models import NewMessages, TaskStatus
    from ..sending.upload_events import UploadEvent

MOST_OBSERVATIONS = 2_000
MOST_MESSAGES = 10_000
_LEAST_DRAWN = 1e-9


class Observation(NamedTuple):
    """The figures of one status.

    Attributes:
        seconds: since the first poll.
        state: the state's name, such as ``RUNNING``.
        completed, failed, total: items.
        completed_size, failed_size, total_size: bytes.
        cpu_percent: percent of one core.
        cpu_memory_mb, gpu_memory_mb: megabytes.
        measured: whether the three above were measured: the server sets them to 0 when a task ends.
    """

    seconds: float
    state: str
    completed: int
    failed: int
    total: int
    completed_size: int
    failed_size: int
    total_size: int
    cpu_percent: float
    cpu_memory_mb: float
    gpu_memory_mb: float
    measured: bool


class Peaks(NamedTuple):
    """The highest use of resources: of what the polls returned, and of what the server reported as its peaks."""

    cpu_percent: float = 0.0
    cpu_memory_mb: float = 0.0
    gpu_memory_mb: float = 0.0


class Message(NamedTuple):
    """An error or warning of the task.

    Attributes:
        seconds: when it was first seen, since the first poll.
        text: what the server wrote, redacted, and cut at 1,000 characters.
        gap: whether messages before it may have been missed.
    """

    seconds: float
    text: str
    gap: bool


class Messages:
    """The newest 10,000 messages of one kind.

    Args:
        secrets: texts that must not show, nor their beginnings where a message is cut; may grow.

    Attributes:
        kept: the messages, oldest first.
        count: how many there were, dropped ones included.
    """

    def __init__(self, secrets: Collection[str] = ()) -> None:
        self._secrets = secrets
        self.kept: Deque[Message] = deque(maxlen=MOST_MESSAGES)
        self.count = 0

    def add(self, new: NewMessages, seconds: float) -> None:
        """Add the messages that are new since the last poll."""
        for number, text in enumerate(new.messages):
            shown = cut(text, LONGEST_MESSAGE, self._secrets)
            self.kept.append(Message(seconds, shown, new.lost and number == 0))
        self.count += len(new.messages)


class Record:
    """What the polls of a wait returned; call it with each status.

    Args:
        secrets: texts that must not show; may grow.
        clock: monotonic seconds.

    Attributes: those of `rocketride_sync.RunRecorder`, and:
        fate: what became of a task that had not ended by itself.
        ending: what ended the wait, as `finish` was told.
    """

    def __init__(self, secrets: Collection[str], clock: Clock) -> None:
        self._clock = clock
        self._began = 0.0
        self._keep_every = 1
        self._latest_is_extra = False  # whether it is kept only because it is the latest
        self.observations: List[Observation] = []
        self.polls = 0
        self.peaks = Peaks()
        self.errors = Messages(secrets)
        self.warnings = Messages(secrets)
        self.began_at: Optional[float] = None
        self.last: Optional[TaskStatus] = None
        self.files = SentFiles(secrets)
        self.fate = TaskFate("", False)
        self.ending = Ending()
        self._watched: Optional[float] = None

    def __call__(self, status: TaskStatus) -> None:
        """Add `status`."""
        self._begin()
        seconds = self._clock() - self._began
        self._add(_observation(status, seconds))
        self.peaks = Peaks(*map(max, self.peaks, _highest_use(status)))
        self.errors.add(status.new_errors(self.last), seconds)
        self.warnings.add(status.new_warnings(self.last), seconds)
        self.last = status

    def on_upload(self, event: UploadEvent) -> None:
        """Add a step of a file that is sent, or its result: the `on_upload` of `RocketRideClient.run`, or the
        `on_progress` of `RocketRideClient.send_files`.
        """
        self._begin()
        self.files.add(event)

    def _begin(self) -> None:
        if self.began_at is None:
            self._began, self.began_at = self._clock(), time.time()
        self._watched = None
        self.ending = Ending()

    def finish(self, error: Optional[BaseException] = None) -> None:
        """Note that the wait or the run is over now. `error` is what ended it, if that was not the end of the task.

        Leaving the ``with`` block of a recorder calls this. It writes no page: `RunRecorder.save` does.
        """
        self.ending = ending_of(error)
        self._watched = self._clock() - self._began if self.began_at is not None else None

    @property
    def watched_seconds(self) -> float:
        """From the first poll or file to the end; before `finish`, to the last poll."""
        if self._watched is None:
            return self.observations[-1].seconds if self.observations else 0.0
        return self._watched

    def _add(self, observation: Observation) -> None:
        kept = self.observations
        if self._latest_is_extra:
            kept.pop()
        if len(kept) >= MOST_OBSERVATIONS:
            del kept[1::2]
            self._keep_every *= 2
        kept.append(observation)
        self._latest_is_extra = self.polls % self._keep_every != 0
        self.polls += 1


def _observation(status: TaskStatus, seconds: float) -> Observation:
    cpu, memory, gpu = _current_use(status)
    return Observation(
        seconds=seconds,
        state=status.state.name,
        completed=bounded(status.completed_count),
        failed=bounded(status.failed_count),
        total=bounded(status.total_count),
        completed_size=bounded(status.completed_size),
        failed_size=bounded(status.failed_size),
        total_size=bounded(status.total_size),
        cpu_percent=cpu,
        cpu_memory_mb=memory,
        gpu_memory_mb=gpu,
        measured=any((cpu, memory, gpu)) or not status.completed,
    )


def _current_use(status: TaskStatus) -> Peaks:
    metrics = status.metrics
    return Peaks(*map(_drawable, (metrics.cpu_percent, metrics.cpu_memory_mb, metrics.gpu_memory_mb)))


def _highest_use(status: TaskStatus) -> Peaks:
    metrics = status.metrics
    reported = metrics.peak_cpu_percent, metrics.peak_cpu_memory_mb, metrics.peak_gpu_memory_mb
    return Peaks(*map(max, _current_use(status), map(_drawable, reported)))


def _drawable(number: float) -> float:
    """`number`, limited to what a chart can draw. The axis of one that is almost 0 would have no length."""
    return min(number, NUMBER_LIMIT) if number >= _LEAST_DRAWN else 0.0
