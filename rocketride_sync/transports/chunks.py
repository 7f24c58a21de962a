"""The data of an object, in chunks that are made as they are needed: from memory, or from a file."""

from __future__ import annotations

import contextlib
import os
import stat
from typing import Any, BinaryIO, Callable, ContextManager, Iterator, Optional

from ..errors import ConfigurationError

CHUNK = 1024 * 1024


class Bytes:
    """An object in memory.

    Args:
        data: bytes, or what has a buffer of them.
        chunk: the most bytes in a chunk; None for all of them.

    Attributes:
        size: how many bytes there are.

    Raises:
        ConfigurationError: `data` is something else.
    """

    def __init__(self, data: Any, chunk: Optional[int] = CHUNK) -> None:
        self._view = _view(data)
        self.size = self._view.nbytes
        self._chunk = chunk or self.size

    def __iter__(self) -> Iterator[memoryview]:
        start = 0
        while start < self.size:
            chunk = self._view[start : start + self._chunk]
            if start + chunk.nbytes < self.size:
                chunk = _whole(chunk)
            yield chunk
            start += chunk.nbytes


class File:
    """An object in a file, read chunk by chunk into the same piece of memory.

    Args:
        name: the file's name, for messages.
        size: how many bytes of it to send.
        open_file: opens it, unbuffered or not, at its beginning.
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
        return cls(path, size_of(path), lambda: open(path, "rb", buffering=0, opener=_open_regular))

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
            reason = _reason(error)
        raise ConfigurationError(f"the file {self._name!r} cannot be read: {reason}")

    def _chunks(self, file: Any) -> Iterator[memoryview]:
        memory = memoryview(bytearray(min(CHUNK, self.size)))
        left = self.size
        while left:
            count = file.readinto(memory[:left])
            if not count:
                raise ConfigurationError(f"the file {self._name!r} became shorter while it was sent")
            chunk = memory[:count] if count == left else _whole(memory[:count])
            if chunk.nbytes < count:
                file.seek(chunk.nbytes - count, os.SEEK_CUR)
            yield chunk
            left -= chunk.nbytes


def size_of(path: str) -> int:
    """How many bytes the file at `path` holds.

    Raises:
        ConfigurationError: it is not there, is no regular file, or cannot be looked at.
    """
    try:
        found = os.stat(path)
    except (FileNotFoundError, ValueError):  # a path with a null character cannot be there
        problem = "is not there"
    except OSError as error:
        problem = f"cannot be read: {_reason(error)}"
    else:
        _check_regular(path, found.st_mode)
        return found.st_size
    raise ConfigurationError(f"the file {path!r} {problem}")


def _open_regular(path: str, flags: int) -> int:
    """For `open`: it may have become something else meanwhile, and a FIFO would be waited for."""
    number = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    try:
        _check_regular(path, os.fstat(number).st_mode)
    except BaseException:
        os.close(number)
        raise
    return number


def _check_regular(path: str, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = "a directory" if stat.S_ISDIR(mode) else "no regular file"
        raise ConfigurationError(f"the file {path!r} is {kind}")


def _whole(chunk: memoryview) -> memoryview:
    """`chunk` without the start of a UTF-8 character at its end: servers decode each write of a text on its own."""
    for length in range(1, min(4, chunk.nbytes)):
        byte = chunk[-length]
        if byte >= 0xC0:
            needed = 2 + (byte >= 0xE0) + (byte >= 0xF0)
            return chunk if length >= needed else chunk[:-length]
        if byte < 0x80:
            break
    return chunk


def _view(data: Any) -> memoryview:
    try:
        return memoryview(data).cast("B")
    except (TypeError, ValueError):
        kind = type(data).__name__
    raise ConfigurationError(f"data must be bytes, or something with a buffer of them, not {kind}")


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
