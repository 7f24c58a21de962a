"""Ctrl-C and SIGTERM: what is cleaned up before they end a command, and how what must not be cut short is kept whole."""

from __future__ import annotations

import contextlib
import signal
import threading
from types import FrameType
from typing import Callable, Iterator, List, NoReturn, Optional


class Terminated(BaseException):
    """A SIGTERM came: everything on the way out is cleaned up and told, then the signal ends the process."""


STOPS = (KeyboardInterrupt, Terminated)


def left_running(stop: BaseException) -> BaseException:
    """What to tell of a Ctrl-C or SIGTERM that leaves a task as it is."""
    word = "interrupted" if isinstance(stop, KeyboardInterrupt) else "terminated"
    return type(stop)(f"{word}; the task runs on")


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """Turn a SIGTERM into an exception while this lasts, unless whoever started us ignores or handles it."""
    if not _in_main_thread() or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _terminate(_: int, __: Optional[FrameType]) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a second one ends a clean-up that takes too long
    raise Terminated


@contextlib.contextmanager
def held_back(notice: Callable[[], None]) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM act only at the end of this block. A second one acts at once.

    Args:
        notice: called when the first one comes.
    """
    if not _in_main_thread():
        yield
        return
    usual = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    caught = {number: handler for number, handler in usual.items() if callable(handler)}
    came: List[int] = []

    def restore() -> None:
        for number, handler in caught.items():
            signal.signal(number, handler)

    def hold(number: int, _: Optional[FrameType]) -> None:
        restore()
        came.append(number)
        notice()

    for number in caught:
        signal.signal(number, hold)
    try:
        yield
    finally:
        restore()
    for first in came:
        signal.raise_signal(first)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
