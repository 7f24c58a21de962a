"""How far some work is, in the terms of a display."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from . import output

if TYPE_CHECKING:
    from ..models import TaskStatus

_OBJECT_WIDTH = 40
_LARGEST = 10**15

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
    """

    state: str
    done: int
    total: int
    unit: str
    failed: int
    subject: str


def of_status(status: TaskStatus) -> Snapshot:
    """By items, or by bytes where a task counts no items."""
    if status.total_count or not status.total_size:
        unit, total, done = ITEMS, status.total_count, status.completed_count + status.failed_count
    else:
        unit, total, done = BYTES, status.total_size, status.completed_size + status.failed_size
    state = status.state.name.lower()
    done, total, failed = map(_countable, (done, total, status.failed_count))
    return Snapshot(state, done, total, unit, failed, subject(status.current_object))


def _countable(number: int) -> int:
    """`number`, within what time left can be reckoned with."""
    return min(max(number, 0), _LARGEST)


def subject(text: str) -> str:
    """`text` as the subject of a `Snapshot`."""
    return output.shorten(text, _OBJECT_WIDTH)
