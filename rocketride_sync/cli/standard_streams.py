"""The standard streams of the command: written whole and read whole, also where they do not block.

A program that starts the command may hand it streams in non-blocking mode, as node.js does with its pipes. The mode
belongs to the open file, not to the process: to change it would disturb the other program, so this waits instead.

What goes to stderr waits for a short time only: a terminal that was stopped, or a pipe that nobody reads, would keep the
command from its timeout, and from ending its task.
"""

from __future__ import annotations

import io
import os
import sys
import time
from typing import Any, BinaryIO, Callable, Optional, TextIO, Type

from ..deadline import SLICE
from ..owned_files import is_ready, piece_to_write

_PAUSE = 0.05
PATIENCE = 2.0
"""Seconds that stderr may take nothing before what is written to it is dropped."""


def prepare() -> None:
    """Let stdout and stderr wait for a slow reader, and escape characters that their encoding lacks."""
    sys.stdout = _prepared(sys.stdout, _PatientWriter)
    sys.stderr = _prepared(sys.stderr, _ImpatientWriter)


def takes_more(stream: Optional[TextIO]) -> bool:
    """Whether `stream`, the prepared stderr, takes text at once; True where that is not known."""
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    return not isinstance(raw, _ImpatientWriter) or raw.is_ready(0)


def _prepared(stream: Optional[TextIO], writer: Type[_PatientWriter]) -> Optional[TextIO]:
    # Not streams that somebody has replaced, and not those of Windows, which has no such mode.
    if os.name == "posix" and type(stream) is io.TextIOWrapper:
        raw = getattr(stream.buffer, "raw", stream.buffer)  # with PYTHONUNBUFFERED there is no buffer
        if isinstance(raw, io.FileIO) and not stream.closed:
            stream.flush()
            stream = io.TextIOWrapper(
                io.BufferedWriter(writer(raw)),
                stream.encoding,
                newline="\n",
                line_buffering=stream.line_buffering or raw is stream.buffer,
            )
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    return stream


class _PatientWriter(io.RawIOBase):
    """Writes to a file. If the file takes nothing at the moment, it waits until it does."""

    def __init__(self, file: io.FileIO) -> None:
        self._file = file

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._file.fileno()

    def isatty(self) -> bool:
        return self._file.isatty()

    def write(self, data: object) -> int:
        while True:
            written = self._file.write(data)  # type: ignore[arg-type]
            if written is not None:
                return written
            is_ready(self._file, SLICE, to_take=True)


class _ImpatientWriter(_PatientWriter):
    """Writes to a file. What the file does not take within `PATIENCE` is dropped.

    From then on nothing waits, until the file takes something again. So it is after an exception, too: it comes of a
    signal, whose sender wants no more waiting.
    """

    def __init__(self, file: io.FileIO) -> None:
        super().__init__(file)
        self._piece = piece_to_write(file)
        self._stalled = False

    def write(self, data: Any) -> int:
        deadline = time.monotonic() + (0 if self._stalled else PATIENCE)
        was_stalled, self._stalled = self._stalled, True
        while self.is_ready(0 if was_stalled else max(0.0, deadline - time.monotonic())):
            written = self._file.write(data[: self._piece])
            if written is not None:
                self._stalled = False
                return written
            if time.monotonic() >= deadline:
                break
            time.sleep(_PAUSE)
        return len(data)

    def is_ready(self, seconds: float) -> bool:
        """Whether the file takes something, at the latest after `seconds`."""
        return is_ready(self._file, seconds, to_take=True)


def read_up_to(stream: BinaryIO, count: int, is_enough: Optional[Callable[[bytes], bool]] = None) -> bytes:
    """Read from `stream` until its end, at most `count` bytes, and no further than `is_enough` says after a line."""
    # A buffered stream says "the end" in some versions of Python when there is nothing more at the moment.
    raw = getattr(stream, "raw", stream)
    content = b""
    while len(content) < count and not (is_enough and content.endswith(b"\n") and is_enough(content)):
        # In slices: a signal that comes just before a call that blocks does not end it.
        if not is_ready(raw, SLICE):
            continue
        part = raw.read(count - len(content))
        if part is None:
            time.sleep(_PAUSE)  # on Windows, which cannot wait for a pipe
        elif part:
            content += part
        else:
            break
    return content
