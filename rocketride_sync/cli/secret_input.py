"""Reads small text inputs that may hold secrets: files and stdin, up to a size limit, never quoted in a message."""

from __future__ import annotations

from typing import BinaryIO, List

from ..errors import ConfigurationError
from .standard_streams import read_up_to

MAX_BYTES = 64 * 1024
MAX_LIST_BYTES = 4 * 1024 * 1024


def read_text(path: str) -> str:
    """The text of the file at `path`.

    Raises:
        ConfigurationError: it cannot be read, is larger than 64 KiB, or is not UTF-8.
    """
    try:
        with open(path, "rb") as file:
            return read_stream(file, path)
    except OSError as error:
        reason = error.strerror or type(error).__name__
    raise ConfigurationError(f"cannot read {path}: {reason}")


def read_stream(stream: BinaryIO, name: str, max_bytes: int = MAX_BYTES, *, one_line: bool = False) -> str:
    """The text of `stream`, called `name` in messages, of at most `max_bytes`. Raises as `read_text`.

    With `one_line` it returns after a line, though the writer keeps the stream open.
    """
    content = read_up_to(stream, max_bytes + 1, one_line=one_line)
    if len(content) > max_bytes:
        raise ConfigurationError(f"{name} is larger than {max_bytes // 1024} KiB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    raise ConfigurationError(f"{name} is not UTF-8 text")


def single_word(text: str, name: str, what: str) -> str:
    """The single word in `text`.

    Args:
        text: what was read.
        name: what the input is called in messages.
        what: what the word is, such as "the token".

    Raises:
        ConfigurationError: there is none, or there are several.
    """
    words = text.split()
    if len(words) != 1:
        found = "is empty" if not words else "holds more than one word"
        raise ConfigurationError(f"{name} {found}; {what} and nothing else belongs in it")
    return words[0]


def one_word_per_line(text: str, name: str, what: str) -> List[str]:
    """The words in `text`, one a line; empty lines are skipped. The arguments are those of `single_word`.

    Raises:
        ConfigurationError: there is none, there are several on a line, or a line is larger than 64 KiB.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise ConfigurationError(f"{name} is empty; {what} belongs in it, one a line")
    if max(map(len, lines)) > MAX_BYTES:
        raise ConfigurationError(f"a line of {name} is larger than {MAX_BYTES // 1024} KiB")
    return [single_word(line, f"a line of {name}", what) for line in lines]
