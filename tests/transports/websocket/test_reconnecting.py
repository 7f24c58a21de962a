"""When a lost connection may be replaced, and whether the next is subscribed to events; in a time of the test's own."""

import pytest

from rocketride_sync import AuthenticationError, ProtocolError, RetryPolicy, TransientError, TransportError
from rocketride_sync.deadline import Deadline
from rocketride_sync.transports.websocket.reconnecting import Reconnecting, Subscribing

RETRY = RetryPolicy(initial_delay=1.0, max_delay=8.0, multiplier=2.0, jitter=0.0)
LOST = TransportError("lost")
MALFORMED = ProtocolError("nonsense")
FOR_EVER = Deadline(None)


@pytest.fixture
def reconnecting(clock):
    return Reconnecting(RETRY)


def busy(seconds):
    return TransientError("busy", retry_after=seconds)


def test_at_first_it_is_due(reconnecting):
    assert reconnecting.is_due
    assert reconnecting.left == 0.0
    assert not reconnecting.failed_before
    assert reconnecting.fault is None


def test_a_lost_connection_is_replaced_at_once_and_later_each_time_it_gave_no_answer(reconnecting, clock):
    waited = []
    for _ in range(5):
        reconnecting.lost(LOST)
        waited.append(reconnecting.left)
        assert reconnecting.is_due == (waited[-1] == 0.0)
        clock.now += waited[-1]
        assert reconnecting.is_due
        assert reconnecting.failed_before
    assert waited == [0.0, 1.0, 2.0, 4.0, 8.0]
    clock.now += 5.0
    assert reconnecting.left == 0.0


def test_a_loss_that_one_poll_has_caused_delays_nothing_and_is_no_failure_of_the_connection(
    reconnecting, clock
):
    waited = []
    for caused in (False, False, True, True, False):
        reconnecting.lost(MALFORMED, caused_by_poll=caused)
        waited.append(reconnecting.left)
        clock.now += waited[-1]
    assert waited == [0.0, 1.0, 0.0, 0.0, 2.0]
    assert reconnecting.failed_before


def test_without_a_connection_the_time_may_be_up_because_of_answers_that_made_no_sense(reconnecting):
    assert str(reconnecting.out_of_time()) == "no connection within the timeout"
    reconnecting.lost(MALFORMED)
    assert str(reconnecting.out_of_time()) == "no connection within the timeout: nonsense"
    reconnecting.lost(LOST)
    assert reconnecting.out_of_time() is LOST
    reconnecting.lost(MALFORMED, caused_by_poll=True)
    assert str(reconnecting.out_of_time()) == "no connection within the timeout: nonsense"


def test_after_an_answer_it_begins_anew(reconnecting):
    for _ in range(3):
        reconnecting.lost(LOST)
    reconnecting.answered()
    assert not reconnecting.failed_before
    reconnecting.lost(LOST)
    assert reconnecting.left == 0.0
    assert reconnecting.failed_before


def test_after_a_refusal_it_is_due_later_each_time(reconnecting):
    waited = []
    for _ in range(4):
        reconnecting.refused(LOST, FOR_EVER)
        waited.append(reconnecting.left)
    reconnecting.lost(LOST)
    assert [*waited, reconnecting.left] == [1.0, 2.0, 4.0, 8.0, 8.0]


@pytest.mark.parametrize(
    ("asked", "seconds", "waited"),
    [(100.0, None, 100.0), (100.0, 50.0, 25.0), (100.0, 0.5, 1.0), (100.0, 0.0, 1.0), (20.0, 50.0, 20.0)],
)
def test_a_delay_that_the_server_asks_for_leaves_time_for_a_last_poll(reconnecting, asked, seconds, waited):
    reconnecting.refused(busy(asked), Deadline(seconds))
    assert reconnecting.left == waited


@pytest.mark.parametrize(("fault", "kept"), [(LOST, LOST), (AuthenticationError("no"), None)])
def test_a_fault_that_may_pass_is_why_there_is_no_connection(reconnecting, fault, kept):
    reconnecting.lost(fault)
    assert reconnecting.fault is kept
    reconnecting.refused(fault, FOR_EVER)
    assert reconnecting.fault is kept


def test_once_an_answer_has_come_it_is_no_longer_why(reconnecting):
    reconnecting.lost(LOST)
    reconnecting.answered()
    assert reconnecting.fault is None


# --- events


@pytest.fixture
def subscribing(clock):
    return Subscribing()


def test_a_subscription_is_allowed_and_requested_once(subscribing):
    assert subscribing.allowed
    assert not subscribing.requested
    subscribing.request()
    assert subscribing.requested
    subscribing.connected()
    assert not subscribing.requested


def lose_at_once(subscribing):
    subscribing.connected()
    subscribing.request()
    return subscribing.lost()


def test_after_one_suspicious_loss_only_a_connection_that_has_answered_is_subscribed_after_two_none(
    subscribing,
):
    assert lose_at_once(subscribing)
    subscribing.connected()
    assert not subscribing.allowed
    subscribing.poll_answered()
    assert subscribing.allowed
    assert lose_at_once(subscribing)
    subscribing.connected()
    subscribing.poll_answered()
    assert not subscribing.allowed


def test_an_answer_on_the_connection_before_allows_nothing_on_the_next(subscribing):
    assert lose_at_once(subscribing)
    subscribing.connected()
    subscribing.poll_answered()
    subscribing.connected()
    assert not subscribing.allowed


def test_without_a_subscription_no_loss_is_suspicious(subscribing):
    subscribing.connected()
    assert not subscribing.lost()
    assert subscribing.allowed


@pytest.mark.parametrize(("sent", "suspicious"), [(-0.1, True), (0.0, False), (0.1, False)])
def test_a_loss_is_suspicious_unless_a_poll_sent_after_the_subscription_was_answered(
    subscribing, clock, sent, suspicious
):
    """A poll that was sent before may be answered before the gateway sees the subscription."""
    subscribing.connected()
    requested_at = clock.now
    subscribing.request()
    clock.now += 5.0
    subscribing.request()  # of another task: the first one counts
    subscribing.poll_answered(requested_at + sent)
    assert subscribing.lost() is suspicious


def test_one_such_answer_is_enough_whatever_is_answered_later(subscribing, clock):
    subscribing.connected()
    subscribing.request()
    subscribing.poll_answered()
    subscribing.poll_answered(clock.now - 1.0)
    assert not subscribing.lost()


def test_an_answer_before_any_subscription_says_nothing_of_it(subscribing, clock):
    subscribing.connected()
    subscribing.poll_answered()
    subscribing.request()
    assert subscribing.lost()
