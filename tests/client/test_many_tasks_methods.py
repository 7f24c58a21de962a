"""wait_all and as_completed over a scripted transport: arguments, order, duplicates, what a result says."""

import concurrent.futures
import copy
import itertools
import pickle

import pytest
from cases import each
from logged_runs import ENDED, RunLog

from rocketride_sync import (
    AuthenticationError,
    ConfigurationError,
    MemoryTransport,
    ProtocolError,
    RetryPolicy,
    RocketRideClient,
    RocketRideError,
    RocketRideWarning,
    TaskNotFoundError,
    TaskResult,
    TaskState,
    TaskStatus,
    TaskVanishedError,
    TransportError,
    WaitTimeoutError,
)
from rocketride_sync.protocol import operations
from rocketride_sync.transports.caller import refusal_of

RUNNING = {"state": 3, "startTime": 100.0}
DONE = {**RUNNING, "state": 5, "completed": True}
FAILED = {**DONE, "exitCode": 1, "exitMessage": "it crashed"}
UNKNOWN = TaskNotFoundError("Your pipeline is not running")
A, B, C = "tk_aaaa0123456789abcdef0123456789ab", "tk_bbbb0123456789abcdef0123456789ab", "tk_cccc0123456789"


def client_of(scripts):
    transport = MemoryTransport(scripts)
    return RocketRideClient("localhost", "the-secret-key", transport=transport), transport


# --- order and number


def test_wait_all_returns_the_results_in_the_order_of_the_tokens():
    client, _ = client_of({A: [RUNNING, RUNNING, DONE], B: [DONE], C: [RUNNING, UNKNOWN]})
    results = client.wait_all([A, B, C])
    assert [result.token for result in results] == [A, B, C]
    assert [result.succeeded for result in results] == [True, True, False]


def test_as_completed_yields_the_results_in_the_order_of_ending():
    client, _ = client_of({A: [RUNNING, RUNNING, DONE], B: [DONE], C: [RUNNING, UNKNOWN]})
    assert [result.token for result in client.as_completed([A, B, C])] == [B, C, A]


def test_a_token_that_comes_twice_is_watched_once():
    client, transport = client_of({A: [RUNNING, DONE], B: [DONE]})
    first, _, third = client.wait_all([A, B, A])
    assert first is third
    assert first.token == A
    assert len(transport.calls) == 3
    client, _ = client_of({A: [DONE], B: [DONE]})
    assert [result.token for result in client.as_completed([A, B, A])] == [A, B]


def test_no_token_at_all_asks_nothing():
    client, transport = client_of([])
    assert client.wait_all([]) == []
    assert list(client.as_completed(iter(()))) == []
    assert transport.calls == []


def test_tokens_may_come_from_any_iterable():
    client, _ = client_of({A: [DONE], B: [DONE]})
    assert [result.token for result in client.wait_all(token for token in (A, B))] == [A, B]


def test_nothing_sleeps_over_the_scripted_transport():
    client, transport = client_of({A: [RUNNING] * 50 + [DONE], B: [RUNNING] * 50 + [DONE]})
    assert all(result.succeeded for result in client.wait_all([A, B], interval=200.0))
    assert len(transport.pauses) >= 50


# --- arguments


@each(
    ("tokens", "named"),
    [
        (A, "list of tokens"),
        (b"tk_1", "list of tokens"),
        (None, "list of tokens"),
        (5, "list of tokens"),
        ([A, ""], r"tokens\[1\]"),
        ([A, None], r"tokens\[1\]"),
        (["tk_5f3a…"], r"tokens\[0\]"),
    ],
)
def test_unusable_tokens(tokens, named):
    client, transport = client_of([DONE])
    for call in (client.wait_all, client.as_completed):
        with pytest.raises(ConfigurationError, match=named) as caught:
            call(tokens)
        assert A not in str(caught.value)
    assert transport.calls == []


@each(
    "options",
    [
        {"timeout": -1},
        {"timeout": True},
        {"interval": 0},
        {"interval": "2"},
        {"timeout": float("nan")},
        {"on_progress": 5},
    ],
)
def test_unusable_options(options):
    client, transport = client_of([DONE])
    for call in (client.wait_all, client.as_completed):
        with pytest.raises(ConfigurationError, match=next(iter(options))):
            call([A], **options)
    assert transport.calls == []


def test_an_interval_longer_than_a_server_remembers_is_a_warning_at_the_callers_line():
    client, _ = client_of(itertools.repeat(DONE))
    for call in (
        client.wait_all,
        client.as_completed,
        lambda tokens, **options: client.wait_until_complete(A, **options),
    ):
        with pytest.warns(RocketRideWarning, match="interval=301") as caught:
            call([A], interval=301)
        assert caught[0].filename == __file__


@each("value", ["ALL", None, 1, "all_completed", ["ALL_COMPLETED"]])
def test_an_unknown_return_when(value):
    client, transport = client_of([DONE])
    with pytest.raises(ConfigurationError, match="FIRST_EXCEPTION"):
        client.wait_all([A], return_when=value)
    assert transport.calls == []


# --- return_when


def test_the_constants_of_concurrent_futures_are_taken():
    scripts = {A: itertools.repeat(RUNNING), B: [RUNNING, DONE], C: [RUNNING, RUNNING, UNKNOWN]}
    client, _ = client_of(scripts)
    first = client.wait_all([A, B, C], return_when=concurrent.futures.FIRST_COMPLETED)
    assert [result.done for result in first] == [False, True, False]
    assert first[0].status.state is TaskState.RUNNING
    client, _ = client_of(
        {A: itertools.repeat(RUNNING), B: [RUNNING, FAILED], C: [RUNNING, RUNNING, UNKNOWN]}
    )
    first = client.wait_all([A, B, C], return_when=concurrent.futures.FIRST_EXCEPTION)
    assert [result.done for result in first] == [False, True, True]
    assert isinstance(first[2].error, TaskVanishedError)
    client, _ = client_of({A: [RUNNING, UNKNOWN], B: [RUNNING, RUNNING, DONE]})
    both = client.wait_all([A, B], return_when=concurrent.futures.ALL_COMPLETED)
    assert [result.done for result in both] == [True, True]


def test_a_task_that_has_not_ended_has_no_result_yet():
    client, _ = client_of({A: itertools.repeat(RUNNING), B: [DONE]})
    running, _ = client.wait_all([A, B], return_when="FIRST_COMPLETED")
    assert (running.done, running.succeeded, running.error) == (False, False, None)
    with pytest.raises(RocketRideError, match="wait again") as caught:
        running.result()
    assert A not in str(caught.value)


# --- progress, and errors for all


def test_progress_comes_with_token_and_status():
    client, _ = client_of({A: [RUNNING, DONE], B: [UNKNOWN]})
    seen = []
    client.wait_all([A, B], on_progress=lambda token, status: seen.append((token, status.state.name)))
    assert seen == [(A, "RUNNING"), (A, "COMPLETED")]


def test_what_the_callback_raises_ends_the_wait():
    client, _ = client_of({A: itertools.repeat(RUNNING)})
    mine = KeyError("mine")

    def fail(token, status):
        raise mine

    with pytest.raises(KeyError) as caught:
        client.wait_all([A], on_progress=fail)
    assert caught.value is mine


def test_a_refused_key_is_raised_not_returned():
    client, _ = client_of({A: [RUNNING], B: [AuthenticationError("Access denied")]})
    with pytest.raises(AuthenticationError):
        client.wait_all([A, B])
    client, _ = client_of({A: [AuthenticationError("Access denied")]})
    with pytest.raises(AuthenticationError):
        list(client.as_completed([A]))


def test_with_a_task_s_token_as_credential_the_others_fail_and_that_task_does_not():
    with RocketRideClient(
        "localhost", A, transport=MemoryTransport({A: [DONE], B: [other_task()]})
    ) as client:
        mine, others = client.wait_all([A, B])
    assert mine.succeeded
    assert type(others.error) is ConfigurationError


def other_task():
    """As what refuses to send a request about another task than that of the credential."""
    return refusal_of(operations.get_task_status(B), A)


def test_at_the_timeout_every_task_has_a_result():
    client, _ = client_of({A: itertools.repeat(RUNNING), B: [DONE]})
    late, done = client.wait_all([A, B], timeout=0)
    assert isinstance(late.error, WaitTimeoutError)
    assert late.error.last_status is late.status
    assert late.status.state is TaskState.RUNNING
    assert done.succeeded


# --- a result


def test_a_result_gives_the_status_or_raises_the_error():
    status = TaskStatus.from_dict(FAILED)
    ended = TaskResult(token=A, status=status)
    assert ended.result() is status
    assert (ended.done, ended.succeeded) == (True, False)
    lost = TaskResult(token=A, error=UNKNOWN)
    with pytest.raises(TaskNotFoundError) as caught:
        lost.result()
    assert caught.value is UNKNOWN
    assert (lost.done, lost.succeeded) == (True, False)


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        (
            TaskResult(token=A, status=TaskStatus.from_dict(DONE)),
            "<TaskResult tk_aaaa… <TaskStatus COMPLETED 0/0>>",
        ),
        (TaskResult(token=A, error=UNKNOWN), "<TaskResult tk_aaaa… TaskNotFoundError>"),
        (TaskResult(token=A), "<TaskResult tk_aaaa… not polled>"),
    ],
)
def test_a_result_shows_no_whole_token(result, shown):
    assert repr(result) == shown


def test_a_result_is_a_frozen_value_that_pickles():
    result = TaskResult(token=A, status=TaskStatus.from_dict(DONE))
    assert pickle.loads(pickle.dumps(result)) == copy.deepcopy(result) == result
    with pytest.raises(AttributeError):
        result.token = B


def test_a_result_may_be_kept_in_a_set():
    result = TaskResult(token=A, status=TaskStatus.from_dict(DONE))
    assert {result, copy.deepcopy(result), TaskResult(token=B)} == {TaskResult(token=B), result}


def test_a_stop_iteration_of_the_callback_comes_out_unchanged():
    mine = StopIteration("mine")

    def on_progress(*_):
        raise mine

    running = {"state": 3, "startTime": 1.7e9}
    done = {**running, "state": 5, "completed": True, "exitCode": 0, "endTime": 1.7e9 + 9}
    with RocketRideClient("t", "k", transport=MemoryTransport([running, done])) as client:
        with pytest.raises(StopIteration) as caught:
            client.wait_all(["tk_1", "tk_2"], on_progress=on_progress)
        assert caught.value is mine
        with pytest.raises(StopIteration) as caught:
            client.wait_until_complete("tk_1", on_progress=on_progress)
        assert caught.value is mine


def test_a_stop_iteration_of_the_callback_does_not_look_like_the_end_of_an_iterator():
    """Of `as_completed` it cannot come out unchanged: a loop would end as if all tasks had."""
    mine = StopIteration("mine")

    def on_progress(*_):
        raise mine

    client, _ = client_of({A: [RUNNING, DONE], B: [DONE]})
    with pytest.raises(RuntimeError) as caught:
        list(client.as_completed([A, B], on_progress=on_progress))
    assert caught.value.__cause__ is mine


# --- a poller that cannot be made


class Late(MemoryTransport):
    """A poller cannot be made for it at first: a module could not be loaded."""

    def __init__(self, script, faults):
        super().__init__(script)
        self._faults = iter(faults)

    def watch_many(self, polls):
        for fault in self._faults:
            raise fault
        return super().watch_many(polls)


def late_client_of(script, faults, **policy):
    retry = RetryPolicy(initial_delay=0.001, max_delay=0.002, **policy)
    return RocketRideClient("localhost", "the-secret-key", transport=Late(script, faults), retry=retry)


MISSING = TransportError("a module that this needs could not be loaded")


def test_a_poller_that_cannot_be_made_for_a_while_does_not_end_the_wait():
    client = late_client_of([DONE, DONE], [MISSING] * 3)
    assert [result.succeeded for result in client.wait_all([A, B], timeout=30.0)] == [True, True]


def test_a_poller_that_cannot_be_made_until_the_timeout_leaves_the_reason_to_the_polls():
    """They find the same module missing."""

    class Missing(Late):
        def call(self, operation, deadline):
            raise MISSING

    transport = Missing([], itertools.repeat(MISSING))
    with RocketRideClient("localhost", "the-secret-key", transport=transport) as client:
        results = client.wait_all([A, B], timeout=0.03)
    for result in results:
        with pytest.raises(WaitTimeoutError, match="could not be loaded"):
            result.result()


@pytest.mark.parametrize("timeout", [None, 30.0])
def test_a_poller_that_cannot_be_made_for_the_longest_outage_ends_the_wait(timeout):
    client = late_client_of([DONE], itertools.repeat(MISSING), max_outage=0.02)
    with pytest.raises(TransportError) as caught:
        client.wait_all([A], timeout=timeout)
    assert caught.value is MISSING


# --- lists of tasks


def test_the_running_tasks_are_typed():
    client, _ = client_of([{"tasks": [{"token": A, "name": "first"}]}, {"tasks": []}])
    assert [task.token for task in client.get_tasks()] == [A]
    assert client.get_tasks() == []


@each("body", [None, [], "tasks", {}, {"tasks": None}, {"tasks": {"token": A}}])
def test_an_answer_without_a_list_of_tasks_says_so(body):
    client, _ = client_of([body])
    with pytest.raises(ProtocolError, match="get_tasks: the answer holds no list of tasks"):
        client.get_tasks()


def test_the_runs_of_a_source_are_typed():
    log = RunLog().add(ENDED, outcome="ok")
    client, transport = client_of([log.body({"subcommand": "chapters"})])
    (run,) = client.get_task_runs("a project", "a source", team_id="a team")
    assert (run.begin_time, run.outcome) == (100.02, "ok")
    (call,) = transport.calls
    assert {"a project", "a source", "a team"} <= set(map(str, call.arguments.values()))
    for wrong in ({"project_id": ""}, {"source": 5}, {"team_id": 5}):
        with pytest.raises(ConfigurationError, match=next(iter(wrong))):
            client.get_task_runs(**{"project_id": "p", "source": "s", **wrong})
