"""The emulator's limits on requests, connections, tasks and idle pipes."""

import contextlib
import http.client
import socket
import time

import pytest
import websocket
from emulator_helpers import (
    KEY,
    execute,
    pipeline,
    read_status,
    request,
    request_json,
    wait_for_end,
    wait_until,
)
from websocket_client import connect

from rocketride_sync.emulator import Emulator


def test_a_large_pipeline_is_refused(limited_server):
    code, answer = execute(limited_server, pipeline("simulate", errors=["x" * 30_000]))
    assert (code, "exceeds" in answer["detail"]) == (413, True)


def test_endless_headers_are_refused(limited_server):
    with socket.create_connection(
        ("127.0.0.1", limited_server.port), timeout=30
    ) as sock, contextlib.suppress(OSError):
        sock.sendall(b"GET /version HTTP/1.1\r\n")
        for number in range(100_000):
            sock.sendall(b"X-%d: %s\r\n" % (number, b"y" * 100))
        pytest.fail("all headers were accepted")


def test_beyond_max_tasks_the_oldest_finished_task_is_replaced(limited_server):
    def start(**config):
        code, answer = execute(limited_server, pipeline("simulate", total=0, **config))
        assert code == 200, answer
        return answer["data"]["token"]

    ended = [start(seconds=0), start(seconds=0)]
    for token in ended:
        wait_for_end(limited_server, token)
    running = [start(seconds=60), start(seconds=60), start(seconds=60)]
    assert request(limited_server, "GET", f"/task?token={ended[0]}")[0] == 400
    assert read_status(limited_server, ended[1])["completed"]
    running.append(start(seconds=60))
    code, answer = execute(limited_server, pipeline("simulate", seconds=60))
    assert (code, "may run no more" in answer["error"]["message"]) == (400, True)
    for token in running:
        assert request(limited_server, "DELETE", f"/task?token={token}")[0] == 200
    start(seconds=0)


def test_connections_beyond_the_limit_are_refused(limited_server):
    with contextlib.ExitStack() as stack:
        for _ in range(12):
            stack.enter_context(connect(limited_server))
        with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
            connect(limited_server)
        assert request(limited_server, "GET", "/version")[0] == 503
    wait_until(lambda: answers_again(limited_server))


def answers_again(server):
    try:
        return request(server, "GET", "/version")[0] == 200
    except (http.client.HTTPException, OSError):
        return False


def test_a_connection_with_too_many_open_requests_is_closed(limited_server):
    """The requests wait for the task's only pipe."""
    document = pipeline("dropper")
    with connect(limited_server) as client, connect(limited_server) as other:
        token = other.call("execute", pipeline=document, threads=1)["body"]["token"]
        for _ in range(40):
            with contextlib.suppress(OSError, websocket.WebSocketException):
                client.send_request(
                    "rrext_process", subcommand="open", token=token, object={}, mimeType="text/plain"
                )
        assert client.close_code() == 1008
        assert other.call("rrext_ping")["success"]
        assert other.call("terminate", token=token)["success"]


def test_a_pipe_that_gets_no_data_is_aborted(limited_server):
    with connect(limited_server) as client:
        token = client.call("execute", pipeline=pipeline("dropper"), threads=1)["body"]["token"]
        arguments = {"token": token, "object": {"name": "a"}, "mimeType": "text/plain"}
        pipe = client.call("rrext_process", subcommand="open", **arguments)["body"]["pipe_id"]
        began = time.monotonic()
        while time.monotonic() - began < 2.5:  # longer than the idle limit
            assert client.wait_for_response(client.write(b"some text ", token=token, pipe_id=pipe))["success"]
        # It waits until the first pipe has ended.
        after = client.call("rrext_process", subcommand="open", **arguments)
        assert after["success"]
        answer = client.wait_for_response(client.write(b"more", token=token, pipe_id=pipe))
        assert (answer["success"], "not found" in answer["message"]) == (False, True)
        status = read_status(limited_server, token)
        assert status["failedCount"] == 1
        assert "no data came for 2 s" in status["errors"][0]
        client.call("terminate", token=token)


def test_a_stalled_upload_releases_its_pipe(limited_server):
    with connect(limited_server) as client:
        token = client.call("execute", pipeline=pipeline("dropper"), threads=1)["body"]["token"]
        with socket.create_connection(("127.0.0.1", limited_server.port), timeout=30) as stalled:
            head = f"POST /task/data?token={token} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
            stalled.sendall(head.encode() + b"Content-Length: 100\r\n\r\nsome text")
            wait_until(lambda: read_status(limited_server, token)["currentObject"])
            code, answer = request_json(
                limited_server, "POST", f"/task/data?token={token}", body=b"all of it"
            )
        assert (code, answer["data"]["objectsCompleted"]) == (200, 1)
        client.call("terminate", token=token)


def test_pipe_idle_0_means_no_limit():
    with Emulator(api_key=KEY, pipe_idle=0) as server, connect(server) as client:
        token = client.call("execute", pipeline=pipeline("dropper"))["body"]["token"]
        arguments = {"token": token, "object": {"name": "a"}, "mimeType": "text/plain"}
        pipe = client.call("rrext_process", subcommand="open", **arguments)["body"]["pipe_id"]
        assert client.call("rrext_process", subcommand="close", token=token, pipe_id=pipe)["success"]
