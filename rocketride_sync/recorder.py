"""Remembers what a wait saw of a task, and makes one HTML page of it (extra ``report``)."""

from __future__ import annotations

import os
import time
from collections import deque
from types import TracebackType
from typing import TYPE_CHECKING, Deque, Iterable, List, NamedTuple, Optional, Type, Union

from .errors import ConfigurationError
from .logs import log

if TYPE_CHECKING:
    from .deadline import Clock
    from .models import NewMessages, TaskStatus

MOST_OBSERVATIONS = 2_000
MOST_MESSAGES = 10_000
LONGEST_MESSAGE = 1_000
_LARGEST = 10**15

_NEEDED = "a report needs pygal: pip install 'rocketride-sync[report]'"


class Observation(NamedTuple):
    """What one look saw.

    Attributes:
        seconds: since the first look.
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
    """The most that was used: the highest of what looks saw, and of what the server called the peak."""

    cpu_percent: float = 0.0
    cpu_memory_mb: float = 0.0
    gpu_memory_mb: float = 0.0


class Message(NamedTuple):
    """An error or warning of the task.

    Attributes:
        seconds: when it was first seen, since the first look.
        text: as the server wrote it, cut at 1,000 characters.
        gap: whether messages before it may have been missed.
    """

    seconds: float
    text: str
    gap: bool


class Messages:
    """The newest 10,000 messages of one kind.

    Attributes:
        kept: the messages, oldest first.
        count: how many there were.
    """

    def __init__(self) -> None:
        self.kept: Deque[Message] = deque(maxlen=MOST_MESSAGES)
        self.count = 0

    def add(self, new: NewMessages, seconds: float) -> None:
        """Take in what is new since the last look."""
        for number, text in enumerate(new.messages):
            self.kept.append(Message(seconds, text[:LONGEST_MESSAGE], new.lost and number == 0))
        self.count += len(new.messages)


class RunRecorder:
    """Remembers every status of a wait, as its `on_progress`, and makes a page of it at the end::

        with RunRecorder("run.html") as recorder:
            client.wait_until_complete(token, timeout=3600, on_progress=recorder)

    The page is written however the block is left, and tells what it was left with. It is one file, needs neither
    network nor JavaScript, and shows progress, rates and resources over time, and all messages.

    It remembers what the server does not: the peaks of the metrics, which are set to 0 when the task ends, and the
    errors and warnings of which the server keeps the newest 50 or 1,000 only. Memory is bounded: of observations every
    second is dropped whenever there are 2,000, and from then on every second one is kept, so that they stay evenly
    spread; the first and the latest are always there. Of messages the newest 10,000 are kept, each cut at 1,000
    characters.

    Args:
        path: where the page will be written; None leaves that to `save`.
        secrets: texts that must not be on the page, besides all that looks like a token. Read when the page is made.
        clock: monotonic seconds.

    Attributes:
        observations: what was seen, oldest first.
        looks: how many there were.
        peaks: the most that was used.
        errors, warnings: the messages.
        began_at: the time of the first look as Unix time, or None.
        last: the latest status, or None.

    Raises:
        ConfigurationError: `path` cannot be written, or pygal is not installed: said now, before a long wait.
    """

    def __init__(
        self,
        path: Union[str, os.PathLike[str], None] = None,
        *,
        secrets: Iterable[str] = (),
        clock: Clock = time.monotonic,
    ) -> None:
        if path is not None:
            _check_pygal()
            _check_writable(path)
        self._path = path
        self._secrets = secrets
        self._clock = clock
        self._began = 0.0
        self._every = 1
        self._spare = False  # whether the latest observation is kept only because it is the latest
        self.observations: List[Observation] = []
        self.looks = 0
        self.peaks = Peaks()
        self.errors = Messages()
        self.warnings = Messages()
        self.began_at: Optional[float] = None
        self.last: Optional[TaskStatus] = None

    def __call__(self, status: TaskStatus) -> None:
        """Remember `status`."""
        if self.began_at is None:
            self._began, self.began_at = self._clock(), time.time()
        seconds = self._clock() - self._began
        self._keep(_observation(status, seconds))
        self.peaks = Peaks(*map(max, self.peaks, _used(status)))
        self.errors.add(status.new_errors(self.last), seconds)
        self.warnings.add(status.new_warnings(self.last), seconds)
        self.last = status

    def _keep(self, seen: Observation) -> None:
        kept = self.observations
        if self._spare:
            kept.pop()
        if len(kept) >= MOST_OBSERVATIONS:
            del kept[1::2]
            self._every *= 2
        kept.append(seen)
        self._spare = self.looks % self._every != 0
        self.looks += 1

    def html(self, error: Optional[BaseException] = None) -> str:
        """The page. `error` is what ended the wait, if that was not the end of the task.

        Raises:
            ConfigurationError: pygal is not installed.
        """
        _check_pygal()
        from .reporting.page import page

        return page(self, error, tuple(self._secrets))

    def save(
        self, path: Union[str, os.PathLike[str], None] = None, *, error: Optional[BaseException] = None
    ) -> None:
        """Write the page to `path`, or where the recorder was made for.

        Raises:
            ConfigurationError: it cannot be written, or there is no path.
        """
        target = path or self._path
        if target is None:
            raise ConfigurationError("save: no path; give one here, or to RunRecorder")
        text = self.html(error)
        try:
            with open(target, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
        except OSError as failure:
            reason = failure.strerror
        else:
            return
        raise _unwritable(target, reason)

    def __enter__(self) -> RunRecorder:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        if self._path is None:
            return
        try:
            self.save(error=error)
        except ConfigurationError as failure:
            if error is None:
                raise
            # What went wrong in the block is what the caller must see.
            log.warning("no report was written: %s", failure)


def _observation(status: TaskStatus, seconds: float) -> Observation:
    cpu, memory, gpu = _used_now(status)
    return Observation(
        seconds=seconds,
        state=status.state.name,
        completed=_whole(status.completed_count),
        failed=_whole(status.failed_count),
        total=_whole(status.total_count),
        completed_size=_whole(status.completed_size),
        failed_size=_whole(status.failed_size),
        total_size=_whole(status.total_size),
        cpu_percent=cpu,
        cpu_memory_mb=memory,
        gpu_memory_mb=gpu,
        measured=any((cpu, memory, gpu)) or not status.completed,
    )


def _used_now(status: TaskStatus) -> Peaks:
    metrics = status.metrics
    return Peaks(*map(_sane, (metrics.cpu_percent, metrics.cpu_memory_mb, metrics.gpu_memory_mb)))


def _used(status: TaskStatus) -> Peaks:
    metrics = status.metrics
    told = metrics.peak_cpu_percent, metrics.peak_cpu_memory_mb, metrics.peak_gpu_memory_mb
    return Peaks(*map(max, _used_now(status), map(_sane, told)))


def _sane(number: float) -> float:
    """`number`, within what can be drawn."""
    return min(max(number, 0.0), _LARGEST)


def _whole(count: int) -> int:
    return int(_sane(count))


def _check_pygal() -> None:
    from importlib.util import find_spec

    if find_spec("pygal") is None:
        raise ConfigurationError(_NEEDED)


def _check_writable(path: Union[str, os.PathLike[str]]) -> None:
    """Raise ConfigurationError if `path` cannot be written. What is there already stays as it is."""
    new = not os.path.exists(path)
    if not (new or os.path.isfile(path) or os.path.isdir(path)):
        return  # a pipe, say: to open it would wait for its reader
    try:
        with open(path, "ab"):
            pass
        if new:
            os.unlink(path)
    except OSError as error:
        reason = error.strerror
    else:
        return
    raise _unwritable(path, reason)


def _unwritable(path: Union[str, os.PathLike[str]], reason: Optional[str]) -> ConfigurationError:
    return ConfigurationError(f"the report cannot be written to {os.fspath(path)}: {reason}")
