"""The WebSocket commands that start, restart, list and terminate tasks."""

import pytest
from emulator_helpers import pipeline, read_status, request_json, wait_for_end, wait_until
from websocket_client import connect, start_task, states


def test_execute_answers_with_the_task_and_status_is_the_same_on_both_sides(server):
    with connect(server) as client:
        document = pipeline("simulate", forever=True)
        body = start_task(client, document, threads=8, env={}, args=[])
        assert list(body) == ["id", "token", "publicToken", "projectId", "source", "provider"]
        assert body["id"] == f"{body['token'][3:11]}.src_1"
        over_websocket = client.call("rrext_get_task_status", token=body["token"])["body"]
        over_http = read_status(server, body["token"])
        assert list(over_websocket) == list(over_http)
        assert over_websocket["startTime"] == over_http["startTime"]
        answer = client.call("terminate", token=body["token"])
        assert answer["success"]
        assert "body" not in answer
        assert client.call("rrext_get_task_status", token=body["token"])["body"]["state"] == 6


def test_other_requests_are_answered_while_execute_is_pending(server):
    with connect(server) as client:
        document = pipeline("simulate", seconds=0.5, init_seconds=0.5)
        pending = client.send_request("execute", pipeline=document, token="tk_concurrent", name="My task")
        wait_until(lambda: client.call("rrext_get_task_status", token="tk_concurrent")["success"])
        status = client.call("rrext_get_task_status", token="tk_concurrent")["body"]
        assert (status["state"], status["status"]) == (2, "Loading pipeline")
        assert status["name"] == "My task.A source"
        assert client.wait_for_response(pending)["body"]["token"] == "tk_concurrent"


def test_use_existing_joins_the_running_task_and_runs_a_finished_one_again(server):
    with connect(server) as client:
        document = pipeline("simulate", seconds=0.6)
        first = start_task(client, document)
        again = client.call("execute", pipeline=document)
        assert again["message"] == "Pipeline is already running."
        assert start_task(client, document, useExisting=True) == {**first, "reused": True}
        started = wait_for_end(server, first["token"])["startTime"]
        assert start_task(client, document, useExisting=True) == first
        assert read_status(server, first["token"])["startTime"] > started


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"token": 5}, "execute: 'token' must be a string"),
        ({"useExisting": 1}, "execute: 'useExisting' must be true or false"),
        ({"name": []}, "execute: 'name' must be a string"),
        ({"pipeline": None}, "Pipeline configuration"),
    ],
)
def test_wrong_arguments_are_refused(server, arguments, message):
    with connect(server) as client:
        answer = client.call("execute", **{"pipeline": pipeline("simulate"), **arguments})
        assert not answer["success"]
        assert message in answer["message"]


def test_the_ttl_argument_overrides_the_setting(fast_server):
    with connect(fast_server) as client:
        token = start_task(client, pipeline("simulate", forever=True), ttl=0.3)["token"]
        assert wait_for_end(fast_server, token)["state"] == 6


def test_restart_repeats_all_states_and_keeps_the_start_time(server):
    """State 6 with `completed` false on the way; the counts begin anew."""
    with connect(server) as client:
        document = pipeline("simulate", seconds=1.0, total=2)
        body = start_task(client, document)
        before = read_status(server, body["token"])
        client.call("rrext_monitor", token=body["token"], types=["SUMMARY", "TASK"])
        client.unclaimed.clear()
        answer = client.call("restart", token=body["token"], pipeline=document)
        assert answer["body"] == body
        assert states(client)[:4] == [(6, False), (1, False), (2, False), (3, False)]
        assert client.wait_for_event("apaevt_task", action="restart")["body"]["__id"] == body["id"]
        status = wait_for_end(server, body["token"])
        assert (status["state"], status["exitMessage"], status["completedCount"]) == (5, "", 2)
        assert status["startTime"] == before["startTime"]


def test_restart_of_a_finished_task_and_with_the_pipeline_of_another(server):
    with connect(server) as client:
        document = pipeline("simulate", seconds=0.4)
        body = start_task(client, document)
        wait_for_end(server, body["token"])
        assert client.call("restart", token=body["token"], pipeline=document)["success"]
        assert read_status(server, body["token"])["state"] == 3
        other = client.call("restart", token=body["token"], pipeline=pipeline("simulate"))
        assert "must keep the pipeline's project and source" in other["message"]
        assert read_status(server, body["token"])["completed"] is False
        assert client.call("restart")["message"] == "Task token is required for restart"
        without = client.call("restart", token=body["token"])
        assert without["message"] == "Pipeline configuration or file path is required and must be specified"
        by_source = {"projectId": body["projectId"], "source": "src_1"}
        assert client.call("restart", token=None, pipeline=document, **by_source)["body"] == body


def test_tasks_are_listed_while_they_run_and_found_by_project_and_source(fast_server):
    with connect(fast_server) as client:
        document = {**pipeline("simulate", forever=True), "name": "Nice name", "description": "Desc"}
        token = start_task(client, document)["token"]
        entry = next(t for t in client.call("rrext_get_tasks")["body"]["tasks"] if t["token"] == token)
        assert entry == {
            "name": "Nice name",
            "description": "Desc",
            "source": "src_1",
            "token": token,
            "status": "Processing",
            "pipeline": document,
            "teamId": "",
            "runKind": "dev",
            "ownerKind": "user",
            "ownerId": "local",
        }
        found = client.call("rrext_get_token", projectId=document["project_id"], source="src_1")
        assert found["body"] == {"token": token}
        client.call("terminate", token=token)
        assert token not in [t["token"] for t in client.call("rrext_get_tasks")["body"]["tasks"]]
        assert client.call("rrext_get_token", projectId="none", source="x")["success"] is False


def test_a_task_token_as_credential_is_restricted_to_its_task(server):
    with connect(server) as owner:
        body = start_task(owner, pipeline("simulate", forever=True))
        with connect(server, key=body["token"]) as guest:
            assert guest.call("rrext_get_task_status", token="tk_other")["body"]["source"] == "src_1"
            assert "Permission 'task.control' denied" in guest.call("execute", pipeline={})["message"]
            guest.call("rrext_monitor", token="ignored", types=["TASK"])
            with connect(server, key=body["publicToken"]) as public:
                public.call("rrext_monitor", token="", types=["SUMMARY", "TASK"])
                assert len(public.unclaimed) == 2
                assert public.call("terminate")["success"]
                assert len(public.unclaimed) == 2, "a public token gets no events after the first state"
            assert guest.wait_for_event("apaevt_task", action="end")


def test_a_task_continues_when_its_connection_is_closed(server):
    with connect(server) as client:
        token = start_task(client, pipeline("simulate", seconds=1.0))["token"]
    assert wait_for_end(server, token)["state"] == 5


def test_a_start_continues_when_its_connection_is_lost(server):
    with connect(server) as client:
        document = pipeline("simulate", seconds=0.6, init_seconds=0.5)
        client.send_request("execute", pipeline=document, token="tk_left_alone")
    wait_until(lambda: request_json(server, "GET", "/task?token=tk_left_alone")[0] == 200)
    assert wait_for_end(server, "tk_left_alone")["state"] == 5


def test_errors_have_the_source_location(server):
    with connect(server) as client:
        trace = client.call("rrext_get_task_status", token="tk_0")["trace"]
        assert trace["file"] == "registry.py"
        assert trace["lineno"] > 0
