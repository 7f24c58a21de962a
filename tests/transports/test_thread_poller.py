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


def test_without_any_thread_the_polls_are_made_in_the_callers(failing):
    failing(*range(1, 100))
    used = []

    class Asked(Answers):
        def call(self, operation, deadline):
            used.append(threading.current_thread())
            return "answered"

    poller, asked = ThreadPoller(Asked(), 4), [Poll(), Poll(), Poll()]
    for poll in asked:
        poller.submit(poll)
    assert [poller.next(Deadline(30.0)) for _ in asked] == [(poll, "answered") for poll in asked]
    assert used == [threading.current_thread()] * 3
    assert poller.next(Deadline(0.01)) is None
    poller.submit(asked[0])
    assert poller.take_queued() == ([asked[0]], None)
    poller.close()


def test_without_threads_at_first_those_that_come_later_do_the_work(failing):
    failing(1)
    poller, asked = ThreadPoller(Answers(), 4), [Poll(), Poll()]
    poller.submit(asked[0])
    poller.submit(asked[1])
    assert {poller.next(Deadline(30.0)) for _ in asked} == {(poll, "answered") for poll in asked}
    poller.close()


def test_where_daemon_threads_are_forbidden_there_are_others(monkeypatch):
    """As in some interpreters beside the main one."""
    make = threading.Thread.__init__

    def init(thread, *args, daemon=None, **kwargs):
        if daemon:
            raise RuntimeError("daemon threads are disabled in this (sub)interpreter")
        make(thread, *args, daemon=daemon, **kwargs)

    monkeypatch.setattr(threading.Thread, "__init__", init)
    poller, poll = ThreadPoller(Answers(), 4), Poll()
    poller.submit(poll)
    assert poller.next(Deadline(30.0)) == (poll, "answered")
    poller.close()
    assert not any(thread.name == "rocketride-poll" for thread in threading.enumerate())


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
