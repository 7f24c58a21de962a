"""Frames that wait to be sent together: which are sent, when, and with whose deadline."""

from types import SimpleNamespace

import pytest

from rocketride_sync.deadline import Deadline
from rocketride_sync.transports.websocket import outbox
from rocketride_sync.transports.websocket.outbox import Outbox


@pytest.fixture
def clock(monkeypatch):
    it = SimpleNamespace(now=100.0)
    monkeypatch.setattr(outbox, "system_time", SimpleNamespace(monotonic=lambda: it.now))
    it.deadline = lambda seconds: Deadline(seconds, lambda: it.now)
    return it


def test_frames_are_taken_in_order_once_and_with_the_earliest_deadline(clock):
    it = Outbox()
    assert it.take() is None
    deadlines = [clock.deadline(seconds) for seconds in (None, 5, 7)]
    for number, deadline in enumerate(deadlines):
        it.add(bytearray(b"%d" % number), deadline)
    assert it.take() == (deadlines[1], b"012")
    assert it.take() is None


def test_a_frame_whose_deadline_has_passed_is_not_sent_and_does_not_hold_the_others_up(clock):
    it = Outbox()
    late, in_time = clock.deadline(1), clock.deadline(9)
    it.add(bytearray(b"late"), late)
    it.add(bytearray(b"in time"), in_time)
    clock.now += 1
    assert it.take() == (in_time, b"in time")
    it.add(bytearray(b"late too"), late)
    assert it.take() is None


def test_a_frame_alone_is_not_copied(clock):
    it, frame = Outbox(), bytearray(b"a")
    it.add(frame, clock.deadline(None))
    assert it.take()[1] is frame


def test_what_waits_is_bounded(clock):
    it, large, deadline = Outbox(), bytearray(256 * 1024), clock.deadline(None)
    assert it.has_room(large)
    it.add(bytearray(1), deadline)
    assert not it.has_room(large)
    assert it.has_room(large[1:])
    assert not it.is_due
    it.add(large[1:], deadline)
    assert it.is_due
    it.take()
    assert not it.is_due


def test_no_frame_waits_while_the_applications_code_runs(clock):
    it = Outbox()
    it.add(bytearray(1), clock.deadline(None))
    clock.now += 0.008
    it.add(bytearray(1), clock.deadline(None))
    assert not it.is_due
    clock.now += 0.008
    assert it.is_due
