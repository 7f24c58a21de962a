"""What a poller does with its connection, and what it tells when that is lost; over one of the test's making."""

import os
import socket

import pytest

from rocketride_sync import RetryPolicy, TransportError
from rocketride_sync.deadline import Deadline
from rocketride_sync.protocol import operations
from rocketride_sync.transports.poller import WakeUp
from rocketride_sync.transports.websocket.pool import Pool
from rocketride_sync.transports.websocket.websocket_poller import WebSocketPoller

from ..polled_tasks import tokens

ANSWER = {"state": 3}


class Connection:
    """Answers what is in `answered`, then tells `events`, then is lost or silent."""

    broken = False
    socket_class = socket.socket
    credential = "key"
    generation = 0
    longest_answer = 0
    pid = property(lambda _: os.getpid())

    def __init__(self):
        self.asked = []
        self.answered = []
        self.events = []
        self.lost = None
        self.closed = False

    def settle(self, _deadline):
        return True

    def send_notice(self, *_):
        pass

    def post_all(self, several, _deadline):
        numbers = list(range(len(self.asked), len(self.asked) + len(several)))
        self.asked += several
        return numbers

    def next_answer(self, _deadline):
        return (self.answered.pop(0), {}) if self.answered else None

    def answer_at_hand(self):
        return self.next_answer(None)

    def interpret(self, _operation, _answer):
        return ANSWER

    def is_silent_since(self, _moment):
        return False

    def listen(self, _deadline):
        if self.lost:
            raise self.lost
        return self.queued_event()

    def queued_event(self):
        return self.events.pop(0) if self.events else None

    def drain(self):
        pass

    def abandon(self):
        self.broken = True

    def close(self):
        self.closed = True


class Poll:
    def __init__(self, token, seconds=60.0):
        self.operation = operations.get_task_status(token)
        self.until = Deadline(seconds)

    def begin(self):
        return self.until

    def mark_answered(self):
        pass


@pytest.fixture
def connection():
    return Connection()


@pytest.fixture
def pool(connection):
    return Pool(lambda *_: connection)


def poller_of(pool, count=2):
    return WebSocketPoller(pool, RetryPolicy(), count, "key")


def polled(poller, connection, *polls):
    """All polls, sent and answered."""
    for poll in polls:
        poller.submit(poll)
    connection.answered += range(len(connection.asked), len(connection.asked) + len(polls))
    assert [poller.next(Deadline(5.0)) for _ in polls] == [(poll, ANSWER) for poll in polls]


def test_a_lost_connection_is_a_reason_to_poll_each_task_that_was_listened_for(pool, connection):
    """Its `end` event may have been lost."""
    poller, polls = poller_of(pool), [Poll(token) for token in tokens(2)]
    polled(poller, connection, *polls)
    connection.lost = TransportError("reset")
    assert [poller.next(Deadline(5.0)) for _ in polls] == [(poll, WakeUp.POLL) for poll in polls]


@pytest.mark.parametrize(
    ("action", "wake_up"), [("end", WakeUp.ENDED), ("begin", WakeUp.POLL), ("restart", WakeUp.POLL)]
)
def test_only_an_end_event_tells_that_a_task_ended(pool, connection, action, wake_up):
    poller, poll = poller_of(pool), Poll(tokens(1)[0])
    polled(poller, connection, poll)
    connection.events.append({"type": "event", "event": "apaevt_task", "body": {"action": action}})
    assert poller.next(Deadline(5.0)) == (poll, wake_up)


def test_a_connection_that_owes_no_answer_is_kept(pool, connection):
    poller = poller_of(pool)
    polled(poller, connection, *[Poll(token) for token in tokens(2)])
    poller.close()
    assert pool.take() is connection
    assert not connection.closed


def test_a_connection_that_owes_an_answer_is_closed(pool, connection):
    poller = poller_of(pool)
    poller.submit(Poll(tokens(1)[0]))
    assert poller.next(Deadline(0.01)) is None
    poller.close()
    assert connection.closed
    assert pool.take() is None


def test_a_connection_whose_answer_may_come_late_is_closed(pool, connection):
    """The poll has failed already; its answer would come to whoever uses the connection next."""
    poller, (punctual, late) = poller_of(pool), (Poll(tokens(2)[0]), Poll(tokens(2)[1], 0.05))
    poller.submit(late)
    poller.submit(punctual)
    connection.answered.append(1)
    answers = dict(poller.next(Deadline(5.0)) for _ in range(2))
    assert answers[punctual] is ANSWER
    assert "no answer within the timeout" in str(answers[late])
    poller.close()
    assert connection.closed
    assert pool.take() is None
