"""Small text inputs that may hold secrets: read whole, bounded, and never quoted in a message."""

from __future__ import annotations

from typing import BinaryIO

from ..errors import ConfigurationError

_LARGEST = 64 * 1024


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


def decode(stream: BinaryIO, name: str) -> str:
    """The text of `stream`, called `name` in messages. Raises as `read_text`."""
    content = stream.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ConfigurationError(f"{name} is larger than {_LARGEST // 1024} KiB")
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
