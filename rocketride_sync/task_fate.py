"""What became of a task that a program was to end when it stopped: an exception carries it to those that report."""

from __future__ import annotations

from typing import NamedTuple, Optional

__all__ = ["TaskFate", "note_task_fate", "task_fate_of"]


class TaskFate(NamedTuple):
    """What became of it.

    Attributes:
        words: such as ``the task was ended``.
        ended: whether it was ended.
    """

    words: str
    ended: bool


def note_task_fate(error: BaseException, fate: TaskFate) -> None:
    """Let `error`, of any class, carry what became of the task: a report that it passes on its way says so."""
    error.__dict__["_task_fate"] = fate  # no class can refuse this, as it could an assignment


def task_fate_of(error: BaseException) -> Optional[TaskFate]:
    """What `note_task_fate` noted."""
    return error.__dict__.get("_task_fate")
