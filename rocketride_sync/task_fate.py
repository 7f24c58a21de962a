"""What became of a task that a program was to end when it stopped: an exception carries it to those that report."""

from __future__ import annotations

import contextlib
from typing import Iterator, NamedTuple, Optional

from .errors import WaitTimeoutError
from .handler_exceptions import is_fault

__all__ = [
    "HAD_ENDED",
    "MAY_RUN_ON",
    "NOT_STARTED",
    "RUNS_ON",
    "UNSEEN",
    "WAS_ENDED",
    "TaskFate",
    "before_start",
    "note_task_fate",
    "task_fate_of",
    "tell_interrupt",
    "tell_not_started",
    "tell_task_fate",
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

UNSEEN = "whether it runs on is not known"
"""How it ends if the task was not looked at for long before it was given up, as by a process that was suspended."""

_INTERRUPTED = "interrupted; "


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


def tell_not_started(stop: BaseException) -> None:
    """Let `stop`, which came before a byte of the start was sent, say that the task was not started, if it is none of our
    errors: those say what was wrong.
    """
    if not is_fault(stop):
        note_task_fate(stop, TaskFate(NOT_STARTED, False))
        tell_interrupt(stop, NOT_STARTED)


@contextlib.contextmanager
def before_start() -> Iterator[None]:
    """What is done before a start, and may take long."""
    try:
        yield
    except BaseException as stop:
        tell_not_started(stop)
        raise


def tell_interrupt(stop: BaseException, words: str, instead_of: str = "") -> None:
    """Let the message of `stop`, if it is a `KeyboardInterrupt`, say `words` of a task: in place of what was said of it
    before, after what was said of other tasks. A message that is not ours is left.
    """
    said = str(stop)
    if not isinstance(stop, KeyboardInterrupt):
        return
    if said in ("", f"{_INTERRUPTED}{instead_of}"):
        stop.args = (f"{_INTERRUPTED}{words}",)
    elif said.startswith(_INTERRUPTED):
        stop.args = (f"{said}; {words}",)


def tell_task_fate(error: BaseException, token: str, fate: TaskFate, words: str) -> None:
    """Let `error`, which leaves the block of a task, carry what became of the task. A message that says of it that it runs
    on says `words` instead.

    Args:
        error: of any class.
        token: the task's token, shortened.
        fate: what became of the task.
        words: the same, with the task as their subject: ``was ended``.
    """
    note_task_fate(error, fate)
    tell_interrupt(error, f"task {token} {words}", instead_of=f"task {token}: {RUNS_ON}")
    if isinstance(error, WaitTimeoutError) and error.token == token and error._fate:
        error._tell_fate(f"it {words}")
