"""What the command line writes of a status: a block of lines, its name, and what is wrong with it; of many, a total."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Collection, Iterable, Iterator, List, Optional, Sequence, Tuple

from ..errors import TaskFailedError
from ..reporting.formatting import (
    amount,
    bounded_number,
    cut_in_middle,
    duration_in_words,
    source_name,
    time_with_offset,
)
from . import output
from .exit_codes import DEFAULT_JUDGEMENT, Judgement
from .run_age import before_command

if TYPE_CHECKING:
    from ..models import TaskStatus

MESSAGES_SHOWN = 10
_WIDTH = 100
_NAME_WIDTH = 60
_NAME_COLUMN = 24
_LONGEST_WORD = "unavailable"  # of those of `exit_codes.word_for`
_LONGEST_NAME = 400  # so long a name is redacted whole before it is cut
_COLOUR_OF = {"succeeded": "green", "failed": "red", "cancelled": "yellow"}


def status_block(status: TaskStatus, *, messages: bool, began: Optional[float] = None) -> str:
    """A status as a few aligned lines; rows without text are left out. `began` is as for `run_age.before_command`."""
    rows = list(_status_rows(status, before_command(status, began)))
    if messages:
        rows += _message_rows("Error", status.errors) + _message_rows("Warning", status.warnings)
    return aligned_rows(rows)


def aligned_rows(rows: Iterable[Tuple[str, str]]) -> str:
    """A line for each row, a name and a text; rows without text are left out."""
    return "\n".join(f"{name:<9} {text}" for name, text in rows if text)


def _status_rows(status: TaskStatus, earlier: str) -> Iterator[Tuple[str, str]]:
    yield "Task", task_label(status)
    yield (
        "Outcome",
        coloured_outcome(status.outcome.value) + ("" if status.outcome_certain else " (not certain)"),
    )
    stopping = " (completed)" if status.completed and not status.is_terminal else ""
    yield "State", f"{status.state.name}{stopping}"
    yield "Items", amount(status.completed_count, status.failed_count, status.total_count, "")
    yield "Size", amount(status.completed_size, status.failed_size, status.total_size, " bytes")
    yield "Words", bounded_number(status.words_count) if status.words_count else ""
    yield "Started", time_with_offset(status.started_at)
    yield "Ended", time_with_offset(status.ended_at) + (f" ({earlier})" if earlier else "")
    elapsed = status.elapsed()
    yield "Elapsed", "" if elapsed is None else duration_in_words(elapsed)
    yield "Status", output.shorten(status.status, _WIDTH)
    yield "Object", output.shorten(status.current_object, _WIDTH)
    yield "Exit", _exit_text(status)


def coloured_outcome(outcome: str, width: int = 0) -> str:
    """An outcome in its colour, at least `width` wide."""
    colour, text = _COLOUR_OF.get(outcome), outcome.ljust(width)
    return output.paint(text, colour, sys.stdout) if colour else text


def task_line(word: str, status: Optional[TaskStatus], token: str, details: str = "") -> str:
    """A line about one of several tasks, in the same columns as the others: how it ended, its name, its token, and more.

    Args:
        word: how it ended, in a word.
        status: names the task; None if there is none.
        token: its token, as it may be shown.
        details: what follows.
    """
    name = "" if status is None else task_name(status, _NAME_COLUMN)
    outcome = coloured_outcome(word, len(_LONGEST_WORD))
    return f"{outcome}  {name:<{_NAME_COLUMN}}  {token}  {details}".rstrip()


def task_name(status: TaskStatus, width: int = _NAME_WIDTH) -> str:
    """What to call a task: its name; "" if it has none.

    The piece of its token that a server puts before a name of its own making is left out, and the project given.
    """
    bare = source_name(status)
    made = bare != status.name and status.project_id
    name = output.shorten(f"{bare} ({status.project_id})" if made else bare, _LONGEST_NAME)
    return cut_in_middle(name, width)


def named(status: Optional[TaskStatus], text: str, name: str = "") -> str:
    """`text` after `name`, that of what it is about; without one, the name of the task, if that is known."""
    name = name or ("" if status is None else task_name(status))
    return f"{name}: {text}" if name else text


def task_label(status: TaskStatus) -> str:
    """A task's name, project and source."""
    where = [
        f"{what} {text}" for what, text in (("project", status.project_id), ("source", status.source)) if text
    ]
    text = f"{source_name(status) or '(no name)'}{' (' + ', '.join(where) + ')' if where else ''}"
    return output.shorten(text, _WIDTH)


def _exit_text(status: TaskStatus) -> str:
    if not (status.is_terminal or status.exit_code or status.exit_message):
        return ""
    code = "" if status.exit_code is None else bounded_number(status.exit_code, "d")
    return " ".join(part for part in (code, output.shorten_message(status.exit_message)) if part)


def _message_rows(kind: str, texts: Sequence[str]) -> List[Tuple[str, str]]:
    return [(kind, text) for text in newest_messages(texts, MESSAGES_SHOWN)]


def newest_messages(texts: Collection[str], most: int, count: Optional[int] = None) -> List[str]:
    """The newest `most` messages as they may be printed, after a line on how many came before them.

    Args:
        texts: the messages, oldest first.
        most: how many of them to give.
        count: how many there were, if some are no longer among `texts`.
    """
    shown = [output.shorten_message(text) for text in list(texts)[-most:]]
    earlier = (len(texts) if count is None else count) - len(shown)
    return [f"({earlier:,} earlier ones: see status --json)", *shown] if earlier > 0 else shown


def uncertain_success(status: TaskStatus, judgement: Judgement = DEFAULT_JUDGEMENT) -> str:
    """What to say about a success that is not certain."""
    return f"the task succeeded, but that is not certain: {status._doubt} ({judgement.doubt_hint})"


def outcome_problem(status: TaskStatus) -> str:
    """What is wrong with a terminal status that is no success, or not certainly, or has failed or missing items."""
    try:
        status.raise_for_outcome()
    except TaskFailedError as error:
        return str(error)
    if status.failed_count:
        whether = " (--allow-failures forgives that)" if status.completed_count else ", and none succeeded"
        return f"the task ended well, but {bounded_number(status.failed_count)} of its items failed{whether}"
    if not status.has_failures:
        return uncertain_success(status)
    undone = status.total_count - status.completed_count
    return f"the task ended, but not all of its items were processed ({bounded_number(undone)} missing); was its engine killed?"


def total(words: Iterable[str]) -> str:
    """How many tasks there are, and how many of each word: ``3 tasks: 2 succeeded, 1 failed``."""
    counts = Counter(words)
    told = ", ".join(f"{count:,} {word}" for word, count in counts.most_common())
    return f"{sum(counts.values()):,} tasks: {told}"
