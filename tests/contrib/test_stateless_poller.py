"""A wait whose looks are made one by one: what each leaves for the next, and when it is to be."""

import json
import pickle
import time

import pytest

from rocketride_sync import (
    MemoryTransport,
    RetryPolicy,
    RocketRideClient,
    TaskNotFoundError,
    TaskReplacedError,
    TaskVanishedError,
    TransientError,
    TransportError,
    WaitTimeoutError,
)
from rocketride_sync.contrib.stateless_poller import StatelessPoller, WaitState

KEY = "key-5f3a9c1e-secret"
TOKEN = "tk_0123456789abcdef0123456789abcdef"
RUNNING = {
    "state": 3,
    "startTime": 100.0,
    "totalCount": 4,
    "completedCount": 1,
    "name": TOKEN,
    "notes": [TOKEN],
}
ENDED = {**RUNNING, "state": 5, "completed": True, "completedCount": 3, "failedCount": 1, "exitCode": 0}
RETRY = RetryPolicy(max_outage=100, initial_delay=1, max_delay=8, multiplier=2, jitter=0)


def looking_at(*answers, load_token=lambda: TOKEN, interval=30.0, timeout=None):
    client = RocketRideClient("test", KEY, transport=MemoryTransport(answers), retry=RETRY)
    return StatelessPoller(client, load_token, interval, timeout)


def carried(memory):
    """`memory` as another process gets it."""
    return WaitState(**json.loads(json.dumps(memory.to_dict())))


def follow(looking, looks):
    """So many looks, each with what the one before left."""
    memory, seen = WaitState(), []
    for _ in range(looks):
        seen.append(looking.look(carried(memory)))
        memory = seen[-1].memory
    return seen


def test_it_goes_on_at_the_interval_until_the_end():
    running, ended = follow(looking_at(RUNNING, ENDED), 2)
    assert (running.outcome, running.pause) == (None, 30.0)
    assert ended.outcome == {
        "outcome": "succeeded",
        "has_failures": True,
        "total_count": 4,
        "completed_count": 3,
        "failed_count": 1,
        "exit_code": 0,
        "message": "",
    }


@pytest.mark.parametrize(("state", "code", "outcome"), [(6, 1, "failed"), (6, 0, "cancelled")])
def test_the_message_shows_no_secret(state, code, outcome):
    document = {**ENDED, "state": state, "exitCode": code, "exitMessage": f"{KEY} and {TOKEN}"}
    (look,) = follow(looking_at(document), 1)
    assert look.outcome["outcome"] == outcome
    assert outcome in look.outcome["message"]
    assert KEY not in str(look.outcome)
    assert TOKEN not in str(look.outcome)


def test_what_is_carried_is_small_and_holds_no_secret():
    (look,) = follow(looking_at(RUNNING), 1)
    text = json.dumps(look.memory.to_dict())
    assert TOKEN not in text
    assert len(text) < 400


def test_faults_are_outlived_with_growing_pauses_and_a_success_forgets_them():
    faults = [TransportError("broke"), TransientError("slow down", retry_after=7), TransportError("broke")]
    seen = follow(looking_at(*faults, RUNNING, TransportError("again")), 5)
    assert [look.pause for look in seen] == [1, 7, 4, 30, 1]
    assert [look.fault for look in seen[:3]] == faults
    assert seen[4].memory.last_status.completed_count == 1  # what was seen before the fault is kept


def test_a_token_that_cannot_be_loaded_just_now_is_a_look_that_failed():
    def load_token():
        raise TransportError("the database is restarting")

    (look,) = follow(looking_at(load_token=load_token), 1)
    assert (look.outcome, look.pause) == (None, 1)


def test_another_error_of_the_loader_comes_out():
    with pytest.raises(KeyError):
        looking_at(load_token=lambda: {}["job-17"]).look(WaitState())


def test_an_outage_that_lasts_too_long_comes_out():
    fault = TransportError("broke")
    memory = WaitState(faults=9, failing_since=time.time() - 101)
    with pytest.raises(TransportError) as raised:
        looking_at(fault).look(memory)
    assert raised.value is fault


def test_a_memory_without_its_faults_gives_the_next_try_a_whole_outage():
    looking = looking_at(RUNNING, TransportError("broke"), TransportError("still"))
    fault = follow(looking, 2)[1].memory
    anew = fault.without_faults()
    assert (anew.faults, anew.failing_since) == (0, 0.0)
    assert (anew.began, anew.previous) == (fault.began, fault.previous)
    assert looking.look(carried(anew)).pause == 1


def test_the_timeout_counts_from_the_first_look_and_cuts_the_last_pause():
    memory = WaitState(began=time.time() - 90)
    look = looking_at(RUNNING, timeout=100).look(memory)
    assert 0 < look.pause <= 10
    assert look.memory.began == memory.began


@pytest.mark.parametrize(
    ("answer", "timeout", "says"),
    [
        (RUNNING, 100, "last seen as RUNNING"),
        (RUNNING, 0, "it runs on"),
        (TransportError("broke"), 100, "no status could be read"),
    ],
)
def test_when_the_time_is_up(answer, timeout, says):
    with pytest.raises(WaitTimeoutError, match=says) as raised:
        looking_at(answer, timeout=timeout).look(WaitState(began=time.time() - 101))
    assert TOKEN not in pickle.dumps(raised.value).decode("latin-1")


def test_an_end_that_is_seen_when_the_time_is_up_counts():
    assert looking_at(ENDED, timeout=100).look(WaitState(began=time.time() - 101)).outcome


def test_unknown_and_vanished_are_told_apart():
    unknown = TaskNotFoundError("your pipeline is not running")
    with pytest.raises(TaskNotFoundError):
        follow(looking_at(unknown), 1)
    with pytest.raises(TaskVanishedError):
        follow(looking_at(RUNNING, unknown), 2)


def test_another_run_is_noticed_even_if_it_was_seen_before_it_started():
    starting, another = {**RUNNING, "state": 1, "startTime": 0.0}, {**ENDED, "startTime": 200.0}
    with pytest.raises(TaskReplacedError) as raised:
        follow(looking_at(RUNNING, starting, another), 3)
    assert raised.value.last_status.start_time == 100.0
    assert raised.value.new_status.start_time == 200.0
    assert TOKEN not in pickle.dumps(raised.value).decode("latin-1")
