"""How amounts, durations, times, units and the names of tasks are written, on the command line and on the page of a report.

Where the two differ, both forms stand here side by side: the command line writes for a line of a terminal or a log, the
page for a table whose columns line up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, NamedTuple, Optional

if TYPE_CHECKING:
    from datetime import datetime

    from ..models import TaskStatus

_NUMBER_LIMIT = 10**15
_EXIT_CODE_LIMIT = 10**9
_LONGEST_DURATION = 1e10  # seconds
_LONGEST_PIECE = 8  # characters

_TIME_UNITS = ((7200.0, 3600.0, "hours"), (120.0, 60.0, "minutes"), (0.0, 1.0, "seconds"))
_RATE_UNITS = ((1.0, 1.0, "second"), (1 / 60, 60.0, "minute"), (0.0, 3600.0, "hour"))
_SIZE_UNITS = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (0.0, "bytes"))


# Numbers have limits because Python refuses to print integers of thousands of digits.


def bounded_number(value: int, style: str = ",") -> str:
    """Such as ``12,345``; "very many" from 10**15 on."""
    return f"{value:{style}}" if abs(value) < _NUMBER_LIMIT else "very many"


def full_number(value: int) -> str:
    """Such as ``12,345``, without a limit: for numbers that were bounded before, see `snapshot.bounded`."""
    return f"{value:,}"


def exit_code_on_page(code: int) -> str:
    """The digits of an exit code; "very large" from 10**9 on."""
    return str(code) if abs(code) < _EXIT_CODE_LIMIT else "very large"


def amount(
    done: int, failed: int, total: int, unit: str, number: Callable[[int], str] = bounded_number
) -> str:
    """Such as ``45 of 100, 2 failed``; empty if all are 0. `unit` follows the numbers, `number` writes each."""
    if not (done or failed or total):
        return ""
    text = f"{number(done)} of {number(total)}{unit}" if total else f"{number(done)}{unit}"
    return f"{text}, {number(failed)} failed" if failed else text


def source_name(status: TaskStatus) -> str:
    """The name of a task. Of one that the server made, such as ``5f3a9c1e.src_1.My source``, only that of the source.

    The piece of the task's token, with which such a name begins, tells a reader nothing.
    """
    piece, _, name = status.name.partition(f".{status.source}.")
    is_made = name and status.source and piece and len(piece) <= _LONGEST_PIECE
    return name if is_made and not any(sign == "." or sign.isspace() for sign in piece) else status.name


def cut_in_middle(text: str, width: int, measure: Callable[[str], int] = len) -> str:
    """`text`, or its beginning and end with … between them, where it is wider than `width`.

    What items of a task have in common is usually the middle of their names. `measure` gives the width of a text.
    """
    kept = min(len(text), width)
    while measure(text) > width and kept > 1:
        kept -= 1
        tail = (kept + 1) // 2
        shown = f"{text[: kept - tail]}…{text[-tail:]}"
        if measure(shown) <= width:
            return shown
    return text if measure(text) <= width else "…"[:width]


def duration_in_words(seconds: float) -> str:
    """As the command line writes it: ``4.2 s``, ``3 min 20 s``, ``5 h 07 min``."""
    if seconds > _LONGEST_DURATION:
        return "over 300 years"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def duration_with_colons(seconds: float) -> str:
    """As the page writes it: ``4.2 s``, ``3:20 min``, ``5:07:00 h``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,}:{minutes:02}:{rest:02} h" if hours else f"{minutes}:{rest:02} min"


def time_with_offset(moment: Optional[datetime]) -> str:
    """As the command line writes it: ``2024-05-01 10:20:30+00:00``; empty for None."""
    return "" if moment is None else moment.isoformat(sep=" ", timespec="seconds")


def time_in_utc(moment: Optional[datetime]) -> str:
    """As the page writes it: ``2024-05-01 10:20:30 UTC``; empty for None. `moment` must be in UTC."""
    return "" if moment is None else moment.strftime("%Y-%m-%d %H:%M:%S UTC")


class AxisUnit(NamedTuple):
    """The unit of a chart's axis: what the values are divided by, and the name of the result."""

    divisor: float
    name: str


def time_unit(seconds: float) -> AxisUnit:
    """The unit for an axis of so many seconds."""
    return next(AxisUnit(divisor, name) for least, divisor, name in _TIME_UNITS if seconds >= least)


def rate_unit(most: float, of: str) -> AxisUnit:
    """The unit for a rate of at most so many a second: such as ``items per minute``."""
    return next(
        AxisUnit(1 / factor, f"{of} per {name}") for least, factor, name in _RATE_UNITS if most >= least
    )


def size_unit(most: float) -> AxisUnit:
    """The unit for sizes of at most so many bytes."""
    return next(AxisUnit(least or 1.0, name) for least, name in _SIZE_UNITS if most >= least)


def axis_number(value: float) -> str:
    """A value at the axis of a chart: six digits, such as ``1,234.5``."""
    return f"{value:,.6g}"
