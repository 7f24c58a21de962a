"""Looks in threads: what they do when a thread does not start, and when they are closed in mid-look."""

import contextlib
import threading
import time

import pytest

from rocketride_sync.deadline import Deadline
from rocketride_sync.errors import TransportError
from rocketride_sync.transports.poller import ThreadedLooks


class Look:
    operation = "status"
    until = Deadline(None)

    def begin(self):
        return Deadline(30.0)

    def landed(self):
        pass


class Answers:
    """A transport that answers at once."""

    def call(self, operation, deadline):
        return "answered"


class Connects:
    """A transport that is connecting, for as long as it may."""

    def __init__(self):
        self.began = threading.Event()

    def call(self, operation, deadline):
        share = deadline.within(20.0)
        self.began.set()
        while not share.expired:
            time.sleep(0.01)
        raise TransportError("not connected")


@pytest.fixture
def failing(monkeypatch):
    """Makes the starts of threads with these numbers fail."""
    start = threading.Thread.start
    starts = []

    def fail(*numbers):
        def failing_start(thread):
            starts.append(thread)
            if len(starts) in numbers:
                raise RuntimeError("can't start new thread")
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", failing_start)

    return fail


def test_closing_ends_a_look_that_is_connecting():
    transport = Connects()
    looks = ThreadedLooks(transport, 2)
    looks.ask(Look())
    assert transport.began.wait(30)
    began = time.monotonic()
    looks.close()
    assert time.monotonic() - began < 10


def test_a_thread_that_does_not_start_leaves_the_looks_to_the_others(failing):
    failing(2)
    looks, asked = ThreadedLooks(Answers(), 4), [Look(), Look(), Look()]
    for look in asked:
        looks.ask(look)
    news = [looks.next(Deadline(30.0)) for _ in asked]
    looks.close()
    assert {look for look, _ in news} == set(asked)
    assert {answer for _, answer in news} == {"answered"}


def test_if_no_thread_starts_the_look_fails_with_an_error_of_ours_and_the_next_is_tried(failing):
    failing(1)
    looks, look = ThreadedLooks(Answers(), 4), Look()
    looks.ask(look)
    found, error = looks.next(Deadline(30.0))
    assert found is look
    assert isinstance(error, TransportError)
    assert "thread" in str(error)
    assert error.__context__ is None
    looks.ask(look)
    assert looks.next(Deadline(30.0)) == (look, "answered")
    looks.close()


def test_ctrl_c_while_a_thread_starts_is_ctrl_c(monkeypatch):
    """Closing must not put an error of its own in its place."""
    wait = threading.Event.wait

    def interrupted(event, timeout=None):
        monkeypatch.setattr(threading.Event, "wait", wait)
        raise KeyboardInterrupt

    looks = ThreadedLooks(Answers(), 4)
    monkeypatch.setattr(threading.Event, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt), contextlib.closing(looks):
        looks.ask(Look())


def test_closing_passes_over_a_thread_that_never_started(monkeypatch):
    def interrupted(thread):
        raise KeyboardInterrupt

    looks = ThreadedLooks(Answers(), 4)
    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        looks.ask(Look())
    looks.close()


def test_closing_in_one_of_its_threads_ends_the_others():
    """The garbage collector runs in any thread, and may find looks that nobody holds any more."""
    ended = threading.Event()
    faults = []

    class Closing:
        def call(self, operation, deadline):
            try:
                looks.close()
            except Exception as error:
                faults.append(error)
            ended.set()
            return "answered"

    looks = ThreadedLooks(Closing(), 2)
    looks.ask(Look())
    assert ended.wait(20)
    assert faults == []
