"""Threads of the client in virtual time: real ones, of which one runs at a time, in an order that the seed chooses.

A thread runs until it waits for something in the world. Then time passes, and one of those goes on whose wait is over.
"""

from __future__ import annotations

import collections
import queue
import threading
import types
from importlib.util import find_spec, module_from_spec

from . import seams

STARTED = []  # in the current life


class VirtualThread:
    """In the place of `threading.Thread`, for the package alone."""

    def __init__(self, target, name="", daemon=True, args=()):
        self._world = seams.TIME.world
        self._over = False
        self._started = False
        self._waiter = None
        self._thread = threading.Thread(target=self._run, args=(target, args), name=name, daemon=True)

    def start(self):
        STARTED.append(self)
        self._waiter = self._world.add_waiter()
        self._thread.start()
        self._started = True

    def _run(self, target, args):
        self._waiter.resume.acquire()
        try:
            target(*args)
        except BaseException as error:
            self._world.failed = error
        finally:
            self._over = True
            self._world.leave()

    def is_alive(self):
        return self._started and not self._over

    def join(self, timeout=None):
        if not self._started:
            raise RuntimeError("cannot join thread before it is started")
        self._world.wait(lambda: self._over, timeout)


class VirtualQueue:
    """In the place of `queue.SimpleQueue`, and of `ResultQueue`."""

    def __init__(self):
        self._items = collections.deque()

    def put(self, item, block=True, timeout=None):
        self._items.append(item)

    def get(self, block=True, timeout=None):
        if not self._items and block:
            seams.TIME.world.wait(lambda: self._items, timeout)
        if not self._items:
            raise queue.Empty
        return self._items.popleft()

    def get_nowait(self):
        return self.get(False)

    def empty(self):
        return not self._items

    def qsize(self):
        return len(self._items)


def executor_class():
    """The standard library's `ThreadPoolExecutor`, of a copy of its module with such threads and queues."""
    spec = find_spec("concurrent.futures.thread")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    replaced = {"Thread": VirtualThread}
    module.threading = types.SimpleNamespace(**{**vars(threading), **replaced})
    module.queue = types.SimpleNamespace(**{**vars(queue), "SimpleQueue": VirtualQueue})
    return module.ThreadPoolExecutor


def left_running():
    return sum(thread.is_alive() for thread in STARTED)
