"""Which events belong to a task, and what they tell of its end: the rules alone, without a connection."""

import math

import pytest
from cases import each

from rocketride_sync.transports.end_told import EndTold
from rocketride_sync.transports.websocket.event_filter import (
    END,
    NOT_ACTIVE,
    ONE_ACTIVE,
    TaskEventFilter,
    active_ids,
    is_distinct,
)

TOKEN = "tk_5f3a0123456789abcdef0123456789AB"
OWN = "5f3a0123.s"
STATUS = {"state": 3, "completed": False, "project_id": "p", "source": "s"}
ENDED = {**STATUS, "state": 5, "completed": True}
NOTHING_YET = EndTold(False, None, True)


@pytest.fixture
def event_filter():
    return TaskEventFilter(TOKEN, "key")


def event(action="end", name="apaevt_task", **fields):
    body = {"action": action, "projectId": "p", "source": "s", "__id": OWN, **fields}
    return {"type": "event", "event": name, "body": body}


def running(*ids, **fields):
    return event("running", **{"tasks": [{"id": each} for each in ids], **fields})


def told(event_filter, listening=True):
    return event_filter.end_told(listening=listening)


# --- whose it is


@each(
    ("token", "credential", "distinct"),
    [
        (TOKEN, "key", True),
        (TOKEN.lower(), "key", True),
        (TOKEN[:-1], "key", False),
        (f"{TOKEN}0", "key", False),
        (f"{TOKEN[:-1]}g", "key", False),
        (f"pk_{TOKEN[3:]}", "key", False),
        ("my-own-token", "key", False),
        (TOKEN, f"tk_{TOKEN[3:]}", False),
        (TOKEN, f"pk_{TOKEN[3:]}", False),
        (TOKEN, "a tk_ in a key", True),
    ],
)
def test_only_tokens_that_the_server_made_are_told_apart_and_only_with_a_key(token, credential, distinct):
    assert is_distinct(token, credential) is distinct
    event_filter = TaskEventFilter(token, credential)
    assert event_filter.take(event()) == END
    assert event_filter.end_told(listening=True) == (
        EndTold(True, None, True) if distinct else EndTold(False, None, False)
    )


@pytest.mark.parametrize("action", ["end", "begin", "restart", "something new"])
def test_the_action_of_an_event_of_the_task_is_told(event_filter, action):
    event_filter.learn(STATUS)
    assert event_filter.take(event(action)) == action


@pytest.mark.parametrize(
    "foreign",
    [
        event(projectId="another"),
        event(source="another"),
        event(name="apaevt_status_update"),
        event(action=7),
        event(action=None),
        {**event(), "body": "text"},
        {**event(), "body": None},
        {"type": "event", "event": "apaevt_task"},
    ],
)
def test_other_events_are_passed_over(event_filter, foreign):
    event_filter.learn(STATUS)
    assert event_filter.take(foreign) is None
    assert told(event_filter) == NOTHING_YET


def test_until_a_status_was_seen_each_event_may_be_the_tasks(event_filter):
    assert event_filter.take(event(projectId="another", __id="77777777.s")) == END
    event_filter.learn("junk")
    assert event_filter.take(event(source="another", __id="77777777.another")) == END
    assert told(event_filter) == NOTHING_YET


@pytest.mark.parametrize(("missing", "other"), [("project_id", "source"), ("source", "projectId")])
def test_what_a_status_does_not_name_is_not_compared(event_filter, missing, other):
    event_filter.learn({**STATUS, missing: ""})
    named = "projectId" if missing == "project_id" else "source"
    assert event_filter.take(event(**{named: "any"})) == END
    assert event_filter.take(event(**{other: "another"})) is None


def test_the_id_is_that_of_the_source_in_the_status_or_else_in_the_event(event_filter):
    event_filter.take(event(source="t", __id="5f3a0123.t"))
    assert told(event_filter).told
    event_filter = TaskEventFilter(TOKEN, "key")
    event_filter.learn({**STATUS, "source": "s"})
    event_filter.take({**event(__id="5f3a0123.t")})
    assert told(event_filter) == NOTHING_YET


@pytest.mark.parametrize(
    ("id_", "twin"),
    [
        ("77777777.s", True),
        ("7777777A.other", True),
        (OWN, False),
        ("5f3a0123.other", False),
        ("77777777", False),
        ("7777777.s", False),
        ("777777777.s", False),
        ("my-token.s", False),
        ("", False),
        (None, False),
    ],
)
def test_an_event_tells_that_it_is_a_twins_if_its_id_was_made_by_the_server_for_another_token(
    event_filter, id_, twin
):
    assert event_filter.is_of_twin(event(__id=id_)) is twin
    assert not TaskEventFilter("my-own-token", "key").is_of_twin(event(__id=id_))


def test_an_event_without_a_body_is_no_twins(event_filter):
    assert not event_filter.is_of_twin({"type": "event"})


# --- what it tells of the end


@pytest.mark.parametrize("reason", ["user", "ttl"])
def test_the_reason_of_the_tasks_end_is_told(event_filter, reason):
    event_filter.take(event(reason=reason))
    assert told(event_filter) == EndTold(True, reason, True)
    assert told(event_filter, listening=False) == EndTold(True, reason, False)


@pytest.mark.parametrize("reason", ["later", 7, None, []], ids=str)
def test_a_reason_that_is_none_is_not_told(event_filter, reason):
    event_filter.take(event(reason=reason))
    assert told(event_filter) == EndTold(True, None, True)


def test_a_repeated_end_takes_no_reason_back_and_may_give_another(event_filter):
    event_filter.take(event(reason="user"))
    event_filter.take(event())
    assert told(event_filter).reason == "user"
    event_filter.take(event(reason="ttl"))
    assert told(event_filter).reason == "ttl"


def test_an_end_whose_poll_shows_life_was_that_of_the_run_before(event_filter):
    event_filter.take(event(reason="user"))
    event_filter.poll_sent()
    event_filter.learn(ENDED)
    assert told(event_filter).told
    event_filter.poll_sent()
    event_filter.learn(STATUS)
    assert told(event_filter) == NOTHING_YET


def test_life_in_a_status_that_was_asked_for_before_the_end_takes_nothing_back(event_filter):
    event_filter.take(event(reason="user"))
    event_filter.learn(STATUS)  # asked for before the subscription
    assert told(event_filter).told
    event_filter = TaskEventFilter(TOKEN, "key")
    event_filter.poll_sent()
    event_filter.take(event(reason="user"))
    event_filter.learn(STATUS)
    assert told(event_filter).told


def test_an_end_after_the_shown_life_counts_again(event_filter):
    event_filter.take(event(reason="user"))
    for _ in range(2):
        event_filter.poll_sent()
        event_filter.learn(STATUS)
    event_filter.take(event(reason="ttl"))
    event_filter.learn(STATUS)
    assert told(event_filter).reason == "ttl"


@pytest.mark.parametrize("action", ["begin", "restart"])
def test_after_a_begin_the_next_poll_shows_another_run(event_filter, action):
    event_filter.take(event(reason="user"))
    event_filter.take(event(action))
    assert told(event_filter).reason == "user"  # the status that is known is that of the run which ended
    event_filter.poll_sent()
    assert told(event_filter) == NOTHING_YET
    event_filter.take(event(reason="ttl"))
    event_filter.poll_sent()
    assert told(event_filter).reason == "ttl"


@pytest.mark.parametrize("action", ["begin", "restart"])
def test_the_reason_of_the_run_before_is_not_that_of_the_next(event_filter, action):
    event_filter.take(event(reason="user"))
    event_filter.take(event(action))
    event_filter.take(event())
    event_filter.poll_sent()
    assert told(event_filter) == EndTold(True, None, True)


@pytest.mark.parametrize("reason", [None, "ttl"])
def test_nor_is_that_of_the_next_run_this_ones(event_filter, reason):
    poll(event_filter, ENDED)
    event_filter.take(event("begin"))
    event_filter.take(event(reason=reason))
    assert told(event_filter) == EndTold(False, None, False)
    event_filter.poll_sent()
    assert told(event_filter) == EndTold(True, reason, True)


def test_the_begin_of_another_changes_nothing(event_filter):
    event_filter.take(event(reason="user"))
    event_filter.take(event("begin", __id="77777777.s"))
    event_filter.take(event("something new"))
    event_filter.poll_sent()
    assert told(event_filter).reason == "user"


# --- what it tells of a run that was seen, when that is forgotten or replaced

SEEN, NEXT, STARTING = ({**STATUS, "startTime": start} for start in (100.0, 900.0, 0.0))
_TTL = [event(reason="ttl")]


def happened(event_filter, *steps):
    """One after the other: an event, or the answer to a poll that was sent before it."""
    event_filter.subscribed()
    for step in steps:
        if "type" in step:
            event_filter.take(step)
        else:
            event_filter.poll_sent()
            event_filter.learn(step)
    return told(event_filter)


@pytest.mark.parametrize(
    "steps",
    [
        (SEEN, *_TTL),
        (SEEN, *_TTL, NEXT),
        (SEEN, *_TTL, STARTING, NEXT),
        (SEEN, *_TTL, event("begin"), NEXT),
        (SEEN, *_TTL, STARTING, event("begin"), NEXT),
        (SEEN, *_TTL, event("begin"), *_TTL, NEXT),
        (SEEN, *_TTL, *_TTL),
        (SEEN, NEXT, *_TTL),  # it was received before the answer, and read after it
        (SEEN, NEXT, *_TTL, event("begin")),
        (SEEN, event("restart"), *_TTL, NEXT),
        (SEEN, event("begin"), SEEN, *_TTL, NEXT),
        (event("begin"), SEEN, *_TTL, NEXT),
        (SEEN, event("begin", __id="77777777.s"), *_TTL, event("end", __id="77777777.s"), NEXT),
        (SEEN, *_TTL, {**ENDED, "startTime": 900.0}),
        (SEEN, event(reason="user"), SEEN, *_TTL, NEXT),
    ],
)
def test_the_reason_of_the_seen_runs_end_is_known_when_another_has_taken_over(event_filter, steps):
    known = happened(event_filter, *steps)
    assert (known.reason_of(100.0), known.reason_of(900.0), known.reason_of(0.0)) == ("ttl", None, None)


def test_life_in_a_status_that_was_asked_for_before_its_end_leaves_the_reason_of_the_seen_run(event_filter):
    happened(event_filter, SEEN)
    event_filter.poll_sent()
    event_filter.take(*_TTL)
    event_filter.learn(SEEN)
    event_filter.poll_sent()
    event_filter.learn(NEXT)
    assert told(event_filter).reason_of(100.0) == "ttl"


@pytest.mark.parametrize(
    "steps",
    [
        (),
        (SEEN, NEXT),
        (SEEN, event(), NEXT),
        (*_TTL, SEEN),  # of the run before
        (STARTING, *_TTL, SEEN),
        (STATUS, *_TTL, SEEN),
        (SEEN, *_TTL, SEEN),  # a restart
        (SEEN, *_TTL, SEEN, event(), NEXT),
        (SEEN, *_TTL, event("restart"), NEXT),
        (SEEN, *_TTL, event("restart"), event(reason="user"), NEXT),
        (SEEN, *_TTL, event(), NEXT),  # it may have been that of the run before, which was read late
        (SEEN, event(), *_TTL, NEXT),
        (SEEN, *_TTL, event(reason="user"), NEXT),
        (SEEN, event(), event("begin"), *_TTL, NEXT),
        (SEEN, event("begin"), *_TTL, NEXT),
        (SEEN, event("begin"), NEXT, *_TTL),
        (SEEN, event("begin"), {**ENDED, "startTime": 100.0}, *_TTL, NEXT),
        (SEEN, event("begin"), *[{"state": 5, "completed": True}] * 2, *_TTL, NEXT),
        (SEEN, event(reason="ttl", __id="77777777.s"), NEXT),
        (SEEN, event(reason="weather"), NEXT),
    ],
)
def test_where_it_may_be_that_of_another_end_it_is_not(event_filter, steps):
    known = happened(event_filter, *steps)
    assert [known.reason_of(start) for start in (100.0, 900.0, 0.0)] == [None] * 3
    assert known.seen_run is None


def test_a_run_in_a_status_that_was_asked_for_before_the_subscription_was_seen_too(event_filter):
    event_filter.learn(SEEN)
    event_filter.take(event(reason="ttl"))
    assert told(event_filter).reason_of(100.0) == "ttl"


def test_after_a_gap_the_reason_of_the_seen_run_is_not_certain(event_filter):
    happened(event_filter, SEEN, *_TTL)
    assert told(event_filter, listening=False).reason_of(100.0) is None
    event_filter.subscribed()
    assert told(event_filter).reason_of(100.0) is None
    assert happened(event_filter, SEEN, *_TTL, NEXT).reason_of(100.0) == "ttl"


# --- what was told outlives the connection, but is not taken for what came after

LOSS = {"type": "the connection is lost"}
LAST = {**ENDED, "state": 6, "exitCode": 1, "startTime": 100.0, "endTime": 200.0}


def told_at(time):
    return event(reason="ttl", eventTime=time)


BASE = 1_700_000_000.0
NO_TIMES = [
    "junk",
    10**400,
    -(10**400),
    math.nan,
    math.inf,
    -math.inf,
    1e308,
    -200.1,
    0,
    True,
    None,
    [200.1],
    {},
]


def at(document, end):
    """As `document`, of a run that started at `BASE`, and ended so many seconds later, if at all."""
    return {**document, "startTime": BASE, **({"endTime": BASE + end} if end else {})}


def connected(event_filter):
    event_filter.connection_lost()
    event_filter.subscribed()


def polled(event_filter, document):
    event_filter.poll_sent()
    event_filter.learn(document)


def over_losses(steps, lose=connected, show=polled):
    """What is told at last; after the first loss, `show` takes what polls show."""
    event_filter = TaskEventFilter(TOKEN, "key")
    event_filter.subscribed()
    was_lost = False
    for step in steps:
        if step is LOSS:
            was_lost = True
            lose(event_filter)
        elif "type" in step:
            event_filter.take(step)
        else:
            (show if was_lost else polled)(event_filter, step)
    return told(event_filter)


AFTER_LOSS = each(
    ("lose", "show"),
    [
        (connected, polled),
        (TaskEventFilter.connection_lost, TaskEventFilter.shown_elsewhere),
        (lambda _: None, TaskEventFilter.shown_elsewhere),
    ],
)


@AFTER_LOSS
@each(
    "steps",
    [
        (SEEN, told_at(200.1), LOSS, LAST),
        (SEEN, told_at(200.1), LOSS, LOSS, LAST),
        (SEEN, told_at(200.1), LOSS, {**LAST, "state": 4}, LAST),
        (SEEN, told_at(200.1), {**LAST, "state": 4}, LOSS, LAST),
        (SEEN, event("begin"), told_at(200.1), LOSS, LAST),  # its own begin, which was read late
        (SEEN, told_at(199.9), LOSS, LAST),
        (SEEN, told_at(200_100.0), LOSS, {**LAST, "endTime": "junk"}),
        (SEEN, told_at(5.0), LOSS, {**LAST, "startTime": 100.0, "endTime": None}),
        (at(SEEN, 0.0), told_at((BASE + 200.1) * 1e3), LOSS, at(LAST, 200.0)),  # in another unit
        (at(SEEN, 0.0), told_at(int((BASE + 200.1) * 1e6)), LOSS, at(LAST, 200.0)),
        (at(SEEN, 0.0), told_at(int((BASE + 200.1) * 1e9)), LOSS, at(LAST, 200.0)),
        (at(SEEN, 0.0), told_at(BASE + 2e7), LOSS, at(LAST, 2e7)),  # a run of months
        (told_at(200.1), LOSS, LAST),  # no poll has shown it alive, and the time tells
        (event("begin"), told_at(200.1), LOSS, LAST),
    ],
    ids=str,
)
def test_the_reason_of_an_end_outlives_the_connection(lose, show, steps):
    assert over_losses(steps, lose, show).reason == "ttl"


def test_of_a_run_that_was_seen_over_several_connections_too():
    assert over_losses((SEEN, LOSS, told_at(200.1), LOSS, LAST)).reason == "ttl"


@AFTER_LOSS
@each(
    "steps",
    [
        (SEEN, told_at(200.1), LOSS, {**LAST, "startTime": 900.0}),
        (SEEN, told_at(200.1), LOSS, {**LAST, "startTime": 0.0}),
        (SEEN, told_at(200.1), LOSS, ENDED),
        (SEEN, told_at(200.1), LOSS, SEEN, LAST),  # a restart
        (SEEN, told_at(200.1), LOSS, {**LAST, "completed": False}, LAST),
        (SEEN, told_at(200.1), event("restart"), LOSS, LAST),
        (SEEN, told_at(200.1), event("begin"), LOSS, {**LAST, "startTime": 900.0}),
        (SEEN, told_at(150.0), LOSS, LAST),  # and another one, all of it while nothing was heard
        (STARTING, *_TTL, LOSS, LAST),
        (*_TTL, LOSS, LAST),
        (told_at(90.0), LOSS, LAST),  # of the run before
        (told_at(99.9), LOSS, {**LAST, "endTime": 100.2}),
        *((*seen, told_at(time), LOSS, LAST) for seen in ((), (SEEN,)) for time in NO_TIMES),
        (SEEN, event(reason="ttl"), LOSS, LAST),
        # All of a restart, which keeps the start, while nothing was heard.
        *(
            (at(SEEN, 0.0), told_at((BASE + 150.0) * unit), LOSS, at(LAST, 200.0))
            for unit in (1, 1e3, 1e6, 1e9)
        ),
        (at(SEEN, 0.0), told_at("2023-11-14T22:15:50Z"), LOSS, at(LAST, 200.0)),
        (told_at(200_100.0), LOSS, LAST),
        (told_at(True), LOSS, {**LAST, "startTime": 0.5, "endTime": 1.0}),
    ],
    ids=str,
)
def test_but_is_no_other_ends(lose, show, steps):
    known = over_losses(steps, lose, show)
    assert (known.told, known.reason) == (False, None)


@each(
    "steps",
    [
        (SEEN, told_at(200.1), LOSS, event("restart"), LAST),
        (SEEN, told_at(200.1), LOSS, event("begin"), LAST),
        (SEEN, told_at(200.1), LOSS, event(), LAST),
        (SEEN, told_at(200.1), LOSS, event("restart"), event(), LAST),
        (SEEN, told_at(200.1), LOSS, event(), LOSS, LAST),
    ],
    ids=str,
)
def test_nor_that_of_one_that_was_told_of_later(steps):
    assert over_losses(steps).reason is None


def test_that_an_end_was_told_without_a_reason_counts_without_a_time(event_filter):
    """Older servers tell neither, so no other reason can be taken for that of the end."""
    assert over_losses((SEEN, event(), LOSS, LAST)) == EndTold(True, None, True)


@AFTER_LOSS
@each("key", ["startTime", "endTime"])
@each("value", [10**400, -(10**400), math.nan, math.inf, True, "junk"])
def test_a_status_with_a_time_that_is_none_breaks_nothing(lose, show, key, value):
    for seen in (SEEN, {**SEEN, key: value}):
        known = over_losses((seen, told_at(200.1), LOSS, {**LAST, key: value}), lose, show)
        assert known.reason == ("ttl" if key == "endTime" else None)


def test_until_the_next_poll_it_is_of_the_end_that_was_shown(event_filter):
    """The event came after the status, and then the connection was lost."""
    polled(event_filter, LAST)
    event_filter.take(event(reason="ttl"))
    event_filter.connection_lost()
    assert told(event_filter, listening=False) == EndTold(True, "ttl", False)


# --- the list of active tasks


def test_a_task_that_is_not_listed_had_ended_before_and_that_is_told_once(event_filter):
    assert event_filter.take(running(OWN)) is None
    assert told(event_filter) == NOTHING_YET
    assert event_filter.take(running("77777777.s")) == NOT_ACTIVE
    assert told(event_filter) == EndTold(False, None, False)
    assert event_filter.take(running()) is None
    assert event_filter.take(running(OWN)) is None
    assert told(event_filter) == NOTHING_YET
    assert event_filter.take(running()) == NOT_ACTIVE


@pytest.mark.parametrize("happens", ["subscribed", "begin", "restart", "end"])
def test_after_that_it_may_be_active_again(event_filter, happens):
    event_filter.take(running())
    if happens == "subscribed":
        event_filter.subscribed()
    else:
        event_filter.take(event(happens))
        event_filter.poll_sent()
    assert told(event_filter) == EndTold(happens == "end", None, True)


def test_what_is_not_of_the_task_does_not_make_it_active(event_filter):
    event_filter.take(running())
    event_filter.take(event("begin", __id="77777777.s"))
    event_filter.take(event("something new"))
    assert told(event_filter) == EndTold(False, None, False)


@pytest.mark.parametrize("tasks", ["junk", None, [None], [{}], [{"id": 7}], [{"id": ""}], [{"id": OWN}, {}]])
def test_a_list_in_which_an_id_is_missing_tells_nothing(event_filter, tasks):
    assert active_ids(running(tasks=tasks)) is None
    assert event_filter.take(running(tasks=tasks)) is None
    assert told(event_filter) == NOTHING_YET


def test_a_task_whose_id_is_not_unique_is_never_said_to_have_ended():
    event_filter = TaskEventFilter("my-own-token", "key")
    assert event_filter.take(running()) is None
    assert event_filter.take_active({"77777777.": 1}) is None


def test_of_the_ids_what_lies_before_the_dot_counts():
    assert active_ids(running("5f3a0123.s", "77777777.t")) == {"5f3a0123.": 1, "77777777.": 1}
    assert active_ids(running("a.b.s", "a.s", "a.s")) == {"a.": 3, "a.b.": 1}
    assert active_ids(running("eight678.s", "nine56789.s")) == {"eight678.": 1}
    assert active_ids(running()) == {}


@pytest.mark.parametrize(
    "other",
    [event("end", tasks=[]), event("running", "apaevt_other", tasks=[]), {**running(), "body": "text"}],
)
def test_no_other_event_is_a_list_of_active_tasks(other):
    assert active_ids(other) is None


# --- tokens that the caller chose: another may have the same id

CHOSEN = "tk_nightly-run-1"
ALIKE = "nightly-.s"


def poll(event_filter, status=STATUS):
    event_filter.poll_sent()
    event_filter.learn(status)


def chosen_filter(*listed, token=CHOSEN, status=STATUS):
    """Of a chosen token: subscribed, with this list, and polled once since."""
    chosen = TaskEventFilter(token, "key")
    chosen.learn(STATUS)
    chosen.take(running(*listed))
    poll(chosen, status)
    return chosen


def test_the_end_of_the_only_run_with_the_id_is_that_of_the_token_that_runs():
    chosen = chosen_filter(ALIKE, "77777777.s", "nightly.s")
    assert told(chosen) == NOTHING_YET
    assert chosen.take(event(reason="user", __id=ALIKE)) == END
    assert told(chosen) == EndTold(True, "user", True)
    poll(chosen, ENDED)
    assert told(chosen, listening=False) == EndTold(True, "user", False)


@each(
    ("token", "id_"),
    [
        ("tk_a", "a.s"),
        ("tk_job.with.dots", "job.with.s"),
        ("nightly-run", "nightly-.s"),
        ("my_token_12345", "token_12.s"),
        ("nightly_run_12345", "run_1234.s"),
        ("0123456789", "01234567.s"),
        ("0123456789", "3456789.s"),
    ],
)
def test_whatever_a_server_takes_for_the_prefix(token, id_):
    chosen = chosen_filter(id_, token=token)
    chosen.take(event(reason="user", __id=id_))
    assert told(chosen).reason == "user"


@each(
    "listed",
    [(), ("77777777.s",), ("tk_night.s",), (ALIKE, ALIKE), (ALIKE, "nightly-.other"), ("",)],
    ids=str,
)
def test_where_none_or_several_have_the_id_an_end_tells_nothing(listed):
    chosen = chosen_filter(*listed)
    assert chosen.take(event(reason="user", __id=ALIKE)) == END
    assert told(chosen) == EndTold(False, None, False)


@each("state", [0, 1, 2, 4, 5, 6, None, "3"])
def test_the_one_in_the_list_is_not_the_tokens_unless_that_is_seen_running(state):
    chosen = chosen_filter(ALIKE, status={**STATUS, "state": state})
    chosen.take(event(reason="user", __id=ALIKE))
    assert told(chosen) == EndTold(False, None, False)


def test_a_poll_that_was_sent_before_the_list_came_shows_nothing_of_it():
    chosen = TaskEventFilter(CHOSEN, "key")
    chosen.poll_sent()
    chosen.take(running(ALIKE))
    chosen.learn(STATUS)
    chosen.take(event(reason="user", __id=ALIKE))
    assert told(chosen) == EndTold(False, None, False)


def test_a_poll_in_flight_when_another_list_comes_shows_nothing_of_that():
    chosen = TaskEventFilter(CHOSEN, "key")
    chosen.take(running(ALIKE))
    chosen.poll_sent()
    chosen.take(running(ALIKE))
    chosen.learn(STATUS)
    assert not told(chosen).may_come


@pytest.mark.parametrize("action", ["begin", "restart"])
def test_after_a_begin_with_the_id_it_is_not_known_which_run_ends(action):
    chosen = chosen_filter(ALIKE)
    chosen.take(event(action, __id=ALIKE))
    poll(chosen)
    chosen.take(event(reason="user", __id=ALIKE))
    assert told(chosen) == EndTold(False, None, False)


def test_the_first_that_begins_after_the_subscription_may_be_the_tokens():
    chosen = chosen_filter(status={**STATUS, "state": 2})
    chosen.take(event("begin", __id=ALIKE))
    assert not told(chosen).may_come
    poll(chosen)
    chosen.take(event(reason="ttl", __id=ALIKE))
    assert told(chosen) == EndTold(True, "ttl", True)


def test_a_begin_without_a_list_before_it_tells_nothing():
    chosen = TaskEventFilter(CHOSEN, "key")
    assert chosen.take(event("begin", __id=ALIKE)) == "begin"
    poll(chosen)
    chosen.take(event(reason="user", __id=ALIKE))
    assert told(chosen) == EndTold(False, None, False)


@pytest.mark.parametrize("later", [{**STATUS, "state": 4}, ENDED], ids=["stopping", "ended"])
def test_once_it_was_seen_running_a_later_state_takes_nothing_back(later):
    chosen = chosen_filter(ALIKE)
    poll(chosen, later)
    assert told(chosen).may_come
    chosen.take(event(reason="user", __id=ALIKE))
    assert told(chosen) == EndTold(True, "user", True)


def test_the_begin_of_a_run_with_another_id_takes_nothing_back():
    chosen = chosen_filter(ALIKE)
    chosen.take(event("begin", __id="77777777.s"))
    assert told(chosen) == NOTHING_YET


@pytest.mark.parametrize("happens", ["subscribed", "listed", "listed without ids"])
def test_after_a_gap_it_must_be_shown_again(happens):
    chosen = chosen_filter(ALIKE)
    if happens == "subscribed":
        chosen.subscribed()
    else:
        chosen.take(running(ALIKE) if happens == "listed" else running(tasks=None))
    assert not told(chosen).may_come
    poll(chosen)
    assert told(chosen).may_come is (happens == "listed")


def test_what_an_end_told_before_a_gap_is_still_true():
    chosen = chosen_filter(ALIKE)
    chosen.take(event(reason="user", __id=ALIKE))
    chosen.subscribed()
    assert told(chosen).reason == "user"


def test_a_poll_is_asked_for_once_for_each_subscription():
    chosen = TaskEventFilter(CHOSEN, "key")
    assert [chosen.take(running(*ids)) for ids in ((), (ALIKE,) * 2, (ALIKE,), (ALIKE,))] == [
        None,
        None,
        ONE_ACTIVE,
        None,
    ]
    chosen.subscribed()
    assert chosen.take(running(ALIKE)) == ONE_ACTIVE


@pytest.mark.parametrize("credential", ["tk_x", "pk_x"])
def test_with_a_credential_that_locks_the_connection_to_its_task_nothing_is_known_of_a_token(credential):
    chosen = TaskEventFilter(CHOSEN, credential)
    assert chosen.take(running(ALIKE)) is None
    poll(chosen)
    chosen.take(event(reason="user", __id=ALIKE))
    assert told(chosen) == EndTold(False, None, False)
