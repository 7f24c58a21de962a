"""Whose end a status shows: every order in which the events of two runs and the polls can be seen.

What happens on the server is one thing, and what of it is seen when is another: events may be lost, come twice, or be
read late. The oracle knows which run sent each event, which the client is not told.
"""

import itertools

import pytest
from cases import each

from rocketride_sync.transports.websocket.event_filter import TaskEventFilter

TOKEN = "tk_5f3a0123456789abcdef0123456789ab"
STATUS = {"project_id": "p", "source": "s", "startTime": 100.0}
ALIVE = {**STATUS, "state": 3, "completed": False}
ENDED = {**STATUS, "state": 6, "completed": True, "exitCode": 1, "exitMessage": "boom"}

# Steps of the client. A poll shows what is true at some moment between its two steps.
SUBSCRIBE, ASK_ALIVE, SEE_ALIVE, ASK_END, SEE_END = "subscribe", "ask", "see alive", "ask for X", "see X"
# On the server: a poll is worked on.
SHOWS_ALIVE, SHOWS_END = "shows alive", "shows X"

BEGIN, RESTART, PLAIN, STOPPED = ("begin", None), ("restart", None), ("end", None), ("end", "ttl")
BEGIN_NEXT, RESTART_NEXT, PLAIN_NEXT, STOPPED_NEXT = (
    ("begin of next", None),
    ("restart of next", None),
    ("end of next", None),
    ("end of next", "user"),  # no other end has this reason
)
FIRST_STATES = [
    [SHOWS_ALIVE, BEGIN],  # while it starts
    [BEGIN, SHOWS_ALIVE],
    [SHOWS_ALIVE],  # the begin was before the wait, or it was lost
    [BEGIN],  # no poll shows it alive
    [],
]
OWN_ENDS = [[], [PLAIN], [STOPPED], [PLAIN, PLAIN], [STOPPED, STOPPED]]
NEXT = [
    [],
    [BEGIN_NEXT],
    [BEGIN_NEXT, PLAIN_NEXT],
    [BEGIN_NEXT, STOPPED_NEXT],
    [BEGIN_NEXT, STOPPED_NEXT, STOPPED_NEXT],
    [BEGIN_NEXT, BEGIN_NEXT, STOPPED_NEXT],
    [BEGIN_NEXT, RESTART_NEXT, STOPPED_NEXT],
]


def orders(server, client):
    """All orders in which the client may see what the server tells, between its own steps.

    Nothing is seen before it happened; and the server tells everything in order.
    """
    after = {SHOWS_ALIVE: ASK_ALIVE, SHOWS_END: ASK_END}
    earliest, events = 0, []  # each event with the number of client's steps that came before
    for step in server:
        if step in after:
            earliest = client.index(after[step]) + 1
        else:
            events.append((step, earliest))
    places = range(len(client) + 1)
    for chosen in itertools.combinations_with_replacement(places, len(events)):
        if all(place >= least for place, (_, least) in zip(chosen, events)):
            seen = [(place, 0, event) for place, (event, _) in zip(chosen, events)]
            steps = [(number + 1, -1, step) for number, step in enumerate(client)]
            yield [step for _, _, step in sorted(seen + steps, key=lambda each: each[:2])]


def told_by(seen, timed=True):
    """What the filter says of the end that X shows. `timed`: whether events name their time."""
    event_filter = TaskEventFilter(TOKEN, "key")
    event_filter.subscribed()
    event_filter.learn(STATUS)
    for step in seen:
        if step == SUBSCRIBE:
            event_filter.connection_lost()
            event_filter.subscribed()
        elif step in (ASK_ALIVE, ASK_END):
            event_filter.poll_sent()
        elif step in (SEE_ALIVE, SEE_END):
            event_filter.learn(ALIVE if step == SEE_ALIVE else ENDED)
        else:
            action, reason = step
            body = {"action": action.split()[0], "projectId": "p", "source": "s", "__id": "5f3a0123.s"}
            if timed:
                body["eventTime"] = 200.0
            event_filter.take({"event": "apaevt_task", "body": {**body, "reason": reason}})
    return event_filter.end_told(listening=True)


def right(seen, timed=True):
    """The reason that is known of this run's end: the last that was told of it, after the last restart.

    Unless even its begin was seen only after the poll that shows its end was sent. Then nobody can tell it from the next. Nor
    can they where the connection was lost after the event, and no poll had shown the run before, or the event has no time.
    """
    if BEGIN in seen[seen.index(ASK_END) :]:
        return None
    known, is_seen, told_of_seen = None, False, False
    for step in seen:
        if step == RESTART or (step == SUBSCRIBE and not (timed and told_of_seen)):
            known = None
        elif step == SEE_ALIVE:
            is_seen = True
        elif step in (PLAIN, STOPPED):
            known, told_of_seen = step[1] or known, is_seen
    return known


def check(server, client):
    """Returns how many orders there are."""
    number = 0
    for seen in orders(server, client):
        for timed in (True, False) if SUBSCRIBE in seen else (True,):
            told = told_by(seen, timed)
            assert told.reason == right(seen, timed), seen
            assert told.seen_run in (None, (100.0, right(seen))), seen
        number += 1
    return number


def clients(server):
    alive = [ASK_ALIVE, SEE_ALIVE] if SHOWS_ALIVE in server else []
    return [[*alive, *again, ASK_END, SEE_END] for again in ([], [SUBSCRIBE])]


@each("own", OWN_ENDS, ids=str)
@pytest.mark.parametrize("first", FIRST_STATES, ids=str)
def test_an_end_is_that_of_the_run_whose_status_was_polled(first, own):
    for following in NEXT:
        server = [*first, *own, SHOWS_END, *following]
        assert all(check(server, client) for client in clients(server))


@each("own", OWN_ENDS, ids=str)
@pytest.mark.parametrize("first", FIRST_STATES, ids=str)
def test_the_event_may_come_after_the_status(first, own):
    """The status shows the end before the event is sent."""
    for following in NEXT:
        server = [*first, SHOWS_END, *own, *following]
        assert all(check(server, client) for client in clients(server))


@each("own", OWN_ENDS, ids=str)
@each("before", [[], [PLAIN], [STOPPED]], ids=str)
@pytest.mark.parametrize("first", [[SHOWS_ALIVE], [BEGIN], []], ids=str)
def test_a_restart_begins_no_other_run(first, before, own):
    for following in NEXT:
        server = [*first, *before, RESTART, *own, SHOWS_END, *following]
        for seen in orders(server, clients(server)[0]):
            reason = told_by(seen).reason
            if own or seen.index(RESTART) < seen.index(ASK_END):
                assert reason == right(seen), seen
            else:  # the status may be that of the end before, whose reason is this run's too
                assert reason in (None, *(why for _, why in before)), seen


@each("own", OWN_ENDS, ids=str)
def test_of_the_run_that_was_begun_before_the_poll_its_own_end_counts(own):
    """The run before it has ended, in each way; the poll that is sent after the begin shows this one."""
    for before in ([], [("end of next", None)], [STOPPED_NEXT], [BEGIN_NEXT, STOPPED_NEXT]):
        server = [*before, BEGIN, *own, SHOWS_END]
        for seen in orders(server, [ASK_END, SEE_END]):
            if seen.index(BEGIN) < seen.index(ASK_END):
                assert told_by(seen).reason == right(seen), seen


@each("own", OWN_ENDS, ids=str)
def test_once_another_run_has_begun_no_event_is_awaited(own):
    for following in NEXT:
        server = [SHOWS_ALIVE, *own, SHOWS_END, *following]
        for seen in orders(server, clients(server)[0]):
            assert told_by(seen).may_come is (BEGIN_NEXT not in following), seen
