"""The file of a report: checked before the wait, and written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import IO, Union

from ..errors import ConfigurationError

Path = Union[str, "os.PathLike[str]"]

_NAMES_OF_OPEN_FILES = ("/dev/", "/proc/")  # what a process has open must stay the file that is written


def check_writable(path: Path) -> None:
    """Raise ConfigurationError if `path` cannot be written. An existing file is not changed."""
    new = not os.path.exists(path)
    if not (new or os.path.isfile(path) or os.path.isdir(path)):
        return  # such as a named pipe: opening it would wait for its reader
    try:
        with open(path, "ab"):
            pass
        if new:
            # Through a dangling link, `open` made the link's target; the link itself stays.
            os.unlink(os.path.realpath(path))
    except OSError as error:
        failure = error
    else:
        return
    raise not_writable(path, failure)


def not_writable(path: Path, failure: OSError) -> ConfigurationError:
    """The error for a report that cannot be written because of `failure`."""
    return ConfigurationError(f"the report cannot be written to {os.fspath(path)}: {failure.strerror}")


def write(path: Path, text: str) -> None:
    """Write `text` to the file at `path`. If that fails, such as on a full disk, the old file stays.

    This takes a file of one's own in a folder that takes another one for a moment. Any other file is written in place.

    Raises:
        OSError: it cannot be written.
    """
    path = os.fsdecode(path)
    if _may_be_replaced(path) and _replaced(os.path.realpath(path), text):
        return
    with _opened(path, "w") as file:
        file.write(text)


def _may_be_replaced(path: Path) -> bool:
    """Whether `path` names no file, or a regular one that has no other name."""
    if os.path.abspath(path).startswith(_NAMES_OF_OPEN_FILES):
        return False
    return not os.path.exists(path) or (os.path.isfile(path) and os.stat(path).st_nlink == 1)


def _replaced(target: str, text: str) -> bool:
    """Write a new file and give it the name `target`. False if that is not possible, and nothing has changed."""
    beside = f"{target}.{os.urandom(4).hex()}.part"
    try:
        try:
            file = _opened(beside, "x")
        except OSError:
            return False
        with file:
            file.write(text)
        return _renamed(beside, target)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(beside)


def _renamed(beside: str, target: str) -> bool:
    try:
        if os.path.exists(target):
            old, new = os.stat(target), os.stat(beside)
            if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
                return False
            shutil.copymode(target, beside)
        os.replace(beside, target)
    except OSError:  # such as of a file that is a mount of its own
        return False
    return True


def _opened(path: Path, mode: str) -> IO[str]:
    return open(path, mode, encoding="utf-8", errors="backslashreplace")
