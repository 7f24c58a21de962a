"""Event subscriptions: which events a WebSocket connection gets, and when."""

import socket
import time

import pytest
from emulator_helpers import KEY, pipeline, read_status, wait_for_end, wait_until
from websocket_client import connect, start_task, states

from rocketride_sync.emulator import Emulator


def test_a_summary_subscription_shows_every_state(server):
    """The present state comes before the answer, then an event for each change."""
    with connect(server) as client:
        document = pipeline("simulate", seconds=0.5)
        key = {"projectId": document["project_id"], "source": "src_1"}
        assert client.call("rrext_monitor", types=["SUMMARY", "TASK"], **key)["success"]
        first, running = client.unclaimed
        assert (first["event"], first["body"]["state"], first["body"]["status"]) == (
            "apaevt_status_update",
            0,
            "Not running",
        )
        assert (running["event"], running["body"]["action"]) == ("apaevt_task", "running")
        body = start_task(client, document)
        end = client.wait_for_event("apaevt_task", action="end")
        stamps = {"runKind": "dev", "teamId": "", "userId": "local"}
        assert end["body"].pop("eventTime") > 0
        assert end["body"].pop("logSeq") > 0
        assert end["body"] == {
            "action": "end",
            "name": f"{body['id']}.A source",
            "projectId": document["project_id"],
            "source": "src_1",
            "project_id": document["project_id"],
            **stamps,
            "__id": body["id"],
        }
        assert states(client) == [
            (0, False),
            (1, False),
            (2, False),
            (3, False),
            (4, False),
            (5, True),
        ]
        assert client.wait_for_event("apaevt_task", action="begin")["seq"] < end["seq"]
        sequence = [message["seq"] for message in client.unclaimed]
        assert sequence == sorted(sequence)


def test_each_new_task_subscription_gets_the_list_of_running_tasks(server):
    with connect(server) as client:
        body = start_task(client, pipeline("simulate", forever=True))
        for _ in range(2):
            client.call("rrext_monitor", token=body["token"], types=["TASK"])
        listed = [m for m in client.unclaimed if m.get("event") == "apaevt_task"]
        assert len(listed) == 1, "unchanged types do not send the list again"
        assert {
            "id": body["id"],
            "name": f"{body['id']}.A source",
            "projectId": body["projectId"],
            "source": "src_1",
        } in listed[0]["body"]["tasks"]
        client.call("rrext_monitor", token=body["token"], types=[])
        client.call("rrext_monitor", token=body["token"], types=["TASK"])
        assert len([m for m in client.unclaimed if m.get("event") == "apaevt_task"]) == 2
        client.call("terminate", token=body["token"])


def test_status_events_continue_while_the_task_runs(server):
    with connect(server) as client:
        body = start_task(client, pipeline("simulate", forever=True, seconds=0))
        client.call("rrext_monitor", token=body["token"], types=["SUMMARY"])
        client.unclaimed.clear()
        for _ in range(2):
            assert client.wait_for_event("apaevt_status_update")["body"]["state"] == 3
        client.call("terminate", token=body["token"])


@pytest.mark.parametrize("types", [["NOPE", "x"], [], "4", None, 0])
def test_unknown_event_types_are_accepted_and_unsubscribe(server, types):
    with connect(server) as client:
        body = start_task(client, pipeline("simulate", forever=True))
        client.call("rrext_monitor", token=body["token"], types=["TASK"])
        assert client.call("rrext_monitor", token=body["token"], types=types)["success"]
        client.unclaimed.clear()
        client.call("terminate", token=body["token"])
        assert client.unclaimed == []


@pytest.mark.parametrize("types", [["task"], ["Task", "NOPE"], ["NOPE", "tAsK", "SUMMARIES"]])
def test_event_types_match_in_any_case_and_unknown_ones_are_passed_over(server, types):
    with connect(server) as client:
        body = start_task(client, pipeline("simulate", forever=True))
        assert client.call("rrext_monitor", token=body["token"], types=types)["success"]
        client.call("terminate", token=body["token"])
        assert client.wait_for_event("apaevt_task", action="end")["body"]["reason"] == "user"
        assert "apaevt_status_update" not in [event["event"] for event in client.events]


@pytest.mark.parametrize(("types", "success"), [(36, True), (["ALL"], True), (4096, False), (-1, False)])
def test_numeric_types(server, types, success):
    with connect(server) as client:
        assert client.call("rrext_monitor", projectId="p", source="s", types=types)["success"] is success
        assert len(client.unclaimed) == (2 if success else 0)


def test_subscription_to_all_tasks(server):
    with connect(server) as client, connect(server) as worker:
        client.call("rrext_monitor", token="*", types=["TASK", "SUMMARY"])
        document = pipeline("simulate", seconds=0.4)
        body = start_task(worker, document)
        end = client.wait_for_event("apaevt_task", action="end", projectId=document["project_id"])
        assert end["body"]["__id"] == body["id"]
        assert worker.unclaimed == []


def test_subscription_to_all_sources_of_a_project(server):
    with connect(server) as client:
        document = pipeline("simulate", forever=True)
        body = start_task(client, document)
        other = start_task(client, pipeline("simulate", forever=True))
        key = {"projectId": document["project_id"], "source": "*"}
        client.call("rrext_monitor", types=["SUMMARY", "TASK"], **key)
        first = client.wait_for_event("apaevt_status_update")
        assert (first["body"]["__id"], first["body"]["state"]) == (body["id"], 3)
        for token in (other["token"], body["token"]):
            client.call("terminate", token=token)
        client.wait_for_event("apaevt_task", action="end")
        assert {event["body"]["__id"] for event in client.events} - {""} == {body["id"]}


def test_the_events_of_a_team_are_apart(server):
    with connect(server) as client:
        document = pipeline("simulate", forever=True)
        own, team = start_task(client, document), start_task(client, document, teamId="local")
        assert own["token"] != team["token"]
        key = {"projectId": document["project_id"], "source": "src_1"}
        client.call("rrext_monitor", types=["SUMMARY", "TASK"], teamId="local", **key)
        for token in (own["token"], team["token"]):
            client.call("terminate", token=token)
        end = client.wait_for_event("apaevt_task", action="end")["body"]
        assert (end["__id"], end["teamId"], end["runKind"]) == (team["id"], "local", "deploy")
        assert own["id"] not in [event["body"]["__id"] for event in client.events]
        found = client.call("rrext_get_token", teamId="local", **key)["body"]["token"]
        assert found == team["token"]
        assert client.call("rrext_get_token", **key)["body"]["token"] == own["token"]
        assert client.call("rrext_get_token", teamId="other", **key)["code"] == "TASK_NOT_REGISTERED"


def test_removing_a_task_ends_every_subscription_to_its_project_and_source(fast_server):
    with connect(fast_server) as client:
        document = pipeline("simulate", seconds=0)
        token = start_task(client, document)["token"]
        client.call("rrext_monitor", token=token, types=["TASK"])
        wait_until(lambda: not client.call("rrext_get_task_status", token=token)["success"])
        client.unclaimed.clear()
        start_task(client, document)
        wait_for_end(fast_server, token)
        assert client.unclaimed == []


def test_a_subscriber_that_does_not_read_blocks_the_task_until_it_disconnects(texts):
    """The large status fills the kernel's buffers. From then on the task does not end, and no listener gets events."""
    with Emulator(api_key=KEY, status_interval=0.01, metrics_interval=0.01) as server:
        long = ["x" * 100_000] * 50
        with connect(server) as worker:
            body = start_task(worker, pipeline("simulate", seconds=1.5, total=10, errors=long))
            blocked = connect(server)
            blocked.socket.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            blocked.send_request("rrext_monitor", token=body["token"], types=["SUMMARY"])
            wait_until(lambda: read_status(server, body["token"])["completedCount"] == 10)
            stopping = worker.send_request("terminate", token=body["token"])
            time.sleep(1.0)
            assert read_status(server, body["token"])["state"] in (3, 4)
            blocked.socket.shutdown()
            assert worker.wait_for_response(stopping)["success"]
            assert read_status(server, body["token"])["completed"] is True
