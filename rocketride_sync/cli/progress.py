"""Progress on stderr while a command waits: a bar where tqdm and a terminal are there, else plain lines."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Callable, Optional, Protocol, TextIO, Tuple, Type

from ..errors import ConfigurationError
from ..reporting import snapshot
from ..reporting.snapshot import BYTES, TASKS, Snapshot
from . import output
from .presentation import amount, duration

if TYPE_CHECKING:
    from ..models import NewMessages, TaskStatus
    from ..reporting.recorder import RunRecorder


_MOST_TOLD = 100  # at one look; servers keep the newest 1000


class Display(Protocol):
    """Where progress is shown."""

    def update(self, seen: Snapshot) -> None:
        """Show how far the work is."""

    def say(self, line: str) -> None:
        """Print a line that stays."""

    def print(self, line: str) -> None:
        """Print a line of the result on stdout."""

    def close(self) -> None:
        """Leave the terminal ready for other output."""


def display(shown: bool) -> Display:
    """The display for this process's stderr; `shown`: whether there is any progress to see."""
    if not shown:
        return Silent()
    if output.is_terminal(sys.stderr) and _width(sys.stderr):
        try:
            return Bar()
        except ImportError:  # the extra `progress` is not installed
            pass
    return Lines()


def _width(terminal: TextIO) -> int:
    """Columns of `terminal`: 0 if it has never been told, and then there is no room for a bar."""
    return os.get_terminal_size(terminal.fileno()).columns


class Silent:
    """No progress; lines only."""

    def update(self, seen: Snapshot) -> None:
        """Show nothing."""

    def say(self, line: str) -> None:
        output.note(line)

    def print(self, line: str) -> None:
        output.result(line)

    def close(self) -> None:
        """Nothing is held."""


class Lines(Silent):
    """A line for every change."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._estimate = Estimate(clock)
        self._shown = ""

    def update(self, seen: Snapshot) -> None:
        # How long one task took says nothing of the next.
        left = None if seen.unit == TASKS else self._estimate.seconds_left(seen.done, seen.total)
        text = ", ".join(part for part in (seen.state, _counted(seen), seen.subject) if part)
        if text != self._shown:
            self._shown = text
            self.say(text if left is None else f"{text}, about {duration(left)} left")


def _counted(seen: Snapshot) -> str:
    if seen.unit == TASKS:
        return amount(seen.done, 0, seen.total, TASKS)
    if seen.unit != BYTES:
        return amount(seen.done - seen.failed, seen.failed, seen.total, "")
    return ", ".join(part for part in (amount(seen.done, 0, seen.total, " bytes"), _failed(seen)) if part)


def _failed(seen: Snapshot) -> str:
    return f"{output.number(seen.failed)} failed" if seen.failed else ""


class Estimate:
    """Time left, from the progress seen since the first look: the server's own rates have no certain unit."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._first: Optional[Tuple[float, int]] = None

    def seconds_left(self, done: int, total: int) -> Optional[float]:
        """Seconds, or None while nothing has moved, the total is unknown or all is done."""
        now = self._clock()
        if self._first is None or done < self._first[1]:  # a restart counts from 0 again
            self._first = (now, done)
        began, at_first = self._first
        if done <= at_first or done >= total:
            return None
        return (now - began) * (total - done) / (done - at_first)


class Bar:
    """A tqdm bar, which estimates the time left from the counts it is shown.

    Raises:
        ImportError: tqdm is not installed.
    """

    def __init__(self) -> None:
        from tqdm import tqdm  # type: ignore[import-untyped]  # its stubs are not worth a dependency

        from ..reporting import tqdm_progress

        self._bar = tqdm_progress.Bar(tqdm, file=sys.stderr)
        self.update = self._bar.update
        self.close = self._bar.close

    def say(self, line: str) -> None:
        self._bar.kind.write(line, file=sys.stderr)

    def print(self, line: str) -> None:
        with self._bar.kind.external_write_mode(file=sys.stdout):
            output.result(line)


class Follower:
    """The `on_progress` of a command: tells each new error and warning of the task once, and shows progress.

    Args:
        display: where; closed on leaving the follower's ``with`` block.
        quiet: tell nothing.
        recorder: what remembers all, and writes its report on leaving the ``with`` block; None for none.

    Attributes:
        last: the latest status seen, or None.
    """

    def __init__(
        self, display: Display, *, quiet: bool = False, recorder: Optional[RunRecorder] = None
    ) -> None:
        self.display = display
        self.quiet = quiet
        self.recorder = recorder
        self.last: Optional[TaskStatus] = None

    def __call__(self, status: TaskStatus) -> None:
        self.look(status)
        self.display.update(snapshot.of_status(status, output.shorten))

    def look(self, status: TaskStatus) -> None:
        """Tell what is new, and show no progress."""
        if self.recorder is not None:
            self.recorder(status)
        if not self.quiet:
            self._tell("error", "red", status.new_errors(self.last))
            self._tell("warning", "yellow", status.new_warnings(self.last))
        self.last = status

    def _tell(self, kind: str, colour: str, new: NewMessages) -> None:
        label = output.paint(f"task {kind}:", colour, sys.stderr)
        if new.lost:
            self.display.say(f"{label} (some may have been lost between two looks)")
        for message in new.messages[:_MOST_TOLD]:
            self.display.say(f"{label} {output.message(message)}")
        if len(new.messages) > _MOST_TOLD:
            self.display.say(f"{label} (and {len(new.messages) - _MOST_TOLD:,} more: see status --json)")

    def __enter__(self) -> Follower:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.display.close()
        if self.recorder is not None:
            self._report(self.recorder, error)

    @staticmethod
    def _report(recorder: RunRecorder, error: Optional[BaseException]) -> None:
        """Write the report. What came of the task matters more than whether that succeeds."""
        if not recorder.looks:
            output.problem("warning: no report was written: nothing was seen of the task")
            return
        try:
            recorder.save(error=error)
        except ConfigurationError as failure:
            output.problem(f"warning: {failure}")
