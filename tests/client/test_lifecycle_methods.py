"""The life of a task from start to end: `use`, `Task`, `terminate` and their kin, against the local server."""

import http.client
import socket
import time

import pytest
from transports import loopback
from transports.loopback import Server

from rocketride_sync import (
    ConfigurationError,
    MemoryTransport,
    Outcome,
    ProtocolError,
    RetryPolicy,
    RocketRideClient,
    ServerError,
    TaskAlreadyRunningError,
    TaskCancelledError,
    TaskNotFoundError,
    TaskReplacedError,
    TaskState,
    TaskVanishedError,
    TransientError,
    TransportError,
    UnsupportedOperationError,
    WaitTimeoutError,
)
from rocketride_sync.emulator import Emulator

pytest.importorskip("fastapi", reason="needs the extra `emulator`")

KEY = "testkey-123"
FAST = {"init_seconds": 0, "handshake_seconds": 0.001, "early_end": 0, "stop_seconds": 0}
GENEROUS = 60.0
numbers = iter(range(10**6))


@pytest.fixture(scope="module")
def server():
    with Emulator(api_key=KEY, **FAST) as running:
        yield running


@pytest.fixture
def client(server):
    with RocketRideClient(server.uri, KEY, transport="websocket") as made:
        yield made


@pytest.fixture(params=["websocket", "http"])
def either(request, server):
    with RocketRideClient(server.uri, KEY, transport=request.param) as made:
        yield made


def pipeline(project=None, **config):
    component = {"id": "src_1", "provider": "simulate", "config": config}
    return {"project_id": project or f"life-{next(numbers)}", "source": "src_1", "components": [component]}


def forever(project=None):
    return pipeline(project, forever=True)


# --- use


@pytest.mark.parametrize("threads", [0, 65, True, "4"])
def test_useless_threads_are_said_before_anything_is_sent(threads):
    with RocketRideClient("test", KEY, transport=MemoryTransport([])) as client:
        with pytest.raises(ConfigurationError, match="threads must be a whole number from 1 to 64"):
            client.use(pipeline=pipeline(), threads=threads)


def test_a_started_task_knows_its_run_and_speaks_the_documented_names(either):
    task = either.use(pipeline=forever())
    assert task["token"] == task.token == task.start.token
    assert task.token.startswith("tk_")
    assert task.status.state is TaskState.RUNNING
    assert task.status.start_time > 0
    assert not task.joined
    assert task.get_status().state is TaskState.RUNNING


def test_no_repr_shows_the_token(client):
    task = client.use(pipeline=forever())
    for shown in (repr(task), repr(task.start), repr(client.get_tasks())):
        assert task.token not in shown
        assert task.start.public_token not in shown


def test_a_file_is_started_too(either, tmp_path):
    import json

    path = tmp_path / "job.pipe"
    path.write_text(json.dumps({"pipeline": pipeline(seconds=0.1)}))
    assert either.use(filepath=path).wait_until_complete(GENEROUS, 0.05).succeeded


def test_an_active_run_is_an_error_that_says_how_to_join(either, client):
    document = forever()
    token = either.use(pipeline=document).token
    with pytest.raises(TaskAlreadyRunningError, match="use_existing=True"):
        either.use(pipeline=document)
    joined = client.use(pipeline=document, use_existing=True)
    assert joined.token == token
    assert joined.joined


def test_choices_reach_the_server(client):
    task = client.use(pipeline=forever(), token="tk_chosen_by_caller_1", name="My job", ttl=0)
    assert task.token == "tk_chosen_by_caller_1"
    assert task.status.name.startswith("My job")


@pytest.mark.parametrize(
    "choice", [{"ttl": 0}, {"name": "x"}, {"use_existing": True}, {"env": {"A": "b"}}, {"args": ["-v"]}]
)
def test_what_http_cannot_carry_is_an_error_and_never_silence(server, choice):
    with RocketRideClient(server.uri, KEY, transport="http") as client:
        with pytest.raises(UnsupportedOperationError, match='transport="websocket"'):
            client.use(pipeline=forever(), **choice)


def test_http_carries_threads_and_a_chosen_token(server):
    with RocketRideClient(server.uri, KEY, transport="http") as client:
        assert (
            client.use(pipeline=forever(), threads=2, token="tk_chosen_by_caller_2").token
            == "tk_chosen_by_caller_2"
        )


def test_a_refused_pipeline_tells_why(either):
    with pytest.raises(ServerError, match="provider"):
        either.use(pipeline={**forever(), "components": [{"id": "src_1", "provider": "nonsense"}]})


# --- Task as a context manager


def test_it_terminates_what_it_started(either):
    with either.use(pipeline=forever()) as task:
        pass
    assert task.get_status().outcome is Outcome.CANCELLED


def test_it_leaves_a_joined_run_alone(client):
    document = forever()
    client.use(pipeline=document)
    with client.use(pipeline=document, use_existing=True) as task:
        pass
    assert not task.get_status().is_terminal


def test_it_leaves_an_ended_task_as_it_is(either):
    with either.use(pipeline=pipeline(seconds=0.1)) as task:
        assert task.wait_until_complete(GENEROUS, 0.05).succeeded
    assert task.get_status().succeeded


def test_it_leaves_another_run_under_the_same_token_alone(client):
    project = f"life-{next(numbers)}"
    with client.use(pipeline=forever(project)) as task:
        task.terminate()
        successor = client.use(pipeline=forever(project))
        assert successor.token == task.token
    assert not successor.get_status().is_terminal
    with pytest.raises(TaskReplacedError):
        task.get_status()


def test_what_goes_wrong_in_the_block_comes_out(client):
    with pytest.raises(ZeroDivisionError), client.use(pipeline=forever()) as task:
        raise ZeroDivisionError
    assert task.get_status().outcome is Outcome.CANCELLED


def test_an_error_on_the_way_out_hides_no_other(caplog):
    started = {"token": "tk_5f3a0123456789abcdef"}
    running = {"state": 3, "startTime": 1.0}

    def client():
        return RocketRideClient(
            "h", KEY, transport=MemoryTransport([started, running, TransportError("reset")])
        )

    with pytest.raises(ZeroDivisionError), client().use(pipeline=forever()):
        raise ZeroDivisionError
    assert "may run on" in caplog.text
    assert started["token"] not in caplog.text
    with pytest.raises(TransportError), client().use(pipeline=forever()):
        pass


def test_a_first_status_that_cannot_be_read_does_not_lose_the_token(caplog):
    transport = MemoryTransport([{"token": "tk_5f3a0123456789abcdef"}, TransportError("reset")])
    task = RocketRideClient("h", KEY, transport=transport).use(pipeline=forever())
    assert task.token == "tk_5f3a0123456789abcdef"
    assert task.status is None
    assert "could not be read" in caplog.text


# --- terminate, restart, lists


def test_terminate_ends_a_task_and_may_be_repeated(either):
    task = either.use(pipeline=forever())
    either.terminate(task.token)
    either.terminate(task.token)
    assert task.get_status().outcome is Outcome.CANCELLED
    with pytest.raises(TaskNotFoundError):
        either.terminate("tk_00000000000000000000000000000000")


def test_restart_revives_a_task(client):
    document = pipeline(seconds=0.1)
    task = client.use(pipeline=document)
    task.wait_until_complete(GENEROUS, 0.05)
    client.restart(
        project_id=document["project_id"], source="src_1", pipeline=forever(document["project_id"])
    )
    assert client.get_task_status(task.token).state is TaskState.RUNNING
    with pytest.raises(TaskNotFoundError):
        client.restart(project_id="no such project", source="src_1", pipeline=forever())


def test_tasks_are_listed_and_found_by_project(client):
    document = forever()
    task = client.use(pipeline=document)
    assert task.token in [info.token for info in client.get_tasks()]
    assert client.get_task_token(document["project_id"], "src_1") == task.token
    assert client.get_task_token("no such project", "src_1") is None


def test_ping_tells_how_long_it_took(client):
    assert 0 < client.ping() < GENEROUS


def test_call_is_the_door_to_every_other_command(client):
    assert client.call("rrext_ping") == {"pong": True}
    task = client.use(pipeline=forever())
    assert client.call("rrext_get_task_status", token=task.token)["state"] == 3
    with pytest.raises(ServerError, match="nonsense"):
        client.call("rrext_nonsense")
    with pytest.raises(ConfigurationError, match="command"):
        client.call("")


@pytest.mark.parametrize(
    "ask",
    [
        lambda c: c.ping(),
        lambda c: c.get_tasks(),
        lambda c: c.get_task_token("p", "s"),
        lambda c: c.call("rrext_ping"),
        lambda c: c.restart(project_id="p", source="s", pipeline=forever()),
    ],
    ids=["ping", "get_tasks", "get_task_token", "call", "restart"],
)
def test_over_http_what_the_server_lacks_says_which_transport_has_it(server, ask):
    with RocketRideClient(server.uri, KEY, transport="http") as client:
        with pytest.raises(UnsupportedOperationError, match="websocket"):
            ask(client)


# --- cancelling waits


def test_a_timeout_leaves_the_task_running(either):
    task = either.use(pipeline=forever())
    with pytest.raises(WaitTimeoutError, match="has not ended"):
        task.wait_until_complete(2.0, 0.1)
    assert not task.get_status().is_terminal


def test_a_timeout_may_cancel_the_task_and_report_its_outcome(either):
    task = either.use(pipeline=forever())
    seen = []
    status = task.wait_until_complete(0.3, 0.1, seen.append, cancel_on_timeout=True)
    assert status.outcome is Outcome.CANCELLED
    assert seen[-1] is status
    task = either.use(pipeline=forever())
    with pytest.raises(TaskCancelledError):
        task.wait_until_complete(0.3, 0.1, check=True, cancel_on_timeout=True)


def interrupt(_status):
    raise KeyboardInterrupt


def test_an_interrupt_leaves_the_task_running_or_cancels_it(either):
    task = either.use(pipeline=forever())
    with pytest.raises(KeyboardInterrupt, match=r"interrupted; task tk_....…: it runs on"):
        task.wait_until_complete(GENEROUS, 0.1, interrupt)
    assert not task.get_status().is_terminal
    with pytest.raises(KeyboardInterrupt, match="it was ended: cancelled"):
        task.wait_until_complete(GENEROUS, 0.1, interrupt, cancel_on_interrupt=True)
    assert task.get_status().outcome is Outcome.CANCELLED


def test_cancelling_leaves_another_run_alone(client, server):
    """The run that was watched ended and was replaced just before the timeout."""
    project = f"life-{next(numbers)}"
    task = client.use(pipeline=forever(project))

    def replace(_status):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=GENEROUS)
        connection.request("DELETE", f"/task?token={task.token}", headers={"Authorization": f"Bearer {KEY}"})
        connection.getresponse().read()
        connection.close()
        client.use(pipeline=forever(project))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="another run took over"):
        task.wait_until_complete(GENEROUS, 0.1, replace, cancel_on_interrupt=True)
    assert not client.get_task_status(task.token).is_terminal


STEPS = {"token": "tk_1", "state": 3, "startTime": 5.0}


def test_a_task_that_is_forgotten_while_it_is_cancelled_has_vanished():
    script = [STEPS, STEPS, TaskNotFoundError("gone")]
    with RocketRideClient("h", KEY, transport=MemoryTransport(script)) as client:
        with pytest.raises(TaskVanishedError):
            client.wait_until_complete("tk_1", 0, cancel_on_timeout=True)


def test_cancelling_a_task_out_of_reach_takes_no_longer_than_its_own_time():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        uri = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with RocketRideClient(uri, KEY, timeout=1.0, transport="websocket") as client:
            began = time.monotonic()
            with pytest.raises(WaitTimeoutError, match="could not be terminated"):
                client.wait_until_complete("tk_1", 0.5, 0.1, cancel_on_timeout=True)
    assert time.monotonic() - began < 6.0


# --- what must not be repeated


def posted(answer):
    """A server that answers `POST /task` so."""
    return Server(loopback.always(answer))


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (loopback.answer(b"", "504 Gateway Timeout"), TransientError),
        (loopback.answer(b"<html>", "200 OK"), ProtocolError),
        (loopback.answer(b'{"status":"OK"', "200 OK"), ProtocolError),
    ],
)
def test_a_start_over_http_that_a_proxy_gave_up_on_may_have_been_carried_out(answer, kind):
    with posted(answer) as server, RocketRideClient(server.url, KEY, transport="http") as client:
        with pytest.raises(kind, match="whether the server carried it out is unknown") as caught:
            client.use(pipeline=forever())
        assert caught.value.request_sent
        assert len(server.requests) == 1


def test_a_start_that_was_refused_was_not_carried_out():
    busy = loopback.answer(b"", "429 Too Many Requests")
    with posted(busy) as server, RocketRideClient(server.url, KEY, transport="http") as client:
        with pytest.raises(TransientError) as caught:
            client.use(pipeline=forever())
    assert "unknown" not in str(caught.value)


def test_the_token_of_a_task_that_runs_is_not_lost_with_the_rest_of_the_answer():
    script = [{"token": "tk_1", "id": 5}, STEPS]
    with RocketRideClient("h", KEY, transport=MemoryTransport(script)) as client:
        assert client.use(pipeline=forever()).token == "tk_1"


def test_starting_and_the_first_look_share_one_timeout():
    deadlines = []

    class Slow(MemoryTransport):
        def call(self, operation, deadline):
            deadlines.append(deadline.remaining())
            return super().call(operation, deadline)

    with RocketRideClient("h", KEY, transport=Slow([{"token": "tk_1"}, STEPS]), timeout=30) as client:
        client.use(pipeline=forever(), timeout=2)
    assert max(deadlines) <= 2


def test_ctrl_c_while_a_task_is_started_says_how_to_look():
    with RocketRideClient("h", KEY, transport=MemoryTransport([KeyboardInterrupt()])) as client:
        with pytest.raises(KeyboardInterrupt, match="unknown; over WebSocket, get_task_token"):
            client.use(pipeline=forever())


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("token", " "),
        ("token", 5),
        ("source", ""),
        ("use_existing", "no"),
        ("args", "--foo"),
        ("args", [1]),
        ("ttl", float("nan")),
        ("ttl", -1),
        ("name", ""),
        ("env", "abc"),
        ("env", {"A": 1}),
        ("trace_level", "bogus"),
        ("pipeline", {"components": [float("nan")]}),
        ("pipeline", {"components": [{1, 2}]}),
        ("timeout", 0),
    ],
)
def test_a_wrong_argument_is_said_before_anything_is_sent(argument, value):
    transport = MemoryTransport([])
    with RocketRideClient("h", KEY, transport=transport) as client:
        with pytest.raises(ConfigurationError, match=argument):
            client.use(**{"pipeline": forever(), argument: value})
    assert transport.calls == []


def test_a_call_whose_arguments_json_cannot_say_is_not_sent():
    transport = MemoryTransport([])
    with RocketRideClient("h", KEY, transport=transport) as client:
        for wrong in (float("inf"), {1}, b"x"):
            with pytest.raises(ConfigurationError, match="JSON"):
                client.call("rrext_ping", x=wrong)
        with pytest.raises(ConfigurationError, match="project_id"):
            client.get_task_token({1}, "s")
    assert transport.calls == []


def test_an_empty_token_to_restart_is_an_error_and_not_looked_up():
    transport = MemoryTransport([{"token": "tk_other"}, {}])
    with RocketRideClient("h", KEY, transport=transport) as client:
        with pytest.raises(ConfigurationError, match="token"):
            client.restart(token="", project_id="p", source="s", pipeline=forever())
    assert transport.calls == []


@pytest.mark.parametrize("body", [[1], "text", 5])
def test_a_body_that_is_no_object_is_not_taken_for_none(body):
    with RocketRideClient("h", KEY, transport=MemoryTransport([body])) as client:
        with pytest.raises(ProtocolError, match="no object"):
            client.call("rrext_something", command="a name of its own")


@pytest.mark.parametrize(("body", "token"), [({"token": ""}, None), ({"token": "tk_1"}, "tk_1")])
def test_a_looked_up_token_is_one_or_none(body, token):
    with RocketRideClient("h", KEY, transport=MemoryTransport([body])) as client:
        assert client.get_task_token("p", "s") == token


def test_a_look_up_without_an_answer_is_no_none():
    with RocketRideClient("h", KEY, transport=MemoryTransport([{"tok": 1}])) as client:
        with pytest.raises(ProtocolError, match="no token"):
            client.get_task_token("p", "s")


def test_a_start_that_may_have_arrived_is_not_repeated_and_says_so():
    fault = TransportError("the connection broke")
    fault.request_sent = True
    transport = MemoryTransport([fault])
    client = RocketRideClient("h", KEY, transport=transport, retry=RetryPolicy(initial_delay=0.01))
    with pytest.raises(TransportError, match=r"unknown; over WebSocket, get_task_token") as caught:
        client.use(pipeline=forever())
    assert caught.value.request_sent
    assert len(transport.calls) == 1


def test_a_start_that_did_not_arrive_is_a_plain_fault():
    transport = MemoryTransport([TransportError("refused")])
    with pytest.raises(TransportError) as caught:
        RocketRideClient("h", KEY, transport=transport).use(pipeline=forever())
    assert "unknown" not in str(caught.value)


def test_ctrl_c_in_a_block_says_that_the_task_was_ended(either):
    with pytest.raises(KeyboardInterrupt, match=r"task tk_....… was ended"):
        with either.use(pipeline=forever()) as task:
            task.wait_until_complete(GENEROUS, 0.1, interrupt)
