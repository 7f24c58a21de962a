"""Polls in threads: a thread that does not start, and closing while a poll is under way."""

import contextlib
import threading
import time

import pytest

from rocketride_sync.deadline import Deadline
from rocketride_sync.errors import TransportError
from rocketride_sync.transports.thread_poller import ThreadPoller


class Poll:
    operation = "status"
    until = Deadline(None)

    def begin(self):
        return Deadline(30.0)

    def mark_answered(self):
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


def test_closing_ends_a_poll_that_is_connecting():
    transport = Connects()
    poller = ThreadPoller(transport, 2)
    poller.submit(Poll())
    assert transport.began.wait(30)
    began = time.monotonic()
    poller.close()
    assert time.monotonic() - began < 10


def test_a_thread_that_does_not_start_leaves_the_polls_to_the_others(failing):
    failing(2)
    poller, asked = ThreadPoller(Answers(), 4), [Poll(), Poll(), Poll()]
    for poll in asked:
        poller.submit(poll)
    results = [poller.next(Deadline(30.0)) for _ in asked]
    poller.close()
    assert {poll for poll, _ in results} == set(asked)
    assert {answer for _, answer in results} == {"answered"}


def test_if_no_thread_starts_the_poll_fails_with_an_error_of_ours_and_the_next_is_tried(failing):
    failing(1)
    poller, poll = ThreadPoller(Answers(), 4), Poll()
    poller.submit(poll)
    found, error = poller.next(Deadline(30.0))
    assert found is poll
    assert isinstance(error, TransportError)
    assert "thread" in str(error)
    assert error.__context__ is None
    poller.submit(poll)
    assert poller.next(Deadline(30.0)) == (poll, "answered")
    poller.close()


def test_ctrl_c_while_a_thread_starts_is_ctrl_c(monkeypatch):
    """Closing must not put an error of its own in its place."""
    wait = threading.Event.wait

    def interrupted(event, timeout=None):
        monkeypatch.setattr(threading.Event, "wait", wait)
        raise KeyboardInterrupt

    poller = ThreadPoller(Answers(), 4)
    monkeypatch.setattr(threading.Event, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt), contextlib.closing(poller):
        poller.submit(Poll())


def test_closing_passes_over_a_thread_that_never_started(monkeypatch):
    def interrupted(thread):
        raise KeyboardInterrupt

    poller = ThreadPoller(Answers(), 4)
    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        poller.submit(Poll())
    poller.close()


def test_closing_in_one_of_its_threads_ends_the_others():
    """The garbage collector runs in any thread, and may close a poller that nobody holds any more."""
    ended = threading.Event()
    faults = []

    class Closing:
        def call(self, operation, deadline):
            try:
                poller.close()
            except Exception as error:
                faults.append(error)
            ended.set()
            return "answered"

    poller = ThreadPoller(Closing(), 2)
    poller.submit(Poll())
    assert ended.wait(20)
    assert faults == []


def test_polls_that_have_not_begun_can_be_taken_back():
    transport = Connects()
    poller = ThreadPoller(transport, 1)
    polls = [Poll() for _ in range(5)]
    for poll in polls:
        poller.submit(poll)
    transport.began.wait(30)
    assert poller.take_queued() == (polls[1:], None)
    assert poller.take_queued() == ([], None)
    poller.close()
    poll, answer = poller.next(Deadline(30.0))
    assert poll is polls[0]
    assert isinstance(answer, TransportError)
    assert not poller.has_results
