"""Loading modules when they are first needed: before a call sends its first byte, and never while the process forks.

A module that one thread is loading while another forks stays locked in the child for ever. So everything is loaded under
`import_lock`, which `fork` waits for: what calls and waits need through `load`, the rest, such as the parts that draw a
report, in a ``with`` block.
"""

from __future__ import annotations

# Before the lock below: `fork` takes the lock that was registered last first. A thread that loads a module may need
# that of logging, and so must not find it taken by a `fork` that waits for the thread.
import logging  # noqa: F401
import os
import threading
from typing import Callable, TypeVar

from .deadline import Deadline
from .errors import TransientError, TransportError
from .options import RetryPolicy

__all__ = ["import_lock", "load", "load_for_wait"]

T = TypeVar("T")

import_lock = threading.RLock()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(
        before=import_lock.acquire, after_in_parent=import_lock.release, after_in_child=import_lock.release
    )


def load(imports: Callable[[], T]) -> T:
    """What `imports`, a function of import statements, returns.

    Raises:
        TransportError: a module could not be read: no file descriptor is left, or the installation is being replaced.
    """
    try:
        with import_lock:
            return imports()
    except OSError as error:
        reason = error.strerror or type(error).__name__
    except ImportError as error:
        reason = f"{error.name or 'one'} is not there, or not as it was; was the installation replaced?"
    raise TransportError(f"a module that this needs could not be loaded: {reason}")


def load_for_wait(step: Callable[[], T], deadline: Deadline, retry: RetryPolicy) -> T:
    """What `step` returns, which loads modules that a wait needs. Their want may pass: it is outlived as a failed poll.

    Raises:
        TransientError: that of the last try, at `deadline`, or when all have failed for `RetryPolicy.max_outage` seconds.
    """
    until = deadline.within(retry.max_outage)
    attempt = 0
    while True:
        try:
            return step()
        except TransientError:
            if until.expired:
                raise
        until.sleep(retry.delay(attempt))
        attempt += 1
