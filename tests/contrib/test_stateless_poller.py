"""A wait whose polls are made one by one: the state each passes to the next, and the pause between them."""

import json
import pickle
import time

import pytest
from cases import each

from rocketride_sync import (
    MemoryTransport,
    ProtocolError,
    RetryPolicy,
    RocketRideClient,
    TaskNotFoundError,
    TaskReplacedError,
    TaskStatus,
    TaskVanishedError,
    TransientError,
    TransportError,
    WaitTimeoutError,
)
from rocketride_sync.contrib.stateless_poller import StatelessPoller, WaitState, kept_fields

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


def poller_of(*answers, load_token=lambda: TOKEN, interval=30.0, timeout=None):
    client = RocketRideClient("test", KEY, transport=MemoryTransport(answers), retry=RETRY)
    return StatelessPoller(client, load_token, interval, timeout)


def carried(state):
    """`state` as another process gets it."""
    return WaitState(**json.loads(json.dumps(state.to_dict())))


def poll_times(poller, polls):
    """The reports of so many polls, each with the state that the one before returned."""
    state, reports = WaitState(), []
    for _ in range(polls):
        reports.append(poller.poll(carried(state)))
        state = reports[-1].state
    return reports


def test_it_goes_on_at_the_interval_until_the_end():
    running, ended = poll_times(poller_of(RUNNING, ENDED), 2)
    assert (running.outcome, running.pause) == (None, 30.0)
    assert ended.outcome == {
        "outcome": "succeeded",
        "outcome_certain": True,
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
    (report,) = poll_times(poller_of(document), 1)
    assert report.outcome["outcome"] == outcome
    assert outcome in report.outcome["message"]
    assert KEY not in str(report.outcome)
    assert TOKEN not in str(report.outcome)


def test_what_is_carried_is_small_and_holds_no_secret():
    (report,) = poll_times(poller_of(RUNNING), 1)
    text = json.dumps(report.state.to_dict())
    assert TOKEN not in text
    assert len(text) < 400


def test_faults_are_outlived_with_growing_pauses_and_a_success_forgets_them():
    faults = [TransportError("broke"), TransientError("slow down", retry_after=7), TransportError("broke")]
    reports = poll_times(poller_of(*faults, RUNNING, TransportError("again")), 5)
    assert [report.pause for report in reports] == [1, 7, 4, 30, 1]
    assert [report.fault for report in reports[:3]] == faults
    assert reports[4].state.last_status.completed_count == 1  # what was seen before the fault is kept


def test_a_token_that_cannot_be_loaded_just_now_is_a_poll_that_failed():
    def load_token():
        raise TransportError("the database is restarting")

    (report,) = poll_times(poller_of(load_token=load_token), 1)
    assert (report.outcome, report.pause) == (None, 1)


def test_another_error_of_the_loader_comes_out():
    with pytest.raises(KeyError):
        poller_of(load_token=lambda: {}["job-17"]).poll(WaitState())


def test_an_outage_that_lasts_too_long_comes_out():
    fault = TransportError("broke")
    state = WaitState(faults=9, failing_since=time.time() - 101)
    with pytest.raises(TransportError) as raised:
        poller_of(fault).poll(state)
    assert raised.value is fault


def test_a_state_without_its_faults_gives_the_next_try_a_whole_outage():
    poller = poller_of(RUNNING, TransportError("broke"), TransportError("still"))
    fault = poll_times(poller, 2)[1].state
    anew = fault.without_faults()
    assert (anew.faults, anew.failing_since) == (0, 0.0)
    assert (anew.began, anew.previous) == (fault.began, fault.previous)
    assert poller.poll(carried(anew)).pause == 1


def test_the_timeout_counts_from_the_first_poll_and_cuts_the_last_pause():
    state = WaitState(began=time.time() - 90)
    report = poller_of(RUNNING, timeout=100).poll(state)
    assert 0 < report.pause <= 10
    assert report.state.began == state.began


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
        poller_of(answer, timeout=timeout).poll(WaitState(began=time.time() - 101))
    assert TOKEN not in pickle.dumps(raised.value).decode("latin-1")


def test_an_end_that_is_seen_when_the_time_is_up_counts():
    assert poller_of(ENDED, timeout=100).poll(WaitState(began=time.time() - 101)).outcome


def test_unknown_and_vanished_are_told_apart():
    unknown = TaskNotFoundError("your pipeline is not running")
    with pytest.raises(TaskNotFoundError):
        poll_times(poller_of(unknown), 1)
    with pytest.raises(TaskVanishedError):
        poll_times(poller_of(RUNNING, unknown), 2)


@each(
    "document",
    [
        {"exitCode": 1},
        {"exitCode": 1, "exitMessage": f"bad key {TOKEN}"},
        {"exitCode": 1, "errors": [f"bad key {TOKEN}"]},
        {"exitCode": -15, "exitMessage": "Stopped"},
        {"exitCode": -15, "exitMessage": "killed"},
    ],
)
def test_what_is_kept_of_a_status_has_its_outcome_and_none_of_its_texts(document):
    status = TaskStatus.from_dict({**ENDED, "state": 6, "completedCount": 4, "failedCount": 0, **document})
    kept = kept_fields(status)
    again = TaskStatus.from_dict(json.loads(json.dumps(kept)))
    assert (again.outcome, again.outcome_certain) == (status.outcome, status.outcome_certain)
    assert TOKEN not in json.dumps(kept)


def test_another_run_is_noticed_even_if_it_was_seen_before_it_started():
    starting, another = {**RUNNING, "state": 1, "startTime": 0.0}, {**ENDED, "startTime": 200.0}
    with pytest.raises(TaskReplacedError) as raised:
        poll_times(poller_of(RUNNING, starting, another), 3)
    assert raised.value.last_status.start_time == 100.0
    assert raised.value.new_status.start_time == 200.0
    assert TOKEN not in pickle.dumps(raised.value).decode("latin-1")


GARBLED = ProtocolError("not a JSON object")


def test_one_or_two_malformed_answers_are_faults_and_three_in_a_row_are_told():
    poller = poller_of(RUNNING, GARBLED, GARBLED, RUNNING, GARBLED, TransportError("reset"), GARBLED, GARBLED)
    reports = poll_times(poller, 7)
    assert [report.fault is not None for report in reports] == [False, True, True, False, True, True, True]
    with pytest.raises(ProtocolError):
        poller.poll(carried(reports[-1].state))


def test_a_single_poll_tells_a_malformed_answer_as_it_is():
    with pytest.raises(ProtocolError):
        poller_of(GARBLED, timeout=0).poll(WaitState())


def test_an_end_that_may_be_another_runs_is_polled_once_more():
    doubtful = {**ENDED, "startTime": 0.0}
    running, in_doubt, ended = poll_times(poller_of(RUNNING, doubtful, doubtful), 3)
    assert (running.outcome, in_doubt.outcome) == (None, None)
    assert ended.outcome["outcome"] == "succeeded"
    replaced = poller_of(RUNNING, doubtful, {**RUNNING, "startTime": 50.0})
    reports = poll_times(replaced, 2)
    with pytest.raises(TaskReplacedError):
        replaced.poll(carried(reports[-1].state))


def logged(final, **chapter):
    """What the run log answers: its list of runs, and the events of the only one."""
    chapter = {"beginTime": 100.02, "beginSeq": 1, "endTime": 120.0, "outcome": "ok", **chapter}
    event = {"event": "apaevt_status_update", "body": {**final, "logSeq": 5, "final": True}}
    return {"chapters": [chapter]}, {"events": [event]}


NAMED = {**RUNNING, "project_id": "p", "source": "s"}


@pytest.mark.parametrize(
    "lost", [TaskNotFoundError("Your pipeline is not running"), {**NAMED, "startTime": 500.0}]
)
def test_the_run_log_tells_the_end_of_a_lost_run(lost):
    final = {**ENDED, "state": 6, "exitCode": 1, "exitMessage": "disk full"}
    runs, events = logged(final, outcome="cancelled")
    _, ended = poll_times(poller_of(NAMED, lost, runs, events), 2)
    assert ended.outcome["outcome"] == "failed"
    assert "disk full" in ended.outcome["message"]


def test_the_run_log_may_tell_the_outcome_alone():
    runs, _ = logged(ENDED, reason="user")
    poller = poller_of(NAMED, TaskNotFoundError("Your pipeline is not running"), runs, {"events": []})
    state = poller.poll(WaitState()).state
    with pytest.raises(TaskVanishedError, match="somebody terminated it") as caught:
        poller.poll(carried(state))
    assert str(caught.value.outcome) == "cancelled"


def test_a_state_that_names_no_project_is_one_of_an_earlier_version():
    poller = poller_of(NAMED, TaskNotFoundError("Your pipeline is not running"))
    kept = poller.poll(WaitState()).state.to_dict()
    del kept["previous"]["project_id"], kept["previous"]["source"]
    with pytest.raises(TaskVanishedError):
        poller.poll(WaitState(**kept))
