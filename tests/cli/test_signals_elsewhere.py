"""Where no handler of a signal may be set, commands run without one: in other threads and other interpreters."""

import signal
import threading

import pytest

from rocketride_sync.cli import signals


def entered():
    with signals.signals_as_exceptions():
        return True


def test_in_another_thread():
    done = []
    thread = threading.Thread(target=lambda: done.append(entered()))
    thread.start()
    thread.join(30)
    assert done == [True]


def test_in_another_interpreter(monkeypatch):
    """Its main thread is one too, as far as `threading` can tell."""

    def forbidden(number, handler):
        raise ValueError("signal only works in main thread of the main interpreter")

    monkeypatch.setattr(signal, "signal", forbidden)
    assert entered()


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="POSIX signals")
def test_what_the_program_around_the_command_blocks_is_blocked_again():
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGUSR1])
    try:
        with signals.signals_as_exceptions():
            assert signal.pthread_sigmask(signal.SIG_BLOCK, []) & {signal.SIGTERM, signal.SIGUSR1} == {
                signal.SIGUSR1
            }
        assert signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@pytest.mark.parametrize("until_exit", [False, True])
def test_interrupts_are_ignored_until_the_command_or_the_process_ends(until_exit):
    before = signal.getsignal(signal.SIGINT)
    try:
        with signals.signals_as_exceptions(until_exit=until_exit):
            signals.ignore_interrupts()
        assert signal.getsignal(signal.SIGINT) is (signal.SIG_IGN if until_exit else before)
    finally:
        signals._interrupts_ignored.clear()
        signal.signal(signal.SIGINT, before)
