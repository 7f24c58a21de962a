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

import_lock = threading.RLock()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(
        before=import_lock.acquire, after_in_parent=import_lock.release, after_in_child=import_lock.release
    )
