"""What is released when its owner is dropped without having been closed."""

from __future__ import annotations

import weakref
from typing import Any, Callable


def when_unowned(owner: Any, release: Callable[[], None]) -> weakref.finalize[[], Any]:
    """Have `release` called if `owner` is dropped before it was closed, but not at the interpreter's end.

    Ctrl-C may come where nobody refers to `owner` yet, or before the first line of its `close`.

    Returns:
        what `close` must detach: from then on nothing of Python's runs when `owner` is dropped. A Ctrl-C would be lost there.
    """
    unowned = weakref.finalize(owner, release)
    unowned.atexit = False
    return unowned
