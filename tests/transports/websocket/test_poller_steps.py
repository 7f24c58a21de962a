"""What a poller sends, awaits and gives up, step by step, over connections of the test's making; in a time of its own."""

import logging
import os
import socket

import pytest
from handlers import of_auth

from rocketride_sync import (
    AuthenticationError,
    ConfigurationError,
    ProtocolError,
    RetryPolicy,
    TransientError,
    TransportError,
    TransportTimeoutError,
)
from rocketride_sync.deadline import Deadline
from rocketride_sync.protocol import operations
from rocketride_sync.protocol.run_log_operations import get_task_runs
from rocketride_sync.transports.end_told import EndTold
from rocketride_sync.transports.poller import WakeUp
from rocketride_sync.transports.websocket.pool import Pool
from rocketride_sync.transports.websocket.subscription_allowance import FEW
from rocketride_sync.transports.websocket.websocket_poller import WebSocketPoller

from ..polled_tasks import tokens

LOST = TransportError("lost")
RETRY = RetryPolicy(initial_delay=1.0, max_delay=8.0, multiplier=2.0, jitter=0.0)


def status_of(poll):
    return {"state": 3, "completed": False, "project_id": poll.token, "source": "s"}


def event(action, poll, **fields):
    body = {
        "action": action,
        "projectId": poll.token,
        "source": "s",
        "__id": f"{poll.token[3:11]}.s",
        **fields,
    }
    return {"type": "event", "event": "apaevt_task", "body": body}


class Connection:
    """Time passes while something is received: a frame comes after so many seconds, or the connection is lost.

    `frames` are pairs of the moment and what comes then: the number of the request that is answered, an event, or an error.
    """

    socket_class = socket.socket
    credential = "key"
    generation = 0
    longest_answer = 0

    def __init__(self, clock):
        self.pid = os.getpid()
        self.clock = clock
        self.frames = []
        self.posted = []  # tokens
        self.sent = []  # what, and its deadline
        self.broken = self.closed = self.abandoned = self.silent = False
        self.settled = True
        self.send_fault = None
        self.settles = True
        self.longest = 0
        self.received = 0

    def at(self, seconds, *frames):
        """So many seconds from now these come."""
        self.frames += [(self.clock.now + seconds, frame) for frame in frames]

    def _next(self, kinds, deadline):
        end = self.clock.now + deadline.remaining()
        for place, (moment, frame) in enumerate(self.frames):
            if moment <= end and isinstance(frame, kinds):
                del self.frames[place]
                self.clock.now = max(self.clock.now, moment)
                if isinstance(frame, Exception):
                    self.broken = True
                    raise frame
                return frame
        self.clock.now = end
        return None

    def post_all(self, several, deadline):
        if self.send_fault:
            raise self.send_fault
        numbers = list(range(len(self.posted), len(self.posted) + len(several)))
        self.posted += [operation.arguments["token"] for operation in several]
        self.sent.append(("polls", len(several), round(deadline.remaining(), 3)))
        return numbers

    def next_answer(self, deadline):
        return None if deadline.expired else self._answer(deadline)

    def answer_at_hand(self):
        return self._answer(Deadline(0.0))

    def _answer(self, deadline):
        number = self._next((int, Exception), deadline)
        return None if number is None else (number, self.posted[number])

    def interpret(self, operation, token):
        answer = self.answers.get(token) if hasattr(self, "answers") else None
        if isinstance(answer, Exception):
            raise answer
        return answer or {"state": 3, "completed": False, "project_id": token, "source": "s"}

    def listen(self, deadline):
        return self._next((dict, Exception), deadline)

    def queued_event(self):
        return self._next(dict, Deadline(0.0))

    def receive_frame(self, deadline):
        self.received += 1
        self.settled = self.settles
        self.clock.now += 0.1

    def longest_event(self, *, forget):
        return self.longest

    def is_silent_since(self, _moment):
        return self.silent

    def send_notice(self, operation, deadline):
        if self.send_fault:
            raise self.send_fault
        on = bool(operation.arguments["types"])
        self.sent.append((operation.arguments["token"], on, round(deadline.remaining(), 3)))

    def settle(self, deadline):
        self.sent.append(("settle", round(deadline.remaining(), 3)))
        return self.settled

    def drain(self):
        pass

    def close(self):
        self.closed = True

    def abandon(self):
        self.abandoned = self.broken = True

    def subscriptions(self):
        return [what for what in self.sent if what[1] is True or what[1] is False]


class Poll:
    def __init__(self, token, answer_within=30.0, until=60.0):
        self.token = token
        self.operation = operations.get_task_status(token)
        self.until = Deadline(until)
        self.answer_within = answer_within
        self.answered = 0

    def __repr__(self):
        return self.token

    def begin(self):
        return Deadline(self.answer_within)

    def mark_answered(self):
        self.answered += 1


class World:
    """A poller, its pool, and the connections that the pool makes one after the other, or why there is none."""

    def __init__(self, clock):
        self.clock = clock
        self.made = [Connection(clock) for _ in range(4)]
        self.refusals = []
        self.tries = []
        self.pool = Pool(self._connect)

    def _connect(self, deadline, _replaceable):
        self.tries.append((self.clock.now, round(deadline.remaining(), 3)))
        if self.refusals:
            raise self.refusals.pop(0)
        return next(
            connection
            for connection in self.made
            if not getattr(connection, "used", False) and self._use(connection)
        )

    @staticmethod
    def _use(connection):
        connection.used = True
        return True

    def poller(self, count=2, credential="key"):
        return WebSocketPoller(self.pool, RETRY, count, credential)


@pytest.fixture
def world(clock):
    return World(clock)


@pytest.fixture
def first(world):
    return world.made[0]


def submit(poller, count, **options):
    polls = [Poll(token, **options) for token in tokens(count)]
    for poll in polls:
        poller.submit(poll)
    return polls


def take(poller, count, seconds=5.0):
    return [poller.next(Deadline(seconds)) for _ in range(count)]


def answered(*polls):
    return [(poll, status_of(poll)) for poll in polls]


# --- sending


def test_few_are_subscribed_to_with_their_polls_once_what_was_before_is_answered(world, first):
    poller = world.poller()
    assert not poller.is_open
    assert poller.ready
    assert not poller.has_results
    one, two = submit(poller, 2)
    first.at(0.0, 0, 1)
    assert take(poller, 1) == answered(one)
    assert poller.has_results
    assert take(poller, 1) == answered(two)
    assert poller.is_open
    assert first.sent == [
        ("settle", 30.0),
        (one.token, True, 30.0),
        (two.token, True, 30.0),
        ("polls", 2, 30.0),
    ]
    poller.submit(one)
    first.at(0.0, 2)
    assert take(poller, 1) == answered(one)
    assert first.sent[4:] == [("polls", 1, 30.0)]
    assert (one.answered, two.answered) == (2, 1)


@pytest.mark.parametrize(("count", "subscribed"), [(FEW, FEW), (FEW + 1, 0)])
def test_so_many_are_few(world, first, count, subscribed):
    poller = world.poller(count)
    polls = submit(poller, count)
    first.at(0.0, *range(count))
    assert take(poller, count) == answered(*polls)
    with_polls = first.sent[: first.sent.index(("polls", count, 30.0))]
    assert sum(what[1] is True for what in with_polls) == subscribed


def test_of_many_more_are_subscribed_to_once_the_earlier_are_answered(world, first):
    poller = world.poller(FEW + 1)
    submit(poller, FEW + 1)
    first.at(0.0, *range(FEW + 1))
    take(poller, FEW + 1)
    first.settled = False
    assert poller.next(Deadline(5.0)) is None
    assert first.received == 1
    assert len(first.subscriptions()) == FEW + 1


def test_when_few_are_left_they_are_subscribed_to(world, first):
    poller = world.poller(FEW + 1)
    first.longest = 1_000_000
    one, *_, other, last = submit(poller, FEW + 1)
    first.at(0.0, *range(FEW + 1))
    take(poller, FEW + 1)
    poller.remove(last)
    poller.submit(other)
    first.at(0.0, FEW + 1)
    assert take(poller, 1) == answered(other)
    assert first.subscriptions() == [(one.token, True, 60.0), (other.token, True, 30.0)]
    first.longest = 0
    assert poller.next(Deadline(5.0)) is None
    # Not to the one that has ended.
    assert [what[0] for what in first.subscriptions()][2:] == tokens(FEW + 1)[1:-2]


def test_a_poll_for_which_no_time_is_left_is_not_sent(world, first):
    """A timeout while it is sent would break the connection of all."""
    poller = world.poller()
    late, punctual = Poll(tokens(2)[0], answer_within=0.0), Poll(tokens(2)[1])
    poller.submit(late)
    poller.submit(punctual)
    first.at(0.0, 0)
    results = dict(take(poller, 2))
    assert str(results[late]) == "get_task_status failed: no time was left for it"
    assert isinstance(results[late], TransportTimeoutError)
    assert results[punctual] == status_of(punctual)
    assert first.posted == [punctual.token]
    assert late.answered == 1


def test_a_connection_that_breaks_as_polls_are_sent_costs_none_of_them(world, first):
    poller = world.poller()
    polls = submit(poller, 2)
    first.send_fault = LOST
    world.made[1].at(0.0, 0, 1)
    assert take(poller, 3) == [(polls[0], WakeUp.POLL), *answered(*polls)]
    assert world.made[1].posted == tokens(2)


def test_polls_that_were_not_sent_can_be_taken_back_with_the_reason(world):
    poller = world.poller()
    polls = submit(poller, 2)
    assert poller.take_queued() == (polls, None)
    assert poller.take_queued() == ([], None)
    world.refusals.append(LOST)
    submit(poller, 1)
    take(poller, 1)
    polls = submit(poller, 1)
    assert poller.take_queued() == (polls, LOST)


# --- connecting


def test_without_a_connection_each_poll_that_waits_for_it_fails_with_an_error_of_its_own(world):
    poller = world.poller()
    polls = submit(poller, 2, answer_within=7.0)
    world.refusals.append(LOST)
    results = take(poller, 2)
    assert [poll for poll, _ in results] == polls
    assert [str(error) for _, error in results] == ["lost", "lost"]
    assert len({id(LOST), *(id(error) for _, error in results)}) == 3
    assert [poll.answered for poll in polls] == [1, 1]
    assert world.tries[0][1] == 7.0
    assert not poller.ready
    began = world.clock.now
    submit(poller, 1)
    world.made[0].at(1.0, 0)
    take(poller, 1)
    assert world.tries[1][0] - began == pytest.approx(1.0)


def test_a_refused_key_is_everybodys_error(world):
    poller = world.poller()
    submit(poller, 2)
    refused = of_auth(AuthenticationError("no"))
    world.refusals.append(refused)
    with pytest.raises(AuthenticationError) as caught:
        poller.next(Deadline(5.0))
    assert caught.value is refused


def test_a_long_delay_that_the_server_asks_for_leaves_time_for_the_first_that_waits(world):
    poller = world.poller(3)
    for token, until in zip(tokens(3), (10.0, 20.0, 40.0)):
        poller.submit(Poll(token, until=until))
    world.refusals.append(TransientError("busy", retry_after=1000.0))
    take(poller, 3)
    began = world.clock.now
    submit(poller, 1)
    world.made[0].at(5.0, 0)
    take(poller, 1, 30.0)
    assert world.tries[1][0] - began == pytest.approx(5.0)


@pytest.mark.parametrize("known", [True, False])
def test_a_poll_that_waits_for_a_connection_fails_when_its_time_is_up(world, first, known):
    poller = world.poller()
    submit(poller, 1)
    world.refusals.append(TransientError("busy", retry_after=20.0))
    take(poller, 1)
    early, late = Poll(tokens(2)[0], until=2.0), Poll(tokens(2)[1], until=50.0)
    poller.submit(early)
    poller.submit(late)
    if not known:
        poller._reconnecting.fault = None
    began = world.clock.now
    ((failed, error),) = take(poller, 1, 30.0)
    assert failed is early
    assert world.clock.now - began == pytest.approx(2.0)
    assert str(error) == ("busy" if known else "no connection within the timeout: busy")
    assert poller.take_queued()[0] == [late]


def test_without_anything_to_do_it_sleeps(world, clock):
    poller = world.poller()
    began = clock.now
    assert poller.next(Deadline(5.0)) is None
    assert clock.now - began == pytest.approx(5.0)


def test_a_connection_kept_by_the_pool_is_used_unless_the_last_one_failed(world, clock):
    idle, latest = Connection(clock), Connection(clock)
    latest.at(0.0, LOST)
    world.pool.give_back(idle)
    world.pool.give_back(latest)
    poller = world.poller()
    (poll,) = submit(poller, 1)
    world.made[0].at(0.0, 0)
    assert take(poller, 2) == [(poll, WakeUp.POLL), *answered(poll)]
    assert world.made[0].posted == [poll.token]
    assert idle.posted == []


# --- receiving


def test_an_answer_that_is_an_error_is_that_polls_alone(world, first):
    poller = world.poller()
    one, two = submit(poller, 2)
    error = TransientError("busy")
    first.answers = {one.token: error}
    first.at(0.0, 0, 1)
    assert take(poller, 2) == [(one, error), *answered(two)]
    assert poller.is_open


@pytest.mark.parametrize(("apart", "together"), [(0.009, True), (0.011, False)])
def test_answers_are_handed_out_together_until_nothing_comes_for_ten_milliseconds(
    world, first, apart, together
):
    poller = world.poller(3)
    one, *_ = submit(poller, 3)
    for number in range(3):
        first.at(0.1 + number * apart, number)
    began = world.clock.now
    assert take(poller, 1) == answered(one)
    assert world.clock.now - began == pytest.approx(0.1 + 2 * apart if together else 0.11)


def test_what_came_just_before_the_deadline_is_handed_out(world, first):
    """Though it was gathered for a few milliseconds longer."""
    poller = world.poller(2)
    one, _ = submit(poller, 2)
    first.at(0.195, 0)
    assert take(poller, 1, 0.2) == answered(one)


@pytest.mark.parametrize(("size", "waited"), [(256 * 1024, 0.11), (256 * 1024 + 1, 0.5)])
def test_answers_that_may_be_long_are_waited_for_up_to_half_a_second(world, first, size, waited):
    """Unread, they could hold up the events of others."""
    poller = world.poller(2)
    one, _ = submit(poller, 2)
    first.longest_answer = size
    first.at(0.1, 0)
    first.at(0.9, 1)
    began = world.clock.now
    assert take(poller, 1) == answered(one)
    assert world.clock.now - began == pytest.approx(waited)


def test_an_answer_that_came_in_time_counts_though_it_is_read_late(world, first):
    poller = world.poller(1)
    (poll,) = submit(poller, 1, answer_within=1.0)
    assert poller.next(Deadline(0.3)) is None
    first.at(0.5, 0)
    world.clock.now += 10.0  # the caller's code
    assert take(poller, 1) == answered(poll)


def test_events_wake_up_and_those_received_with_one_too(world, first):
    poller = world.poller(3)
    polls = submit(poller, 3)
    first.at(0.0, 0, 1, 2)
    take(poller, 3)
    first.at(1.0, event("something new", polls[0]))
    first.at(2.0, event("end", polls[1]), event("begin", polls[2]))
    assert take(poller, 1) == [(polls[1], WakeUp.ENDED)]
    assert poller.has_results
    assert take(poller, 1) == [(polls[2], WakeUp.POLL)]
    began = world.clock.now
    assert poller.next(Deadline(5.0)) is None
    assert world.clock.now - began == 5.0


def test_events_are_read_beside_a_poll_that_is_not_answered(world, first):
    poller = world.poller(2)
    one, _ = submit(poller, 2)
    first.at(0.0, 0)
    assert take(poller, 1) == answered(one)
    first.at(0.7, event("end", one))
    began = world.clock.now
    assert take(poller, 1) == [(one, WakeUp.ENDED)]
    assert world.clock.now - began <= 1.1


def test_the_end_that_an_event_told_is_known_and_shown_life_takes_it_back(world, first):
    poller = world.poller(1)
    (poll,) = submit(poller, 1)
    first.at(0.0, 0)
    take(poller, 1)
    assert poller.end_told(poll) == EndTold(False, None, True)
    first.at(0.0, event("end", poll, reason="ttl"))
    assert take(poller, 1) == [(poll, WakeUp.ENDED)]
    assert poller.end_told(poll) == EndTold(True, "ttl", True)
    poller.submit(poll)
    first.at(0.0, 1)
    take(poller, 1)
    assert poller.end_told(poll) == EndTold(False, None, True)


# --- failing


def test_a_poll_that_is_not_answered_fails_alone_while_others_are(world, first):
    poller = world.poller(2)
    mute, other = Poll(tokens(2)[0], answer_within=1.0), Poll(tokens(2)[1], answer_within=20.0)
    poller.submit(mute)
    poller.submit(other)
    first.at(0.5, 1)
    assert take(poller, 1) == answered(other)
    ((failed, error),) = take(poller, 1)
    assert failed is mute
    assert str(error) == "get_task_status failed: no answer within the timeout"
    assert poller.is_open
    assert not first.abandoned
    assert mute.answered == 1


def test_a_connection_that_answered_nothing_since_is_given_up_with_the_poll(world, first):
    poller = world.poller(1)
    (poll,) = submit(poller, 1, answer_within=1.0)
    results = take(poller, 2)
    assert results[0][0] is poll
    assert results[1] == (poll, WakeUp.POLL)  # its end may be told meanwhile
    assert first.abandoned
    assert not poller.is_open
    poller.submit(poll)
    world.made[1].at(0.0, 0)
    assert take(poller, 1) == answered(poll)


def test_a_silent_connection_is_given_up_before_the_polls_are(world, first):
    poller = world.poller(1)
    (poll,) = submit(poller, 1)
    first.silent = True
    world.made[1].at(1.0, 0)
    assert take(poller, 2) == [(poll, WakeUp.POLL), *answered(poll)]
    assert first.abandoned


def test_a_lost_connection_that_answered_is_replaced_at_once(world):
    poller = world.poller(1)
    began = world.clock.now
    for connection in world.made[:3]:
        (poll,) = submit(poller, 1)
        connection.frames = [(0.0, 0), (0.0, LOST)]
        assert take(poller, 1) == answered(poll)
        assert take(poller, 1) == [(poll, WakeUp.POLL)]
    assert [round(moment - began, 3) for moment, _ in world.tries] == [0.0, 0.0, 0.0]


def test_one_that_gave_no_answer_is_replaced_later_each_time(world):
    poller = world.poller(1)
    (poll,) = submit(poller, 1)
    for connection in world.made[:3]:
        connection.frames = [(0.0, LOST)]
    while len(world.tries) < 4:
        result = poller.next(Deadline(20.0))
        if result is not None and isinstance(result[1], TransportError):
            poller.submit(poll)
    moments = [moment for moment, _ in world.tries]
    assert [round(later - moment, 3) for moment, later in zip(moments, moments[1:])] == [0.0, 1.0, 2.0]


def test_a_poll_that_loses_its_connection_twice_has_failed(world):
    poller = world.poller(1)
    (poll,) = submit(poller, 1)
    for connection in world.made[:2]:
        connection.frames.append((0.0, LOST))
    woken, (failed, error) = take(poller, 2)
    assert woken == (poll, WakeUp.POLL)
    assert (failed, str(error)) == (poll, "lost")
    assert poller.take_queued()[0] == []


def test_answers_without_sense_that_no_single_poll_has_caused_delay_the_next_connection(world):
    poller = world.poller(2)
    polls = submit(poller, 2)
    for connection in world.made[:2]:
        connection.frames = [(0.0, ProtocolError("nonsense"))]
    for number in range(2):
        world.made[2].at(1.0 + number, number)
    assert take(poller, 4) == [*((poll, WakeUp.POLL) for poll in polls), *answered(*polls)]
    moments = [moment for moment, _ in world.tries]
    assert [round(later - moment, 3) for moment, later in zip(moments, moments[1:])] == [0.0, 1.0]


def test_a_forked_child_goes_on_over_a_connection_of_its_own(world, first, monkeypatch):
    poller = world.poller(1)
    (poll,) = submit(poller, 1)
    first.at(0.0, 0)
    take(poller, 1)
    child = first.pid + 1
    monkeypatch.setattr(os, "getpid", lambda: child)
    for connection in world.made[1:]:
        connection.pid = child
    poller.submit(poll)
    world.made[1].at(0.0, 0)
    results = take(poller, 2)
    assert (poll, status_of(poll)) in results
    assert first.abandoned
    assert not first.closed


# --- leaving


def test_it_unsubscribes_and_gives_the_connection_back(world, first):
    poller = world.poller(1)
    (poll,) = submit(poller, 1)
    first.at(0.0, 0)
    take(poller, 1)
    poller.close()
    assert first.subscriptions()[1:] == [(poll.token, False, 0.5)]
    assert world.pool.take() is first
    assert not poller.is_open
    poller.close()


def test_a_connection_whose_subscription_may_yet_come_is_closed(world, first):
    poller = world.poller(1)
    submit(poller, 1)
    first.at(0.0, 0)
    take(poller, 1)
    first.settled = False
    poller.close()
    assert first.closed
    assert world.pool.take() is None


def test_a_connection_that_owes_an_answer_is_closed_whatever_came_since(world, first):
    poller = world.poller(2)
    mute, other = Poll(tokens(2)[0], answer_within=1.0), Poll(tokens(2)[1])
    poller.submit(mute)
    poller.submit(other)
    first.at(0.5, 1)
    take(poller, 2)
    poller.submit(other)
    first.at(0.8, 2)  # later than it listens at a time
    assert take(poller, 1) == answered(other)
    poller.close()
    assert first.closed
    assert world.pool.take() is None


def test_a_connection_that_is_lost_as_it_is_left_is_not_given_back(world, first):
    poller = world.poller(1)
    submit(poller, 1)
    first.at(0.0, 0)
    take(poller, 1)
    first.send_fault = LOST
    poller.close()
    assert world.pool.take() is None


def test_an_answer_that_a_lost_connection_owed_is_not_owed_by_the_next(world, first):
    poller = world.poller(1)
    (poll,) = submit(poller, 1, answer_within=1.0)
    take(poller, 2)
    poller.submit(poll)
    world.made[1].at(0.0, 0)
    take(poller, 1)
    poller.close()
    assert not world.made[1].closed
    assert world.pool.take() is world.made[1]


# --- bounds


def test_the_first_poll_says_how_long_connecting_may_take_and_the_last_how_long_sending(world, first):
    poller = world.poller(2)
    for token, seconds in zip(tokens(2), (7.0, 9.0)):
        poller.submit(Poll(token, answer_within=seconds))
    first.at(0.0, 0, 1)
    take(poller, 2)
    assert world.tries[0][1] == 7.0
    assert first.sent[0] == ("settle", 7.0)
    assert first.sent[-1] == ("polls", 2, 9.0)


def test_the_error_of_a_poll_for_which_no_time_is_left_names_its_request(world):
    poller = world.poller(2)
    late, other = Poll(tokens(2)[0], answer_within=0.0), Poll(tokens(2)[1])
    other.operation = get_task_runs("p", "s")
    poller.submit(late)
    poller.submit(other)
    ((failed, error),) = take(poller, 1)
    assert failed is late
    assert str(error) == "get_task_status failed: no time was left for it"
    alone = world.poller(1)
    alone.submit(late)
    assert take(alone, 1)[0][0] is late


def test_a_poll_that_cannot_be_sent_twice_has_failed(world):
    poller = world.poller(1)
    (poll,) = submit(poller, 1)
    world.made[0].send_fault = world.made[1].send_fault = LOST
    woken, (failed, error) = take(poller, 2)
    assert woken == (poll, WakeUp.POLL)
    assert (failed, str(error)) == (poll, "lost")


def test_a_connection_that_breaks_as_more_are_subscribed_to_is_replaced(world, first):
    poller = world.poller(FEW + 1)
    polls = submit(poller, FEW + 1)
    first.settled = False
    first.at(0.0, *range(FEW + 1))
    assert take(poller, FEW + 1) == answered(*polls)
    first.settled, first.send_fault = True, LOST
    began = world.clock.now
    assert take(poller, 1) == [(polls[0], WakeUp.POLL)]
    assert world.clock.now == began
    assert not poller.is_open
    assert poller.take_queued() == ([], LOST)
    poller.submit(polls[0])
    world.made[1].at(0.0, 0)
    assert take(poller, 1) == answered(polls[0])


def test_each_task_that_ended_is_one_less(world, first):
    poller = world.poller(FEW + 3)
    first.longest = 1_000_000
    one, two, three, *_ = polls = submit(poller, FEW + 3)
    first.at(0.0, *range(FEW + 3))
    take(poller, FEW + 3)
    poller.remove(one)
    poller.remove(two)
    poller.submit(three)
    first.at(0.0, len(polls))
    take(poller, 1)
    assert [what[0] for what in first.subscriptions()] == [one.token]


def test_events_are_read_though_a_subscription_is_never_answered(world, first):
    poller = world.poller(FEW + 1)
    polls = submit(poller, FEW + 1)
    first.at(0.0, *range(FEW + 1))
    first.settles = False
    first.longest = 1_000_000
    take(poller, FEW + 1)
    first.settled = False
    first.at(0.05, event("end", polls[0]))
    began = world.clock.now
    assert take(poller, 1) == [(polls[0], WakeUp.ENDED)]
    assert poller.next(Deadline(0.2)) is None
    assert world.clock.now - began < 0.5


def test_without_subscriptions_it_waits_and_does_not_spin(world, first):
    poller = world.poller(1)
    (poll,) = submit(poller, 1)
    for connection in world.made[:2]:
        connection.frames.append((0.0, LOST))
    take(poller, 2)
    poller.submit(poll)
    world.made[2].at(0.0, 0)
    assert take(poller, 1) == answered(poll)
    began = world.clock.now
    assert poller.next(Deadline(5.0)) is None
    assert world.clock.now - began == 5.0


def test_a_loss_is_suspicious_whatever_was_answered_on_the_connection_before(world):
    poller = world.poller(1)
    (poll,) = submit(poller, 1)
    world.made[0].frames = [(0.0, 0), (0.0, LOST)]
    world.made[1].frames = [(0.0, LOST)]
    assert take(poller, 2) == [*answered(poll), (poll, WakeUp.POLL)]
    poller.submit(poll)
    world.made[2].at(0.0, 0)
    assert take(poller, 2) == [(poll, WakeUp.POLL), *answered(poll)]
    assert world.made[1].subscriptions() != []
    assert world.made[2].subscriptions() == []


def test_a_poll_fails_when_its_time_is_up_and_not_later(world):
    poller = world.poller(1)
    submit(poller, 1, answer_within=0.2)
    began = world.clock.now
    take(poller, 1)
    assert world.clock.now - began == pytest.approx(0.2)


def test_how_long_an_answer_took_is_logged(world, first, caplog):
    caplog.set_level(logging.DEBUG, "rocketride_sync")
    poller = world.poller(1)
    submit(poller, 1)
    first.at(0.25, 0)
    take(poller, 1)
    assert "get_task_status tk_0000… over WebSocket took 250.0 ms" in caplog.messages


# --- what must not be asked


def refused(result):
    poll, error = result
    assert type(error) is ConfigurationError
    assert "opens that task only" in str(error)
    assert poll.answered == 1
    return poll


def test_with_the_token_of_one_task_the_others_are_not_asked_for(world, first):
    one, _ = tokens(2)
    poller = world.poller(2, credential=one)
    own, another = submit(poller, 2)
    first.at(0.0, 0)
    assert refused(poller.next(Deadline(5.0))) is another
    assert take(poller, 1) == answered(own)
    assert first.posted == [one]


def test_nor_over_a_connection_of_the_token_of_one_task(world, first):
    """Its key may be another one than that which the poller was made with."""
    first.credential, *_ = tokens(3)
    poller = world.poller(3)
    own, *others = submit(poller, 3)
    first.at(0.0, 0)
    assert [refused(poller.next(Deadline(5.0))) for _ in others] == others
    assert take(poller, 1) == answered(own)
    assert first.posted == [own.token]
    assert poller.take_queued() == ([], None)


# --- after a loss


def told_and_lost(world, first, poller):
    """A task whose `end` event was received together with the loss of the connection."""
    (poll,) = submit(poller, 1)
    first.at(0.0, 0)
    take(poller, 1)
    first.at(1.0, LOST)
    first.at(1.0, event("end", poll, reason="ttl"))
    return poll


def test_what_was_received_with_the_loss_counts(world, first):
    poller = world.poller(1)
    poll = told_and_lost(world, first, poller)
    assert take(poller, 2) == [(poll, WakeUp.ENDED), (poll, WakeUp.POLL)]
    assert poller.end_told(poll) == EndTold(True, "ttl", False)


def test_what_a_poll_finds_elsewhere_is_learnt(world, first):
    poller = world.poller(1)
    poll = told_and_lost(world, first, poller)
    take(poller, 2)
    poller.shown_elsewhere(poll, status_of(poll))
    assert poller.end_told(poll) == EndTold(False, None, False)
