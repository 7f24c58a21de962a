"""The client's methods over a scripted transport: arguments, timeouts, errors, the documented snippets."""

import _weakrefset
import copy
import gc
import pickle
import warnings
import weakref

import pytest
from cases import each
from moments import between_lines

from rocketride_sync import (
    ConfigurationError,
    DecodeError,
    MemoryTransport,
    OverloadedError,
    RetryPolicy,
    RocketRideClient,
    RocketRideWarning,
    TaskCancelledError,
    TaskFailedError,
    TaskNotFoundError,
    TaskReplacedError,
    TaskState,
    TaskStatus,
    TaskVanishedError,
    TransientError,
    TransportError,
    WaitTimeoutError,
)
from rocketride_sync.client import client as client_module

TOKEN = "tk_5f3a0123456789abcdef0123456789ab"
KEY = "the-secret-key"
RUNNING = {"state": 3, "startTime": 100.0, "completedCount": 1, "totalCount": 4}
DONE = {**RUNNING, "state": 5, "completed": True, "endTime": 200.0, "completedCount": 4}
NOT_FOUND = TaskNotFoundError("Your pipeline is not running")


def client_of(*script, **options):
    return RocketRideClient("localhost", KEY, transport=MemoryTransport(script), **options)


# --- one status


def test_a_status_is_typed_and_speaks_the_documented_names():
    status = client_of(RUNNING).get_task_status(TOKEN)
    assert isinstance(status, TaskStatus)
    assert status.completed_count == 1
    assert f"State: {status['state']}" == "State: 3"
    assert f"Progress: {status['completedCount']}/{status['totalCount']}" == "Progress: 1/4"


def test_an_answer_of_the_wrong_shape_is_a_decode_error():
    with pytest.raises(DecodeError):
        client_of({"state": "three"}).get_task_status(TOKEN)
    with pytest.raises(DecodeError):
        client_of(None).get_task_status(TOKEN)


@each("token", ["", "   ", None, 5, b"tk_1"])
def test_a_token_is_a_string_that_is_not_empty(token):
    client = client_of(RUNNING)
    for call in (client.get_task_status, client.wait_until_complete, client.iter_task_status):
        with pytest.raises(ConfigurationError, match="token"):
            call(token)


PIPELINE = {"project_id": "p", "source": "s", "components": []}
HALF = "tk_\udcff\udcfe"  # what Python makes of an argument whose bytes are not UTF-8
TAKE_TEXT = {
    "get_task_status": (lambda c: c.get_task_status(HALF), "token"),
    "wait_until_complete": (lambda c: c.wait_until_complete(HALF), "token"),
    "iter_task_status": (lambda c: c.iter_task_status(HALF), "token"),
    "wait_all": (lambda c: c.wait_all(["tk_1", HALF]), "tokens[1]"),
    "as_completed": (lambda c: c.as_completed([HALF]), "tokens[0]"),
    "terminate": (lambda c: c.terminate(HALF), "token"),
    "task": (lambda c: c.task(HALF), "token"),
    "send": (lambda c: c.send(HALF, b"x"), "token"),
    "send_files": (lambda c: c.send_files([__file__], HALF), "token"),
    "pipe": (lambda c: c.pipe(HALF), "token"),
    "chat": (lambda c: c.chat(HALF, "why?"), "token"),
    "use-token": (lambda c: c.use(pipeline=PIPELINE, token=HALF), "token"),
    "use-name": (lambda c: c.use(pipeline=PIPELINE, name=HALF), "name"),
    "use-source": (lambda c: c.use(pipeline=PIPELINE, source=HALF), "source"),
    "use-args": (lambda c: c.use(pipeline=PIPELINE, args=["--x", HALF]), "args"),
    "use-env": (lambda c: c.use(pipeline=PIPELINE, env={"A": HALF}), "env"),
    "use-env-name": (lambda c: c.use(pipeline=PIPELINE, env={HALF: "a"}), "env"),
    "restart": (lambda c: c.restart(project_id="p", source="s", pipeline=PIPELINE, token=HALF), "token"),
    "restart-project": (
        lambda c: c.restart(project_id=HALF, source="s", pipeline=PIPELINE, token="t"),
        "project_id",
    ),
    "restart-source": (
        lambda c: c.restart(project_id="p", source=HALF, pipeline=PIPELINE, token="t"),
        "source",
    ),
    "get_task_token": (lambda c: c.get_task_token(HALF, "s"), "project_id"),
    "get_task_runs": (lambda c: c.get_task_runs("p", "s", team_id=HALF), "team_id"),
    "get_task_pipeline": (lambda c: c.get_task_pipeline(HALF), "token"),
    "get_service": (lambda c: c.get_service(HALF), "name"),
    "validate": (lambda c: c.validate(PIPELINE, source=HALF), "source"),
    "call": (lambda c: c.call(HALF), "command"),
    "call-token": (lambda c: c.call("x", token=HALF), "token"),
}


@each("method", TAKE_TEXT)
def test_a_text_that_utf_8_cannot_say_is_named_before_anything_is_sent(method):
    """Whatever the transport: over HTTP it could not be sent, and no server knows what it means."""
    call, name = TAKE_TEXT[method]
    with pytest.raises(ConfigurationError) as caught:
        call(client_of())
    told = str(caught.value)
    assert told.startswith(f"{name} ")
    assert "UTF-8" in told
    assert "tk_" not in told
    assert caught.value.__context__ is None


@each(
    ("argument", "value", "told"),
    [
        ("trace_level", "zz", "trace_level must be one of none, metadata, summary, full, not 'zz'"),
        ("trace_level", "z" * 25, "trace_level must be one of none, metadata, summary, full"),
        ("trace_level", "a b", "trace_level must be one of none, metadata, summary, full"),
        ("trace_level", "", "trace_level must be one of none, metadata, summary, full, not ''"),
        ("trace_level", "tk_0123456789", "trace_level must be one of none, metadata, summary, full"),
        ("trace_level", 5, "trace_level must be one of none, metadata, summary, full, not 5"),
        ("trace_level", ["full"], "trace_level must be one of none, metadata, summary, full, not list"),
        ("env", {"A": "x", "B": 5}, "env must be a dict of strings: the value of 'B' is int"),
        ("env", {"A\n" * 90: None}, None),
        ("env", {5: "x"}, "env must be a dict of strings: a key is int"),
        ("env", ["A"], "env must be a dict of strings, not list"),
    ],
)
def test_an_argument_of_a_start_is_told_by_what_is_wrong_with_it(argument, value, told):
    with pytest.raises(ConfigurationError) as caught:
        client_of().use(pipeline=PIPELINE, **{argument: value})
    assert str(caught.value) == (
        told or "env must be a dict of strings: the value of 'A\\nA\\nA\\nA\\nA\\nA\\nA…' is NoneType"
    )


@each("timeout", [0, -1, True, "1"])
def test_a_single_calls_timeout_is_positive(timeout):
    with pytest.raises(ConfigurationError, match="timeout"):
        client_of(RUNNING).get_task_status(TOKEN, timeout=timeout)


class Budgets:
    """A transport that notes the time each call has."""

    def __init__(self):
        self.seconds = []

    def call(self, operation, deadline):
        self.seconds.append(deadline.remaining())
        return RUNNING

    def watch(self, operation):
        raise NotImplementedError

    def close(self):
        pass


def test_an_omitted_timeout_is_the_clients_and_none_is_unlimited():
    budgets = Budgets()
    client = RocketRideClient("localhost", KEY, transport=budgets, timeout=20)
    client.get_task_status(TOKEN)
    client.get_task_status(TOKEN, timeout=5)
    client.get_task_status(TOKEN, timeout=None)
    assert 15 < budgets.seconds[0] <= 20
    assert 0 < budgets.seconds[1] <= 5
    assert budgets.seconds[2] == float("inf")


def test_previous_tells_vanished_from_unknown():
    before = TaskStatus.from_dict(RUNNING)
    with pytest.raises(TaskVanishedError) as caught:
        client_of(NOT_FOUND).get_task_status(TOKEN, previous=before)
    assert caught.value.last_status is before
    assert caught.value.__context__ is None
    with pytest.raises(TaskNotFoundError):
        client_of(NOT_FOUND).get_task_status(TOKEN)


def test_previous_tells_another_run():
    before = TaskStatus.from_dict(RUNNING)
    with pytest.raises(TaskReplacedError):
        client_of({**RUNNING, "startTime": 300.0}).get_task_status(TOKEN, previous=before)
    assert client_of(DONE).get_task_status(TOKEN, previous=before).succeeded


def test_previous_must_be_a_status():
    with pytest.raises(ConfigurationError, match="previous"):
        client_of(RUNNING).get_task_status(TOKEN, previous=RUNNING)


# --- retries of a single call


def test_an_overload_answer_is_asked_again_within_the_timeout():
    retry = RetryPolicy(initial_delay=0.001)
    client = client_of(OverloadedError("full"), OverloadedError("full"), RUNNING, retry=retry)
    assert client.get_task_status(TOKEN).state is TaskState.RUNNING


def test_an_overload_that_lasts_comes_out():
    endless = (OverloadedError("full") for _ in iter(int, 1))
    client = RocketRideClient(
        "localhost", KEY, transport=MemoryTransport(endless), retry=RetryPolicy(initial_delay=0.01)
    )
    with pytest.raises(OverloadedError):
        client.get_task_status(TOKEN, timeout=0.2)


def test_a_retry_after_beyond_the_timeout_is_not_slept_through():
    client = client_of(OverloadedError("full", retry_after=3600.0))
    with pytest.raises(OverloadedError):
        client.get_task_status(TOKEN)


@pytest.mark.parametrize("fault", [TransportError("refused"), TransientError("503", http_status=503)])
def test_a_single_call_does_not_sit_on_other_faults(fault):
    client = client_of(fault, RUNNING)
    with pytest.raises(type(fault)):
        client.get_task_status(TOKEN)


# --- waiting


def test_a_wait_returns_the_terminal_status_and_reports_each():
    seen = []
    status = client_of(RUNNING, RUNNING, DONE).wait_until_complete(TOKEN, on_progress=seen.append)
    assert status.succeeded
    assert [s.state for s in seen] == [3, 3, 5]
    assert seen[-1] is status


def test_the_iterator_sees_the_same():
    states = [s.state for s in client_of(RUNNING, RUNNING, DONE).iter_task_status(TOKEN)]
    assert states == [3, 3, 5]


def test_leaving_the_iterator_closes_its_watch():
    class WatchedTransport(MemoryTransport):
        closed = 0

        def watch(self, operation):
            watch = super().watch(operation)
            watch.close = self.note
            return watch

        def note(self):
            self.closed += 1

    transport = WatchedTransport([RUNNING, RUNNING, DONE])
    client = RocketRideClient("localhost", KEY, transport=transport)
    for _ in client.iter_task_status(TOKEN):
        break
    gc.collect()
    assert transport.closed == 1


def test_what_on_progress_raises_comes_out_unchanged():
    boom = ZeroDivisionError("boom")

    def callback(_status):
        raise boom

    with pytest.raises(ZeroDivisionError) as caught:
        client_of(RUNNING).wait_until_complete(TOKEN, on_progress=callback)
    assert caught.value is boom


def test_a_timeout_of_the_callbacks_own_is_not_the_waits():
    theirs = WaitTimeoutError("of another wait", token="tk_…", elapsed=1.0)

    def callback(_status):
        raise theirs

    transport = MemoryTransport([RUNNING])
    client = RocketRideClient("localhost", KEY, transport=transport)
    with pytest.raises(WaitTimeoutError) as caught:
        client.wait_until_complete(TOKEN, on_progress=callback, cancel_on_timeout=True)
    assert caught.value is theirs
    assert [call.name for call in transport.calls] == ["get_task_status"], "nothing was terminated"


def test_an_earlier_end_is_no_answer_when_nobody_could_be_asked():
    ended = TaskStatus.from_dict(DONE)
    client = client_of(TransportError("refused"), TransportError("refused"))
    with pytest.raises(WaitTimeoutError, match="could not be terminated and may run on: refused") as caught:
        client.wait_until_complete(TOKEN, timeout=0, previous=ended, cancel_on_timeout=True)
    assert caught.value.last_status == ended


def test_a_wall_clock_that_is_set_changes_nothing(monkeypatch):
    hours = iter(range(0, 10**9, 3600))
    monkeypatch.setattr("time.time", lambda: float(-next(hours)))
    budgets = Budgets()
    RocketRideClient("localhost", KEY, transport=budgets, timeout=20).get_task_status(TOKEN)
    assert 15 < budgets.seconds[0] <= 20
    assert client_of(RUNNING, DONE).wait_until_complete(TOKEN, timeout=60).succeeded


@pytest.mark.parametrize(
    ("end", "error"),
    [({"exitCode": 1, "exitMessage": "boom"}, TaskFailedError), ({"state": 6}, TaskCancelledError)],
)
def test_check_raises_for_what_is_no_success(end, error):
    document = {**DONE, **end}
    assert not client_of(document).wait_until_complete(TOKEN).succeeded
    with pytest.raises(error) as caught:
        client_of(document).wait_until_complete(TOKEN, check=True)
    assert caught.value.status["state"] == document["state"]


def test_check_lets_a_success_pass():
    assert client_of(DONE).wait_until_complete(TOKEN, check=True).succeeded


def test_the_wait_timeout_carries_the_last_status_and_pickles():
    with pytest.raises(WaitTimeoutError) as caught:
        client_of(RUNNING).wait_until_complete(TOKEN, timeout=0)
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.last_status == TaskStatus.from_dict(RUNNING)
    assert again.token == "tk_5f3a…"


@each(
    "wrong",
    [
        {"timeout": -1},
        {"timeout": "1"},
        {"interval": 0},
        {"interval": None},
        {"interval": True},
        {"previous": 1},
    ],
)
def test_wrong_arguments_of_a_wait_fail_at_the_call(wrong):
    client = client_of(RUNNING)
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        client.iter_task_status(TOKEN, **wrong)
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        client.wait_until_complete(TOKEN, **wrong)


def test_an_interval_above_the_retention_is_a_warning_at_the_callers_line():
    for call in ("wait_until_complete", "iter_task_status"):
        with pytest.warns(RocketRideWarning, match="forgets a finished task after 300 s") as caught:
            getattr(client_of(DONE), call)(TOKEN, interval=301)
        assert caught[0].filename == __file__


# --- the client itself


def test_making_a_client_does_no_io():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RocketRideWarning)
        for name in ("auto", "websocket", "http"):
            RocketRideClient("no-such-host.invalid", KEY, transport=name).close()


def test_it_warns_of_a_key_that_travels_unencrypted_at_the_callers_line():
    with pytest.warns(RocketRideWarning, match="unencrypted") as caught:
        RocketRideClient("http://rr.example", KEY)
    assert caught[0].filename == __file__


@each("transport", ["carrier pigeon", 7, object(), None])
def test_a_transport_is_a_known_name_or_has_the_interface(transport):
    with pytest.raises(ConfigurationError, match="transport"):
        RocketRideClient("localhost", KEY, transport=transport)


def test_a_client_is_a_context_manager_that_closes():
    budgets = Budgets()
    closed = []
    budgets.close = lambda: closed.append(True)
    with RocketRideClient("localhost", KEY, transport=budgets) as client:
        assert isinstance(client, RocketRideClient)
    assert closed == [True]


def test_the_repr_shows_the_address_and_no_key():
    assert repr(client_of(RUNNING)) == "<RocketRideClient http://localhost:5565>"


def test_pickling_a_client_says_what_to_do():
    with RocketRideClient("test", KEY, transport=MemoryTransport([])) as client:
        with pytest.raises(TypeError, match="make one in each process") as caught:
            pickle.dumps(client)
    assert KEY not in str(caught.value)


def test_pickling_a_task_says_what_another_process_needs():
    """A pool of processes is given tasks as easily as their tokens, and nobody who does it has pickled a client."""
    with RocketRideClient("test", KEY, transport=MemoryTransport([])) as client:
        task = client.task(TOKEN)
        for again in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError) as caught:
                again(task)
            assert "a Task" in str(caught.value)
            assert "pass its token on, and make a Task there with client.task(token)" in str(caught.value)
            assert KEY not in str(caught.value)
            assert TOKEN not in str(caught.value)


def test_at_exit_open_clients_are_closed_though_threads_go_on_making_some(monkeypatch):
    class Open(MemoryTransport):
        is_open = True

        def close(self):
            self.is_open = False

    monkeypatch.setattr(client_module, "_clients", type(client_module._clients)())
    transports = [Open([]), Open([])]
    kept = [RocketRideClient("h", "key", transport=transport) for transport in transports]
    # Where Python walks a set, in its own lines, another thread may add to it.
    between_lines(
        client_module._close_all,
        lambda: kept.append(RocketRideClient("h", "key", transport=MemoryTransport([]))),
        _weakrefset,
        weakref,
    )
    assert [transport.is_open for transport in transports] == [False, False]
