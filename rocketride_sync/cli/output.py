"""Printing to the terminal: results to stdout, everything else to stderr, control characters always escaped."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from typing import Iterator, List, Optional, Sequence, TextIO

from ..redact import SHORTEST_SECRET, cut, printable, redact
from ..reporting.formatting import time_with_offset
from .signals import STOP_EXCEPTIONS

PROGRAM = "rocketride-sync"

_SHOWN_OF_UNKNOWN = 4
_LONGEST_MESSAGE = 2000
_COLOURS = {"green": "32", "red": "31", "yellow": "33"}


known_secrets: List[str] = []

default_address_note = ""
"""What an error says if the command asks the default address, because none was given."""


def add_secret(secret: str) -> None:
    """From now on replace `secret` in all texts of a server. One as short as a word would only make text unreadable."""
    if len(secret) >= SHORTEST_SECRET:
        known_secrets.append(secret)


@contextlib.contextmanager
def hiding(token: str) -> Iterator[None]:
    """In this block, `token` is a secret too: texts of its task may hold it, and whoever starts a task may choose any token.

    Not for longer, for there may be thousands of tasks.
    """
    before = len(known_secrets)
    add_secret(token)
    try:
        yield
    finally:
        del known_secrets[before:]


def without_secrets(text: str) -> str:
    """`text` with tokens shortened, and without the secrets that were added."""
    return redact(text, known_secrets)


def safe_text(text: str) -> str:
    """A text of a server as it may be printed: without secrets, and with control characters escaped."""
    return printable(without_secrets(text))


def shorten_unknown(word: str) -> str:
    """A word of which it is not known what it is, as it may be printed: of what is as long as a secret, the beginning."""
    return printable(word if len(word) < SHORTEST_SECRET else f"{word[:_SHOWN_OF_UNKNOWN]}…")


def shorten(text: str, width: int) -> str:
    """`text` as `safe_text` returns it, cut to `width` characters."""
    text = printable(cut(text, width + 1, known_secrets))
    return text if len(text) <= width else text[: width - 1] + "…"


def shorten_message(text: str) -> str:
    """A message of a task as it may be printed, in words, cut at 2,000 characters."""
    from ..models.messages import in_words

    return shorten(in_words(text), _LONGEST_MESSAGE)


def paint(text: str, colour: str, stream: Optional[TextIO]) -> str:
    """`text` in a colour, if `stream` is a terminal that supports it and NO_COLOR is not set."""
    if os.environ.get("NO_COLOR") or os.name == "nt" or not is_terminal(stream):
        return text
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"


def is_terminal(stream: Optional[TextIO]) -> bool:
    """Whether `stream` is a terminal that can move its cursor."""
    return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"


class Delivery:
    """Whether the results have reached their reader.

    Attributes:
        failure: the first error when a result was written, as `OSError`; None if all were written.
        began: whether the writing of a result has begun.
        report_failed: whether a report could not be written; that was printed already.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the results of an earlier command in this process."""
        self.failure: Optional[OSError] = None
        self.began = False
        self.report_failed = False


delivery = Delivery()


def unix_time(seconds: float) -> str:
    """A Unix time as all commands write it; empty for 0.0, which is not known."""
    from ..models.behaviour import moment

    return time_with_offset(moment(seconds))


def table(rows: Sequence[Sequence[str]]) -> str:
    """The rows as lines, with columns as wide as their longest cell."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def print_result(text: str) -> None:
    """Print a result on stdout.

    If it cannot be written, `delivery` says so: the exit code tells it, unless there is something worse to tell.
    """
    delivery.began = True
    try:
        _record_failure(_print(text, sys.stdout))
    except STOP_EXCEPTIONS:
        # Perhaps nobody reads. Whatever is printed later must not wait for a reader again.
        if sys.stdout is not None:
            with contextlib.suppress(OSError):  # it stands for none of the system's files
                _discard(sys.stdout)
        raise


def print_note(text: str) -> None:
    """Print a line about the work on stderr. Ignores errors, such as of a terminal that was closed.

    What stderr does not take within a short time is lost: see `standard_streams`.
    """
    _print(text, sys.stderr)


def print_problem(message: str) -> None:
    """Print what went wrong, as one line on stderr."""
    print_note(f"{PROGRAM}: {safe_text(message)}")


def flush() -> None:
    """Write what is buffered, so that it cannot fail later while the interpreter shuts down."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            _flush(stream)


def _record_failure(failure: Optional[OSError]) -> None:
    delivery.failure = delivery.failure or failure


def _print(text: str, stream: Optional[TextIO]) -> Optional[OSError]:
    """Print `text`; the error if that failed."""
    if stream is None:  # started with the stream closed
        return OSError(errno.EBADF, os.strerror(errno.EBADF))
    try:
        print(text, file=stream)
    except OSError as error:
        _discard(stream)
        return error
    return _flush(stream)


def _flush(stream: TextIO) -> Optional[OSError]:
    try:
        stream.flush()
    except OSError as error:
        _discard(stream)
        return error
    return None


def _discard(stream: TextIO) -> None:
    """Redirect `stream` to the null device: further writes succeed, also the flush at exit."""
    with open(os.devnull, "wb", buffering=0) as null:
        os.dup2(null.fileno(), stream.fileno())
