"""WebSocket connections: slots, upgrades, pings, close codes and malformed frames."""

import json
import os
import signal
import sys
import time
from contextlib import ExitStack

import pytest
import websocket
from emulator_helpers import KEY, SECONDS, pipeline, request_json, wait_until
from websocket_client import PING, WebSocketClient, connect, start_task

from rocketride_sync.emulator import Emulator


def test_the_slots_for_unauthenticated_connections_are_shared_with_http():
    with Emulator(api_key=KEY, connection_slots=3) as server, ExitStack() as stack:
        waiting = [stack.enter_context(WebSocketClient(server)) for _ in range(3)]
        with pytest.raises(websocket.WebSocketBadStatusException) as refused:
            WebSocketClient(server)
        assert refused.value.status_code == 403
        assert not getattr(refused.value, "resp_body", b"")
        _, answer = request_json(server, "GET", "/task?token=tk_0")
        assert answer["error"]["message"] == "server rejected WebSocket connection: HTTP 403"
        assert waiting[0].call("auth", auth=KEY)["success"]
        with WebSocketClient(server):
            pass
        waiting[1].socket.close()
        wait_until(
            lambda: request_json(server, "GET", "/task?token=tk_0")[1]["error"]["message"].startswith("Your")
        )


@pytest.mark.parametrize("path", ["/nope", "/task/service/", "/task"])
def test_a_wrong_path_is_refused_with_403(server, path):
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        WebSocketClient(server, path)
    assert refused.value.status_code == 403


def test_a_client_that_answers_no_pings_is_closed_with_1011():
    with Emulator(api_key=KEY, ping_interval=0.2, ping_timeout=0.5) as server, connect(server) as client:
        client.socket.pong = lambda *_: None
        assert client.close_code() == 1011


def test_a_client_that_answers_pings_stays():
    with Emulator(api_key=KEY, ping_interval=0.2) as server, connect(server) as client:
        for _ in range(3):
            opcode, _ = client.socket.recv_data_frame(control_frame=True)
            assert opcode == PING
        assert client.call("rrext_ping")["body"] == {"pong": True}


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_sigterm_closes_connections_with_1012():
    with Emulator(api_key=KEY) as server:
        with connect(server) as client:
            token = start_task(client, pipeline("simulate", forever=True))["token"]
            client.call("rrext_monitor", token=token, types=["SUMMARY"])
            os.kill(server.pid, signal.SIGTERM)
            assert client.close_code() == 1012
        server.restart()
        with connect(server) as client:
            assert (
                client.call("rrext_get_task_status", token=token)["message"] == "Your pipeline is not running"
            )


def test_sigkill_sends_no_close_frame():
    with Emulator(api_key=KEY) as server, connect(server) as client:
        server.kill()
        with pytest.raises((websocket.WebSocketConnectionClosedException, ConnectionError)):
            client.read()


def test_a_message_beyond_the_limit_closes_the_connection_with_1009():
    with Emulator(api_key=KEY, max_message_bytes=10_000) as server, connect(server) as client:
        client.send_request("rrext_ping", padding="x" * 20_000)
        assert client.close_code() == 1009


@pytest.mark.parametrize(
    "frame", ["[" * 100_000, '{"type":"request","command":"rrext_ping","seq":NaN}', "{}", '"x"']
)
def test_malformed_frames_are_ignored(server, frame):
    with connect(server) as client:
        client.send(frame)
        answer = client.call("rrext_ping")
        assert answer["body"] == {"pong": True}
        assert client.unclaimed == []


def test_odd_seq_and_command_are_returned_unchanged(server):
    with connect(server) as client:
        client.send(json.dumps({"type": "request", "seq": {"a": [1]}, "command": "rrext_\ud800"}))
        answer = client.wait_for(lambda message: message["request_seq"] == {"a": [1]})
        assert answer["message"] == "Invalid command: rrext_\ud800"


def test_fragmented_and_binary_messages(server):
    request = json.dumps({"type": "request", "seq": 7, "command": "rrext_ping"}).encode()
    with connect(server) as client:
        for start, opcode, fin in ((0, websocket.ABNF.OPCODE_TEXT, 0), (20, websocket.ABNF.OPCODE_CONT, 1)):
            client.socket.send_frame(
                websocket.ABNF.create_frame(request[start : start + 20 if not fin else None], opcode, fin)
            )
        assert client.wait_for_response(7)["body"] == {"pong": True}
        client.send_binary(request + b"\nDATA")
        assert client.wait_for_response(7)["body"] == {"pong": True}


def test_without_a_key_any_nonempty_credential_is_accepted_by_auth():
    with Emulator() as server:
        with connect(server, key="anything") as client:
            assert client.call("rrext_ping")["success"]
        with WebSocketClient(server) as client:
            assert client.call("auth", auth="")["message"] == "No authorization provided"
            assert client.close_code() == 1000


def test_null_as_a_credential_closes_the_connection(server):
    with WebSocketClient(server) as client:
        assert client.call("auth", auth=None)["success"] is False
        assert client.close_code() == 1000


def test_newer_servers_tell_their_version(server):
    with WebSocketClient(server) as client:
        assert client.call("auth", auth=KEY)["body"]["serverVersion"]


def test_lost_connections_release_slots_and_subscriptions(fast_server):
    """Otherwise, later connections would be refused or block."""
    for _ in range(30):
        client = WebSocketClient(fast_server)
        client.send_request("rrext_monitor", token="*", types=["ALL"])
        client.socket.shutdown()
    with connect(fast_server) as client:
        deadline = time.monotonic() + SECONDS
        assert start_task(client, pipeline("simulate", seconds=0))
        assert time.monotonic() < deadline
