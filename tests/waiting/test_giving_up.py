"""When a wait gives up, against a fake clock: not before its last poll, and not after its time."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rocketride_sync import RetryPolicy, TransportTimeoutError, WaitTimeoutError
from rocketride_sync.waiting.poll_schedule import CLOCK_TOLERANCE
from rocketride_sync.waiting.wait_loop import statuses

from .fake_world import RUNNING, TOKEN, wait_of

SHORTEST = 0.01
"""Seconds in which no poll is expected to be answered."""


class SlowServer:
    """A clock, and a server that takes `durations` for its answers, the last one for ever."""

    def __init__(self, durations):
        self.now = 1000.0
        self.polls = []  # began, ended
        self._durations = list(durations)

    def clock(self):
        return self.now

    def poll(self, deadline):
        took = self._durations.pop(0) if len(self._durations) > 1 else self._durations[0]
        began, left = self.now, deadline.remaining()
        self.now += min(took, left)
        self.polls.append((began, self.now))
        if took > left:
            raise TransportTimeoutError("no answer in time")
        return RUNNING

    def pause(self, seconds):
        assert seconds > 0
        self.now += seconds

    def gives_up(self, timeout, interval, call_timeout=30.0):
        """The seconds after which the wait gives up."""
        began = self.now
        retry = RetryPolicy(initial_delay=0.25, max_delay=1.0, jitter=0)
        wait = wait_of(self, timeout=timeout, interval=interval, call_timeout=call_timeout, retry=retry)
        with pytest.raises(WaitTimeoutError):
            list(statuses(TOKEN, wait, self.poll, self.pause))
        return self.now - began


def test_a_first_poll_of_more_than_half_the_time_is_not_the_last():
    server = SlowServer([3.0, 0.001])
    assert server.gives_up(timeout=5.0, interval=0.1) > 4.9
    assert len(server.polls) > 15


def test_a_server_that_is_always_slow_gets_another_poll_while_there_is_time():
    assert SlowServer([8.0]).gives_up(timeout=31.0, interval=2.0) >= 24.0


DURATIONS = st.lists(st.floats(0.0005, 20.0), min_size=1, max_size=12)


@given(DURATIONS, st.floats(0.5, 60.0), st.floats(0.05, 100.0), st.floats(0.1, 40.0))
@example([2.0, 0.9999885559082031], 6.0, 1.0, 2.0)
def test_it_gives_up_in_time_and_with_less_left_than_two_round_trips(
    durations, timeout, interval, call_timeout
):
    server = SlowServer(durations)
    took = server.gives_up(timeout, interval, call_timeout)
    assert took <= timeout + 0.001
    answered = [ended - began for began, ended in server.polls]
    # A single poll that took long is no round trip to reckon with.
    round_trip = min(answered[-2:]) if len(answered) > 1 else 0.0
    assert timeout - took <= max(2 * round_trip, SHORTEST) + 2 * CLOCK_TOLERANCE


@given(st.floats(0.0005, 20.0), st.floats(0.5, 60.0), st.floats(0.05, 100.0))
def test_it_polls_no_more_often_than_asked_but_at_the_end(duration, timeout, interval):
    server = SlowServer([duration])
    server.gives_up(timeout, interval)
    assert len(server.polls) <= timeout / interval + 3
