"""A secret that is typed at a terminal: asked for by its name, and not shown.

`getpass` does this on Windows alone. Elsewhere it would lose all but the first of several lines that were pasted, and it
reads a line of any length, in the encoding of the locale.
"""

from __future__ import annotations

import contextlib
import io
import os
from typing import Any, BinaryIO, Iterator, Optional, TextIO, cast

from ..errors import ConfigurationError
from ..owned_files import open_for_writing_at_once
from . import output
from .signals import STOP_EXCEPTIONS

_END_OF_INPUT = "\x1a"  # Ctrl-Z, as Windows shows it


@contextlib.contextmanager
def asking(stdin: TextIO, expected: str, *, one_line: bool) -> Iterator[BinaryIO]:
    """The bytes of `stdin`. If that is a terminal, `expected` is asked for there, and what is typed is not shown.

    Args:
        stdin: standard input.
        expected: what should be typed.
        one_line: whether one line is enough. Else Ctrl-D ends the input; on Windows, an empty line.

    Raises:
        ConfigurationError: the terminal would show what is typed.
    """
    if os.name != "posix":
        is_console = type(getattr(stdin.buffer, "raw", None)).__name__ == "_WindowsConsoleIO"  # NUL is none
        yield (
            cast(BinaryIO, _HiddenLines(_prompt(expected, one_line, "an empty line")))
            if is_console
            else stdin.buffer
        )
    elif stdin.isatty():
        with _hiding(stdin.fileno(), expected):
            try:
                prompt = _prompt(expected, one_line, "Ctrl-D")
                _print(stdin.fileno(), prompt)
                yield cast(BinaryIO, _AskingAgain(stdin, prompt)) if one_line else stdin.buffer
            except STOP_EXCEPTIONS:
                _print(stdin.fileno(), "\n")
                raise
    else:
        yield stdin.buffer


def _prompt(expected: str, one_line: bool, end: str) -> str:
    if one_line:
        return f"Type {expected}, which is not shown: "
    return f"Type {expected}, or several, one a line, and then {end}; they are not shown: "


@contextlib.contextmanager
def _hiding(descriptor: int, expected: str) -> Iterator[None]:
    """While this block runs, the terminal shows the ends of lines alone of what is typed."""
    import termios as module

    termios: Any = module  # for mypy, as on Windows

    problem = ""
    try:
        before = termios.tcgetattr(descriptor)
        hidden: Any = list(before)
        hidden[3] = (hidden[3] & ~termios.ECHO) | termios.ECHONL
        termios.tcsetattr(descriptor, termios.TCSAFLUSH, hidden)
    except termios.error as error:
        problem = str(error.args[-1])
    if problem:
        raise ConfigurationError(
            f"{expected} would be shown while it is typed at this terminal ({problem}): hand it over in a file or a pipe"
        )
    try:
        yield
    finally:
        # What was typed and not read is dropped: a shell would read it as commands, and remember it.
        with contextlib.suppress(termios.error):  # the terminal is gone
            termios.tcsetattr(descriptor, termios.TCSAFLUSH, before)


def _print(descriptor: int, text: str) -> None:
    """Print `text` at the terminal itself: stderr may be a file. A terminal that was stopped shows nothing."""
    posix: Any = os
    try:
        with open_for_writing_at_once(posix.ttyname(descriptor)) as terminal:
            terminal.write(text.encode("ascii", "backslashreplace"))
    except OSError:  # as in a container that has the terminal from outside
        output.print_note(text)


class _AskingAgain(io.RawIOBase):
    """The terminal `stdin`. When a line without a word is typed, it prints `prompt` again: the typist waits for something."""

    def __init__(self, stdin: TextIO, prompt: str) -> None:
        self._terminal: Any = getattr(stdin.buffer, "raw", stdin.buffer)
        self._prompt = prompt
        self._line = b""

    def fileno(self) -> int:
        return int(self._terminal.fileno())

    def read(self, size: int = -1) -> Optional[bytes]:
        typed: Optional[bytes] = self._terminal.read(size)
        self._line += typed or b""
        *lines, self._line = self._line.split(b"\n")
        if lines and not any(line.partition(b"#")[0].strip() for line in lines):
            _print(self.fileno(), f"Nothing was typed. {self._prompt}")
        return typed


class _HiddenLines(io.RawIOBase):
    """Lines that are typed at the console of Windows: each read gives one, and none after an empty one."""

    def __init__(self, prompt: str) -> None:
        self._prompt = prompt

    def read(self, size: int = -1) -> bytes:  # noqa: ARG002 - a console gives whole lines
        import getpass

        prompt, self._prompt = self._prompt, ""
        line = getpass.getpass(prompt)
        is_end = not line or _END_OF_INPUT in line
        return b"" if is_end else line.encode("utf-8", "surrogatepass") + b"\n"
