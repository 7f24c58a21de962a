"""Reading files below one root directory and nowhere else."""

from __future__ import annotations

import os
import stat
from pathlib import Path, PurePath
from typing import Iterator, List, Optional, Sequence, Tuple

import attrs

from .request_errors import RequestError
from .word_count import CHUNK

_OPENING = os.O_RDONLY | sum(getattr(os, flag, 0) for flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))


@attrs.frozen
class Item:
    """A file to be read: its path, its name below the root with forward slashes, its size in bytes."""

    path: Path
    name: str
    size: int


@attrs.frozen
class Listing:
    """What a list of paths comes to: the files, and what was passed over, as (name, reason)."""

    items: List[Item]
    skipped: List[Tuple[str, str]]


def list_files(root: Optional[Path], names: Sequence[str]) -> Listing:
    """Find the regular files that `names` (files, or directories with all below them) stand for.

    Args:
        root: the one directory that may be read, resolved; None when there is none.
        names: paths below it, with forward slashes.

    Raises:
        RequestError: a name leads outside the root, through a symbolic link, or to nothing.
    """
    if root is None:
        raise RequestError("files: this server was started without a root directory, so it reads no files")
    found = Listing([], [])
    for name in names:
        _gather(_confined(root, name), root, found)
    return found


def _confined(root: Path, name: str) -> Path:
    pure = PurePath(name)
    if pure.is_absolute() or pure.drive or pure.root or ".." in pure.parts or "\0" in name:
        raise RequestError(f"files: {name!r} must be a path below the server's root directory, without '..'")
    path = root / pure
    if os.path.normcase(os.path.realpath(path)) != os.path.normcase(path):
        raise RequestError(
            f"files: {name!r} leads through a symbolic link, which this server does not follow"
        )
    if not os.path.exists(
        path
    ):  # unlike Path.exists, it takes a name that is too long for one that is not there
        raise RequestError(f"files: there is no {name!r} below the server's root directory")
    return path


def _gather(start: Path, root: Path, found: Listing) -> None:
    pending = [start]
    while pending:
        path = pending.pop()
        name = path.relative_to(root).as_posix()
        try:
            info = path.lstat()
            if stat.S_ISREG(info.st_mode):
                found.items.append(Item(path, name, info.st_size))
            elif stat.S_ISDIR(info.st_mode):
                pending += sorted(path.iterdir(), reverse=True)
            else:
                kind = "a symbolic link" if stat.S_ISLNK(info.st_mode) else "not a regular file"
                found.skipped.append((name, f"passed over: {kind}"))
        except OSError as error:
            found.skipped.append((name, f"passed over: {error.strerror}"))


def read_chunks(item: Item) -> Iterator[bytes]:
    """The bytes of a file in chunks. Raises OSError.

    A link put in its place meanwhile is not followed, and a device or a FIFO is not waited for.
    """
    with open(os.open(item.path, _OPENING), "rb", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(None, "it is not a regular file any more")
        chunk = file.read(CHUNK)
        while chunk:
            yield chunk
            chunk = file.read(CHUNK)
