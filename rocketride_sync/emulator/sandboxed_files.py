"""Listing and reading files below one root directory, and nowhere else."""

from __future__ import annotations

import os
import stat
from pathlib import Path, PurePath
from typing import Iterator, List, Optional, Sequence, Tuple

import attrs

from .request_errors import RequestError
from .word_count import CHUNK_SIZE

_OPEN_FLAGS = os.O_RDONLY | sum(getattr(os, flag, 0) for flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))


@attrs.frozen
class SourceFile:
    """A file to read.

    Attributes:
        path: its path.
        name: its path relative to the root, with forward slashes.
        size: its size in bytes.
    """

    path: Path
    name: str
    size: int


@attrs.frozen
class FileListing:
    """The result of `list_files`.

    Attributes:
        files: the files to read.
        skipped: what is no regular file or cannot be listed, as (name, reason).
    """

    files: List[SourceFile]
    skipped: List[Tuple[str, str]]


def list_files(root: Optional[Path], names: Sequence[str]) -> FileListing:
    """List the regular files among `names`, and those below the directories among them.

    Args:
        root: the one directory that may be read, resolved; None when there is none.
        names: paths below it, with forward slashes.

    Raises:
        RequestError: a name leads outside the root or through a symbolic link, or does not exist.
    """
    if root is None:
        raise RequestError("files: this server was started without a root directory, so it reads no files")
    listing = FileListing([], [])
    for name in names:
        _add_files(_checked_path(root, name), root, listing)
    return listing


def _checked_path(root: Path, name: str) -> Path:
    """The path of `name` below `root`. Raises RequestError as `list_files` does."""
    pure = PurePath(name)
    if pure.is_absolute() or pure.drive or pure.root or ".." in pure.parts or "\0" in name:
        raise RequestError(f"files: {name!r} must be a path below the server's root directory, without '..'")
    path = root / pure
    if os.path.normcase(os.path.realpath(path)) != os.path.normcase(path):
        raise RequestError(
            f"files: {name!r} leads through a symbolic link, which this server does not follow"
        )
    if not os.path.exists(path):  # for a name that is too long, Path.exists would raise
        raise RequestError(f"files: there is no {name!r} below the server's root directory")
    return path


def _add_files(start: Path, root: Path, listing: FileListing) -> None:
    """Add `start`, or all that is below it, to `listing`."""
    pending = [start]
    while pending:
        path = pending.pop()
        name = path.relative_to(root).as_posix()
        try:
            info = path.lstat()
            if stat.S_ISREG(info.st_mode):
                listing.files.append(SourceFile(path, name, info.st_size))
            elif stat.S_ISDIR(info.st_mode):
                pending += sorted(path.iterdir(), reverse=True)
            else:
                kind = "a symbolic link" if stat.S_ISLNK(info.st_mode) else "not a regular file"
                listing.skipped.append((name, f"passed over: {kind}"))
        except OSError as error:
            listing.skipped.append((name, f"passed over: {error.strerror}"))


def read_chunks(listed: SourceFile) -> Iterator[bytes]:
    """Read a file in chunks. Raises OSError.

    If it was replaced after it was listed, a symbolic link is not followed, and a device or a FIFO does not block.
    """
    with open(os.open(listed.path, _OPEN_FLAGS), "rb", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(None, "it is not a regular file any more")
        chunk = file.read(CHUNK_SIZE)
        while chunk:
            yield chunk
            chunk = file.read(CHUNK_SIZE)
