"""The file of a report: checked before the wait, and written whole or not at all.

What is no file on a disk, such as a pipe or a terminal, may take the page slowly or never. Nobody waits long for that:
what came of the task is more important.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import time
from typing import IO, BinaryIO, Optional, Union

from .. import arguments
from ..arguments import mode_of
from ..deadline import Deadline
from ..errors import ConfigurationError
from ..handler_exceptions import pass_on
from ..owned_files import is_ready, open_for_writing_at_once, piece_to_write

Path = Union[str, "os.PathLike[str]"]

PATIENCE = 2.0
"""Seconds that the reader of a pipe may take nothing before the rest of the page is dropped."""
LONGEST = 10.0
"""Seconds that it may take for the whole page."""

_PAUSE = 0.05

_NAMES_OF_OPEN_FILES = ("/dev/", "/proc/")  # what a process has open must stay the file that is written


class OpenPipe:
    """A pipe, a terminal or the like, open from the check to the writing: a reader takes its closing for the end.

    Raises:
        OSError: it cannot be opened, or nobody reads it.
    """

    def __init__(self, path: str) -> None:
        try:
            self._file = open_for_writing_at_once(path)
            return
        except OSError as error:
            pass_on(error, foreign_code=True)
            failure = error
        if failure.errno == errno.ENXIO and stat.S_ISFIFO(os.stat(path).st_mode):
            failure = OSError(errno.ENXIO, "nobody reads this named pipe; start its reader first")
        raise failure

    def write(self, text: str) -> None:
        """Write `text`, and close it. Raises OSError if that fails, or if it takes nothing for `PATIENCE`."""
        with self._file:
            _write_in_time(self._file, text.encode("utf-8", "backslashreplace"))


def _write_in_time(file: BinaryIO, content: bytes) -> None:
    rest = memoryview(content)
    piece = piece_to_write(file)
    whole = Deadline(LONGEST)
    while rest:
        count = _write_piece(file, rest[:piece], whole.within(PATIENCE))
        rest = rest[count:]


def _write_piece(file: BinaryIO, piece: memoryview, deadline: Deadline) -> int:
    """Write what `file` takes of `piece` until `deadline`; how many bytes that was."""
    while is_ready(file, deadline.remaining(), to_take=True):
        count = file.write(piece)
        if count:
            return count
        if deadline.expired:
            break
        time.sleep(_PAUSE)
    raise TimeoutError(errno.ETIMEDOUT, "its reader takes no more of it")


def check_writable(path: Path) -> Optional[OpenPipe]:
    """Raise ConfigurationError if `path` cannot be written. An existing file is not changed.

    What is no file on a disk is returned, open.
    """
    arguments.path("path", path)
    new = not _exists(path)
    try:
        if _is_pipe(path):
            return OpenPipe(os.fsdecode(path))
        with open(path, "ab"):
            pass
        if new:
            # Through a dangling link, `open` made the link's target; the link itself stays.
            os.unlink(os.path.realpath(path))
    except OSError as error:
        pass_on(error, foreign_code=True)
        failure = error
    else:
        return None
    raise not_writable(path, failure)


def _is_pipe(path: Path) -> bool:
    """Whether `path` names a pipe, a terminal or another thing that is no file on a disk."""
    mode = mode_of(path)
    return mode != 0 and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def not_writable(path: Path, failure: OSError) -> ConfigurationError:
    """The error for a report that cannot be written because of `failure`."""
    return ConfigurationError(f"the report cannot be written to {os.fspath(path)}: {failure.strerror}")


def write(path: Path, text: str) -> None:
    """Write `text` to the file at `path`. If that fails, such as on a full disk, the old file stays.

    This takes a file of one's own in a folder that takes another one for a moment. Any other file is written in place.
    A pipe is written to for `LONGEST` seconds at most.

    Raises:
        OSError: it cannot be written.
    """
    path = os.fsdecode(path)
    if _is_pipe(path):
        OpenPipe(path).write(text)
        return
    if _may_be_replaced(path) and _replaced(os.path.realpath(path), text):
        return
    with _opened(path, "w") as file:
        file.write(text)


def _may_be_replaced(path: Path) -> bool:
    """Whether `path` names no file, or a regular one that has no other name."""
    if os.path.abspath(path).startswith(_NAMES_OF_OPEN_FILES):
        return False
    return not _exists(path) or (stat.S_ISREG(mode_of(path)) and os.stat(path).st_nlink == 1)


def _exists(path: Path) -> bool:
    """As `os.path.exists`, in which an OSError of a signal handler would be lost."""
    return mode_of(path) != 0


def _replaced(target: str, text: str) -> bool:
    """Write a new file and give it the name `target`. False if that is not possible, and nothing has changed."""
    beside = f"{target}.{os.urandom(4).hex()}.part"
    try:
        try:
            file = _opened(beside, "x")
        except OSError as error:
            pass_on(error, foreign_code=True)
            return False
        with file:
            file.write(text)
        return _renamed(beside, target)
    finally:
        try:
            os.unlink(beside)
        except OSError as error:
            pass_on(error, foreign_code=True)


def _renamed(beside: str, target: str) -> bool:
    try:
        if _exists(target):
            old, new = os.stat(target), os.stat(beside)
            if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
                return False
            shutil.copymode(target, beside)
        os.replace(beside, target)
    except OSError as error:  # such as of a file that is a mount of its own
        pass_on(error, foreign_code=True)
        return False
    return True


def _opened(path: Path, mode: str) -> IO[str]:
    return open(path, mode, encoding="utf-8", errors="backslashreplace")
