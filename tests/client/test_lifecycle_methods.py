"""Starting, ending, restarting and listing tasks, against the local server."""

import inspect
import re

import pytest
from cases import each
from counting_tasks import GENEROUS, KEY
from needing import needs
from simulated_tasks import forever, pipeline

from rocketride_sync import (
    ConfigurationError,
    MemoryTransport,
    Outcome,
    RocketRideClient,
    ServerError,
    TaskAlreadyRunningError,
    TaskNotFoundError,
    TaskState,
    UnsupportedOperationError,
)

needs("fastapi", reason="needs the extra `emulator`")


@each("threads", [0, 65, True, "4"])
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


def test_no_repr_shows_the_token(websocket_client):
    task = websocket_client.use(pipeline=forever())
    for shown in (repr(task), repr(task.start), repr(websocket_client.get_tasks())):
        assert task.token not in shown
        assert task.start.public_token not in shown


def test_a_file_is_started_too(either, tmp_path):
    import json

    path = tmp_path / "job.pipe"
    path.write_text(json.dumps({"pipeline": pipeline(seconds=0.1)}))
    assert either.use(filepath=path).wait_until_complete(GENEROUS, 0.05).succeeded


@pytest.mark.parametrize("method", ["use", "run"])
def test_an_active_run_is_an_error_that_says_how_to_join(either, websocket_client, method):
    """With a call that can be made so: `run` has no such argument."""
    document = forever()
    token = either.use(pipeline=document).token
    start = {"use": either.use, "run": either.run}[method]
    with pytest.raises(TaskAlreadyRunningError, match="use_existing=True") as refused:
        start(pipeline=document)
    calls = re.findall(r"(\w+)\((\w+)=", str(refused.value))
    assert calls == [("use", "use_existing")]
    for name, argument in calls:
        assert argument in inspect.signature(getattr(RocketRideClient, name)).parameters
    joined = websocket_client.use(pipeline=document, use_existing=True)
    assert joined.token == token
    assert joined.joined


def test_choices_reach_the_server(websocket_client):
    task = websocket_client.use(pipeline=forever(), token="tk_chosen_by_caller_1", name="My job", ttl=0)
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


def test_terminate_ends_a_task_and_may_be_repeated(either):
    task = either.use(pipeline=forever())
    either.terminate(task.token)
    either.terminate(task.token)
    assert task.get_status().outcome is Outcome.CANCELLED
    with pytest.raises(TaskNotFoundError):
        either.terminate("tk_00000000000000000000000000000000")


def test_restart_revives_a_task(websocket_client):
    document = pipeline(seconds=0.1)
    task = websocket_client.use(pipeline=document)
    task.wait_until_complete(GENEROUS, 0.05)
    websocket_client.restart(
        project_id=document["project_id"], source="src_1", pipeline=forever(document["project_id"])
    )
    assert websocket_client.get_task_status(task.token).state is TaskState.RUNNING
    with pytest.raises(TaskNotFoundError):
        websocket_client.restart(project_id="no such project", source="src_1", pipeline=forever())


def test_tasks_are_listed_and_found_by_project(websocket_client):
    document = forever()
    task = websocket_client.use(pipeline=document)
    assert task.token in [info.token for info in websocket_client.get_tasks()]
    assert websocket_client.get_task_token(document["project_id"], "src_1") == task.token
    assert websocket_client.get_task_token("no such project", "src_1") is None


def test_ping_tells_how_long_it_took(websocket_client):
    assert 0 < websocket_client.ping() < GENEROUS


def test_call_is_the_door_to_every_other_command(websocket_client):
    assert websocket_client.call("rrext_ping") == {"pong": True}
    task = websocket_client.use(pipeline=forever())
    assert websocket_client.call("rrext_get_task_status", token=task.token)["state"] == 3
    with pytest.raises(ServerError, match="nonsense"):
        websocket_client.call("rrext_nonsense")
    with pytest.raises(ConfigurationError, match="command"):
        websocket_client.call("")


@pytest.mark.parametrize("transport", ["websocket", "auto"])
def test_no_command_changes_what_other_calls_get(server, transport):
    """They share connections with it, which it may authenticate otherwise, or subscribe."""
    with RocketRideClient(server.uri, KEY, transport=transport) as client:
        one = client.use(pipeline=pipeline(provider="dropper"), name="one")
        other = client.use(pipeline=forever(), name="other")
        client.call("auth", auth=one.token)
        assert client.get_task_status(other.token).name.startswith("other")
        assert len(client.get_tasks()) >= 2
        client.call("deauth")
        assert client.get_task_status(one.token).state is TaskState.RUNNING
        client.call("rrext_monitor", token=one.token, types=["SUMMARY"])
        assert not client._transport.is_open
        client.call("rrext_process", token=one.token, subcommand="open", object={}, mimeType="text/plain")
        assert not client._transport.is_open
        client.call("rrext_get_tasks")
        assert client._transport.is_open


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
