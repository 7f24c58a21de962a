"""`execute` and `restart`: placeholders, joining a running task, and concurrent requests."""

import pytest
from cases import each
from data_helpers import TEXT, counted
from emulator_helpers import (
    KEY,
    execute,
    pipeline,
    read_status,
    request_json,
    wait_for_end,
    wait_until,
    word_count,
)
from websocket_client import connect, start_task

from rocketride_sync.emulator import Emulator

ENV = {"ROCKETRIDE_FOLDER": "deep", "ROCKETRIDE_TITLE": 'say "hi" \\ ü', "FOLDER": "deep", "HOME": "deep"}


@pytest.fixture
def client(server):
    with connect(server) as client:
        yield client


def test_placeholders_are_filled_from_env(server, client, texts):
    document = word_count("${ROCKETRIDE_FOLDER}/b.txt", delay=2)
    document["components"][0]["name"] = (
        "${ROCKETRIDE_TITLE}, ${ROCKETRIDE_OTHER}, ${FOLDER}, $ROCKETRIDE_FOLDER"
    )
    body = start_task(client, document, env=ENV)
    assert read_status(server, body["token"])["name"] == (
        f'{body["id"]}.say "hi" \\ ü, ${{ROCKETRIDE_OTHER}}, ${{FOLDER}}, $ROCKETRIDE_FOLDER'
    )
    listed = next(t for t in client.call("rrext_get_tasks")["body"]["tasks"] if t["token"] == body["token"])
    assert listed["pipeline"] == document, "other clients do not see the values"
    words = len((texts / "deep" / "b.txt").read_bytes().split())
    assert wait_for_end(server, body["token"])["wordsCount"] == words


@pytest.mark.parametrize("name", ["ROCKETRIDE_OTHER", "FOLDER", "HOME"])
def test_other_placeholders_stay_as_they_are(client, name):
    answer = client.call("execute", pipeline=word_count(f"${{{name}}}"), env=ENV)
    assert f"there is no '${{{name}}}' below" in answer["message"]


def test_placeholders_are_not_filled_from_the_servers_environment(monkeypatch, texts):
    monkeypatch.setenv("ROCKETRIDE_FOLDER", "deep")
    with Emulator(root=texts, api_key=KEY) as server:
        code, answer = execute(server, word_count("${ROCKETRIDE_FOLDER}"))
        assert (code, "there is no" in answer["error"]["message"]) == (400, True)


def test_placeholders_in_the_project_id_are_filled_before_the_token_is_derived(client):
    document = pipeline("simulate", "${ROCKETRIDE_PROJECT}", forever=True)
    first = start_task(client, document, env={"ROCKETRIDE_PROJECT": "placeholder-1"})
    second = start_task(client, document, env={"ROCKETRIDE_PROJECT": "placeholder-2"})
    assert [first["projectId"], second["projectId"]] == ["placeholder-1", "placeholder-2"]
    assert first["token"] != second["token"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"env": ["A"]}, "'env' must be an object whose values are strings"),
        ({"env": {"ROCKETRIDE_A": 1}}, "'env' must be an object whose values are strings"),
        ({"env": {"ROCKETRIDE_A": "\ud800"}}, "'env' must be an object whose values are strings"),
        ({"env": None}, "'env' must be an object whose values are strings"),
        ({"name": "\ud800"}, "'name' must be a string"),
    ],
)
def test_wrong_options_are_refused(client, arguments, message):
    assert message in client.call("execute", pipeline=counted(), **arguments)["message"]


@each("odd", [0, -1, 65, "4", None, 1e300, 10**400, [], True, "long"])
def test_odd_threads_and_ttl_are_taken(client, odd):
    body = start_task(client, counted(), threads=odd, ttl=odd)
    assert client.call("rrext_get_task_status", token=body["token"])["body"]["state"] == 3
    client.call("terminate", token=body["token"])


def test_a_restart_keeps_name_ttl_threads_and_env(server, client):
    document = pipeline("simulate", "restart-keeps", forever=True)
    document["components"][0]["name"] = "${ROCKETRIDE_TITLE}"
    token = start_task(client, document, env={"ROCKETRIDE_TITLE": "filled"}, name="Mine")["token"]
    assert client.call("restart", token=token, pipeline=document)["success"]
    assert read_status(server, token)["name"] == "Mine.filled"


def test_joining_a_task_that_is_starting_waits_until_it_runs():
    with Emulator(api_key=KEY, init_seconds=1.0) as server, connect(server) as first, connect(
        server
    ) as second:
        document = pipeline("webhook")
        starting = first.send_request("execute", pipeline=document, token="tk_join")
        wait_until(lambda: first.call("rrext_get_task_status", token="tk_join")["success"])
        joined = start_task(second, document, token="tk_join", useExisting=True)
        assert read_status(server, "tk_join")["state"] == 3
        assert joined == {**first.wait_for_response(starting)["body"], "reused": True}


def test_joining_a_task_that_fails_to_start_fails_with_the_same_message(default_server):
    document = pipeline("simulate", init_seconds=1.0, seconds=0, exit_code=1, exit_message="cannot load")
    with connect(default_server) as client:
        starting = client.send_request("execute", pipeline=document)
        joining = client.send_request("execute", pipeline=document, useExisting=True)
        assert client.wait_for_response(starting)["message"] == "cannot load"
        assert client.wait_for_response(joining)["message"] == "cannot load"


def test_terminating_a_starting_task_fails_execute_and_removes_the_task(client):
    document = pipeline("simulate", init_seconds=30)
    starting = client.send_request("execute", pipeline=document, token="tk_cancelled_early")
    joining = client.send_request("execute", pipeline=document, token="tk_cancelled_early", useExisting=True)
    wait_until(lambda: client.call("rrext_get_task_status", token="tk_cancelled_early")["success"])
    assert client.call("terminate", token="tk_cancelled_early")["success"]
    for seq in (starting, joining):
        answer = client.wait_for_response(seq)
        assert (answer["success"], answer["message"]) == (False, "Task was stopped")
    assert not client.call("rrext_get_task_status", token="tk_cancelled_early")["success"]


def test_two_restarts_at_once_leave_one_run(server, client):
    document = counted()
    token = start_task(client, document)["token"]
    restarts = [client.send_request("restart", token=token, pipeline=document) for _ in range(2)]
    assert all(client.wait_for_response(seq)["success"] for seq in restarts)
    assert request_json(server, "DELETE", f"/task?token={token}")[0] == 200
    status = read_status(server, token)
    assert (status["state"], status["completed"], status["exitMessage"]) == (6, True, "")


def test_terminate_during_a_restart_ends_the_new_run(server, client):
    document = counted()
    token = start_task(client, document)["token"]
    restarting = client.send_request("restart", token=token, pipeline=document)
    stopping = client.send_request("terminate", token=token)
    assert client.wait_for_response(stopping)["success"]
    assert client.wait_for_response(restarting)["success"] is False
    answer = client.call("rrext_get_task_status", token=token)
    assert not answer["success"] or answer["body"]["completed"]


def test_counts_start_at_zero_in_the_next_run(server):
    document = counted()
    tokens = set()
    for _ in range(2):
        tokens.add(execute(server, document)[1]["data"]["token"])
        token = next(iter(tokens))
        request_json(server, "POST", f"/task/data?token={token}", headers={"Authorization": KEY}, body=TEXT)
        assert read_status(server, token)["completedCount"] == 1
        request_json(server, "DELETE", f"/task?token={token}")
    assert len(tokens) == 1
