"""Files that are opened by flags that `open` has no mode for, and belong to an object from the beginning.

A signal handler may raise between any two instructions of Python. The number of an open file must then not be in a
variable alone: nobody would close it.
"""

from __future__ import annotations

import os
from typing import BinaryIO, Dict

__all__ = ["open_for_reading"]


def open_for_reading(path: str, flags: int = 0) -> BinaryIO:
    """Open the file at `path`, unbuffered, with `flags` beside those for reading.

    Raises:
        OSError: it cannot be opened, or is a directory.
    """
    flags |= os.O_RDONLY | getattr(os, "O_BINARY", 0)
    number_of: Dict[str, int] = {}
    try:
        # The number goes from `os.open` into the dictionary, and from there into the file, within a single call of C.
        number_of.update(zip((path,), map(os.open, (path,), (flags,))))
        return open(path, "rb", buffering=0, opener=number_of.pop)
    except BaseException:
        for number in number_of.values():
            os.close(number)
        raise
