"""How the end of a task shows, in each generation of servers: docs/protocol.md, "The life of a task"."""

import pytest
from emulator_helpers import KEY, execute, pipeline, read_status, request, request_json, wait_for_end
from websocket_client import connect, start_task

from rocketride_sync.emulator import Emulator

SETTINGS = {"early_end": 0, "init_seconds": 0, "stop_seconds": 0, "scan_interval": 0.05}


@pytest.fixture(scope="module")
def servers():
    with Emulator(api_key=KEY, **SETTINGS) as newer, Emulator(
        api_key=KEY, generation="older", **SETTINGS
    ) as older:
        yield {"newer": newer, "older": older}


def shown(server, client, token):
    """What both transports show of an end."""
    over_http = wait_for_end(server, token)
    over_websocket = client.call("rrext_get_task_status", token=token)["body"]
    assert over_http == over_websocket
    assert over_http["status"] == {5: "Completed", 6: "Stopped"}[over_http["state"]]
    return over_http["state"], over_http["exitCode"], over_http["exitMessage"]


def end_reason(client):
    return client.wait_for_event("apaevt_task", action="end")["body"].get("reason", "none")


WELL, FAILURE = {"exit_line": True}, {"exit_code": 1, "exit_line": True}
NO_LINE = {"exit_line": False}


@pytest.mark.parametrize(
    ("config", "older", "newer"),
    [
        pytest.param({}, (6, 1, ""), (5, 0, ""), id="well, by default"),
        pytest.param(WELL, (6, 1, ""), (5, 0, ""), id="well, with a line"),
        pytest.param(NO_LINE, (5, 0, ""), (5, 0, "Stopped"), id="well, without a line"),
        pytest.param({**FAILURE, "exit_message": "bad"}, (6, 1, "bad"), (6, 1, "bad"), id="failed"),
        pytest.param(FAILURE, (6, 1, ""), (6, 1, ""), id="failed, no text"),
        pytest.param({**FAILURE, "exit_code": 3}, (6, 1, ""), (6, 1, ""), id="failed, another code"),
        pytest.param({"exit_code": 3, "exit_message": "no"}, (6, 1, "no"), (6, 1, "no"), id="by default"),
        pytest.param({"exit_code": 3}, (5, 0, ""), (6, 3, "Stopped"), id="process exit code"),
        pytest.param({**NO_LINE, "exit_code": 3}, (5, 0, ""), (6, 3, "Stopped"), id="the same, told"),
        pytest.param({"killed": True}, (5, 0, ""), (6, -9, "Stopped"), id="killed"),
        pytest.param({"exit_message": "ok"}, (6, 1, "ok"), (5, 0, "ok"), id="a good line with a text"),
        pytest.param({"exit_code": None}, (5, None, ""), (5, None, "Stopped"), id="no exit code at all"),
    ],
)
@pytest.mark.parametrize("generation", ["older", "newer"])
def test_an_end_of_its_own(servers, generation, config, older, newer):
    server = servers[generation]
    with connect(server) as client:
        document = pipeline("simulate", seconds=0.05, **config)
        key = {"projectId": document["project_id"], "source": "src_1"}
        client.call("rrext_monitor", types=["TASK"], **key)
        token = execute(server, document)[1]["data"]["token"]
        assert end_reason(client) == "none"
        assert shown(server, client, token) == (older if generation == "older" else newer)
        status = read_status(server, token)
        assert (status["completedCount"] == status["totalCount"]) is ("killed" not in config)


@pytest.mark.parametrize(
    ("config", "both"),
    [
        pytest.param({}, (6, 0, ""), id="no line"),
        pytest.param({"stop_line": "Interrupted"}, (6, 1, "Interrupted"), id="a line"),
        pytest.param({"stop_line": ""}, (6, 1, ""), id="a line without a text"),
    ],
)
@pytest.mark.parametrize("stopped_by", ["user", "ttl"])
@pytest.mark.parametrize("generation", ["older", "newer"])
def test_a_stop(servers, generation, stopped_by, config, both):
    server = servers[generation]
    with connect(server) as client:
        document = pipeline("simulate", seconds=0, forever=True, **config)
        # Before the start: the event may come at once.
        client.call("rrext_monitor", projectId=document["project_id"], source="src_1", types=["TASK"])
        token = start_task(client, document, ttl=0.2 if stopped_by == "ttl" else 0)["token"]
        if stopped_by == "user":
            request(server, "DELETE", f"/task?token={token}")
        assert end_reason(client) == ("none" if generation == "older" else stopped_by)
        assert shown(server, client, token) == both


@pytest.mark.parametrize(
    ("config", "older", "seen", "newer"),
    [
        pytest.param({}, (6, 1, ""), (6, 1, ""), (5, 0, ""), id="well, with a line"),
        pytest.param(NO_LINE, (6, None, "Stopped"), (5, 0, "Stopped"), (5, 0, "Stopped"), id="no line"),
        pytest.param(
            {"exit_code": 3}, (6, None, "Stopped"), (6, 3, "Stopped"), (6, 3, "Stopped"), id="exit code 3"
        ),
        pytest.param(
            {"forever": True}, (6, None, "Stopped"), (6, -15, "Stopped"), (6, None, ""), id="terminated"
        ),
        pytest.param(
            {"forever": True, "stop_line": "out"},
            (6, 1, "out"),
            (6, 1, "out"),
            (6, 1, "out"),
            id="terminated, with a line",
        ),
    ],
)
@pytest.mark.parametrize("case", ["older", "older, code seen", "newer"])
def test_an_end_after_a_restart(servers, case, config, older, seen, newer):
    server = servers[case.partition(",")[0]]
    expected = {"older": older, "older, code seen": seen, "newer": newer}[case]
    with connect(server) as client:
        # So long that the first run has not ended when it is restarted, nor the second when it is looked at.
        document = pipeline("simulate", seconds=1.5, restart_code_seen=case.endswith("seen"), **config)
        token = start_task(client, document)["token"]
        assert client.call("restart", token=token, pipeline=document)["success"]
        assert read_status(server, token)["exitCode"] is None
        if "forever" in config:
            client.call("terminate", token=token)
        assert shown(server, client, token) == expected


def test_after_the_final_status_event_comes_end_and_no_further_status(servers):
    with connect(servers["newer"]) as client:
        document = pipeline("simulate", seconds=0.05)
        client.call(
            "rrext_monitor", projectId=document["project_id"], source="src_1", types=["SUMMARY", "TASK"]
        )
        start_task(client, document)
        end = client.wait_for_event("apaevt_task", action="end")
        statuses = [m for m in client.events if m["event"] == "apaevt_status_update"]
        assert [m["body"].get("final", False) for m in statuses][-2:] == [False, True]
        assert statuses[-1]["seq"] < end["seq"]
        assert client.call("rrext_ping")["success"]
        assert client.events[-1] == end


def test_an_older_server_marks_no_status_as_final(servers):
    with connect(servers["older"]) as client:
        token = start_task(client, pipeline("simulate", seconds=0.05))["token"]
        client.call("rrext_monitor", token=token, types=["SUMMARY", "TASK"])
        wait_for_end(servers["older"], token)
        assert not any("final" in message["body"] for message in client.events)


@pytest.mark.parametrize(
    ("config", "older", "newer"),
    [
        ({"exit_code": 1, "exit_message": "cannot load"}, "cannot load", ("cannot load", "TASK_STOPPED")),
        (
            {"exit_line": False},
            "Task has already completed",
            ("Task has already completed", "TASK_COMPLETED"),
        ),
        ({"exit_code": 1, "exit_line": True}, "", ("Task was stopped", "TASK_STOPPED")),
    ],
)
def test_a_start_that_fails(config, older, newer):
    for generation, expected in (("older", (older, None)), ("newer", newer)):
        with Emulator(api_key=KEY, generation=generation) as server, connect(server) as client:
            answer = client.call("execute", pipeline=pipeline("simulate", seconds=0, **config))
            assert not answer["success"]
            assert (answer["message"], answer.get("code")) == expected


def test_a_task_that_is_not_registered_has_a_code_on_newer_servers(servers):
    for generation, code in (("older", None), ("newer", "TASK_NOT_REGISTERED")):
        with connect(servers[generation]) as client:
            answer = client.call("rrext_get_task_status", token="tk_0")
            assert (answer["message"], answer.get("code")) == ("Your pipeline is not running", code)
        _, over_http = request_json(servers[generation], "GET", "/task?token=tk_0")
        assert "code" not in str(over_http)


def test_peaks_of_the_metrics_outlive_the_task_on_newer_servers(servers):
    for generation, server in servers.items():
        token = execute(server, pipeline("simulate", seconds=0.3))[1]["data"]["token"]
        metrics = wait_for_end(server, token)["metrics"]
        assert metrics["cpu_memory_mb"] == 0
        assert (metrics["peak_cpu_memory_mb"] > 0) is (generation == "newer")
        assert (metrics["avg_cpu_memory_mb"] > 0) is (generation == "newer")


def test_an_unknown_generation_is_refused():
    from rocketride_sync.errors import ConfigurationError

    with pytest.raises(ConfigurationError, match="generation"):
        Emulator(generation="old")


def test_an_older_server_stops_a_task_before_it_refuses_a_restart_with_another_source(servers):
    for generation, ended in (("older", True), ("newer", False)):
        with connect(servers[generation]) as client:
            token = start_task(client, pipeline("simulate", forever=True))["token"]
            answer = client.call("restart", token=token, pipeline=pipeline("simulate"))
            assert "must keep the pipeline's project and source" in answer["message"]
            assert read_status(servers[generation], token)["completed"] is ended
            client.call("terminate", token=token)


def test_an_older_server_tells_nothing_that_only_newer_ones_tell(servers):
    with connect(servers["older"]) as client:
        document = pipeline("simulate", forever=True)
        body = start_task(client, document)
        assert start_task(client, document, useExisting=True) == body
        assert start_task(client, document, useExisting=True, teamId="local") == body
        client.call("rrext_monitor", token=body["token"], types=["SUMMARY", "TASK"])
        listed = client.call("rrext_get_tasks")["body"]["tasks"]
        client.call("terminate", token=body["token"])
        account = client.call("auth", auth=KEY)["body"]
        told = str([client.events, listed, account])
        for word in ("eventTime", "logSeq", "runKind", "teamId", "serverVersion", "ownerKind", "reason"):
            assert word not in told


def test_tokens_of_the_two_generations_differ(servers):
    document = pipeline("simulate", forever=True)
    tokens = [execute(server, document)[1]["data"]["token"] for server in servers.values()]
    assert len(set(tokens)) == 2
    for server, token in zip(servers.values(), tokens):
        request(server, "DELETE", f"/task?token={token}")
