"""The one time budget."""

import math
import sys
import threading
import time
import types

import rocketride_sync.deadline
from rocketride_sync.deadline import Deadline, pause


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_it_counts_down_to_zero_and_stays_there():
    clock = Clock()
    deadline = Deadline(5.0, clock)
    assert deadline.remaining() == 5.0
    clock.now += 4.0
    assert deadline.remaining() == 1.0
    assert not deadline.expired
    clock.now += 10.0
    assert deadline.remaining() == 0.0
    assert deadline.expired


def test_none_is_unlimited():
    deadline = Deadline(None, Clock())
    assert deadline.remaining() == math.inf
    assert deadline.clamp(None) is None
    assert deadline.clamp(3.0) == 3.0
    assert not deadline.expired


def test_clamp_takes_the_smaller():
    deadline = Deadline(5.0, Clock())
    assert deadline.clamp(3.0) == 3.0
    assert deadline.clamp(8.0) == 5.0
    assert deadline.clamp(None) == 5.0


def test_a_call_has_some_time_however_late_it_begins():
    """0 is no timeout of a call, or means that of the client."""
    clock = Clock()
    deadline = Deadline(5.0, clock)
    assert deadline.for_call() == 5.0
    assert deadline.for_call(3.0) == 3.0
    clock.now += 6.0
    assert 0.0 < deadline.for_call(3.0) <= 0.001
    assert Deadline(None, clock).for_call() is None
    assert Deadline(None, clock).for_call(3.0) == 3.0


def test_within_never_outlives_the_outer_deadline():
    clock = Clock()
    outer = Deadline(5.0, clock)
    assert outer.within(2.0).remaining() == 2.0
    assert outer.within(9.0).remaining() == 5.0
    assert outer.within(None).remaining() == 5.0
    inner = outer.within(4.0)
    clock.now += 4.5
    assert inner.expired
    assert not outer.expired


def test_it_runs_on_the_monotonic_clock_by_default(monkeypatch):
    """A wall clock that is set back must not stretch a deadline."""
    monkeypatch.setattr("time.time", lambda: 0.0)
    assert 0.0 < Deadline(60.0).remaining() <= 60.0


def test_a_deadline_that_is_cancelled_has_passed():
    for seconds in (None, 60.0):
        deadline = Deadline(seconds)
        deadline.cancel()
        assert deadline.expired
        assert deadline.remaining() == 0.0
        assert deadline.clamp(5.0) == 0.0


def test_a_sleep_ends_with_its_time_the_deadline_or_by_being_cancelled():
    began = time.monotonic()
    Deadline(None).sleep(0.01)
    Deadline(0.01).sleep(60.0)
    cancelled = Deadline(None)
    thread = threading.Thread(target=cancelled.sleep, args=(60.0,))
    thread.start()
    cancelled.cancel()
    thread.join(30)
    assert not thread.is_alive()
    assert time.monotonic() - began < 30


def test_to_cancel_a_deadline_is_to_cancel_those_made_of_it():
    """Whoever connects holds a share of a share of the time, and is in it still."""
    for seconds in (None, 60.0):
        whole = Deadline(seconds)
        share = whole.within(30.0).within(None)
        assert not share.expired
        whole.cancel()
        assert share.expired
        assert share.remaining() == 0.0
        assert share.clamp(5.0) == 0.0


def test_to_cancel_a_share_leaves_the_whole():
    whole = Deadline(60.0)
    whole.within(30.0).cancel()
    assert not whole.expired
    assert whole.remaining() > 0.0


def test_a_pause_wakes_up_once_a_second(monkeypatch):
    """For signals; on Windows twice, where each Ctrl-C has to wait for that. More often would cost a wait more."""
    clock, slept = Clock(), []

    def sleep(seconds):
        slept.append(seconds)
        clock.now += seconds

    monkeypatch.setattr(
        rocketride_sync.deadline, "system_time", types.SimpleNamespace(monotonic=clock, sleep=sleep)
    )
    pause(60.0)
    assert slept == [0.5] * 120 if sys.platform == "win32" else slept == [1.0] * 60
