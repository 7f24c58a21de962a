"""Progress on stderr while a command waits: a bar if there is a terminal and tqdm is installed, else plain lines."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from types import TracebackType
from typing import TYPE_CHECKING, Callable, Deque, Optional, Protocol, TextIO, Tuple, Type

from ..errors import ConfigurationError
from ..reporting import snapshot
from ..reporting.formatting import amount, bounded_number, cut_in_middle, duration_in_words
from ..reporting.snapshot import BYTES, TASKS, ProgressSnapshot
from . import output
from .standard_streams import takes_more
from .status_text import MESSAGES_SHOWN, newest_messages

if TYPE_CHECKING:
    from ..models import NewMessages, TaskStatus
    from ..reporting.recorder import RunRecorder
    from ..sending.upload_events import UploadEvent
    from ..task_fate import TaskFate

_SUBJECT_WIDTH = 40  # in a line; a bar has its own room
_MOST_MESSAGES = 100  # printed at one poll; servers keep the newest 1000


class Display(Protocol):
    """Where progress is shown."""

    def update(self, progress: ProgressSnapshot) -> None:
        """Show how far the work is, unless stderr takes nothing at the moment."""

    def print_note(self, line: str) -> None:
        """Print a line on stderr that stays on the screen."""

    def print_result(self, line: str) -> None:
        """Print a line of the result on stdout."""

    def close(self) -> None:
        """Release the terminal for other output."""


def choose_display(shown: bool) -> Display:
    """The display for the stderr of this process; `shown`: whether to show progress at all."""
    if not shown:
        return SilentDisplay()
    if output.is_terminal(sys.stderr) and _width(sys.stderr):
        try:
            return BarDisplay()
        except ImportError:  # the extra `progress` is not installed
            pass
    return LineDisplay()


def _width(terminal: TextIO) -> int:
    """Columns of `terminal`: 0 if its size was never set, and then there is no room for a bar."""
    return os.get_terminal_size(terminal.fileno()).columns


class SilentDisplay:
    """Shows no progress, only prints lines."""

    def update(self, progress: ProgressSnapshot) -> None:
        """Show nothing."""

    def print_note(self, line: str) -> None:
        output.print_note(line)

    def print_result(self, line: str) -> None:
        output.print_result(line)

    def close(self) -> None:
        """Nothing to release."""


class LineDisplay(SilentDisplay):
    """Prints a line for every change of the progress."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._estimate = TimeLeftEstimate(clock)
        self._shown = ""

    def update(self, progress: ProgressSnapshot) -> None:
        if not takes_more(sys.stderr):
            return
        # How long one task took says nothing about the next.
        left = None if progress.unit == TASKS else self._estimate.seconds_left(progress.done, progress.total)
        subject = cut_in_middle(progress.subject, _SUBJECT_WIDTH)
        text = ", ".join(part for part in (progress.state, _counts_text(progress), subject) if part)
        if text != self._shown:
            self._shown = text
            self.print_note(text if left is None else f"{text}, about {duration_in_words(left)} left")


def _counts_text(progress: ProgressSnapshot) -> str:
    if progress.unit == TASKS:
        return amount(progress.done, 0, progress.total, TASKS)
    if progress.unit != BYTES:
        return amount(progress.done - progress.failed, progress.failed, progress.total, "")
    return ", ".join(
        part for part in (amount(progress.done, 0, progress.total, " bytes"), _failed_text(progress)) if part
    )


def _failed_text(progress: ProgressSnapshot) -> str:
    return f"{bounded_number(progress.failed)} failed" if progress.failed else ""


class TimeLeftEstimate:
    """The time left, from the progress since the first poll. The server's own rates have no certain unit."""

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


class BarDisplay:
    """A tqdm bar, which estimates the time left from the counts it is shown.

    Raises:
        ImportError: tqdm is not installed.
    """

    def __init__(self) -> None:
        from tqdm import tqdm  # type: ignore[import-untyped]  # its stubs are not worth a dependency

        from ..reporting import tqdm_progress

        self._bar = tqdm_progress.TqdmBar(tqdm, file=sys.stderr)
        self.close = self._bar.close

    def update(self, progress: ProgressSnapshot) -> None:
        if takes_more(sys.stderr):
            self._bar.update(progress)

    def print_note(self, line: str) -> None:
        self._bar.kind.write(line, file=sys.stderr)

    def print_result(self, line: str) -> None:
        with self._bar.kind.external_write_mode(file=sys.stdout):
            output.print_result(line)


class ProgressPrinter:
    """The `on_progress` of a command: prints each new error and warning of the task once, and shows the progress.

    Args:
        display: where to print; closed on leaving the printer's ``with`` block.
        quiet: print no errors and warnings while the task runs; `print_held_errors` prints the newest errors.
        recorder: gets every status, and writes its report on leaving the ``with`` block; None for no report.

    Attributes:
        last: the latest status, or None.
    """

    def __init__(
        self, display: Display, *, quiet: bool = False, recorder: Optional[RunRecorder] = None
    ) -> None:
        self.display = display
        self.quiet = quiet
        self.recorder = recorder
        self.last: Optional[TaskStatus] = None
        self._held: Deque[str] = deque(maxlen=MESSAGES_SHOWN)
        self._error_count = 0

    def __call__(self, status: TaskStatus) -> None:
        self.add_status(status)
        self.display.update(snapshot.of_status(status, output.shorten))

    def add_status(self, status: TaskStatus) -> None:
        """Record the status and print its new messages, without updating the progress."""
        if self.recorder is not None:
            self.recorder(status)
        errors = status.new_errors(self.last)
        if self.quiet:
            self._held.extend(errors.messages)
            self._error_count += len(errors.messages)
        else:
            self._print_messages("error", "red", errors)
            self._print_messages("warning", "yellow", status.new_warnings(self.last))
        self.last = status

    def add_file_event(self, event: UploadEvent, total: int) -> None:
        """Record a step or the result of one of `total` files."""
        if self.recorder is not None:
            self.recorder.files.total = total
            self.recorder.on_upload(event)

    def note_task_fate(self, fate: TaskFate) -> None:
        """Record what became of a task that had not ended by itself."""
        if self.recorder is not None:
            self.recorder.fate = fate

    def print_held_errors(self) -> None:
        """Print the newest of the errors that `quiet` held back, once it is known that something went wrong."""
        for text in newest_messages(self._held, MESSAGES_SHOWN, self._error_count):
            self.display.print_note(f"{_label('error', 'red')} {text}")

    def _print_messages(self, kind: str, colour: str, new: NewMessages) -> None:
        label = _label(kind, colour)
        if new.lost:
            self.display.print_note(f"{label} (some may have been lost between two polls)")
        for message in new.messages[:_MOST_MESSAGES]:
            self.display.print_note(f"{label} {output.shorten_message(message)}")
        if len(new.messages) > _MOST_MESSAGES:
            self.display.print_note(
                f"{label} (and {len(new.messages) - _MOST_MESSAGES:,} more: see status --json)"
            )

    def __enter__(self) -> ProgressPrinter:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.display.close()
        if self.recorder is not None:
            self.recorder.finish(error)
            self._save_report(self.recorder)

    @staticmethod
    def _save_report(recorder: RunRecorder) -> None:
        """Write the report. An error here is a warning, and turns exit code 0 into 74: the task's outcome matters more."""
        if not (recorder.polls or recorder.files.total):
            output.print_problem("warning: no report was written: nothing was seen of the task")
            return
        try:
            recorder.save()
        except ConfigurationError as failure:
            output.print_problem(f"warning: {failure}")
            output.delivery.report_failed = True


def _label(kind: str, colour: str) -> str:
    return output.paint(f"task {kind}:", colour, sys.stderr)
