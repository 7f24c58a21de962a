"""What became of a task that a program was to end when it stopped: an exception carries it to those that report."""

from __future__ import annotations

from typing import NamedTuple, Optional

__all__ = [
    "HAD_ENDED",
    "MAY_RUN_ON",
    "NOT_STARTED",
    "WAS_ENDED",
    "TaskFate",
    "note_task_fate",
    "task_fate_of",
]

WAS_ENDED = "the task was ended"
HAD_ENDED = "the task had ended"
"""By itself or by somebody else: this program did not end it."""
MAY_RUN_ON = "the task may run on"
"""The beginning of these words: its project and source follow."""
NOT_STARTED = "the task was not started"
"""The program stopped before a byte of the start was sent."""


class TaskFate(NamedTuple):
    """What became of it.

    Attributes:
        words: such as ``the task was ended``.
        ended: whether the program ended it.
    """

    words: str
    ended: bool

    @property
    def had_ended(self) -> bool:
        """Whether it had ended already, when the program came to end it."""
        return self.words == HAD_ENDED


def note_task_fate(error: BaseException, fate: TaskFate) -> None:
    """Let `error`, of any class, carry what became of the task: a report that it passes on its way says so."""
    error.__dict__["_task_fate"] = fate  # no class can refuse this, as it could an assignment


def task_fate_of(error: BaseException) -> Optional[TaskFate]:
    """What `note_task_fate` noted."""
    return error.__dict__.get("_task_fate")
