"""The WebSocket side: commands, events, and what happens to connections."""

import json
import os
import signal
import socket
import sys
import time
from contextlib import ExitStack

import pytest
import websocket
from emulation import KEY, SECONDS, ask_json, pipeline, read_status, wait_for_end, wait_until
from socketing import PING, Client, connect

from rocketride_sync.emulator import Emulator


def execute(client, document, **arguments):
    answer = client.ask("execute", pipeline=document, **arguments)
    assert answer["success"], answer
    return answer["body"]


def states(client):
    """Which (state, completed) the status events read so far went through."""
    seen = []
    for message in client.passed:
        if message.get("event") == "apaevt_status_update":
            pair = (message["body"]["state"], message["body"]["completed"])
            if pair not in seen:
                seen.append(pair)
    return seen


def test_execute_answers_with_the_task_and_status_is_the_same_on_both_sides(server):
    with connect(server) as client:
        document = pipeline("simulate", forever=True)
        body = execute(client, document, threads=8, env={}, args=[])
        assert list(body) == ["id", "token", "publicToken", "projectId", "source", "provider"]
        assert body["id"] == f"{body['token'][3:11]}.src_1"
        over_websocket = client.ask("rrext_get_task_status", token=body["token"])["body"]
        over_http = read_status(server, body["token"])
        assert list(over_websocket) == list(over_http)
        assert over_websocket["startTime"] == over_http["startTime"]
        answer = client.ask("terminate", token=body["token"])
        assert answer["success"]
        assert "body" not in answer
        assert client.ask("rrext_get_task_status", token=body["token"])["body"]["state"] == 6


def test_execute_is_worked_on_while_other_requests_are_answered(server):
    with connect(server) as client:
        document = pipeline("simulate", seconds=0.5, init_seconds=0.5)
        pending = client.request("execute", pipeline=document, token="tk_concurrent", name="My task")
        wait_until(lambda: client.ask("rrext_get_task_status", token="tk_concurrent")["success"])
        status = client.ask("rrext_get_task_status", token="tk_concurrent")["body"]
        assert (status["state"], status["status"]) == (2, "Loading pipeline")
        assert status["name"] == "My task.A source"
        assert client.answer_to(pending)["body"]["token"] == "tk_concurrent"


def test_use_existing_joins_the_running_task_and_runs_a_finished_one_again(server):
    with connect(server) as client:
        document = pipeline("simulate", seconds=0.6)
        first = execute(client, document)
        again = client.ask("execute", pipeline=document)
        assert again["message"] == "Pipeline is already running."
        assert execute(client, document, useExisting=True) == first
        started = wait_for_end(server, first["token"])["startTime"]
        assert execute(client, document, useExisting=True) == first
        assert read_status(server, first["token"])["startTime"] > started


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"ttl": "long"}, "execute: 'ttl' must be a number"),
        ({"token": 5}, "execute: 'token' must be a string"),
        ({"useExisting": 1}, "execute: 'useExisting' must be true or false"),
        ({"name": []}, "execute: 'name' must be a string"),
        ({"pipeline": None}, "Pipeline configuration"),
    ],
)
def test_wrong_arguments_are_refused(server, arguments, message):
    with connect(server) as client:
        answer = client.ask("execute", **{"pipeline": pipeline("simulate"), **arguments})
        assert not answer["success"]
        assert message in answer["message"]


def test_a_ttl_of_its_own_cancels_a_task(lenient):
    with connect(lenient) as client:
        token = execute(client, pipeline("simulate", forever=True), ttl=0.3)["token"]
        assert wait_for_end(lenient, token)["state"] == 6


def test_restart_runs_through_the_states_again_and_keeps_the_start_time(server):
    """State 6 with `completed` false on the way; the counts begin anew; `exitMessage` stays "Stopped"."""
    with connect(server) as client:
        document = pipeline("simulate", seconds=1.0, total=2)
        body = execute(client, document)
        before = read_status(server, body["token"])
        client.ask("rrext_monitor", token=body["token"], types=["SUMMARY", "TASK"])
        client.passed.clear()
        answer = client.ask("restart", token=body["token"], pipeline=document)
        assert answer["body"] == body
        assert states(client)[:4] == [(6, False), (1, False), (2, False), (3, False)]
        assert client.event("apaevt_task", action="restart")["body"]["__id"] == body["id"]
        status = wait_for_end(server, body["token"])
        assert (status["state"], status["exitMessage"], status["completedCount"]) == (5, "Stopped", 2)
        assert status["startTime"] == before["startTime"]


def test_restart_revives_a_finished_task_and_refuses_another_s_pipeline(server):
    with connect(server) as client:
        body = execute(client, pipeline("simulate", seconds=0.4))
        wait_for_end(server, body["token"])
        assert client.ask("restart", token=body["token"])["success"]
        assert read_status(server, body["token"])["state"] == 3
        other = client.ask("restart", token=body["token"], pipeline=pipeline("simulate"))
        assert "must keep the pipeline's project and source" in other["message"]
        assert client.ask("restart")["message"] == "Task token is required for restart"


def test_tasks_are_listed_while_they_run_and_found_by_project_and_source(lenient):
    with connect(lenient) as client:
        document = {**pipeline("simulate", forever=True), "name": "Nice name", "description": "Desc"}
        token = execute(client, document)["token"]
        entry = next(t for t in client.ask("rrext_get_tasks")["body"]["tasks"] if t["token"] == token)
        assert entry == {
            "name": "Nice name",
            "description": "Desc",
            "source": "src_1",
            "token": token,
            "status": "Processing",
            "pipeline": document,
        }
        found = client.ask("rrext_get_token", projectId=document["project_id"], source="src_1")
        assert found["body"] == {"token": token}
        client.ask("terminate", token=token)
        assert token not in [t["token"] for t in client.ask("rrext_get_tasks")["body"]["tasks"]]
        assert client.ask("rrext_get_token", projectId="none", source="x")["success"] is False


def test_a_summary_subscription_shows_every_state(server):
    """The catch-up comes before the answer; then each change; a poll in between is not needed."""
    with connect(server) as client:
        document = pipeline("simulate", seconds=0.5)
        key = {"projectId": document["project_id"], "source": "src_1"}
        assert client.ask("rrext_monitor", types=["SUMMARY", "TASK"], **key)["success"]
        first, running = client.passed
        assert (first["event"], first["body"]["state"], first["body"]["status"]) == (
            "apaevt_status_update",
            0,
            "Not running",
        )
        assert (running["event"], running["body"]["action"]) == ("apaevt_task", "running")
        body = execute(client, document)
        end = client.event("apaevt_task", action="end")
        assert end["body"] == {
            "action": "end",
            "name": f"{body['id']}.A source",
            "projectId": document["project_id"],
            "source": "src_1",
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
        assert client.event("apaevt_task", action="begin")["seq"] < end["seq"]
        sequence = [message["seq"] for message in client.passed]
        assert sequence == sorted(sequence)


def test_the_running_list_is_caught_up_with_at_each_new_subscription(server):
    with connect(server) as client:
        body = execute(client, pipeline("simulate", forever=True))
        for _ in range(2):
            client.ask("rrext_monitor", token=body["token"], types=["TASK"])
        listed = [m for m in client.passed if m.get("event") == "apaevt_task"]
        assert len(listed) == 1, "equal types give no second catch-up"
        assert {
            "id": body["id"],
            "name": f"{body['id']}.A source",
            "projectId": body["projectId"],
            "source": "src_1",
        } in listed[0]["body"]["tasks"]
        client.ask("rrext_monitor", token=body["token"], types=[])
        client.ask("rrext_monitor", token=body["token"], types=["TASK"])
        assert len([m for m in client.passed if m.get("event") == "apaevt_task"]) == 2
        client.ask("terminate", token=body["token"])


def test_events_come_about_once_a_second_while_nothing_happens(server):
    with connect(server) as client:
        body = execute(client, pipeline("simulate", forever=True, seconds=0))
        client.ask("rrext_monitor", token=body["token"], types=["SUMMARY"])
        client.passed.clear()
        for _ in range(2):
            assert client.event("apaevt_status_update")["body"]["state"] == 3
        client.ask("terminate", token=body["token"])


@pytest.mark.parametrize("types", [["SUMMARY", "NOPE"], ["summary"], "4", None, 0])
def test_what_is_no_known_type_is_accepted_and_unsubscribes(server, types):
    with connect(server) as client:
        body = execute(client, pipeline("simulate", forever=True))
        client.ask("rrext_monitor", token=body["token"], types=["TASK"])
        assert client.ask("rrext_monitor", token=body["token"], types=types)["success"]
        client.passed.clear()
        client.ask("terminate", token=body["token"])
        assert client.passed == []


@pytest.mark.parametrize(("types", "success"), [(36, True), (["ALL"], True), (4096, False), (-1, False)])
def test_numeric_types(server, types, success):
    with connect(server) as client:
        assert client.ask("rrext_monitor", projectId="p", source="s", types=types)["success"] is success
        assert len(client.passed) == (2 if success else 0)


def test_everything_can_be_listened_to(server):
    with connect(server) as client, connect(server) as worker:
        client.ask("rrext_monitor", token="*", types=["TASK", "SUMMARY"])
        document = pipeline("simulate", seconds=0.4)
        body = execute(worker, document)
        end = client.event("apaevt_task", action="end", projectId=document["project_id"])
        assert end["body"]["__id"] == body["id"]
        assert worker.passed == []


def test_removing_a_task_ends_every_subscription_to_its_project_and_source(lenient):
    with connect(lenient) as client:
        document = pipeline("simulate", seconds=0)
        token = execute(client, document)["token"]
        client.ask("rrext_monitor", token=token, types=["TASK"])
        wait_until(lambda: not client.ask("rrext_get_task_status", token=token)["success"])
        client.passed.clear()
        execute(client, document)
        wait_for_end(lenient, token)
        assert client.passed == []


def test_a_task_token_as_credential_is_locked_to_its_task(server):
    with connect(server) as owner:
        body = execute(owner, pipeline("simulate", forever=True))
        with connect(server, key=body["token"]) as guest:
            assert guest.ask("rrext_get_task_status", token="tk_other")["body"]["source"] == "src_1"
            assert "Permission 'task.control' denied" in guest.ask("execute", pipeline={})["message"]
            guest.ask("rrext_monitor", token="ignored", types=["TASK"])
            with connect(server, key=body["publicToken"]) as public:
                public.ask("rrext_monitor", token="", types=["SUMMARY", "TASK"])
                assert len(public.passed) == 2
                assert public.ask("terminate")["success"]
                assert len(public.passed) == 2, "a public key hears nothing after the catch-up"
            assert guest.event("apaevt_task", action="end")


def test_the_task_outlives_the_connection_that_started_it(server):
    with connect(server) as client:
        token = execute(client, pipeline("simulate", seconds=1.0))["token"]
    assert wait_for_end(server, token)["state"] == 5


def test_a_start_whose_connection_goes_away_is_carried_through(server):
    with connect(server) as client:
        document = pipeline("simulate", seconds=0.6, init_seconds=0.5)
        client.request("execute", pipeline=document, token="tk_left_alone")
    wait_until(lambda: ask_json(server, "GET", "/task?token=tk_left_alone")[0] == 200)
    assert wait_for_end(server, "tk_left_alone")["state"] == 5


def test_a_subscriber_that_does_not_read_freezes_the_task_until_it_is_gone(texts):
    """Its status is large and the kernel's buffers fill up; then nothing ends, and nobody hears anything."""
    with Emulator(api_key=KEY, status_interval=0.01, metrics_interval=0.01) as server:
        long = ["x" * 100_000] * 50
        with connect(server) as worker:
            body = execute(worker, pipeline("simulate", seconds=1.5, total=10, errors=long))
            deaf = connect(server)
            deaf.socket.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.request("rrext_monitor", token=body["token"], types=["SUMMARY"])
            wait_until(lambda: read_status(server, body["token"])["completedCount"] == 10)
            stopping = worker.request("terminate", token=body["token"])
            time.sleep(1.0)
            assert read_status(server, body["token"])["state"] in (3, 4)
            deaf.socket.shutdown()
            assert worker.answer_to(stopping)["success"]
            assert read_status(server, body["token"])["completed"] is True


def test_the_slots_for_unauthenticated_connections_are_shared_with_http():
    with Emulator(api_key=KEY, connection_slots=3) as server, ExitStack() as stack:
        waiting = [stack.enter_context(Client(server)) for _ in range(3)]
        with pytest.raises(websocket.WebSocketBadStatusException) as refused:
            Client(server)
        assert refused.value.status_code == 403
        assert not getattr(refused.value, "resp_body", b"")
        _, answer = ask_json(server, "GET", "/task?token=tk_0")
        assert answer["error"]["message"] == "server rejected WebSocket connection: HTTP 403"
        assert waiting[0].ask("auth", auth=KEY)["success"]
        with Client(server):
            pass
        waiting[1].socket.close()
        wait_until(
            lambda: ask_json(server, "GET", "/task?token=tk_0")[1]["error"]["message"].startswith("Your")
        )


@pytest.mark.parametrize("path", ["/nope", "/task/service/", "/task"])
def test_a_wrong_path_is_refused_with_403(server, path):
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        Client(server, path)
    assert refused.value.status_code == 403


def test_pings_come_and_a_client_that_does_not_answer_is_closed_with_1011():
    with Emulator(api_key=KEY, ping_interval=0.2, ping_timeout=0.5) as server:
        with connect(server) as client:
            opcode, _ = client.socket.recv_data_frame(control_frame=True)
            assert opcode == PING
            assert client.ask("rrext_ping")["body"] == {"pong": True}
        with connect(server) as mute:
            mute.socket.pong = lambda *_: None
            assert mute.close_code() == 1011


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_sigterm_closes_connections_with_1012():
    with Emulator(api_key=KEY) as server:
        with connect(server) as client:
            token = execute(client, pipeline("simulate", forever=True))["token"]
            client.ask("rrext_monitor", token=token, types=["SUMMARY"])
            os.kill(server.pid, signal.SIGTERM)
            assert client.close_code() == 1012
        server.restart()
        with connect(server) as client:
            assert (
                client.ask("rrext_get_task_status", token=token)["message"] == "Your pipeline is not running"
            )


def test_sigkill_is_a_bare_end():
    with Emulator(api_key=KEY) as server, connect(server) as client:
        server.kill()
        with pytest.raises((websocket.WebSocketConnectionClosedException, ConnectionError)):
            client.read()


def test_a_message_beyond_the_limit_closes_the_connection_with_1009():
    with Emulator(api_key=KEY, max_message_bytes=10_000) as server, connect(server) as client:
        client.request("rrext_ping", padding="x" * 20_000)
        assert client.close_code() == 1009


@pytest.mark.parametrize(
    "frame", ["[" * 100_000, '{"type":"request","command":"rrext_ping","seq":NaN}', "{}", '"x"']
)
def test_strange_frames_are_passed_over(server, frame):
    with connect(server) as client:
        client.send(frame)
        answer = client.ask("rrext_ping")
        assert answer["body"] == {"pong": True}
        assert client.passed == []


def test_an_odd_seq_and_odd_text_come_back_as_they_were(server):
    with connect(server) as client:
        client.send(json.dumps({"type": "request", "seq": {"a": [1]}, "command": "rrext_\ud800"}))
        answer = client.wait_for(lambda message: message["request_seq"] == {"a": [1]})
        assert answer["message"] == "Invalid command: rrext_\ud800"


def test_messages_may_come_in_pieces_and_in_binary(server):
    request = json.dumps({"type": "request", "seq": 7, "command": "rrext_ping"}).encode()
    with connect(server) as client:
        for start, opcode, fin in ((0, websocket.ABNF.OPCODE_TEXT, 0), (20, websocket.ABNF.OPCODE_CONT, 1)):
            client.socket.send_frame(
                websocket.ABNF.create_frame(request[start : start + 20 if not fin else None], opcode, fin)
            )
        assert client.answer_to(7)["body"] == {"pong": True}
        client.send_binary(request + b"\nDATA")
        assert client.answer_to(7)["body"] == {"pong": True}


def test_a_server_without_a_key_takes_any_credential_but_an_empty_one():
    with Emulator() as server:
        with connect(server, key="anything") as client:
            assert client.ask("rrext_ping")["success"]
        with Client(server) as client:
            assert client.ask("auth", auth="")["message"] == "No authorization provided"
            assert client.close_code() == 1000


def test_an_error_says_where_it_was_raised(server):
    with connect(server) as client:
        trace = client.ask("rrext_get_task_status", token="tk_0")["trace"]
        assert trace["file"] == "registry.py"
        assert trace["lineno"] > 0


def test_many_connections_come_and_go_without_leaving_anything(lenient):
    """Slots and subscriptions are given back, so that the next one always gets in."""
    for _ in range(30):
        client = Client(lenient)
        client.request("rrext_monitor", token="*", types=["ALL"])
        client.socket.shutdown()
    with connect(lenient) as client:
        deadline = time.monotonic() + SECONDS
        assert execute(client, pipeline("simulate", seconds=0))
        assert time.monotonic() < deadline
