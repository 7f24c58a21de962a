"""An outage: how long it may still last, and the pauses in it."""

import math

import pytest

from rocketride_sync import RetryPolicy, TransientError
from rocketride_sync.waiting.outage import Outage
from rocketride_sync.waiting.poll_schedule import CLOCK_TOLERANCE

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
