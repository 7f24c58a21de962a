"""The standard streams of the command: written whole and read whole, also where they do not block.

A program that starts the command may hand it streams in non-blocking mode, as node.js does with its pipes. The mode
belongs to the open file, not to the process: to change it would disturb the other program, so this waits instead.
"""

from __future__ import annotations

import io
import os
import select
import sys
import time
from typing import BinaryIO, Callable, Optional, TextIO

from ..deadline import SLICE

_PAUSE = 0.05


def prepare() -> None:
    """Let stdout and stderr wait for a slow reader, and escape characters that their encoding lacks."""
    sys.stdout = _prepared(sys.stdout)
    sys.stderr = _prepared(sys.stderr)


def _prepared(stream: Optional[TextIO]) -> Optional[TextIO]:
    # Not streams that somebody has replaced, and not those of Windows, which has no such mode.
    if os.name == "posix" and type(stream) is io.TextIOWrapper:
        raw = getattr(stream.buffer, "raw", stream.buffer)  # with PYTHONUNBUFFERED there is no buffer
        if isinstance(raw, io.FileIO) and not stream.closed:
            stream.flush()
            stream = io.TextIOWrapper(
                io.BufferedWriter(_PatientWriter(raw)),
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
            _wait(self.fileno(), writing=True)


def read_up_to(stream: BinaryIO, count: int, is_enough: Optional[Callable[[bytes], bool]] = None) -> bytes:
    """Read from `stream` until its end, at most `count` bytes, and no further than `is_enough` says after a line."""
    # A buffered stream says "the end" in some versions of Python when there is nothing more at the moment.
    raw = getattr(stream, "raw", stream)
    content = b""
    while len(content) < count and not (is_enough and content.endswith(b"\n") and is_enough(content)):
        part = raw.read(count - len(content))
        if part is None:
            _wait(raw.fileno(), writing=False)
        elif part:
            content += part
        else:
            break
    return content


def _wait(descriptor: int, *, writing: bool) -> None:
    """Wait until `descriptor` may be ready. In slices, so that Ctrl-C gets through."""
    if os.name != "posix":  # Windows, which cannot wait for a pipe
        time.sleep(_PAUSE)
        return
    # Not `poll`, which on macOS does not take terminals.
    select.select([] if writing else [descriptor], [descriptor] if writing else [], [], SLICE)
