"""A status as HTML for notebooks: a small card that takes its colours from the page around it, light or dark.

No text has a colour of its own, so it is as readable as the page's. What a server sent is redacted and escaped.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Iterable, Iterator, Sequence, Tuple

from ..redact import excerpt, redact
from .messages import in_words

if TYPE_CHECKING:
    from ._task_status import TaskStatus

Row = Tuple[str, str]

_LONGEST = 200
_MESSAGES_SHOWN = 5
_NUMBER_LIMIT = 10**15  # Python refuses to print integers of thousands of digits
_LONGEST_TIME = 1e10

# Of borders and bars only. Each can be seen on white and on black.
_COLOURS = {"running": "#478be6", "succeeded": "#2da44e", "failed": "#e5534b", "cancelled": "#c69026"}
_LINE = "rgba(128,128,128,.45)"
_CARD = f"border:1px solid {_LINE};border-radius:6px;padding:.5em .8em;max-width:44em;overflow-wrap:anywhere"
_BADGE = "display:inline-block;border:2px solid {colour};border-radius:1em;padding:0 .6em;margin-right:.5em"
_TRACK = f"background:{_LINE};border-radius:3px;height:6px;margin:.5em 0"
_BAR = "background:{colour};border-radius:3px;height:6px;width:{percent:.1f}%"
_GRID = "display:grid;grid-template-columns:max-content 1fr;gap:.1em 1em"


def card(title: str, status: TaskStatus, secrets: Iterable[str] = (), *, outcome: str = "") -> str:
    """The HTML of a status.

    Args:
        title: HTML too: what of it is foreign must be escaped before.
        status: what to show.
        secrets: texts that must not be shown.
        outcome: that of the work, where it is not the one of the task.
    """
    secrets = tuple(secrets)
    shown = outcome or (status.outcome.value if status.is_terminal else status.state.name.lower())
    colour = _COLOURS.get(outcome or status.outcome.value, _COLOURS["running"])
    certain = "" if outcome or status.outcome_certain else ", not certain"
    head = (
        f'<div><span style="{_BADGE.format(colour=colour)}">{text(shown)}{certain}</span><b>{title}</b></div>'
    )
    progress = status.progress
    bar = "" if progress is None else _BAR.format(colour=colour, percent=100 * progress)
    track = f'<div style="{_TRACK}"><div style="{bar}"></div></div>' if bar else ""
    return f'<div style="{_CARD}">{head}{track}{definition_list(_rows(status, secrets))}</div>'


def definition_list(rows: Iterator[Row]) -> str:
    """Rows of a name and HTML; those without HTML are left out."""
    cells = (
        f'<div style="opacity:.75">{name}</div><div>{content}</div>' for name, content in rows if content
    )
    return f'<div style="{_GRID}">{"".join(cells)}</div>'


def text(foreign: str, secrets: Iterable[str] = ()) -> str:
    """Foreign text as HTML: without secrets, on one line, of limited length."""
    return html.escape(excerpt(foreign, _LONGEST, secrets))


def _rows(status: TaskStatus, secrets: Sequence[str]) -> Iterator[Row]:
    yield "Items", _amount(status.completed_count, status.failed_count, status.total_count)
    yield "Bytes", _amount(status.completed_size, status.failed_size, status.total_size)
    elapsed = status.elapsed() if status.is_terminal else None
    yield "Took", "" if elapsed is None or elapsed > _LONGEST_TIME else f"{elapsed:,.1f} s"
    yield "Working on", "" if status.is_terminal else text(status.current_object, secrets)
    yield "Exit", _exit(status, secrets)
    yield "Not certain", text(status._doubt)
    yield "Errors", _messages(status.errors, secrets)
    yield "Warnings", _messages(status.warnings, secrets)


def _exit(status: TaskStatus, secrets: Sequence[str]) -> str:
    if not status.is_terminal:
        return ""
    code = "" if status.exit_code is None else _number(status.exit_code)
    return " ".join(filter(None, (code, _message(status.exit_message, secrets))))


def _amount(done: int, failed: int, total: int) -> str:
    if not (done or failed or total):
        return ""
    of = f" of {_number(total)}" if total else ""
    return f"{_number(done)}{of}{f', {_number(failed)} failed' if failed else ''}"


def _messages(messages: Sequence[str], secrets: Sequence[str]) -> str:
    """The newest messages, each on a line."""
    if not messages:
        return ""
    earlier = len(messages) - _MESSAGES_SHOWN
    lines = [f"<i>{earlier:,} earlier ones</i>"] if earlier > 0 else []
    return "<br>".join([*lines, *(_message(message, secrets) for message in messages[-_MESSAGES_SHOWN:])])


def _message(message: str, secrets: Sequence[str]) -> str:
    """Redacted before it is taken apart: there may be an asterisk in a secret."""
    return text(in_words(redact(message, secrets)))


def _number(value: int) -> str:
    return f"{value:,}" if abs(value) < _NUMBER_LIMIT else "very many"
