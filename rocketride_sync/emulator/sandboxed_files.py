"""Listing and reading files below one root directory, and nowhere else."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path, PurePath
from typing import Iterator, List, Optional, Sequence, Tuple

import attrs

from .request_errors import RequestError
from .word_count import CHUNK_SIZE

_FILE_FLAGS = os.O_RDONLY | sum(getattr(os, flag, 0) for flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))
_DIRECTORY_FLAGS = os.O_RDONLY | sum(getattr(os, flag, 0) for flag in ("O_NOFOLLOW", "O_DIRECTORY"))
_HAS_DIRECTORY_DESCRIPTORS = {os.open, os.stat} <= os.supports_dir_fd and os.listdir in os.supports_fd


@attrs.frozen
class SourceFile:
    """A file to read.

    Attributes:
        root: the directory that it is read below.
        path: its path.
        name: its path relative to the root, with forward slashes, as it may be shown: bytes of it that are not UTF-8
            are written as escapes.
        size: its size in bytes.
    """

    root: Path
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
        name = _shown_name(path, root)
        try:
            info = _stat_below(root, path)
            if stat.S_ISREG(info.st_mode):
                listing.files.append(SourceFile(root, path, name, info.st_size))
            elif stat.S_ISDIR(info.st_mode):
                pending += sorted((path / child for child in _names_below(root, path)), reverse=True)
            else:
                kind = "a symbolic link" if stat.S_ISLNK(info.st_mode) else "not a regular file"
                listing.skipped.append((name, f"passed over: {kind}"))
        except OSError as error:
            listing.skipped.append((name, f"passed over: {error.strerror}"))


def _shown_name(path: Path, root: Path) -> str:
    name = path.relative_to(root).as_posix()
    return os.fsencode(name).decode("utf-8", "backslashreplace")


# A directory may be replaced by a symbolic link at any moment, after whatever check. So a path is followed part by part,
# each below the descriptor of the last, and a link is not followed anywhere. Windows has no such descriptors; there only
# administrators and developers may make links.


def _open_below(root: Path, path: Path, flags: int) -> int:
    """Open `path`, which lies below `root`, without following any symbolic link. Raises OSError."""
    if not _HAS_DIRECTORY_DESCRIPTORS:
        return os.open(path, flags)
    parts = path.relative_to(root).parts
    if not parts:
        return os.open(root, flags)
    with _parent_below(root, path) as parent:
        return os.open(parts[-1], flags, dir_fd=parent)


@contextlib.contextmanager
def _parent_below(root: Path, path: Path) -> Iterator[int]:
    """A descriptor of the directory that holds `path`, for the time of the block."""
    descriptor = os.open(root, os.O_RDONLY)
    try:
        for part in path.relative_to(root).parts[:-1]:
            inner = os.open(part, _DIRECTORY_FLAGS, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def _stat_below(root: Path, path: Path) -> os.stat_result:
    if path == root or not _HAS_DIRECTORY_DESCRIPTORS:
        return path.lstat()
    with _parent_below(root, path) as parent:
        return os.stat(path.name, dir_fd=parent, follow_symlinks=False)


def _names_below(root: Path, path: Path) -> List[str]:
    """The names of what is in the directory."""
    if not _HAS_DIRECTORY_DESCRIPTORS:
        return os.listdir(path)
    descriptor = _open_below(root, path, _DIRECTORY_FLAGS)
    try:
        return os.listdir(descriptor)
    finally:
        os.close(descriptor)


def read_chunks(listed: SourceFile) -> Iterator[bytes]:
    """Read a file in chunks. Raises OSError.

    If it was replaced after it was listed, a symbolic link is not followed, and a device or a FIFO does not block.
    """
    descriptor = _open_below(listed.root, listed.path, _FILE_FLAGS)
    with open(descriptor, "rb", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(None, "it is not a regular file any more")
        chunk = file.read(CHUNK_SIZE)
        while chunk:
            yield chunk
            chunk = file.read(CHUNK_SIZE)
