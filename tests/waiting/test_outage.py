"""An outage: how long it may still last, and the pauses in it."""

import math

import pytest
from cases import each

from rocketride_sync import (
    RetryPolicy,
    TransientError,
    TransportError,
    TransportTimeoutError,
    WaitTimeoutError,
)
from rocketride_sync.waiting.outage import Outage
from rocketride_sync.waiting.poll_schedule import CLOCK_TOLERANCE

from .fake_world import RUNNING, World

FAULT = TransientError("503")


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def outage(clock, max_outage=20.0, **options):
    return Outage(0.0, RetryPolicy(initial_delay=1.0, jitter=0, max_outage=max_outage), clock, **options)


def test_what_is_left_of_it_is_never_less_than_nothing(clock):
    it = outage(clock)
    found = []
    for clock.now in (0.0, 5.0, 20.0, 25.0):
        found.append(it.left)
    assert found == [20.0, 15.0, 0.0, 0.0]
    assert outage(clock, None).left == math.inf


def test_it_ends_when_a_fault_comes_after_its_time(clock):
    clock.now = 25.0
    with pytest.raises(TransientError) as caught:
        outage(clock).pause_after(FAULT)
    assert caught.value is FAULT


def test_a_fault_that_came_in_time_is_followed_by_one_more_poll_however_late_it_is_processed(clock):
    clock.now = 25.0
    assert outage(clock).pause_after(FAULT, came=5.0) == 0.0
    clock.now = 5.0
    assert outage(clock).pause_after(FAULT) == 1.0
    with pytest.raises(TransientError):
        outage(clock).pause_after(FAULT, came=20.0)


def test_the_tolerance_of_the_clock_is_enough_time_for_a_poll(clock):
    assert outage(clock, CLOCK_TOLERANCE).pause_after(FAULT) == CLOCK_TOLERANCE


def test_pauses_grow_and_end_with_the_outage(clock):
    it = outage(clock, 5.0)
    assert [it.pause_after(FAULT) for _ in range(4)] == [1.0, 2.0, 4.0, 5.0]
    assert outage(clock, attempt=2).pause_after(FAULT) == 4.0


REFUSED = TransportError("refused")
SILENT = TransportTimeoutError("no connection within the connect timeout")


def in_time(least, then=REFUSED, late=SILENT):
    """An answer that needs so many seconds: with less, the poll runs out of time."""
    return lambda world: then if world.budgets[-1] >= least else late


def why_it_gave_up(world, **options):
    with pytest.raises(WaitTimeoutError) as caught:
        list(world.wait(**options))
    return caught.value


@each("before", [[], [RUNNING]], ids=["never seen", "seen"])
@each("timeout", [0.9, 3.0, 10.0])
def test_a_last_poll_without_time_does_not_hide_why_those_before_it_failed(before, timeout):
    world = World(*before, in_time(0.6))
    world.script += [in_time(0.6)] * 100
    error = why_it_gave_up(world, timeout=timeout, interval=0.2)
    assert world.budgets[-1] < 0.6, "the last poll has to be one without time"
    assert "the last poll failed: refused" in str(error)
    assert error.__cause__ is REFUSED


def test_a_last_poll_with_time_tells_that_it_ran_out_of_it():
    answers = [REFUSED, lambda world: SILENT]
    world = World(*answers, round_trip=4.0)
    assert "the last poll failed: no connection within" in str(why_it_gave_up(world, timeout=9.0))


def test_polls_without_time_alone_tell_just_that():
    error = why_it_gave_up(World(SILENT), timeout=0.5)
    assert error.__cause__ is SILENT


def test_a_cause_is_not_told_after_a_status():
    world = World(REFUSED, RUNNING, in_time(1.0))
    world.script += [in_time(1.0)] * 100
    error = why_it_gave_up(world, timeout=2.0, interval=5.0)
    assert "refused" not in str(error)
