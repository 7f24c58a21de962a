"""Starts and ends threads that share work. How many there are in the end is up to the system: there may be none."""

from __future__ import annotations

import threading
from typing import Any, Callable, List

from ..logs import log


def start_thread(
    threads: List[threading.Thread], name: str, target: Callable[..., object], *args: Any
) -> bool:
    """Start a thread that runs `target`, and add it to `threads`; False if there is none to be had.

    A container may limit their number. At the interpreter's end, and in some interpreters beside the main one, there
    are none.
    """
    thread = _make_thread(name, target, args)
    threads.append(thread)  # before the start, during which Ctrl-C may come
    try:
        thread.start()
    except RuntimeError as error:
        threads.remove(thread)
        log.debug("work goes on in %s threads: %s", len(threads), error)
        return False
    return True


def join_threads(threads: List[threading.Thread]) -> None:
    """Wait until all have ended."""
    for thread in threads:
        # A thread that never started cannot be joined, nor the current one, in which the garbage collector may run
        # this.
        if thread.is_alive() and thread is not threading.current_thread():
            thread.join()


def _make_thread(name: str, target: Callable[..., object], args: Any) -> threading.Thread:
    try:
        # A daemon thread: the interpreter must not wait for it at exit if nobody has joined it.
        return threading.Thread(target=target, name=name, args=args, daemon=True)
    except RuntimeError:  # an interpreter beside the main one may forbid them
        return threading.Thread(target=target, name=name, args=args, daemon=False)
