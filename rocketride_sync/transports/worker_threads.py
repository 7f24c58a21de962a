"""Starts and ends threads that share work. How many there are in the end is up to the system: there may be none."""

from __future__ import annotations

import threading
from typing import Any, Callable, List

from ..deadline import Deadline, system_time
from ..handler_exceptions import pass_on
from ..logs import log

# Seconds. A thread that the system has started begins at once, unless the machine is busy.
_BEGINS_WITHIN = 0.25
_LOOK_AGAIN = 0.005


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
        return True
    except RuntimeError as error:
        pass_on(error)
        threads.remove(thread)
        log.debug("work goes on in %s threads: %s", len(threads), error)
        return False
    except KeyError as error:
        # Python's own, of what a signal handler raised, or another thread threw in, when the thread ran already.
        raised = error.__context__ or error
    raise raised


def join_threads(threads: List[threading.Thread]) -> None:
    """Wait until all have ended."""
    to_begin = Deadline(_BEGINS_WITHIN)
    for thread in threads:
        # The garbage collector may run this in one of them.
        if thread is not threading.current_thread():
            _join(thread, to_begin)


def _join(thread: threading.Thread, to_begin: Deadline) -> None:
    """Wait until a thread has ended. After Ctrl-C during its start, it may not have begun yet, or never begin."""
    while True:
        try:
            thread.join()
            return
        except RuntimeError as error:  # it has not begun
            pass_on(error)
            if to_begin.expired:
                return
        system_time.sleep(_LOOK_AGAIN)


def _make_thread(name: str, target: Callable[..., object], args: Any) -> threading.Thread:
    try:
        # A daemon thread: the interpreter must not wait for it at exit if nobody has joined it.
        return threading.Thread(target=target, name=name, args=args, daemon=True)
    except RuntimeError as error:  # an interpreter beside the main one may forbid them
        pass_on(error)
        return threading.Thread(target=target, name=name, args=args, daemon=False)
