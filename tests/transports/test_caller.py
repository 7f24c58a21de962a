"""For how long a call is tried again while the server is overloaded, in a time of the test's own."""

import pytest

from rocketride_sync import OverloadedError, RetryPolicy, TransportTimeoutError, deadline
from rocketride_sync.deadline import Deadline
from rocketride_sync.protocol.operations import get_task_status
from rocketride_sync.transports.caller import Caller

STATUS = get_task_status("tk_0123456789abcdef0123456789abcdef")


class Time:
    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


class Overloaded:
    """A transport whose server has no slot; an answer takes 10 ms. Notes when it was asked."""

    def __init__(self, time, retry_after=None):
        self.asked_at = []
        self._time = time
        self._retry_after = retry_after

    def call(self, operation, deadline):
        self.asked_at.append(self._time.now - 1000.0)
        self._time.now += 0.01
        raise OverloadedError("no slots", retry_after=self._retry_after)


@pytest.fixture
def time(monkeypatch):
    time = Time()
    monkeypatch.setattr(deadline, "system_time", time)
    return time


def asked(time, seconds, retry_after=None, **policy):
    transport = Overloaded(time, retry_after)
    with pytest.raises(OverloadedError):
        Caller(transport, RetryPolicy(**policy)).call(STATUS, Deadline(seconds))
    return transport.asked_at


@pytest.mark.parametrize("seconds", [0.2, 1.0, 3.0, 30.0])
def test_it_is_tried_until_the_time_is_nearly_up(time, seconds):
    moments = asked(time, seconds)
    assert seconds - 0.12 < moments[-1] < seconds


def test_it_is_tried_for_the_longest_outage_if_that_is_shorter(time):
    assert 1.88 < asked(time, 30.0, max_outage=2.0)[-1] < 2.02


def test_near_the_end_the_pauses_are_halves_of_what_is_left(time):
    moments = asked(time, 10.0, initial_delay=4.0, max_delay=4.0, jitter=0.0)
    assert moments[:3] == pytest.approx([0.0, 4.01, 8.02])
    assert len(moments) == 8


def test_without_time_it_is_tried_once(time):
    assert asked(time, 30.0, max_outage=0.01) == [0.0]


class Late:
    """A transport whose server has no slot when it is first asked; the second time, it does not answer in time."""

    def __init__(self, time, first_took, request_sent=False):
        self.calls = 0
        self._time = time
        self._first_took = first_took
        self._request_sent = request_sent

    def call(self, operation, deadline):
        self.calls += 1
        if self.calls == 1:
            self._time.now += self._first_took
            raise OverloadedError("no slots")
        self._time.now += deadline.remaining()
        fault = TransportTimeoutError("no answer")
        fault.request_sent = self._request_sent
        raise fault


@pytest.mark.parametrize(
    ("request_sent", "expected"), [(False, OverloadedError), (True, TransportTimeoutError)]
)
def test_a_try_without_time_hides_no_overload_but_a_request_that_may_have_arrived_does(
    time, request_sent, expected
):
    transport = Late(time, 9.5, request_sent)
    with pytest.raises(expected) as caught:
        Caller(transport, RetryPolicy()).call(STATUS, Deadline(10.0))
    assert transport.calls == 2
    assert caught.value.__context__ is None


@pytest.mark.parametrize("first_took", [0.0, 7.0])
def test_a_try_with_time_tells_that_the_server_is_silent_now(time, first_took):
    transport = Late(time, first_took)
    with pytest.raises(TransportTimeoutError, match="no answer"):
        Caller(transport, RetryPolicy()).call(STATUS, Deadline(10.0))
    assert transport.calls == 2


@pytest.mark.parametrize(("retry_after", "times"), [(3600.0, 1), (10.0, 1), (6.0, 2), (2.0, 5)])
def test_what_the_server_asks_for_is_never_shortened(time, retry_after, times):
    moments = asked(time, 10.0, retry_after, initial_delay=0.1)
    pauses = [later - earlier for earlier, later in zip(moments, moments[1:])]
    assert len(moments) == times
    assert all(pause >= retry_after for pause in pauses)
