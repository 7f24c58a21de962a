"""The data of an object to send, in chunks, each made when it is needed: from memory, or from a file."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import Any, BinaryIO, Callable, ContextManager, Iterator, Optional

from ..errors import ConfigurationError
from ..handler_exceptions import pass_on
from ..owned_files import NO_WAIT, open_for_reading
from ..redact import reason_of

CHUNK = 1024 * 1024


class Bytes:
    """An object in memory.

    Args:
        data: bytes, or an object with a buffer of bytes.
        chunk: the largest size of a chunk; None for one chunk.

    Attributes:
        size: the number of bytes.

    Raises:
        ConfigurationError: `data` is something else.
    """

    def __init__(self, data: Any, chunk: Optional[int] = CHUNK) -> None:
        self._view = _byte_view(data)
        self.size = self._view.nbytes
        self._chunk = chunk or self.size

    def __iter__(self) -> Iterator[memoryview]:
        start = 0
        while start < self.size:
            chunk = self._view[start : start + self._chunk]
            if start + chunk.nbytes < self.size:
                chunk = _without_partial_character(chunk)
            yield chunk
            start += chunk.nbytes


class File:
    """An object in a file, read chunk by chunk into the same buffer.

    Args:
        name: the file's name, for messages.
        size: the number of bytes to send.
        open_file: opens it at its beginning, buffered or not.
    """

    def __init__(self, name: str, size: int, open_file: Callable[[], ContextManager[BinaryIO]]) -> None:
        self.size = size
        self._name = name
        self._open = open_file

    @classmethod
    def at(cls, path: str) -> File:
        """The file at `path`, with the size it has now.

        Raises:
            ConfigurationError: as `size_of`.
        """
        size = size_of(path)
        return cls(path, size, lambda: _regular_file(path, size))

    @classmethod
    def spooled(cls, file: Any) -> File:
        """The temporary `file`, which stays open."""
        size = file.seek(0, os.SEEK_END)

        def rewound() -> ContextManager[BinaryIO]:
            file.seek(0)
            return contextlib.nullcontext(file)

        return cls("of the pipe", size, rewound)

    def __iter__(self) -> Iterator[memoryview]:
        try:
            with self._open() as file:
                yield from self._chunks(file)
            return
        except OSError as error:
            pass_on(error)
            reason = reason_of(error)
        raise ConfigurationError(f"the file {self._name!r} cannot be read: {reason}")

    def _chunks(self, file: Any) -> Iterator[memoryview]:
        memory = memoryview(bytearray(min(CHUNK, self.size)))
        left = self.size
        while left:
            count = file.readinto(memory[:left])
            if not count:
                raise ConfigurationError(f"the file {self._name!r} became shorter while it was sent")
            chunk = memory[:count] if count == left else _without_partial_character(memory[:count])
            if chunk.nbytes < count:
                file.seek(chunk.nbytes - count, os.SEEK_CUR)
            yield chunk
            left -= chunk.nbytes


def size_of(path: str) -> int:
    """The size in bytes of the file at `path`.

    Raises:
        ConfigurationError: it does not exist, is no regular file, or cannot be read.
    """
    try:
        found = os.stat(path)
    except (FileNotFoundError, ValueError) as error:  # ValueError: no file has a null character in its path
        pass_on(error)
        problem = "is not there"
    except OSError as error:
        pass_on(error)
        problem = f"cannot be read: {reason_of(error)}"
    else:
        _check_regular(path, found.st_mode)
        return found.st_size
    raise ConfigurationError(f"the file {path!r} {problem}")


def check_readable(path: str) -> None:
    """Raise ConfigurationError, as a `File` would while it is sent, if the file at `path` cannot be read."""
    try:
        with _regular_file(path, size_of(path)):
            return
    except OSError as error:
        pass_on(error)
        reason = reason_of(error)
    raise ConfigurationError(f"the file {path!r} cannot be read: {reason}")


@contextlib.contextmanager
def _regular_file(path: str, size: int) -> Iterator[BinaryIO]:
    with open_for_reading(path, NO_WAIT) as file:
        _check_regular(path, os.fstat(file.fileno()).st_mode)
        if size == 0:
            _check_empty(path, file)
        yield file


def _check_empty(path: str, file: BinaryIO) -> None:
    """Raise ConfigurationError for a file whose size cannot be trusted. One that has grown since is sent as it was."""
    if file.read(1) and os.fstat(file.fileno()).st_size == 0:
        raise ConfigurationError(
            f"the file {path!r} has content, but its size reads as 0, as in /proc; copy it, and send the copy"
        )


def _check_regular(path: str, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = "a directory" if stat.S_ISDIR(mode) else "no regular file"
        raise ConfigurationError(f"the file {path!r} is {kind}")


def _without_partial_character(chunk: memoryview) -> memoryview:
    """`chunk` without an incomplete UTF-8 character at its end: servers decode each write of a text separately."""
    for length in range(1, min(4, chunk.nbytes)):
        byte = chunk[-length]
        if byte >= 0xC0:
            needed = 2 + (byte >= 0xE0) + (byte >= 0xF0)
            return chunk if length >= needed else chunk[:-length]
        if byte < 0x80:
            break
    return chunk


def encoded(data: Any) -> Any:
    """`data`, a whole object, as something with a buffer of bytes: a str as UTF-8.

    Raises:
        ConfigurationError: `data` is something else.
    """
    if not isinstance(data, str):
        _byte_view(data, "a string, bytes, or something with a buffer of them")
        return data
    try:
        return data.encode()
    except UnicodeEncodeError:
        pass
    raise ConfigurationError("data holds lone surrogates, which UTF-8 cannot encode; pass bytes")


def _byte_view(data: Any, allowed: str = "bytes, or something with a buffer of them") -> memoryview:
    try:
        return memoryview(data).cast("B")
    except (TypeError, ValueError) as error:
        pass_on(error, foreign_code=True)
        kind = type(data).__name__
    hint = next((text for types, text in _HINTS if isinstance(data, types)), "")
    raise ConfigurationError(f"data must be {allowed}, not {kind}{hint}")


_HINTS = (
    (str, "; encode() makes bytes of it"),
    ((dict, list, tuple), "; json.dumps() makes a string of it"),
)
