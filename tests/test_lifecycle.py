"""The life of a task from start to end: `use`, `Task`, `terminate` and their kin, against the local server."""

import http.client

import pytest

from rocketride_sync import (
    ConfigurationError,
    MemoryTransport,
    Outcome,
    RetryPolicy,
    RocketRideClient,
    ServerError,
    TaskAlreadyRunningError,
    TaskCancelledError,
    TaskNotFoundError,
    TaskReplacedError,
    TaskState,
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


def test_a_timeout_leaves_the_task_running_and_says_so(either):
    task = either.use(pipeline=forever())
    with pytest.raises(WaitTimeoutError, match="runs on"):
        task.wait_until_complete(0.3, 0.1)
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
    with pytest.raises(KeyboardInterrupt):
        task.wait_until_complete(GENEROUS, 0.1, interrupt)
    assert not task.get_status().is_terminal
    with pytest.raises(KeyboardInterrupt):
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

    with pytest.raises(KeyboardInterrupt):
        task.wait_until_complete(GENEROUS, 0.1, replace, cancel_on_interrupt=True)
    assert not client.get_task_status(task.token).is_terminal


# --- what must not be repeated


def test_a_start_that_may_have_arrived_is_not_repeated_and_says_so():
    fault = TransportError("the connection broke")
    fault.request_sent = True
    transport = MemoryTransport([fault])
    client = RocketRideClient("h", KEY, transport=transport, retry=RetryPolicy(initial_delay=0.01))
    with pytest.raises(TransportError, match=r"unknown; get_task_token") as caught:
        client.use(pipeline=forever())
    assert caught.value.request_sent
    assert len(transport.calls) == 1


def test_a_start_that_did_not_arrive_is_a_plain_fault():
    transport = MemoryTransport([TransportError("refused")])
    with pytest.raises(TransportError) as caught:
        RocketRideClient("h", KEY, transport=transport).use(pipeline=forever())
    assert "unknown" not in str(caught.value)
