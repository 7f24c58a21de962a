"""Reads small text inputs that may hold secrets: files and stdin, up to a size limit, never quoted in a message.

Words stand there as people write them: a ``#`` that begins a word begins a comment, and blank lines mean nothing.
"""

from __future__ import annotations

import itertools
import os
import stat
import sys
from typing import BinaryIO, Callable, ContextManager, List, Optional

from ..address import check_quotes
from ..errors import ConfigurationError
from ..owned_files import utf_16_hint
from ..redact import reason_of
from . import output
from .standard_streams import read_up_to

SETTINGS = ("ROCKETRIDE_URI", "ROCKETRIDE_APIKEY", "ROCKETRIDE_TOKEN")
"""The variables that the commands themselves read. An empty one would be as if not set."""

FROM_STDIN = "-"
"""In place of a token or of a file's name."""

MAX_BYTES = 64 * 1024
MAX_LIST_BYTES = 4 * 1024 * 1024


def read_text(path: str) -> str:
    """The text of the file at `path`.

    Raises:
        ConfigurationError: it cannot be read, is larger than 64 KiB, or is not UTF-8.
    """
    return _read(lambda: open(path, "rb"), path, MAX_BYTES)


def warn_if_others_can_read(path: str) -> None:
    """Print a warning if any user of this machine can read the secret in the file at `path`."""
    try:
        readable = others_can_read(path)
    except OSError:
        return  # whoever reads it says what is wrong
    if readable:
        import shlex  # seldom needed

        output.print_problem(
            f"warning: every user of this machine can read the API key in {path}: chmod 600 {shlex.quote(path)}"
        )


def others_can_read(path: str) -> bool:
    """Whether users who are neither owner nor in the group can read the file at `path`: it, and all folders above."""
    if os.name != "posix":
        return False
    place = os.path.realpath(path)
    mode = os.stat(place).st_mode
    if not (stat.S_ISREG(mode) and mode & stat.S_IROTH):
        return False  # a pipe has no other readers
    while place != os.path.dirname(place):
        place = os.path.dirname(place)
        if not os.stat(place).st_mode & stat.S_IXOTH:
            return False
    return True


def read_stdin(expected: str, max_bytes: int = MAX_BYTES, *, one_line: bool = False) -> str:
    """The text of standard input, of at most `max_bytes`. Raises as `read_text`.

    `expected` is what should be there: a terminal asks for it, and hides it. With `one_line` it returns after a line that
    holds a word, though the writer keeps the stream open.
    """
    stdin = sys.stdin
    if stdin is None:
        raise ConfigurationError(f"standard input is closed; {expected} was expected there")
    from . import terminal_input  # seldom needed

    return _read(
        lambda: terminal_input.asking(stdin, expected, one_line=one_line),
        "standard input",
        max_bytes,
        _holds_a_word if one_line else None,
    )


def _read(
    opened: Callable[[], ContextManager[BinaryIO]],
    name: str,
    max_bytes: int,
    suffices: Optional[Callable[[bytes], bool]] = None,
) -> str:
    """The text of a stream, called `name` in messages, of at most `max_bytes`. Raises as `read_text`.

    It is read no further than `suffices` says after a line.
    """
    try:
        with opened() as stream:
            return _text_of(read_up_to(stream, max_bytes + 1, suffices), name, max_bytes)
    except OSError as error:  # such as that of a terminal or a connection that is gone
        reason = reason_of(error)
    raise ConfigurationError(f"cannot read {name}: {reason}")


def _text_of(content: bytes, name: str, max_bytes: int) -> str:
    if len(content) > max_bytes:
        raise ConfigurationError(f"{name} is larger than {max_bytes // 1024} KiB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    raise ConfigurationError(f"{name} is not UTF-8 text{utf_16_hint(content)}")


def without_hash_escape(word: str) -> str:
    """A word behind whose backslash a ``#`` begins no comment, without that backslash; any other as it is."""
    return word[1:] if word.lstrip("\\").startswith("#") else word


def single_word(text: str, name: str, what: str, read: Callable[[str], str] = without_hash_escape) -> str:
    """The single word in `text`, comments apart.

    Args:
        text: what was read.
        name: what the input is called in messages.
        what: what the word is, such as "the token".
        read: makes what is returned of the word as it stands there.

    Raises:
        ConfigurationError: there is none, or there are several.
    """
    words = [word for line in text.splitlines() for word in _words(line)]
    if len(words) != 1:
        found = _without_words(text, what) if not words else "holds more than one word"
        raise ConfigurationError(f"{name} {found}; {what} and nothing else belongs in it")
    return read(words[0])


def api_key(text: str, name: str) -> str:
    """The API key in `text`, which is called `name` in messages.

    Raises as `single_word`, also for an environment file, and for a key in quotes, which no key has.
    """
    starts = {
        line.strip().replace("export ", "", 1).partition("=")[0] for line in text.splitlines() if "=" in line
    }
    found = next((variable for variable in SETTINGS if variable in starts), None)
    if found is not None:
        raise ConfigurationError(
            f"{name} holds {found}=…, as a file for --env-file does; here, the API key and nothing else belongs in it"
        )
    key = single_word(text, name, "the API key")
    check_quotes(name, key)
    return key


def one_word_per_line(text: str, name: str, what: str, read: Callable[[str], str]) -> List[str]:
    """The words in `text`, one a line; lines without a word are skipped. The arguments are those of `single_word`.

    Raises:
        ConfigurationError: there is none, there are several on a line, or a line is larger than 64 KiB.
    """
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if _words(line)]
    if not lines:
        each = what.replace("the", "one", 1)
        raise ConfigurationError(f"{name} {_without_words(text, what)}: write {each} on each line")
    return [_word_of_line(line, f"line {number} of {name}", what, read) for number, line in lines]


def _word_of_line(line: str, name: str, what: str, read: Callable[[str], str]) -> str:
    if len(line) > MAX_BYTES:
        raise ConfigurationError(f"{name} is larger than {MAX_BYTES // 1024} KiB")
    word = single_word(line, name, what, str)
    try:
        return read(word)
    except ConfigurationError as error:
        problem = str(error)
    raise ConfigurationError(f"{name}: {problem}")


def _without_words(text: str, what: str) -> str:
    """What to say of a text that holds no word: nothing is in it, or comments alone."""
    return f"holds {what.replace('the', 'no', 1)}" if text.strip() else "is empty"


def _words(line: str) -> List[str]:
    """The words of a line as they stand there, without its comment."""
    return list(itertools.takewhile(lambda word: not word.startswith("#"), line.split()))


def _holds_a_word(content: bytes) -> bool:
    """Whether one of the lines of `content` is complete and holds a word."""
    *lines, _ = content.split(b"\n")
    return any(line.strip() and not line.lstrip().startswith(b"#") for line in lines)
