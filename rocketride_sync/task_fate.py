"""What became of a task that a program was to end when it stopped: an exception carries it to those that report."""

from __future__ import annotations

from typing import NamedTuple, Optional

__all__ = [
    "HAD_ENDED",
    "MAY_RUN_ON",
    "NOT_STARTED",
    "RUNS_ON",
    "WAS_ENDED",
    "TaskFate",
    "note_task_fate",
    "task_fate_of",
    "without_runs_on",
]

WAS_ENDED = "the task was ended"
HAD_ENDED = "the task had ended"
"""By itself or by somebody else: this program did not end it."""
MAY_RUN_ON = "the task may run on"
"""The beginning of these words: its project and source follow."""
NOT_STARTED = "the task was not started"
"""The program stopped before a byte of the start was sent."""
RUNS_ON = "it runs on"
"""How a wait that was given up ends its message. It holds until somebody ends the task after the wait."""


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


def without_runs_on(error: BaseException) -> str:
    """The message of a wait that was given up, for one that goes on to say what became of its task after that."""
    message = str(error)
    end = f"; {RUNS_ON}"
    return message[: -len(end)] if message.endswith(end) else message
