"""The lock under which modules are loaded that are not needed at once: `fork` waits for it.

A module that one thread is loading while another forks stays locked in the child for ever. What calls and waits need is
loaded through `rocketride_sync.loading.load`, which holds this lock; the rest, such as the parts that draw a report, in a
``with`` block of it.
"""

from __future__ import annotations

# Before the lock below: `fork` takes the lock that was registered last first. A thread that loads a module may need
# that of logging, and so must not find it taken by a `fork` that waits for the thread.
import logging  # noqa: F401
import os
import threading

__all__ = ["import_lock"]

# gevent's lock may not tell a greenlet that a thread without greenlets has released it: it has to look again.
_LOOK_AGAIN = 0.05


class _LockOfGreenlets:
    """In place of gevent's `threading.RLock`: a thread of another hub does not wait for it longer than it is taken."""

    def __init__(self, lock: threading.RLock) -> None:
        self._lock = lock
        self.release = lock.release

    def acquire(self) -> None:
        while not self._lock.acquire(timeout=_LOOK_AGAIN):
            pass

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *exc_info: object) -> None:
        self.release()


# Not everywhere: a Ctrl-C in this code could leave it locked, in that of the system's lock it cannot.
_is_of_greenlets = type(threading.RLock()).__module__ != "_thread"

import_lock = _LockOfGreenlets(threading.RLock()) if _is_of_greenlets else threading.RLock()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(
        before=import_lock.acquire, after_in_parent=import_lock.release, after_in_child=import_lock.release
    )
