"""Small text inputs that may hold secrets: read whole, bounded, and never quoted in a message."""

from __future__ import annotations

from typing import BinaryIO, List

from ..errors import ConfigurationError

LARGEST = 64 * 1024
LARGEST_LIST = 4 * 1024 * 1024


def read_text(path: str) -> str:
    """The text of the file at `path`.

    Raises:
        ConfigurationError: it cannot be read, is larger than 64 KiB, or is not UTF-8.
    """
    try:
        with open(path, "rb") as file:
            return decode(file, path)
    except OSError as error:
        reason = error.strerror or type(error).__name__
    raise ConfigurationError(f"cannot read {path}: {reason}")


def decode(stream: BinaryIO, name: str, largest: int = LARGEST) -> str:
    """The text of `stream`, called `name` in messages, of so many bytes at most. Raises as `read_text`."""
    content = stream.read(largest + 1)
    if len(content) > largest:
        raise ConfigurationError(f"{name} is larger than {largest // 1024} KiB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    raise ConfigurationError(f"{name} is not UTF-8 text")


def only_word(text: str, name: str, what: str) -> str:
    """The one word in `text`.

    Raises:
        ConfigurationError: there is none, or there are several.
    """
    words = text.split()
    if len(words) != 1:
        found = "is empty" if not words else "holds more than one word"
        raise ConfigurationError(f"{name} {found}; {what} and nothing else belongs in it")
    return words[0]


def words_of_lines(text: str, name: str, what: str) -> List[str]:
    """The words in `text`, one a line; empty lines are passed over.

    Raises:
        ConfigurationError: there is none, there are several on a line, or a line is larger than 64 KiB.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise ConfigurationError(f"{name} is empty; {what} belongs in it, one a line")
    if max(map(len, lines)) > LARGEST:
        raise ConfigurationError(f"a line of {name} is larger than {LARGEST // 1024} KiB")
    return [only_word(line, f"a line of {name}", what) for line in lines]
