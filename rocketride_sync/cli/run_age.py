"""How old a run is that `wait --project` found: too old for ``--since``, or over before the command began."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Optional

from ..errors import TaskNotFoundError
from ..reporting.formatting import duration_in_words
from . import output

if TYPE_CHECKING:
    from ..models import TaskStatus


class EarlierRun(Exception):  # noqa: N818 - it never leaves the command
    """The latest run is one from before ``--since``. It holds what a message says of that run."""


class Since:
    """What ``--since`` lets count as a run.

    Args:
        seconds: how long ago a run may have started, from now on; None if that does not matter.
    """

    def __init__(self, seconds: Optional[float]) -> None:
        self._seconds = seconds
        self._now = time.time()
        self._counts = seconds is None  # the run that is looked at, once its start is known

    def check(self, status: TaskStatus) -> None:
        """Raise `EarlierRun` if `status` is of a run that does not count. One that has no start yet is starting now."""
        if status.start_time or status.is_terminal:
            self.check_start(status.start_time, "" if status.is_terminal else ", and is still active")

    def check_start(self, started: float, more: str = "") -> None:
        """Raise `EarlierRun` if a run does not count that started then; 0.0 is not known. `more` is said of the run."""
        if self._counts:
            return
        if started < self._now - (self._seconds or 0.0):
            raise EarlierRun(f"{self._said_of(started)}{more}")
        self._counts = True

    def _said_of(self, started: float) -> str:
        if not started:
            return "of the latest one, when it started is not known"
        ago = duration_in_words(self._now - started)
        return f"the latest one started {ago} ago, at {output.unix_time(started)}"

    def error(self, which: str, earlier: EarlierRun) -> TaskNotFoundError:
        """The error that says that none of the runs that are named `which` counts."""
        span = duration_in_words(self._seconds or 0.0)
        return TaskNotFoundError(
            f"no run {which} has started in the last {span}: {earlier}", operation="wait --since"
        )


def before_command(status: TaskStatus, began: Optional[float]) -> str:
    """Such as "5 h 07 min before this command began", if a run had ended then; else an empty text.

    `began` is when the command began, in Unix time; None if that does not matter.
    """
    if began is None or not 0.0 < status.end_time < began:
        return ""
    return f"{duration_in_words(began - status.end_time)} before this command began"
