"""Polls in threads: a thread that does not start, closing while a poll is under way, and forks."""

import contextlib
import gc
import os
import threading
import time

import pytest
from dropping import run_in_dropping

from rocketride_sync.deadline import Deadline
from rocketride_sync.errors import TransportError
from rocketride_sync.transports.thread_poller import ThreadPoller

from .websocket.calls import wait_until

# A fault here is often a wait for ever. Each of these tests takes milliseconds.
pytestmark = pytest.mark.timeout(60)
forking = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


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


@pytest.fixture
def poll_threads():
    """Returns the threads of pollers, but for those that a test before has left: they may end in any moment."""
    before = threading.enumerate()
    return lambda: [
        thread
        for thread in threading.enumerate()
        if thread.name == "rocketride-poll" and thread not in before
    ]


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


def test_where_daemon_threads_are_forbidden_there_are_others(monkeypatch, poll_threads):
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
    assert not poll_threads()


def test_ctrl_c_while_a_thread_starts_is_ctrl_c(monkeypatch, poll_threads):
    """Closing must not put an error of its own in its place."""
    wait = threading.Event.wait

    def interrupted(event, timeout=None):
        monkeypatch.setattr(threading.Event, "wait", wait)
        raise KeyboardInterrupt

    poller = ThreadPoller(Answers(), 4)
    monkeypatch.setattr(threading.Event, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt), contextlib.closing(poller):
        poller.submit(Poll())
    assert wait_until(lambda: not poll_threads())  # that thread finds that there is nothing to do


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


def asked_and_answered(poller, polls):
    for poll in polls:
        poller.submit(poll)
    return {poller.next(Deadline(10.0)) for _ in polls} == {(poll, "answered") for poll in polls}


def test_there_is_a_thread_for_each_poll_at_once_and_no_more(poll_threads):
    """A task that is polled a thousand times needs one."""
    poller, polls = ThreadPoller(Answers(), 3), [Poll() for _ in range(6)]
    for poll in polls:
        assert asked_and_answered(poller, [poll])
        assert len(poll_threads()) == 1
    transport = Connects()
    slow = ThreadPoller(transport, 3)
    for number, poll in enumerate(polls, 1):
        slow.submit(poll)
        assert len(poll_threads()) == 1 + min(number, 3)
    for each in (slow, poller):
        each.close()
    assert not poll_threads()


def test_polls_that_were_taken_back_need_no_thread(poll_threads):
    transport = Connects()
    poller, polls = ThreadPoller(transport, 2), [Poll() for _ in range(5)]
    poller.submit(polls[0])
    assert transport.began.wait(10)
    poller._at_once = 1
    for poll in polls[1:]:
        poller.submit(poll)
    assert poller.take_queued() == (polls[1:], None)
    poller._at_once = 9
    poller.submit(polls[1])
    assert len(poll_threads()) == 2, "two polls, two threads"
    poller.close()


def test_where_there_are_threads_the_caller_makes_no_poll():
    """It could not be at the deadline then."""
    transport = Connects()
    poller = ThreadPoller(transport, 1)
    for _ in range(3):
        poller.submit(Poll())
    assert transport.began.wait(10)
    began = time.monotonic()
    assert poller.next(Deadline(0.05)) is None
    assert time.monotonic() - began < 5
    poller.close()


def test_threads_of_a_poller_that_nobody_holds_end():
    """Ctrl-C may come before the first line of `close`."""
    poller = ThreadPoller(Answers(), 2)
    assert asked_and_answered(poller, [Poll(), Poll()])
    threads = list(poller._threads)
    del poller
    gc.collect()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def test_in_dropping_a_poller_that_was_closed_no_line_of_python_runs_in_which_a_signal_would_be_lost():
    def closed():
        poller = ThreadPoller(Answers(), 2)
        poller.close()
        return poller

    assert run_in_dropping(closed) == []


def test_at_the_end_of_the_interpreter_what_would_end_its_threads_does_not_run():
    """They are daemon threads: Python may have stopped them in the middle of anything."""
    poller = ThreadPoller(Answers(), 2)
    assert not poller._unowned.atexit
    poller.close()


def test_polls_that_wait_for_a_thread_are_not_made_after_closing():
    asked = []

    class Counted(Connects):
        def call(self, operation, deadline):
            asked.append(deadline)
            return super().call(operation, deadline)

    transport = Counted()
    poller = ThreadPoller(transport, 1)
    for _ in range(3):
        poller.submit(Poll())
    assert transport.began.wait(10)
    poller.close()
    poller.close()
    assert len(asked) == 1


def test_a_poll_that_begins_while_the_poller_is_closed_ends_at_once():
    left = []

    class Noted(Answers):
        def call(self, operation, deadline):
            left.append(deadline.remaining())
            return "answered"

    class ClosedMeanwhile(Poll):
        def begin(self):
            poller.close()
            return Deadline(30.0)

    poller, poll = ThreadPoller(Noted(), 1), ClosedMeanwhile()
    poller.submit(poll)
    assert poller.next(Deadline(10.0)) == (poll, "answered")
    assert left == [0.0]


def test_the_mark_of_the_end_is_no_poll(failing):
    failing(*range(1, 100))
    poller, poll = ThreadPoller(Answers(), 2), Poll()
    poller.submit(poll)
    poller.close()
    assert poller.take_queued() == ([poll], None)
    poller.close()
    assert poller.next(Deadline(0.01)) is None


def test_a_bug_in_a_poll_reaches_the_caller():
    class Wrong(Answers):
        def call(self, operation, deadline):
            raise ZeroDivisionError("a bug")

    poller = ThreadPoller(Wrong(), 1)
    poller.submit(Poll())
    with pytest.raises(ZeroDivisionError, match="a bug"):
        poller.next(Deadline(10.0))
    poller.close()


def test_a_result_is_handed_out_after_the_deadline_too():
    poller, poll = ThreadPoller(Answers(), 1), Poll()
    poller.submit(poll)
    while not poller.has_results:
        time.sleep(0.001)
    assert poller.next(Deadline(0.0)) == (poll, "answered")
    poller.close()


def in_forked_child(step):
    """Run `step` in a forked child; whether what it returns is true."""
    child = os.fork()
    if child == 0:
        ended = 1
        try:
            ended = 0 if step() else 1
        finally:
            os._exit(ended)
    return os.waitpid(child, 0)[1] == 0


class AnswersInTheChild:
    """A transport that answers in a forked child only. It notes the operations there."""

    def __init__(self):
        self.pid = os.getpid()
        self.connects = Connects()
        self.asked = []

    def call(self, operation, deadline):
        if os.getpid() == self.pid:
            return self.connects.call(operation, deadline)
        self.asked.append(operation)
        return "answered"


@forking
@pytest.mark.parametrize("submit", [False, True], ids=["next", "submit"])
def test_a_forked_child_makes_the_polls_that_have_no_answer_yet(submit, poll_threads):
    """Once each, in threads of its own, those in flight in the parent too; not those that were taken back."""
    transport = AnswersInTheChild()
    poller, polls = ThreadPoller(transport, 1), [Poll() for _ in range(4)]
    poller.submit(polls[0])
    assert transport.connects.began.wait(10)
    poller.submit(polls[1])
    assert poller.take_queued() == ([polls[1]], None)
    poller.submit(polls[2])

    def child():
        expected = {polls[0], polls[2]}
        if submit:
            poller._at_once = (
                3  # so that it may start another thread, which must not take up the parent's queue
            )
            poller.submit(polls[3])
            expected.add(polls[3])
        results = [poller.next(Deadline(10.0)) for _ in expected]
        alive = [thread.is_alive() for thread in poller._threads]
        again = poller.next(Deadline(0.05))
        poller.close()
        return (
            {poll for poll, _ in results} == expected
            and {answer for _, answer in results} == {"answered"}
            and len(transport.asked) == len(expected)
            and alive == [True] * poller._at_once
            and again is None
            and not poll_threads()
        )

    assert in_forked_child(child)
    poller.close()


@forking
def test_a_forked_child_that_has_no_use_for_the_poller_leaves_it_alone():
    """The lock of a queue may be held in the parent at the fork, and is then held in the child for ever."""
    transport = Connects()
    poller, poll = ThreadPoller(transport, 1), Poll()
    poller.submit(poll)
    assert transport.began.wait(10)

    def child():
        poller._work.stop = poller._work.queue = None  # whoever uses them fails
        poller.close()
        poller._unowned()
        return True

    assert in_forked_child(child)
    poller.close()
