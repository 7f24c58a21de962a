"""Threads that share work: started in whatever moment a signal comes, and waited for, however far they have come."""

import threading

import pytest
from handlers import raise_as_handler

from rocketride_sync.transports import worker_threads
from rocketride_sync.transports.worker_threads import join_threads, start_thread

SECONDS = 20.0
REAL_START = threading.Thread.start


class DeadlineExceededError(RuntimeError):
    pass


@pytest.fixture
def held():
    """Work that lasts until the test is over."""
    over = threading.Event()
    yield over
    over.set()


def interrupted_start(error, as_python_does=lambda _: None):
    """A start of a thread that runs already when a signal handler raises `error`."""

    def start(thread):
        REAL_START(thread)
        try:
            raise_as_handler(error)
        except Exception:
            as_python_does(thread)
            raise

    return start


def forget(thread):
    """As `Thread.start` when it has begun: it takes it from a table where it is no more."""
    del {}[thread]


@pytest.mark.parametrize("as_python_does", [lambda _: None, forget])
@pytest.mark.parametrize(
    "error", [DeadlineExceededError("stop"), ValueError("stop"), KeyboardInterrupt()], ids=repr
)
def test_what_a_handler_raises_comes_out_of_the_start_and_the_thread_is_kept(
    monkeypatch, held, error, as_python_does
):
    monkeypatch.setattr(threading.Thread, "start", interrupted_start(error, as_python_does))
    threads = []
    with pytest.raises(type(error)) as caught:
        start_thread(threads, "name", held.wait, SECONDS)
    assert caught.value is error
    assert [thread.is_alive() for thread in threads] == [True]
    held.set()
    join_threads(threads)
    assert [thread.is_alive() for thread in threads] == [False]


class BoomError(RuntimeError):
    pass


def throw(error):
    raise error


@pytest.mark.parametrize("as_python_does", [lambda _: None, forget])
def test_what_is_thrown_into_the_start_comes_out_and_the_thread_is_kept(monkeypatch, held, as_python_does):
    """As gevent and other threads throw it: no handler has raised it."""

    def start(thread):
        REAL_START(thread)
        try:
            throw(BoomError())
        except BoomError:
            as_python_does(thread)
            raise

    monkeypatch.setattr(threading.Thread, "start", start)
    threads = []
    with pytest.raises(BoomError):
        start_thread(threads, "name", held.wait, SECONDS)
    assert [thread.is_alive() for thread in threads] == [True]
    held.set()
    join_threads(threads)


def test_what_a_handler_raises_while_a_thread_is_made_comes_out(monkeypatch):
    made = []

    def make(*args, daemon, **kwargs):
        made.append(daemon)
        raise_as_handler(DeadlineExceededError("stop"))

    monkeypatch.setattr(worker_threads.threading, "Thread", make)
    with pytest.raises(DeadlineExceededError):
        start_thread([], "name", print)
    assert made == [True]


def test_a_start_that_the_system_refuses_is_no_thread(monkeypatch):
    def start(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    threads = []
    assert start_thread(threads, "name", print) is False
    assert threads == []


def test_a_thread_that_has_not_begun_yet_is_waited_for(monkeypatch):
    """So it is when Ctrl-C breaks off its start."""
    worked, looks = [], []
    thread = threading.Thread(target=worked.append, args=("all",))

    class Time:
        monotonic = staticmethod(lambda: 0.0)

        @staticmethod
        def sleep(seconds):
            looks.append(seconds)
            if len(looks) == 3:
                REAL_START(thread)

    monkeypatch.setattr(worker_threads, "system_time", Time)
    join_threads([thread])
    assert (worked, len(looks)) == (["all"], 3)


def test_a_thread_that_never_begins_is_given_up(monkeypatch):
    slept = []
    now = lambda: sum(slept)  # noqa: E731
    monkeypatch.setattr(worker_threads, "system_time", type("Time", (), {"sleep": slept.append}))
    monkeypatch.setattr(worker_threads, "Deadline", lambda seconds: REAL_DEADLINE(seconds, now))
    join_threads([threading.Thread(target=print) for _ in range(4)])
    assert 0.25 <= sum(slept) < 0.26


REAL_DEADLINE = worker_threads.Deadline


def test_a_thread_does_not_wait_for_itself():
    ended = []

    def work():
        join_threads([threading.current_thread()])
        ended.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(SECONDS)
    assert ended == [True]
