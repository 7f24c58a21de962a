"""How far some work has come: the figures that a progress display shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, NamedTuple

if TYPE_CHECKING:
    from ..models import TaskStatus

LONGEST_SUBJECT = 400
"""Of a longer subject nothing more is kept: each display cuts it to its own room."""

NUMBER_LIMIT = 10**15

ITEMS = " items"
BYTES = "B"
TASKS = " tasks"


class ProgressSnapshot(NamedTuple):
    """The progress of a task, of an upload, or of a wait for many tasks, at one moment.

    Attributes:
        state: what is being done, in one word.
        done: how much is finished, failures included, in `unit`.
        total: how much there is; 0 while that is unknown.
        unit: `ITEMS`, `BYTES` or `TASKS`.
        failed: how many items failed.
        subject: what is being worked on, escaped, and perhaps too long for a line.
        size: the bytes finished, where `unit` is not `BYTES`; 0 where that is unknown.
    """

    state: str
    done: int
    total: int
    unit: str
    failed: int
    subject: str
    size: int = 0


def of_status(status: TaskStatus, shorten: Callable[[str, int], str]) -> ProgressSnapshot:
    """The progress by items, or by bytes if the task counts no items.

    Args:
        status: the status of the task.
        shorten: escapes control characters in a text and cuts it at a width.
    """
    state = status.state.name.lower()
    subject = shorten(status.current_object, LONGEST_SUBJECT)
    items = bounded(status.completed_count + status.failed_count)
    size = bounded(status.completed_size + status.failed_size)
    failed = bounded(status.failed_count)
    if status.total_count or not status.total_size:
        return ProgressSnapshot(state, items, bounded(status.total_count), ITEMS, failed, subject, size)
    return ProgressSnapshot(state, size, bounded(status.total_size), BYTES, failed, subject)


def bounded(number: int) -> int:
    """`number`, limited to what the time left can be computed with, and what can be drawn."""
    return min(max(number, 0), NUMBER_LIMIT)
