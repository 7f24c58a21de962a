"""What a watch does with its connection: subscribes, listens, replaces and leaves it; in a time of the test's own."""

import os
import socket

import pytest

from rocketride_sync import ConfigurationError, TransientError, TransportError, TransportTimeoutError
from rocketride_sync.deadline import Deadline
from rocketride_sync.protocol import operations
from rocketride_sync.transports.end_told import EndTold
from rocketride_sync.transports.websocket.pool import Pool
from rocketride_sync.transports.websocket.watch import WebSocketWatch

TOKEN = "tk_5f3a0123456789abcdef0123456789ab"
STATUS = operations.get_task_status(TOKEN)
RUNNING = {"state": 3, "completed": False, "project_id": "p", "source": "s"}
LOST = TransportError("lost")
NOTHING = None  # happens for as long as it is listened


class Connection:
    """Answers with `answers`, and is told `events` while it is listened to; an exception among them is raised.

    `done` is what was done with it. With a `TransportError` it is broken.
    """

    socket_class = socket.socket
    credential = "key"
    generation = 0

    def __init__(self, clock):
        self.pid = os.getpid()
        self.clock = clock
        self.answers = []
        self.events = []
        self.queued = []
        self.done = []
        self.pauses = []
        self.settling = []
        self.broken = self.closed = False
        self.settled = True

    def _happen(self, what):
        if isinstance(what, Exception):
            self.broken = isinstance(what, TransportError)
            raise what
        return what

    def ask(self, operation, deadline):
        assert operation is STATUS
        self.done.append("poll")
        return self._happen(self.answers.pop(0) if self.answers else RUNNING)

    def listen(self, deadline):
        self.pauses.append(deadline.remaining())
        event = self.events.pop(0) if self.events else NOTHING
        if event is NOTHING:
            self.clock.now += deadline.remaining()
        return self._happen(event)

    def queued_event(self):
        return self.queued.pop(0) if self.queued else None

    def send_notice(self, operation, deadline):
        assert operation.arguments["token"] == TOKEN
        self.done.append(("notice", list(operation.arguments["types"]), round(deadline.remaining(), 3)))

    def settle(self, deadline):
        self.settling.append(round(deadline.remaining(), 3))
        self.done.append("settle")
        return self._happen(self.settled)

    def drain(self):
        pass

    def close(self):
        self.closed = True

    def abandon(self):
        self.done.append("abandon")


@pytest.fixture
def made(clock):
    """The connections that a pool makes, one after the other; a test may add to them."""
    return [Connection(clock) for _ in range(5)]


@pytest.fixture
def pool(made):
    connections = iter(made)
    return Pool(lambda *_: next(connections))


@pytest.fixture
def watch(pool):
    return WebSocketWatch(pool, STATUS, "key")


def event(action, **fields):
    body = {"action": action, "projectId": "p", "source": "s", "__id": "5f3a0123.s", **fields}
    return {"type": "event", "event": "apaevt_task", "body": body}


def poll(watch, seconds=30.0):
    return watch.call(STATUS, Deadline(seconds))


def subscribed(connection):
    return [types for what, types, _ in notices(connection)]


def notices(connection):
    return [what for what in connection.done if what[0] == "notice"]


# --- subscribing


def test_it_subscribes_before_the_first_poll_once_what_was_before_is_answered(watch, made):
    assert not watch.is_open
    assert poll(watch) == RUNNING
    assert watch.is_open
    poll(watch)
    assert made[0].done == ["settle", ("notice", ["TASK"], 30.0), "poll", "poll"]
    assert made[0].settling == [30.0]


def test_on_each_connection_it_subscribes_anew(watch, made):
    poll(watch)
    made[0].answers.append(LOST)
    poll(watch)
    assert [subscribed(each) for each in made[:3]] == [[["TASK"]], [["TASK"]], []]


def test_a_poll_that_the_subscription_cost_is_repeated_without(watch, made):
    made[0].answers.append(LOST)
    assert poll(watch) == RUNNING
    assert made[1].done == ["poll"]
    poll(watch)
    assert made[1].done == ["poll", "settle", ("notice", ["TASK"], 30.0), "poll"]


def test_it_is_repeated_over_a_connection_that_is_alive(watch, pool, made, clock):
    """One that was given back meanwhile may have been lost as well."""
    stale = Connection(clock)
    stale.answers.append(LOST)

    def lose(*_):
        pool.give_back(stale)
        made[0].broken = True
        raise LOST

    made[0].ask = lose
    assert poll(watch) == RUNNING
    assert stale.done == ["poll"]
    assert made[1].done == ["poll"]


def test_a_poll_that_was_lost_for_another_reason_is_not_repeated(watch, made):
    for each in made[:3]:
        each.answers.append(LOST)
    with pytest.raises(TransportError):
        poll(watch)  # repeated once
    made[2].answers.append(LOST)
    with pytest.raises(TransportError):
        poll(watch)
    assert made[2].done == ["poll"]
    assert made[3].done == []


def test_a_connection_that_cannot_be_made_is_tried_once_a_poll():
    tried = []

    def refuse(*_):
        tried.append(LOST)
        raise LOST

    with pytest.raises(TransportError):
        poll(WebSocketWatch(Pool(refuse), STATUS, "key"))
    assert len(tried) == 1


def test_a_poll_whose_time_is_up_is_not_repeated_though_it_may_be_the_subscriptions_doing(watch, made):
    made[0].answers.append(TransportTimeoutError("late"))
    with pytest.raises(TransportTimeoutError):
        poll(watch)
    assert made[1].done == []


def test_a_connection_that_is_not_lost_by_a_fault_is_kept(watch, made):
    made[0].answers.append(TransientError("busy"))
    with pytest.raises(TransientError):
        poll(watch)
    assert watch.is_open
    poll(watch)
    assert made[0].done.count("poll") == 2
    assert subscribed(made[0]) == [["TASK"]]


def test_connections_lost_while_listening_that_answered_no_poll_may_be_the_subscriptions_doing(watch, made):
    for each in made[:2]:
        each.answers += [TransientError("busy"), TransientError("busy")]
        each.events += [NOTHING, LOST]
    for _ in range(4):
        with pytest.raises(TransientError):
            poll(watch)
        watch.pause(1.0)
    poll(watch)
    assert subscribed(made[0]) == [["TASK"]]
    assert subscribed(made[1]) == []
    assert subscribed(made[2]) == []
    poll(watch)
    assert subscribed(made[2]) == [["TASK"]]


# --- pausing


def test_without_an_event_a_pause_lasts_as_long_as_it_should(watch, made, clock):
    poll(watch)
    began = clock.now
    watch.pause(2.0)
    assert clock.now - began == 2.0
    assert made[0].pauses == [2.0]


def test_without_a_connection_too(watch, clock):
    began = clock.now
    watch.pause(2.0)
    assert clock.now - began == pytest.approx(2.0)


def test_events_of_others_do_not_end_a_pause(watch, made, clock):
    poll(watch)
    began = clock.now
    made[0].events += [event("end", projectId="another"), event("something new"), NOTHING]
    watch.pause(2.0)
    assert clock.now - began == 2.0
    assert len(made[0].pauses) == 3


@pytest.mark.parametrize("action", ["end", "begin", "restart"])
def test_an_event_of_the_task_ends_a_pause(watch, made, clock, action):
    poll(watch)
    began = clock.now
    made[0].events.append(event(action))
    watch.pause(2.0)
    assert clock.now == began


@pytest.mark.parametrize(
    ("first", "queued", "ended"),
    [
        ("begin", [], False),
        ("begin", ["end"], True),
        ("end", ["begin"], True),
        ("begin", ["restart", "end", "begin"], True),
        ("begin", ["restart"], False),
    ],
)
def test_an_end_among_what_was_received_with_an_event_makes_the_next_pauses_short(
    watch, made, first, queued, ended
):
    poll(watch)
    made[0].events.append(event(first))
    made[0].queued += [event(action) for action in queued]
    watch.pause(60.0)
    poll(watch)
    watch.pause(60.0)
    assert (made[0].pauses[1] < 1.0) is ended
    assert made[0].queued == []


def test_a_connection_that_is_lost_again_and_again_is_replaced_later_each_time(watch, made, clock):
    waited = []
    for each in made:
        each.events.append(LOST)
        poll(watch)
        began = clock.now
        watch.pause(1.2)
        assert not watch.is_open
        waited.append(round(clock.now - began, 3))
    assert waited == [0.0, 0.25, 0.5, 1.0, 1.2]


# --- the end that was told


def test_the_end_is_told_also_if_the_event_was_only_received(watch, made):
    assert watch.end_told() == EndTold(False, None, False)
    poll(watch)
    assert watch.end_told() == EndTold(False, None, True)
    made[0].queued.append(event("end", reason="ttl"))
    assert watch.end_told() == EndTold(True, "ttl", True)


def test_whose_end_it_was_shows_in_the_next_status(watch, made):
    poll(watch)
    made[0].queued.append(event("end"))
    assert watch.end_told().told
    poll(watch)
    assert not watch.end_told().told


def test_over_a_connection_that_may_not_be_subscribed_no_end_is_expected(watch, made):
    made[0].answers.append(LOST)
    poll(watch)
    assert watch.end_told() == EndTold(False, None, False)


def test_a_new_subscription_tells_anew_which_tasks_are_active(watch, made):
    poll(watch)
    made[0].queued.append(event("running", tasks=[]))
    assert not watch.end_told().may_come
    made[0].answers.append(LOST)
    poll(watch)
    assert watch.end_told().may_come


# --- leaving


def test_it_unsubscribes_and_gives_the_connection_back(watch, pool, made):
    poll(watch)
    made[0].done.clear()
    watch.close()
    assert made[0].done == ["settle", ("notice", [], 0.5)]
    assert not watch.is_open
    assert pool.take() is made[0]
    watch.close()
    assert len(made[0].done) == 2


def test_a_connection_that_was_not_subscribed_is_given_back_as_it_is(watch, pool, made):
    made[0].answers.append(LOST)
    poll(watch)
    watch.close()
    assert made[1].done == ["poll", "settle"]
    assert pool.take() is made[1]


def test_a_connection_whose_subscription_may_yet_come_is_closed(watch, pool, made):
    poll(watch)
    made[0].settled = False
    watch.close()
    assert made[0].closed
    assert pool.take() is None
    assert subscribed(made[0]) == [["TASK"]]


def test_a_connection_that_is_lost_as_it_is_left_is_not_given_back(watch, pool, made):
    poll(watch)
    made[0].settled = TransientError("lost")
    watch.close()
    assert pool.take() is None


@pytest.mark.parametrize(("passed", "settling"), [(0.0, 0.5), (29.8, 0.2), (40.0, 0.0)])
def test_leaving_takes_half_a_second_at_most_and_never_longer_than_the_wait(
    watch, made, clock, passed, settling
):
    poll(watch)
    clock.now += passed
    watch.close()
    assert made[0].settling[1:] == [settling]
    assert notices(made[0])[1:] == [("notice", [], 0.5)]


def test_a_watch_that_never_polled_leaves_nothing(watch, made):
    watch.close()
    assert made[0].done == []


@pytest.mark.parametrize("step", ["pause", "end_told", "close", "call"])
def test_a_forked_child_lets_the_parents_connection_be(watch, made, monkeypatch, step):
    poll(watch)
    made[0].done.clear()
    monkeypatch.setattr(os, "getpid", lambda: made[0].pid + 1)
    made[0].queued.append(event("end"))
    {
        "pause": lambda: watch.pause(1.0),
        "end_told": lambda: watch.end_told(),
        "close": watch.close,
        "call": lambda: poll(watch),
    }[step]()
    assert made[0].done == ["abandon"]
    assert not made[0].closed
    assert made[0].pauses == []
    if step != "call":
        assert watch.end_told() == EndTold(False, None, False)


# --- what was received before a connection was lost

SEEN = {**RUNNING, "startTime": 100.0}
ENDED = {**SEEN, "state": 6, "completed": True, "exitCode": 1, "endTime": 200.0}


@pytest.mark.parametrize("fault", [LOST, TransportTimeoutError("silent")], ids=["lost", "silent"])
def test_an_event_that_was_received_while_an_answer_was_awaited_is_not_lost_with_the_connection(
    watch, made, fault
):
    made[0].answers = [SEEN, fault]
    made[1].answers = [ENDED]
    poll(watch)
    made[0].queued = [event("end", reason="user", eventTime=200.1)]
    try:
        poll(watch)
    except TransportTimeoutError:
        made[0].broken = True
        poll(watch)
    assert watch.end_told() == EndTold(True, "user", True)


def test_nor_is_one_that_was_received_with_the_end_of_the_connection(watch, made):
    made[0].answers, made[1].answers = [SEEN], [ENDED]
    poll(watch)
    made[0].queued = [event("end", reason="user", eventTime=200.1)]
    made[0].events = [LOST]
    watch.pause(1.0)
    assert watch.end_told().reason == "user"
    poll(watch)
    assert watch.end_told().reason == "user"


def test_after_a_new_connection_it_is_no_reason_of_another_run(watch, made):
    made[0].answers, made[1].answers = [SEEN, LOST], [{**ENDED, "startTime": 900.0}]
    poll(watch)
    made[0].queued = [event("end", reason="user", eventTime=200.1)]
    poll(watch)
    assert not watch.end_told().told


@pytest.mark.parametrize(("start", "told"), [(100.0, True), (900.0, False)], ids=["its run", "another"])
def test_what_a_poll_finds_elsewhere_tells_whose_end_it_was(watch, made, start, told):
    made[0].answers = [SEEN]
    poll(watch)
    made[0].queued = [event("end", reason="user", eventTime=200.1)]
    made[0].events = [LOST]
    watch.pause(1.0)
    watch.shown_elsewhere({**ENDED, "startTime": start})
    assert watch.end_told().told is told


def test_in_a_forked_child_what_the_parent_had_received_counts(watch, made):
    made[0].answers, made[1].answers = [SEEN], [ENDED]
    poll(watch)
    made[0].queued = [event("end", reason="user", eventTime=200.1)]
    made[0].pid += 1  # seen from a child
    poll(watch)
    assert "abandon" in made[0].done
    assert watch.end_told().reason == "user"


# --- what must not be asked


def test_with_the_token_of_another_task_no_connection_is_made():
    def connect(*_):
        raise AssertionError("it connects")

    with pytest.raises(ConfigurationError, match="opens that task only"):
        poll(WebSocketWatch(Pool(connect), STATUS, "tk_another"))


def test_over_a_connection_of_the_token_of_another_task_nothing_is_asked(watch, made):
    made[0].credential = "tk_another"
    with pytest.raises(ConfigurationError, match="opens that task only"):
        poll(watch)
    assert made[0].done == []


# --- the haste after an end


def test_an_end_that_is_heard_as_the_connection_is_lost_begins_it(watch, made):
    poll(watch)
    made[0].queued = [event("end")]
    made[0].events = [LOST]
    watch.pause(60.0)
    poll(watch)
    watch.pause(60.0)
    assert made[1].pauses == [pytest.approx(0.002)]


def test_an_end_that_is_heard_again_as_the_connection_is_lost_does_not_begin_the_haste_anew(watch, made):
    made[0].events = [event("end"), NOTHING, NOTHING, LOST]
    for _ in range(3):
        poll(watch)
        watch.pause(60.0)
    made[0].queued = [event("end")]
    for _ in range(2):
        poll(watch)
        watch.pause(60.0)
    assert [*made[0].pauses, *made[1].pauses] == pytest.approx([60.0, 0.002, 0.004, 0.008, 0.016])
