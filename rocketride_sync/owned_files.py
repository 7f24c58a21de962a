"""How files of the user's are opened and read: never waiting for one that nobody writes to, and never without a limit.

They are opened by flags that `open` has no mode for, and belong to an object from the beginning. A signal handler may
raise between any two instructions of Python. The number of an open file must then not be in a variable alone: nobody
would close it.
"""

from __future__ import annotations

import io
import os
import select
import stat
from typing import Any, BinaryIO, Dict, Optional, Type, cast

from .arguments import mode_of
from .deadline import SLICE, Deadline
from .errors import ConfigurationError
from .handler_exceptions import pass_on
from .redact import reason_of

__all__ = [
    "is_ready",
    "named_pipe_problem",
    "open_for_both",
    "open_for_reading",
    "open_for_writing_at_once",
    "piece_to_write",
    "read_limited",
]

# A named pipe may have taken the place of a file since that was checked, and opening it would wait for the other side.
NO_WAIT = getattr(os, "O_NONBLOCK", 0)

_PART = 256 * 1024
_PIPE_PIECE = getattr(select, "PIPE_BUF", 512)  # what a pipe takes at once if it takes anything


class _DroppableFile(io.FileIO):
    """A file that may be collected without a warning. What closes it then is no function of Python's, in which a signal
    would be lost.
    """

    __del__ = io.FileIO.close


def open_for_reading(path: str, flags: int = 0) -> BinaryIO:
    """Open the file at `path`, unbuffered, with `flags` beside those for reading.

    Raises:
        OSError: it cannot be opened, or is a directory.
    """
    return _opened(io.FileIO, path, "rb", os.O_RDONLY | flags)


def open_for_writing_at_once(path: str) -> BinaryIO:
    """Open what is at `path`, such as a pipe or a terminal, unbuffered, without waiting for its other side. It is closed
    when it is collected, at the latest.

    Raises:
        OSError: it cannot be opened. ENXIO: it is a pipe that nobody reads.
    """
    return _opened(_DroppableFile, path, "wb", os.O_WRONLY | NO_WAIT | getattr(os, "O_NOCTTY", 0))


def open_for_both(path: str, flags: int) -> BinaryIO:
    """Open the file at `path`, unbuffered, for reading and writing, with `flags` beside those for that.

    Raises:
        OSError: it cannot be opened.
    """
    return _opened(io.FileIO, path, "r+b", os.O_RDWR | flags)


def _opened(kind: Type[io.FileIO], path: str, mode: str, flags: int) -> BinaryIO:
    flags |= getattr(os, "O_BINARY", 0)
    number_of: Dict[str, int] = {}
    try:
        # The number goes from `os.open` into the dictionary, and from there into the file, within a single call of C.
        number_of.update(zip((path,), map(os.open, (path,), (flags,))))
        return cast("BinaryIO", kind(path, mode, opener=number_of.pop))
    except BaseException:
        for number in number_of.values():
            os.close(number)
        raise


def is_ready(file: BinaryIO, seconds: float, *, to_take: bool = False) -> bool:
    """Whether `file` gives something or has ended, or with `to_take` takes something, at the latest after `seconds`."""
    if os.name != "posix":  # Windows, which cannot wait for a pipe
        return True
    try:
        # Not `poll` at first, which on macOS does not take terminals.
        return any(select.select([] if to_take else [file], [file] if to_take else [], [], seconds))
    except io.UnsupportedOperation as error:  # it is in memory
        pass_on(error)
        return True
    except ValueError as error:  # `select` has no numbers above 1023
        pass_on(error)
        posix: Any = select  # for mypy, as on Windows
    poll = posix.poll()
    poll.register(file, posix.POLLOUT if to_take else posix.POLLIN)
    return bool(poll.poll(seconds * 1000))


def piece_to_write(file: BinaryIO) -> int:
    """Bytes to write at once to what is no file on a disk, so that a write does not block when `is_ready` says that it takes
    something.

    A pipe takes so many then. Of a terminal nobody can ask how much it takes: on Linux it may have room for any number of
    bytes, and blocks for the rest.
    """
    return 1 if file.isatty() else _PIPE_PIECE


def named_pipe_problem(path: str, mode: int) -> str:
    """Why the file at `path`, of that mode, must not be waited for; "" if it is no named pipe.

    A pipe that the process has open already, as the shell's ``<(command)`` is, is none: its other side is open too.
    """
    if not stat.S_ISFIFO(mode) or os.path.dirname(os.path.realpath(path)) == os.path.realpath("/dev/fd"):
        return ""
    return "is a named pipe, which might never be opened by others; a file is needed"


def read_limited(what: str, path: str, most: int, deadline: Deadline) -> bytes:
    """The content of the file at `path`, which is `what` in messages. A pipe is read until `deadline` at the longest.

    Raises:
        ConfigurationError: it cannot be read, is a named pipe, or has more than `most` bytes.
    """
    problem = named_pipe_problem(path, mode_of(path))  # opening it would already let go of a writer
    if not problem:
        try:
            with open_for_reading(path, NO_WAIT) as file:
                mode = os.fstat(file.fileno()).st_mode
                problem = named_pipe_problem(path, mode)
                if not problem:
                    return _content(file, most, None if stat.S_ISREG(mode) else deadline)
        except _UnfitError as error:
            problem = str(error)
        except FileNotFoundError as error:
            pass_on(error)
            problem = "is not there"
        except OSError as error:
            pass_on(error)
            problem = f"cannot be read: {reason_of(error)}"
        except MemoryError:
            problem = "cannot be read: there is not enough memory for it"
    raise ConfigurationError(f"{what} {path!r} {problem}")


def utf_16_hint(content: bytes) -> str:
    """What to add to a message that `content` is not UTF-8: a hint if it is UTF-16, as older PowerShells write with ``>``."""
    return "; it looks like UTF-16: save it as UTF-8" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ""


class _UnfitError(Exception):
    pass


def _content(file: BinaryIO, most: int, deadline: Optional[Deadline]) -> bytes:
    content = bytearray()
    while len(content) <= most:
        if deadline is not None:
            _wait_for_more(file, deadline)
        part = file.read(min(_PART, most + 1 - len(content)))
        if part:
            content += part
        elif part is not None:  # None: there is nothing more at the moment
            return bytes(content)
    raise _UnfitError(f"is larger than {most >> 20} MiB, the most that is read")


def _wait_for_more(file: BinaryIO, deadline: Deadline) -> None:
    """Wait until `file`, which is no file on a disk, has more to read or ends. In slices, so that Ctrl-C gets through."""
    while not is_ready(file, min(SLICE, deadline.remaining())):
        if deadline.expired:
            raise _UnfitError("cannot be read: its end did not come within the timeout")
