"""Ctrl-C, SIGTERM and SIGHUP: what is cleaned up before they end a command, and how what must not be cut short is kept whole."""

from __future__ import annotations

import contextlib
import signal
import threading
from types import FrameType
from typing import Callable, Iterator, List, NoReturn, Optional

_ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Terminated(BaseException):
    """A SIGTERM or SIGHUP came: all is cleaned up and told on the way out, then the signal ends the process.

    Args:
        number: the signal's.
        message: what to tell.
    """

    def __init__(self, number: int, message: str = "terminated") -> None:
        super().__init__(message)
        self.number = number


STOPS = (KeyboardInterrupt, Terminated)


def told(stop: BaseException, fate: str) -> BaseException:
    """`stop`, one of `STOPS`, with a message that says what became of the task."""
    if isinstance(stop, Terminated):
        return Terminated(stop.number, f"terminated; {fate}")
    return KeyboardInterrupt(f"interrupted; {fate}")


def end_by(number: signal.Signals) -> None:
    """End the process as the signal does that nobody handles. Returns only where a signal does not do that."""
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into an exception while this lasts, but for one that our starter ignores or handles."""
    ours = [number for number in _ENDING if signal.getsignal(number) is signal.SIG_DFL]
    if not _in_main_thread():
        ours = []
    for number in ours:
        signal.signal(number, _terminate)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def _terminate(number: int, _: Optional[FrameType]) -> NoReturn:
    signal.signal(number, signal.SIG_DFL)  # a second one ends a clean-up that takes too long
    raise Terminated(number)


@contextlib.contextmanager
def held_back(notice: Callable[[], None]) -> Iterator[None]:
    """Let the first Ctrl-C, SIGTERM or SIGHUP act only at the end of this block. A second one acts at once.

    Args:
        notice: called when the first one comes.
    """
    if not _in_main_thread():
        yield
        return
    usual = {number: signal.getsignal(number) for number in (signal.SIGINT, *_ENDING)}
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
