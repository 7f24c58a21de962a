"""Ctrl-C, SIGTERM and SIGHUP: turned into exceptions, so that a command can clean up."""

from __future__ import annotations

import _thread
import contextlib
import functools
import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional

from . import stuck_process

_TERMINATION_SIGNALS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]

_MOST_RAISED = 2  # the first lets the command clean up, the second breaks that off
_SAME_EVENT_SECONDS = 0.1

_interrupts_ignored: List[bool] = []  # not empty once `ignore_interrupts` was called
_one_interrupt: List[bool] = []  # not empty once `raise_one_interrupt` was called
_handled: List[int] = []  # the termination signals that `_terminate` handles, or has left to the system
_arrived: List[int] = []  # the signals that Python has handled, those included that are passed over
_last_words: List[Callable[[str], object]] = []  # of `say_if_stuck`, one at most
_raised: List[float] = []  # when signals were raised as exceptions (monotonic)


class Terminated(BaseException):
    """A SIGTERM or SIGHUP arrived. The command cleans up and prints its result; then the signal ends the process.

    Another one breaks the clean-up off. The command says how far it came, and then that signal ends the process.

    Args:
        number: the number of the signal.
        message: what to print.

    Attributes:
        signal_name: the name of the signal, for a report.
    """

    def __init__(self, number: int, message: str = "") -> None:
        super().__init__(message or _said(number))
        self.number = number
        self.signal_name = signal.Signals(number).name


def _said(number: int) -> str:
    is_hangup = signal.Signals(number).name == "SIGHUP"  # Windows has no such signal
    return "the terminal was closed (SIGHUP)" if is_hangup else "terminated"


STOP_EXCEPTIONS = (KeyboardInterrupt, Terminated)


def with_task_state(stop: BaseException, task_state: str) -> BaseException:
    """`stop`, one of `STOP_EXCEPTIONS`, with a message that says what became of the task."""
    if isinstance(stop, Terminated):
        return Terminated(stop.number, f"{_said(stop.number)}; {task_state}")
    return KeyboardInterrupt(f"interrupted; {task_state}")


def end_process_by(number: signal.Signals) -> None:
    """End the process by the signal's default action. Returns on Windows, whose default action is to exit with 3.

    That would say "cancelled": the caller exits with a code of its own.
    """
    if os.name != "posix":
        return
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)


def ignore_interrupts() -> None:
    """Ignore Ctrl-C from now on: one that comes while the process ends changes nothing, and Python prints nothing of it."""
    _interrupts_ignored.append(True)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def raise_one_interrupt() -> None:
    """From now on raise the first Ctrl-C only, in a block of `signals_as_exceptions`: one more changes nothing."""
    _one_interrupt.append(True)


def say_if_stuck(tell: Callable[[str], object]) -> None:
    """Let `tell` say what may become of the task, if the process is stuck and somebody insists on its end.

    It is called in another thread with what came, such as ``terminated``.
    """
    _last_words[:] = [tell]


def _say_last_words(number: int) -> None:
    for tell in _last_words:
        tell("interrupted" if number == signal.SIGINT else _said(number))


def let_signals_end_process() -> None:
    """Leave SIGTERM and SIGHUP to the system from now on: the next one ends the process at once, whatever it does."""
    for number in _handled:
        signal.signal(number, signal.SIG_DFL)


@contextlib.contextmanager
def signals_as_exceptions(*, until_exit: bool = False) -> Iterator[None]:
    """Raise `Terminated` for SIGTERM and SIGHUP in this block, except for one that is ignored or handled already.

    So are the first two signals, whichever they are. After these, SIGTERM and SIGHUP end the process at once.
    What a signal raises in a destructor or in a weakref callback is not lost: the signal is sent again.

    Args:
        until_exit: whether nothing but the end of the process follows. Else what `ignore_interrupts` did is undone.
    """
    interrupt = signal.getsignal(signal.SIGINT)
    hook = sys.unraisablehook
    ours: Dict[int, Callable[..., None]] = {
        number: _terminate for number in _TERMINATION_SIGNALS if signal.getsignal(number) is signal.SIG_DFL
    }
    if interrupt is signal.default_int_handler:
        ours[signal.SIGINT] = _interrupt
    if not _may_handle(ours):
        ours = {}
    # Whoever starts the command may have them blocked, as for a `sigwait` of its own. Who wants them ignored, ignores them.
    blocked: Iterable[int] = ()
    try:
        _handled.extend(number for number in ours if number != signal.SIGINT)
        for number, handler in ours.items():
            signal.signal(number, handler)
        blocked = _change_mask("SIG_UNBLOCK", ours)
        sys.unraisablehook = functools.partial(_send_lost_signal_again, hook)
        yield
    finally:
        sys.unraisablehook = hook
        if ours:
            let_signals_end_process()
            stuck_process.stop()
            _handled.clear()
            _arrived.clear()
            _one_interrupt.clear()
            _last_words.clear()
            _raised.clear()
        _restore_interrupt(interrupt, keep_ignored=until_exit)
        if not until_exit:
            _change_mask("SIG_BLOCK", blocked)


def _change_mask(how: str, numbers: Iterable[int]) -> Iterable[int]:
    """Which signals were blocked before; none on Windows, where none can be."""
    if not hasattr(signal, "pthread_sigmask"):
        return ()
    before: Iterable[int] = signal.pthread_sigmask(getattr(signal, how), numbers)
    return before


def _restore_interrupt(handler: Any, *, keep_ignored: bool) -> None:
    if _interrupts_ignored and keep_ignored:
        return
    if _interrupts_ignored or signal.getsignal(signal.SIGINT) is _interrupt:
        signal.signal(signal.SIGINT, handler)
    _interrupts_ignored.clear()


def _terminate(number: int, _: Optional[FrameType]) -> None:
    _arrived.append(number)
    # timeout(1) sends its signal to the process, and then to the group that the process is in.
    if _raised and time.monotonic() - _raised[-1] < _SAME_EVENT_SECONDS:
        return
    _count_signal()
    raise Terminated(number)


def _interrupt(number: int, frame: Optional[FrameType]) -> None:
    is_one_more = number in _arrived
    _arrived.append(number)
    if is_one_more and _one_interrupt:
        return
    _count_signal()
    signal.default_int_handler(number, frame)


def _count_signal() -> None:
    _raised.append(time.monotonic())
    if len(_raised) >= _MOST_RAISED:
        let_signals_end_process()
    else:
        stuck_process.end_if_stuck(_MOST_RAISED, lambda: len(_arrived) == 1, _say_last_words)


def _forget_signal() -> None:
    """One that was raised was lost, and comes again."""
    del _raised[-1:]
    for number in _handled:
        signal.signal(number, _terminate)


def _send_lost_signal_again(otherwise: Callable[[Any], object], unraisable: Any) -> None:
    """For `sys.unraisablehook`, which would print what cannot be raised, and go on."""
    stop = unraisable.exc_value
    if not isinstance(stop, STOP_EXCEPTIONS):
        otherwise(unraisable)
        return
    number = signal.SIGINT
    if isinstance(stop, Terminated):
        number = signal.Signals(stop.number)
    _forget_signal()
    # `threading.Thread` takes locks, one of which the interrupted code may hold.
    _thread.start_new_thread(_send_after_hook, (number,))


def _send_after_hook(number: signal.Signals) -> None:
    # In the hook it would be lost again. This thread has the interpreter's lock from the look to the signal.
    while _main_thread_is_in_hook():
        time.sleep(0.001)
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, number)
    else:
        signal.raise_signal(number)


def _main_thread_is_in_hook() -> bool:
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    while frame is not None and frame.f_code is not _send_lost_signal_again.__code__:
        frame = frame.f_back
    return frame is not None


def _may_handle(numbers: Iterable[int]) -> bool:
    """Whether handlers may be set here: in the main thread of the main interpreter alone."""
    try:
        for number in numbers:
            signal.signal(number, signal.getsignal(number))
    except ValueError:
        return False
    return True
