"""Puts virtual time and virtual sockets in place of the real ones, in a process that is for simulation alone."""

from __future__ import annotations

import concurrent.futures
import os
import queue
import random
import sys
import threading
import types
import weakref

PACKAGE = "rocketride_sync"


class _Time:
    """What `rocketride_sync.deadline.system_time` is in this process: the time of the current world."""

    world = None

    def monotonic(self):
        return self.world.monotonic()

    perf_counter = monotonic

    def sleep(self, seconds):
        self.world.sleep(seconds)

    def time(self):
        return BASE + self.world.now


BASE = 1_790_000_000.0
TIME = _Time()
_SLICED = []  # the modules that cut waits into slices


class VirtualLock:
    """A lock of the package. Whoever waits for it lets virtual time pass."""

    def __init__(self):
        self._lock = threading._allocate_lock()

    def acquire(self, blocking=True, timeout=-1):
        if self._lock.acquire(False):
            return True
        if not blocking:
            return False
        TIME.world.wait(lambda: not self._lock.locked(), None if timeout < 0 else timeout)
        return self._lock.acquire(False)

    def release(self):
        self._lock.release()

    def locked(self):
        return self._lock.locked()

    __enter__ = acquire

    def __exit__(self, *exc_info):
        self.release()


LOCKS = weakref.WeakSet()


def _make_lock():
    lock = VirtualLock()
    LOCKS.add(lock)
    return lock


def _seeded_bytes(size):
    """In the place of `os.urandom`: delays and keys are the same each time, for each life seeds `random`."""
    return random.getrandbits(8 * size).to_bytes(size, "big") if size else b""


def install():
    """Once in a process, before any other module of the package is loaded."""
    os.environ.clear()
    os.environ.update(NETRC=os.devnull, HOME=os.devnull, NO_PROXY="*", PATH=os.defpath)
    os.urandom = _seeded_bytes
    loaded = {name for name in sys.modules if name.startswith(PACKAGE)}
    assert not loaded, f"these were loaded too early: {sorted(loaded)}"
    import rocketride_sync.deadline

    rocketride_sync.deadline.system_time = TIME
    _load_all()
    import urllib3.connection

    urllib3.connection.wait_for_read = lambda sock, timeout: sock.is_readable()
    from .virtual_threads import VirtualQueue, VirtualThread, executor_class

    concurrent.futures.ThreadPoolExecutor = executor_class()

    for name, module in list(sys.modules.items()):
        if name.startswith(PACKAGE) and getattr(module, "threading", None) is threading:
            replaced = {"Lock": _make_lock, "Thread": VirtualThread}
            module.threading = types.SimpleNamespace(**{**vars(threading), **replaced})
        if name.startswith(PACKAGE) and hasattr(module, "SLICE"):
            _SLICED.append(module)
        if name.startswith(PACKAGE) and getattr(module, "queue", None) is queue:
            module.queue = types.SimpleNamespace(**{**vars(queue), "SimpleQueue": VirtualQueue})
        if name.startswith(PACKAGE) and hasattr(module, "ResultQueue"):
            module.ResultQueue = VirtualQueue


def _load_all():
    """Load what lives use: a module that is loaded in the middle of a life would take part in it."""
    import email.utils  # noqa: F401
    import html  # noqa: F401
    import tempfile  # noqa: F401
    import zlib  # noqa: F401
    from importlib import import_module
    from pathlib import Path

    root = Path(sys.modules[PACKAGE].__file__).parent
    for path in sorted(root.rglob("*.py")):
        names = path.relative_to(root.parent).with_suffix("").parts
        if names[1] not in {
            "emulator",
            "cli",
            "contrib",
            "reporting",
            "pytest_plugin",
            "__pyinstaller",
            "__main__",
        }:
            import_module(".".join(names).replace(".__init__", ""))


def enter(world, network, slice_seconds):
    """Let the client live in `world` from now on, and block for at most so many seconds at a time.

    Real waits are cut into slices for the sake of signals, which virtual time does not need: days would be many slices.
    """
    from rocketride_sync.transports import tcp

    from . import virtual_threads

    TIME.world = world
    TIME.monotonic = TIME.perf_counter = world.monotonic  # asked most often of all
    virtual_threads.STARTED.clear()
    tcp.system_network = network
    for module in _SLICED:
        module.SLICE = slice_seconds
    LOCKS.clear()


def locks_taken():
    return sum(lock.locked() for lock in LOCKS)
