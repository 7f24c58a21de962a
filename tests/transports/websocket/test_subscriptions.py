"""Which of a poller's tasks are subscribed to, and whom an event wakes up; over a connection that only notes what is sent."""

import logging

import pytest

from rocketride_sync.deadline import Deadline
from rocketride_sync.protocol import operations
from rocketride_sync.protocol.run_log_operations import get_task_runs
from rocketride_sync.transports.end_told import EndTold
from rocketride_sync.transports.poller import WakeUp
from rocketride_sync.transports.websocket.subscription_allowance import FEW
from rocketride_sync.transports.websocket.subscriptions import Subscriptions

STATUS = {"state": 3, "completed": False, "project_id": "p", "source": "s"}
SOON = Deadline(None)  # not a time: it would begin when this is loaded


class Connection:
    """Notes the subscriptions (True) and their ends (False), by token."""

    settled = True

    def __init__(self):
        self.sent = []
        self.longest = 0
        self.forgotten = []
        self.settling = []

    def send_notice(self, operation, deadline):
        assert not deadline.expired
        assert operation.arguments["types"] in (["TASK"], [])
        self.sent.append((operation.arguments["token"], bool(operation.arguments["types"])))

    def longest_event(self, *, forget):
        self.forgotten.append(forget)
        return self.longest

    def settle(self, deadline):
        self.settling.append(round(deadline.remaining(), 3))
        return self.settled


class Poll:
    def __init__(self, token, seconds=60.0):
        self.token = token
        self.operation = operations.get_task_status(token)
        self.until = Deadline(seconds)

    def __repr__(self):
        return self.token


class RunLogPoll:
    """Of the run log: the operation has no token."""

    operation = get_task_runs("p", "s")
    until = SOON


def poll_of(number, **options):
    return Poll(f"tk_{number:08x}{number:024x}", **options)


def polls(count):
    return [poll_of(number) for number in range(count)]


def event(action="end", poll=None, project="p", **fields):
    own = {} if poll is None else {"__id": f"{poll.token[3:11]}.s"}
    body = {"action": action, "projectId": project, "source": "s", **own, **fields}
    return {"type": "event", "event": "apaevt_task", "body": body}


def running(*listed):
    return event("running", tasks=[{"id": f"{poll.token[3:11]}.s"} for poll in listed])


@pytest.fixture
def connection():
    return Connection()


@pytest.fixture
def subscriptions():
    return Subscriptions("key")


def subscribe(subscriptions, connection, *several):
    for poll in several:
        subscriptions.add(connection, poll, SOON)
        subscriptions.poll_sent(poll)
        subscriptions.learn(poll, STATUS)


def candidates(subscriptions, *several, status=STATUS):
    for poll in several:
        subscriptions.take_candidate(poll, status)


# --- subscribing


def test_a_task_is_subscribed_to_once(subscriptions, connection, caplog):
    caplog.set_level(logging.DEBUG, "rocketride_sync")
    (poll,) = polls(1)
    assert not subscriptions
    subscriptions.add(connection, poll, SOON)
    subscriptions.add(connection, poll, SOON)
    assert connection.sent == [(poll.token, True)]
    assert subscriptions
    assert list(subscriptions) == [poll]
    assert subscriptions.subscribing.requested
    assert caplog.messages == ["subscribed to events: task tk_0000…"]


def test_the_subscriptions_do_not_tell_of_themselves_when_nobody_listens(subscriptions, connection, caplog):
    caplog.set_level(logging.INFO, "rocketride_sync")
    subscriptions.add(connection, poll_of(1), SOON)
    assert caplog.messages == []


def test_a_poll_of_the_run_log_has_no_events(subscriptions, connection):
    poll = RunLogPoll()
    subscriptions.add(connection, poll, SOON)
    candidates(subscriptions, poll)
    subscriptions.poll_sent(poll)
    subscriptions.learn(poll, {})
    assert connection.sent == []
    assert not subscriptions
    assert not subscriptions.has_candidates
    assert subscriptions.end_told(poll, connected=True) == EndTold()


@pytest.mark.parametrize(
    "status",
    ["junk", None, {**STATUS, "state": 5, "completed": True}, {**STATUS, "state": 4, "completed": True}, {}],
)
def test_what_does_not_run_is_no_candidate(subscriptions, status):
    candidates(subscriptions, poll_of(1), status=status)
    assert not subscriptions.has_candidates


def test_what_runs_is_a_candidate_until_it_is_subscribed_to_or_has_ended(subscriptions, connection):
    first, second = polls(2)
    candidates(subscriptions, first, second)
    assert subscriptions.has_candidates
    subscriptions.add(connection, first, SOON)
    candidates(subscriptions, first)
    subscriptions.drop_candidate(second)
    subscriptions.drop_candidate(second)
    assert not subscriptions.has_candidates


def test_after_a_suspicious_loss_there_are_no_candidates_until_an_answer(subscriptions, connection):
    first, second = polls(2)
    subscriptions.add(connection, first, SOON)
    subscriptions.connection_lost()
    subscriptions.subscribing.connected()
    candidates(subscriptions, second)
    assert not subscriptions.has_candidates
    subscriptions.subscribing.poll_answered()
    candidates(subscriptions, second)
    assert subscriptions.has_candidates


# --- subscribing to many


def test_of_many_the_first_tells_how_long_a_list_is_then_follow_as_many_as_may_be(subscriptions, connection):
    several = polls(70)
    assert not subscriptions.add_more(connection, 70)
    candidates(subscriptions, *several)
    assert subscriptions.add_more(connection, 70)
    assert list(subscriptions) == several[:1]
    assert subscriptions.add_more(connection, 70)
    assert list(subscriptions) == several[:65]
    assert subscriptions.add_more(connection, 70)
    assert list(subscriptions) == several
    assert not subscriptions.has_candidates
    assert not subscriptions.add_more(connection, 70)
    assert connection.forgotten == [True, False, False]


def test_of_many_none_is_subscribed_to_while_a_subscription_is_not_answered(subscriptions, connection):
    candidates(subscriptions, *polls(2))
    connection.settled = False
    assert not subscriptions.add_more(connection, 70)
    assert connection.sent == []


def test_of_many_none_is_subscribed_to_if_the_lists_are_long(subscriptions, connection):
    candidates(subscriptions, *polls(70))
    subscriptions.add_more(connection, 70)
    connection.longest = 400_000
    assert not subscriptions.add_more(connection, 70)
    assert len(connection.sent) == 1


def test_of_many_an_event_wakes_that_of_its_project_alone_from_the_first(subscriptions, connection):
    """The status that made it a candidate tells project and source."""
    first, second = polls(2)
    candidates(subscriptions, first, status={**STATUS, "project_id": "first"})
    subscriptions.add_more(connection, 70)
    candidates(subscriptions, second, status={**STATUS, "source": "other"})
    subscriptions.add_more(connection, 70)
    assert subscriptions.wake_ups(event(project="first")) == [(first, WakeUp.ENDED)]
    assert subscriptions.wake_ups(event(source="other")) == [(second, WakeUp.ENDED)]
    assert subscriptions.wake_ups(event()) == []


def test_of_twins_that_events_do_not_tell_apart_few_are_candidates(subscriptions, connection):
    """Those that are remain so; tasks of another project are no twins."""
    twins = [Poll(f"nightly-{number}") for number in range(FEW + 2)]
    others = [Poll(f"weekly-{number}") for number in range(2)]
    candidates(subscriptions, *twins)
    candidates(subscriptions, others[0], status={**STATUS, "project_id": "q"})
    candidates(subscriptions, others[1], status={**STATUS, "source": "t"})
    while subscriptions.has_candidates:
        subscriptions.add_more(connection, 70)
    assert list(subscriptions) == [*twins[:FEW], *others]
    subscriptions.connection_lost()
    subscriptions.subscribing.connected()
    subscriptions.subscribing.poll_answered()
    candidates(subscriptions, twins[-1], twins[0])
    subscriptions.add_more(connection, 70)
    assert list(subscriptions) == [twins[0]]


def test_twins_that_events_tell_apart_are_all_candidates(subscriptions, connection):
    several = polls(FEW + 2)
    candidates(subscriptions, *several)
    while subscriptions.has_candidates:
        subscriptions.add_more(connection, 70)
    assert list(subscriptions) == several


# --- waking up


@pytest.mark.parametrize(
    ("action", "wake_up"), [("end", WakeUp.ENDED), ("begin", WakeUp.POLL), ("restart", WakeUp.POLL)]
)
def test_an_event_wakes_up_each_task_of_its_project_and_source(subscriptions, connection, action, wake_up):
    first, twin, other = polls(3)
    subscribe(subscriptions, connection, first, twin)
    subscriptions.add(connection, other, SOON)
    subscriptions.learn(other, {**STATUS, "source": "other"})
    assert subscriptions.wake_ups(event(action, first)) == [(first, wake_up), (twin, wake_up)]
    assert subscriptions.wake_ups(event("something new", first)) == []
    assert subscriptions.wake_ups(event(action, project="another")) == []


@pytest.mark.parametrize(("count", "woken"), [(FEW, FEW), (FEW + 1, 1)])
def test_where_there_are_many_an_event_that_tells_whose_it_is_wakes_no_twins(
    subscriptions, connection, count, woken
):
    several = polls(count)
    subscribe(subscriptions, connection, *several)
    wake_ups = subscriptions.wake_ups(event("end", several[0]))
    assert wake_ups == [(poll, WakeUp.ENDED) for poll in several[:woken]]
    assert len(subscriptions.wake_ups(event("end"))) == count


@pytest.mark.parametrize("count", [3, FEW + 1])
def test_a_task_that_had_ended_before_it_was_subscribed_to_is_polled(subscriptions, connection, count):
    several = polls(count)
    subscribe(subscriptions, connection, *several)
    assert subscriptions.wake_ups(running(*several[1:])) == [(several[0], WakeUp.POLL)]
    assert subscriptions.wake_ups(running(*several[1:])) == []


def test_where_there_are_many_a_list_of_active_tasks_is_for_all_whatever_id_it_bears(
    subscriptions, connection
):
    ended, *others = several = polls(FEW + 1)
    subscribe(subscriptions, connection, *several)
    event = running(*others)
    event["body"]["__id"] = f"{others[0].token[3:11]}.s"
    assert subscriptions.wake_ups(event) == [(ended, WakeUp.POLL)]


def test_a_list_of_active_tasks_is_read_once_for_all(subscriptions, connection):
    """It may be as long as the account has tasks."""
    several = polls(20)
    subscribe(subscriptions, connection, *several)
    reads = []

    class Listed(list):
        def __iter__(self):
            reads.append(self)
            return super().__iter__()

    event = running(*several[2:])
    event["body"]["tasks"] = Listed(event["body"]["tasks"])
    assert subscriptions.wake_ups(event) == [(poll, WakeUp.POLL) for poll in several[:2]]
    assert len(reads) == 1


def test_each_wake_up_is_logged(subscriptions, connection, caplog):
    caplog.set_level(logging.DEBUG, "rocketride_sync")
    first = poll_of(1)
    subscribe(subscriptions, connection, first)
    subscriptions.wake_ups(event("end", first))
    assert caplog.messages[-1] == "told of task tk_0000…: end"


# --- the end that was told


def test_the_end_of_a_task_is_told_and_whether_it_may_yet_be(subscriptions, connection):
    first, second = polls(2)
    assert subscriptions.end_told(first, connected=True) == EndTold()
    subscribe(subscriptions, connection, first, second)
    subscriptions.wake_ups(event("end", first, reason="user"))
    assert subscriptions.end_told(first, connected=True) == EndTold(True, "user", True)
    assert subscriptions.end_told(second, connected=True) == EndTold(False, None, True)
    assert subscriptions.end_told(second, connected=False) == EndTold(False, None, False)


def test_an_end_of_the_run_before_is_no_end(subscriptions, connection):
    (poll,) = polls(1)
    subscribe(subscriptions, connection, poll)
    subscriptions.wake_ups(event("end", poll))
    subscriptions.poll_sent(poll)
    subscriptions.learn(poll, STATUS)
    assert not subscriptions.end_told(poll, connected=True).told


def test_what_was_told_outlives_the_connection_but_nothing_more_may_come(subscriptions, connection):
    (poll,) = polls(1)
    subscribe(subscriptions, connection, poll)
    subscriptions.wake_ups(event("end", poll, reason="user"))
    subscriptions.connection_lost()
    assert not subscriptions
    assert subscriptions.end_told(poll, connected=True) == EndTold(True, "user", False)
    subscriptions.add(connection, poll, SOON)
    assert subscriptions.end_told(poll, connected=True) == EndTold(True, "user", True)
    assert connection.sent == [(poll.token, True)] * 2


def test_between_two_connections_a_status_still_shows_whose_end_it_was(subscriptions, connection):
    (poll,) = polls(1)
    subscribe(subscriptions, connection, poll)
    subscriptions.wake_ups(event("end", poll))
    subscriptions.connection_lost()
    subscriptions.poll_sent(poll)
    subscriptions.learn(poll, STATUS)
    assert not subscriptions.end_told(poll, connected=True).told


def test_a_new_subscription_may_be_told_of_an_end_again(subscriptions, connection):
    (poll,) = polls(1)
    subscribe(subscriptions, connection, poll)
    subscriptions.wake_ups(running())
    assert not subscriptions.end_told(poll, connected=True).may_come
    subscriptions.connection_lost()
    subscriptions.add(connection, poll, SOON)
    assert subscriptions.end_told(poll, connected=True).may_come


# --- the connection is lost, or left


def test_a_lost_connection_is_a_reason_to_poll_and_to_begin_anew(subscriptions, connection):
    several = polls(70)
    candidates(subscriptions, *several)
    subscriptions.add_more(connection, 70)
    assert subscriptions.connection_lost() == [(several[0], WakeUp.POLL)]
    assert not subscriptions.has_candidates
    subscriptions.subscribing.connected()
    assert subscriptions.connection_lost() == []
    subscriptions.subscribing.connected()
    subscriptions.subscribing.poll_answered()
    candidates(subscriptions, *several)
    subscriptions.add_more(connection, 70)  # one again: it may be another server
    assert list(subscriptions) == several[:1]


def test_all_are_unsubscribed_from_once_their_subscriptions_are_answered(subscriptions, connection):
    several = polls(3)
    subscribe(subscriptions, connection, *several)
    connection.sent.clear()
    assert subscriptions.unsubscribe(connection, 0.5)
    assert connection.sent == [(poll.token, False) for poll in several]
    connection.sent.clear()
    connection.settled = False
    assert not subscriptions.unsubscribe(connection, 0.5)
    assert connection.sent == []


@pytest.mark.parametrize(
    ("left", "settling"), [((60.0, 0.1), 0.5), ((0.2, 0.1), 0.2), ((), 0.0), ((-1.0,), 0.0)]
)
def test_the_answers_are_awaited_for_as_long_as_a_task_may_be(
    subscriptions, connection, clock, left, settling
):
    """Though the time of all may be up, they are unsubscribed from."""
    for number, seconds in enumerate(left):
        subscriptions.add(connection, poll_of(number, seconds=seconds), SOON)
    connection.sent.clear()
    assert subscriptions.unsubscribe(connection, 0.5)
    assert connection.settling == [settling]
    assert len(connection.sent) == len(left)


# --- after a loss

ENDED = {**STATUS, "state": 6, "completed": True, "exitCode": 1, "startTime": 100.0, "endTime": 200.0}
ANOTHER = {**ENDED, "startTime": 300.0, "endTime": 400.0}


def polled(subscriptions, poll, document):
    subscriptions.poll_sent(poll)
    subscriptions.learn(poll, document)


@pytest.mark.parametrize("show", [polled, Subscriptions.shown_elsewhere])
@pytest.mark.parametrize(
    ("document", "reason"), [(ENDED, "ttl"), (ANOTHER, None)], ids=["its run", "another"]
)
def test_a_reason_that_was_told_before_a_loss_counts_for_its_run_alone(
    subscriptions, connection, show, document, reason
):
    (poll,) = polls(1)
    subscriptions.add(connection, poll, SOON)
    polled(subscriptions, poll, {**STATUS, "startTime": 100.0})
    subscriptions.wake_ups(event("end", poll, reason="ttl", eventTime=200.1))
    assert subscriptions.connection_lost() == [(poll, WakeUp.POLL)]
    show(subscriptions, poll, document)
    assert subscriptions.end_told(poll, connected=False).reason == reason


def test_what_a_poll_found_elsewhere_changes_nothing_for_a_task_whose_events_are_heard(
    subscriptions, connection
):
    first, never_subscribed = polls(2)
    subscribe(subscriptions, connection, first)
    subscriptions.wake_ups(event("end", first, reason="ttl"))
    for poll in (first, never_subscribed):
        subscriptions.shown_elsewhere(poll, ANOTHER)
    assert subscriptions.end_told(first, connected=True).reason == "ttl"
