"""What a wait does besides polling: modules that cannot be loaded for a while, giving up, cancelling, errors of others."""

import errno
import itertools
import re
import time

import pytest
from cases import each
from handlers import of_auth
from timed_calls import TimedCalls

from rocketride_sync import (
    AuthenticationError,
    CertificateError,
    ConfigurationError,
    MemoryTransport,
    Outcome,
    OverloadedError,
    PermissionDeniedError,
    ProtocolError,
    RetryPolicy,
    RocketRideClient,
    ServerError,
    TaskNotFoundError,
    TaskReplacedError,
    TaskStatus,
    TaskVanishedError,
    TransportError,
    UnsupportedOperationError,
    WaitTimeoutError,
)
from rocketride_sync.client import many_tasks_methods, status_methods

TOKEN = "tk_5f3a0123456789abcdef0123456789ab"
RUNNING = {"state": 3, "startTime": 100.0}
DONE = {**RUNNING, "state": 5, "completed": True, "exitCode": 0}
CANCELLED = {**DONE, "state": 6}
ANOTHER = {**RUNNING, "startTime": 300.0}
SEEN = TaskStatus.from_dict(RUNNING)
QUICK = RetryPolicy(initial_delay=0.001, max_delay=0.002)


def client_of(*script, **options):
    options.setdefault("retry", QUICK)
    return RocketRideClient("localhost", "the-secret-key", transport=TimedCalls(script), **options)


def calls_of(client):
    return [call.name for call in client._transport.calls]


def wait(client, **options):
    return client.wait_until_complete(TOKEN, **options)


def iterate(client, **options):
    return list(client.iter_task_status(TOKEN, **options))[-1]


def wait_for_many(client, **options):
    (result,) = client.wait_all([TOKEN], **options)
    return result.result()


def as_completed(client, **options):
    (result,) = client.as_completed([TOKEN], **options)
    return result.result()


WAITS = pytest.mark.parametrize("way", [wait, iterate, wait_for_many, as_completed])


# --- modules that cannot be loaded


@pytest.fixture
def loading(monkeypatch):
    """Makes the loading of modules fail so many times, as if no file descriptor were left. `before` is called first."""

    def fail(times, before=lambda: None):
        left = iter(range(times) if times else itertools.count())

        def imports():
            before()
            if next(left, None) is not None:
                raise OSError(errno.EMFILE, "Too many open files")

        for module in (status_methods, many_tasks_methods):
            monkeypatch.setattr(module, "_waiting", imports)

    return fail


@WAITS
def test_modules_that_cannot_be_loaded_for_a_while_do_not_end_a_wait(loading, way):
    loading(2)
    assert way(client_of(RUNNING, DONE), timeout=30.0).succeeded


@WAITS
def test_what_loading_takes_is_of_the_timeout(loading, monkeypatch, way):
    """A retry after it began later, as it were: the wait ends when it was to."""
    passed, clock = [0.0], time.monotonic

    def take_a_while():
        passed[0] = 6.0

    monkeypatch.setattr("time.monotonic", lambda: clock() + passed[0])
    loading(1, take_a_while)
    client = client_of(DONE, timeout=None)
    assert way(client, timeout=10.0).succeeded
    assert 0.0 < client._transport.limits[0] <= 4.0


@WAITS
@pytest.mark.parametrize("timeout", [None, 20.0])
def test_modules_that_are_missing_for_the_longest_outage_end_a_wait(loading, way, timeout):
    loading(0)
    client = client_of(DONE, retry=RetryPolicy(initial_delay=0.001, max_outage=0.02))
    with pytest.raises(TransportError, match="could not be loaded: Too many open files") as caught:
        way(client, timeout=timeout)
    assert not isinstance(caught.value, WaitTimeoutError)
    assert calls_of(client) == []


@pytest.mark.parametrize("way", [wait, iterate])
@pytest.mark.parametrize("timeout", [0.0, 0.04])
def test_modules_that_are_missing_until_the_timeout_are_a_timeout(loading, way, timeout):
    loading(0)
    client = client_of(DONE)
    reason = rf"task tk_5f3a…: no status could be read for {timeout:.1f} s: .*Too many open files"
    with pytest.raises(WaitTimeoutError, match=reason) as caught:
        way(client, timeout=timeout, previous=SEEN)
    error = caught.value
    assert (error.token, error.elapsed, error.last_status) == ("tk_5f3a…", timeout, SEEN)
    assert type(error.__cause__) is TransportError, "as after polls that failed"
    assert error.__context__ is None
    assert calls_of(client) == []


def test_a_call_that_cannot_load_what_it_needs_asks_nothing(loading, monkeypatch):
    loading(0)
    monkeypatch.setattr(many_tasks_methods, "_reading_runs", many_tasks_methods._waiting)
    client = client_of(DONE)
    with pytest.raises(TransportError, match="could not be loaded"):
        client.get_task_status(TOKEN, previous=SEEN)
    with pytest.raises(TransportError, match="could not be loaded"):
        client.get_task_runs("p", "s")
    assert calls_of(client) == []
    assert client.get_task_status(TOKEN).succeeded, "it needs nothing more"


# --- a transport that cannot watch for a while


def test_a_watch_that_cannot_be_made_is_a_poll_that_failed():
    class Late(TimedCalls):
        faults = 2

        def watch(self, operation):
            if self.faults:
                self.faults -= 1
                raise TransportError("a module could not be loaded")
            return super().watch(operation)

    transport = Late([RUNNING, DONE])
    client = RocketRideClient("localhost", "the-secret-key", transport=transport, retry=QUICK)
    assert client.wait_until_complete(TOKEN, 30.0).succeeded
    assert len(transport.calls) == 2


# --- arguments


@WAITS
def test_by_default_a_task_is_polled_every_two_seconds(way):
    client = client_of(RUNNING, RUNNING, DONE)
    way(client)
    assert sum(client._transport.pauses) == pytest.approx(4.0, abs=0.9)


@WAITS
def test_the_single_poll_of_a_timeout_of_0_has_the_time_of_a_call(way):
    client = client_of(DONE, timeout=20.0)
    assert way(client, timeout=0).succeeded
    assert client._transport.limits == pytest.approx([20.0], abs=10.0)


def test_a_callback_that_is_no_function_is_refused_before_any_poll():
    client = client_of(DONE)
    for call, tokens in (
        (client.wait_until_complete, TOKEN),
        (client.wait_all, [TOKEN]),
        (client.as_completed, [TOKEN]),
    ):
        with pytest.raises(ConfigurationError, match="on_progress"):
            call(tokens, on_progress=5)
    assert calls_of(client) == []


# --- errors of others


@pytest.mark.parametrize("cause", [None, ValueError("the cause")])
def test_a_runtime_error_of_the_callback_comes_out_unchanged(cause):
    mine = RuntimeError("mine")
    mine.__cause__ = cause

    def callback(_status):
        raise mine

    with pytest.raises(RuntimeError) as caught:
        client_of(DONE).wait_until_complete(TOKEN, on_progress=callback)
    assert caught.value is mine
    assert mine.__cause__ is cause


def test_a_stop_iteration_of_the_function_for_the_key_comes_out_unchanged():
    mine = of_auth(StopIteration("mine"))
    with pytest.raises(StopIteration) as caught:
        client_of(RUNNING, mine).wait_until_complete(TOKEN)
    assert caught.value is mine


@pytest.mark.parametrize("way", [wait, iterate])
def test_a_lost_run_is_searched_for_in_the_run_log_unless_the_function_for_the_key_lost_another(way):
    seen = {**RUNNING, "project_id": "p", "source": "s"}
    client = client_of(seen, ANOTHER, {"runs": []})
    with pytest.raises(TaskReplacedError, match="another run took over"):
        way(client)
    assert calls_of(client)[2:] == ["get_task_runs"]
    mine = of_auth(TaskReplacedError("mine"))
    client = client_of(seen, mine)
    with pytest.raises(TaskReplacedError) as caught:
        way(client)
    assert caught.value is mine
    assert calls_of(client)[2:] == []


# --- cancelling


def interrupt(_status):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("first", "previous"), [(RUNNING, None), (TransportError("refused"), SEEN)], ids=["seen", "previous"]
)
def test_cancelling_at_the_timeout_leaves_another_run_alone(first, previous):
    client = client_of(first, ANOTHER)
    with pytest.raises(TaskReplacedError):
        client.wait_until_complete(TOKEN, 0, cancel_on_timeout=True, previous=previous)
    assert "terminate" not in calls_of(client)


def test_cancelling_takes_thirty_seconds_at_most_exactly(monkeypatch):
    """The clock is stopped when it begins."""
    now = time.monotonic()
    client = client_of(RUNNING, RUNNING, {}, CANCELLED, timeout=None)

    def stop_the_clock(_status):
        monkeypatch.setattr("time.monotonic", lambda: now)

    assert client.wait_until_complete(TOKEN, 0, 2.0, stop_the_clock, cancel_on_timeout=True).is_terminal
    assert calls_of(client)[1:] == ["get_task_status", "terminate", "get_task_status"]
    assert client._transport.limits[1:3] == [30.0, 30.0]


REFUSALS = [
    kind("no")
    for kind in (
        TransportError,
        OverloadedError,
        CertificateError,
        ProtocolError,
        AuthenticationError,
        UnsupportedOperationError,
        ServerError,
        PermissionDeniedError,
        ConfigurationError,
    )
]


@each("steps", [[], [RUNNING], [RUNNING, {}]])  # in the look, in the request, in the wait
@each("fault", REFUSALS)
def test_a_task_that_cannot_be_cancelled_at_the_timeout_is_a_timeout_that_says_so(fault, steps):
    """Whatever the reason, and at whatever step: the time of the wait is up, and it has the latest status."""
    retry = RetryPolicy(max_outage=0.01, initial_delay=0.001, max_delay=0.002)
    client = client_of(RUNNING, *steps, *[fault] * 5000, retry=retry)
    with pytest.raises(WaitTimeoutError) as caught:
        client.wait_until_complete(TOKEN, 0, cancel_on_timeout=True)
    assert re.search(
        r"has not ended .* \(last seen as RUNNING\); it could not be terminated and may run on: .*no",
        str(caught.value),
    )
    assert "it runs on" not in str(caught.value)
    assert caught.value.last_status == SEEN
    assert isinstance(caught.value.__cause__, (type(fault), WaitTimeoutError))


def test_a_task_that_the_server_never_knew_is_not_said_to_run_on():
    client = client_of(TransportError("refused"), TaskNotFoundError("unknown"))
    with pytest.raises(TaskNotFoundError, match="unknown"):
        client.wait_until_complete(TOKEN, 0, cancel_on_timeout=True)


@each("first", [RUNNING, TransportError("refused")])
@each("steps", [[], [RUNNING]])
def test_an_error_of_the_function_for_the_key_comes_out_of_the_cancelling(steps, first):
    mine = of_auth(ServerError("of the vault"))
    client = client_of(first, *steps, mine)
    with pytest.raises(ServerError) as caught:
        client.wait_until_complete(TOKEN, 0, cancel_on_timeout=True)
    assert caught.value is mine


def test_what_kept_the_wait_from_reading_a_status_stays_the_cause_of_its_timeout():
    unread = TransportError("refused")
    client = client_of(unread, *[ServerError("no")] * 3)
    with pytest.raises(WaitTimeoutError, match=r"no status could be read .* may run on: .*no") as caught:
        client.wait_until_complete(TOKEN, 0, cancel_on_timeout=True)
    assert caught.value.__cause__ is unread


def test_a_timeout_that_is_not_to_cancel_asks_for_nothing_more():
    client = client_of(RUNNING)
    with pytest.raises(WaitTimeoutError, match=r"; it runs on$"):
        client.wait_until_complete(TOKEN, 0)
    assert calls_of(client) == ["get_task_status"]


def test_a_task_that_does_not_end_when_it_is_cancelled_is_the_timeout_of_the_wait(leaping):
    def script():
        yield from [RUNNING, RUNNING, {}]
        while True:
            leaping.leap(10.0)
            yield RUNNING

    client = RocketRideClient("localhost", "k", transport=MemoryTransport(script()), timeout=20.0)
    with pytest.raises(
        WaitTimeoutError, match=r"it could not be terminated and may run on: task tk_.*the last poll failed"
    ):
        client.wait_until_complete(TOKEN, 0, cancel_on_timeout=True)


def test_ctrl_c_says_what_became_of_a_task_that_could_not_be_cancelled():
    for found, said in (
        (TransportError("refused"), ": it could not be terminated and may run on: refused"),
        (
            of_auth(TaskNotFoundError("no such secret")),
            ": it could not be terminated and may run on: no such secret",
        ),
        (ANOTHER, ": task tk_5f3a…: another run took over the token"),
    ):
        client = client_of(RUNNING, found)
        with pytest.raises(KeyboardInterrupt, match=said):
            client.wait_until_complete(TOKEN, on_progress=interrupt, cancel_on_interrupt=True)
        assert "terminate" not in calls_of(client)


@each("steps", [[], [RUNNING], [RUNNING, {}]])
@each("first", ["Ctrl-C", "the timeout"])
def test_a_second_ctrl_c_while_the_task_is_cancelled_says_that_it_may_run_on(first, steps):
    """The first one ends the task, or goes on with that."""
    ways = {
        "Ctrl-C": ({"on_progress": interrupt, "cancel_on_interrupt": True}, []),
        "the timeout": ({"timeout": 0, "cancel_on_timeout": True}, [KeyboardInterrupt()]),
    }
    way, before = ways[first]
    for stop, said in (
        (KeyboardInterrupt(), "interrupted; task tk_5f3a…: it may run on"),
        (KeyboardInterrupt("of the shutdown"), "of the shutdown"),
    ):
        client = client_of(RUNNING, *before, *steps, stop)
        with pytest.raises(KeyboardInterrupt) as caught:
            client.wait_until_complete(TOKEN, **way)
        assert str(caught.value) == said


def test_ctrl_c_does_not_say_that_a_task_may_run_on_that_the_server_never_knew():
    client = client_of(KeyboardInterrupt(), TaskNotFoundError("the server knows no such task"))
    with pytest.raises(KeyboardInterrupt) as caught:
        client.wait_until_complete(TOKEN, cancel_on_interrupt=True)
    assert str(caught.value) == "interrupted; task tk_5f3a…: the server knows no such task"


def test_ctrl_c_that_says_something_keeps_it():
    def stop(_status):
        raise KeyboardInterrupt("of the shutdown")

    with pytest.raises(KeyboardInterrupt) as caught:
        client_of(RUNNING).wait_until_complete(TOKEN, on_progress=stop)
    assert caught.value.args == ("of the shutdown",)


def test_ctrl_c_before_the_first_status_cancels_the_run_of_the_earlier_one():
    client = client_of(KeyboardInterrupt(), RUNNING, {}, CANCELLED)
    with pytest.raises(KeyboardInterrupt, match="it was ended: cancelled"):
        client.wait_until_complete(TOKEN, previous=SEEN, cancel_on_interrupt=True)
    assert calls_of(client) == ["get_task_status", "get_task_status", "terminate", "get_task_status"]
    client = client_of(KeyboardInterrupt(), ANOTHER)
    with pytest.raises(KeyboardInterrupt, match="task tk_5f3a…"):
        client.wait_until_complete(TOKEN, previous=SEEN, cancel_on_interrupt=True)
    assert "terminate" not in calls_of(client)
    client = client_of(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt, match="it runs on"):
        client.wait_until_complete(TOKEN)


DOUBTFUL = {**CANCELLED, "startTime": 0.0}  # that of a next run that ended before its start, it may be
WAYS_TO_ASK = pytest.mark.parametrize(
    "ask",
    [
        lambda client, **timeout: client.get_task_status(TOKEN, previous=SEEN, **timeout),
        lambda client, **timeout: client.task(TOKEN, previous=SEEN).get_status(**timeout),
    ],
    ids=["client", "task"],
)


@pytest.fixture
def doubting(monkeypatch):
    """The pauses before the other looks, which take no time."""
    pauses = []
    monkeypatch.setattr("rocketride_sync.deadline.Deadline.sleep", lambda _, seconds: pauses.append(seconds))
    return pauses


@WAYS_TO_ASK
@each(
    ("then", "error"),
    [
        (ANOTHER, TaskReplacedError),
        (TaskNotFoundError("gone"), TaskVanishedError),
        (TransportError("reset"), TransportError),
    ],
    ids=repr,
)
def test_an_end_that_may_be_another_runs_is_read_once_more(doubting, ask, then, error):
    client = client_of(DOUBTFUL, then)
    with pytest.raises(error):
        ask(client)
    assert calls_of(client) == ["get_task_status"] * 2
    assert doubting == [1.0]
    doubting.clear()


@WAYS_TO_ASK
@each("then", [RUNNING, DONE, DOUBTFUL, {**RUNNING, "startTime": 0.0}], ids=repr)
def test_what_is_read_then_counts(doubting, ask, then):
    client = client_of(DOUBTFUL, then)
    assert ask(client) == TaskStatus.from_dict(then)


@WAYS_TO_ASK
def test_without_time_for_another_look_it_counts_at_once(doubting, ask):
    client = client_of(DOUBTFUL, ANOTHER)
    assert ask(client, timeout=0.9).outcome is Outcome.CANCELLED
    assert calls_of(client) == ["get_task_status"]
    assert doubting == []


@each("previous", [None, TaskStatus.from_dict({**RUNNING, "startTime": 0.0})], ids=repr)
def test_an_end_without_a_start_is_in_no_doubt_if_none_was_seen(previous):
    client = client_of(DOUBTFUL, ANOTHER)
    assert client.get_task_status(TOKEN, previous=previous).outcome is Outcome.CANCELLED
