"""Ends a process that is stuck where Python handles no signals, as in the look-up of a name, when somebody insists.

Such a call keeps the main thread from its handlers until it returns. The operating system tells of the signals all the same,
through the descriptor that `signal.set_wakeup_fd` is given, and another thread reads them there.
"""

from __future__ import annotations

import _thread
import contextlib
import functools
import os
import signal
import socket
import time
from typing import Callable, List

_GRACE = 0.5  # seconds for the handlers, which may be about to run

_LONGEST_WORDS = 1.0  # seconds; the stuck thread may hold what they need

_watched: List[socket.socket] = []  # our end of what the watching thread reads


def end_if_stuck(signals_wanted: int, is_stuck: Callable[[], bool], say: Callable[[int], object]) -> None:
    """From now on, when `signals_wanted` more signals have come, end the process if `is_stuck` says so. In the main thread.

    Its exit code is that which a shell shows after the signal. Before that, `say` is called with the number of the signal, in
    another thread.
    """
    if _watched:
        return
    # It is a last resort: nothing comes of it where there is no descriptor or no thread to be had.
    with contextlib.suppress(OSError, RuntimeError), contextlib.ExitStack() as stack:
        read_end, write_end = map(stack.enter_context, socket.socketpair())
        write_end.setblocking(False)
        before: List[int] = []
        stack.callback(_put_back, before)
        # Within a single call of C: between any two instructions of Python, another signal may break this off.
        before.extend(
            map(functools.partial(signal.set_wakeup_fd, warn_on_full_buffer=False), (write_end.fileno(),))
        )
        if before == [-1]:  # else it is somebody else's, such as that of an event loop
            _thread.start_new_thread(_watch, (read_end, signals_wanted, is_stuck, say))
            _watched.append(write_end)
            stack.pop_all()


def _put_back(before: List[int]) -> None:
    for descriptor in before:
        signal.set_wakeup_fd(descriptor)


def stop() -> None:
    """Watch no longer."""
    if _watched:
        signal.set_wakeup_fd(-1)
        _watched.pop().close()


def _watch(
    read_end: socket.socket, signals_wanted: int, is_stuck: Callable[[], bool], say: Callable[[int], object]
) -> None:
    # It is closed if another signal broke off `end_if_stuck`.
    with read_end, contextlib.suppress(OSError):
        number = read_end.recv(1)
        while number:
            signals_wanted -= 1
            if signals_wanted <= 0:
                time.sleep(_GRACE)
                if is_stuck():
                    _say_in_time(say, number[0])
                    os._exit(128 + number[0])
            number = read_end.recv(1)


def _say_in_time(say: Callable[[int], object], number: int) -> None:
    said = _thread.allocate_lock()

    def step() -> None:
        # Whatever goes wrong, the process is to end.
        with contextlib.suppress(Exception):
            say(number)
        said.release()

    said.acquire()
    with contextlib.suppress(RuntimeError):  # no thread is to be had
        _thread.start_new_thread(step, ())
        said.acquire(timeout=_LONGEST_WORDS)
