"""Loading modules when they are first needed: before a call sends its first byte, and never while the process forks.

A module that one thread is loading while another forks stays locked in the child for ever. So what most calls load is
loaded through `load`, under a lock that `fork` waits for. Parts that few processes need, such as SOCKS, are not.
"""

from __future__ import annotations

import os
import threading
from typing import Callable, TypeVar

from .errors import TransportError

T = TypeVar("T")

_lock = threading.RLock()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)


def load(imports: Callable[[], T]) -> T:
    """What `imports`, a function of import statements, returns.

    Raises:
        TransportError: a module could not be read: no file descriptor is left, or the installation is being replaced.
    """
    try:
        with _lock:
            return imports()
    except OSError as error:
        reason = error.strerror or type(error).__name__
    except ImportError as error:
        reason = f"{error.name or 'one'} is not there, or not as it was; was the installation replaced?"
    raise TransportError(f"a module that this needs could not be loaded: {reason}")
