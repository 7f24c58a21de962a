"""How far some work is, in the terms of a display."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, NamedTuple

if TYPE_CHECKING:
    from ..models import TaskStatus

SUBJECT_WIDTH = 40
LARGEST = 10**15

ITEMS = " items"
BYTES = "B"
TASKS = " tasks"


class Snapshot(NamedTuple):
    """One look at some work.

    Attributes:
        state: what is being done, in a word.
        done: how much is behind us, what failed included, in `unit`.
        total: how much there is; 0 while that is unknown.
        unit: `ITEMS`, `BYTES` or `TASKS`.
        failed: how many items failed.
        subject: what is being worked on, made visible and short.
        size: the bytes behind us, where `unit` is not `BYTES`; 0 where that is unknown.
    """

    state: str
    done: int
    total: int
    unit: str
    failed: int
    subject: str
    size: int = 0


def of_status(status: TaskStatus, shorten: Callable[[str, int], str]) -> Snapshot:
    """By items, or by bytes where a task counts no items. `shorten` makes a text visible and that short."""
    state = status.state.name.lower()
    subject = shorten(status.current_object, SUBJECT_WIDTH)
    items = countable(status.completed_count + status.failed_count)
    size = countable(status.completed_size + status.failed_size)
    failed = countable(status.failed_count)
    if status.total_count or not status.total_size:
        return Snapshot(state, items, countable(status.total_count), ITEMS, failed, subject, size)
    return Snapshot(state, size, countable(status.total_size), BYTES, failed, subject)


def countable(number: int) -> int:
    """`number`, within what time left can be reckoned with, and what can be drawn."""
    return min(max(number, 0), LARGEST)
