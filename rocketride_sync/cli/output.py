"""What reaches the terminal: results on stdout, everything else on stderr, never a raw control character."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import List, Optional, TextIO

from ..redact import cut, printable, redact

PROGRAM = "rocketride-sync"

_SHORTEST_SECRET = 8
_LARGEST = 10**15
_LONGEST_MESSAGE = 2000
_COLOURS = {"green": "32", "red": "31", "yellow": "33"}


concealed: List[str] = []


def conceal(secret: str) -> None:
    """Never print `secret`, whatever a server says. One as short as a word would only make text unreadable."""
    if len(secret) >= _SHORTEST_SECRET:
        concealed.append(secret)


def without_secrets(text: str) -> str:
    """`text` with tokens shortened, and without what was to be concealed."""
    return redact(text, concealed)


def visible(text: str) -> str:
    """Text of a server as it may be shown: without secrets, and with control characters written as escapes."""
    return printable(without_secrets(text))


def shorten(text: str, width: int) -> str:
    """`text` made visible and cut to `width` characters."""
    text = printable(cut(text, width + 1, concealed))
    return text if len(text) <= width else text[: width - 1] + "…"


def message(text: str) -> str:
    """A message of a task, made visible, and cut where nobody reads on."""
    return shorten(text, _LONGEST_MESSAGE)


def number(value: int, style: str = ",") -> str:
    """Such as ``12,345``; Python refuses to print integers of thousands of digits."""
    return f"{value:{style}}" if abs(value) < _LARGEST else "very many"


def paint(text: str, colour: str, stream: Optional[TextIO]) -> str:
    """`text` in a colour, where `stream` is a terminal that can and the user has not set NO_COLOR."""
    if os.environ.get("NO_COLOR") or os.name == "nt" or not is_terminal(stream):
        return text
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"


def is_terminal(stream: Optional[TextIO]) -> bool:
    """Whether a reader sits at `stream`, at a terminal that can move its cursor."""
    return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"


def result(text: str) -> None:
    """Print a result. A reader that has gone away (``| head``) is no error."""
    _print(text, sys.stdout)


def note(text: str) -> None:
    """Print a line about the work on stderr. Where that is not possible, as when the terminal is gone, it is let be."""
    with contextlib.suppress(OSError):
        _print(text, sys.stderr)


def problem(message: str) -> None:
    """Print what went wrong, as one line on stderr."""
    note(f"{PROGRAM}: {visible(message)}")


def _print(text: str, stream: Optional[TextIO]) -> None:
    if stream is None:  # started with the stream closed
        return
    try:
        print(text, file=stream, flush=True)
    except OSError as error:
        _discard(stream)
        if not isinstance(error, BrokenPipeError):
            raise


def flush() -> None:
    """Write out what is buffered, so that nothing is left to fail while the interpreter shuts down."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            try:
                stream.flush()
            except OSError:
                _discard(stream)


def _discard(stream: TextIO) -> None:
    """Point `stream` at nothing: further writes to it succeed, also the flush at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def escape_unencodable() -> None:
    """Let streams write characters that their encoding lacks as escapes, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
