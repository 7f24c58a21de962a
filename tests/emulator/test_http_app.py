"""The HTTP routes: credentials, error responses and limits."""

import http.client
import json
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
from emulator_helpers import (
    KEY,
    SECONDS,
    execute,
    pipeline,
    read_status,
    request,
    request_json,
)

from rocketride_sync.emulator import Emulator

DENIED = {"status": "Error", "error": {"error": "Access denied"}}


@pytest.mark.parametrize("header", [f"Bearer {KEY}", KEY, f"Bearer  {KEY}"])
def test_accepted_credentials(server, running_token, header):
    assert request(server, "GET", f"/task?token={running_token}", headers={"Authorization": header})[0] == 200


@pytest.mark.parametrize(
    "header", [f"bearer {KEY}", "Basic dGVzdDp0ZXN0", "Bearer", "", "Bearer wrong", f"{KEY}x"]
)
def test_refused_credentials(server, running_token, header):
    code, answer = request_json(
        server, "GET", f"/task?token={running_token}", headers={"Authorization": header}
    )
    assert (code, answer) == (401, DENIED)


def test_a_task_token_as_credential_overrides_the_token_parameter(server, running_token):
    code, answer = request_json(server, "GET", "/task?token=tk_other", key=running_token)
    assert code == 200
    assert answer["data"]["name"] == read_status(server, running_token)["name"]


def test_a_task_token_starts_nothing(server, running_token):
    code, answer = execute(server, pipeline("simulate"), headers={"Authorization": f"Bearer {running_token}"})
    assert code == 400
    assert "Permission 'task.control' denied" in answer["error"]["message"]


@pytest.mark.parametrize("credential", ["tk_deadbeef", "pk_deadbeef"])
def test_an_unknown_token_as_credential_is_a_bad_request(server, running_token, credential):
    expected = {"status": "Error", "error": {"error": "Bad request"}}
    assert request_json(server, "GET", f"/task?token={running_token}", key=credential) == (400, expected)


def test_without_a_key_any_nonempty_credential_is_accepted():
    with Emulator() as server:
        assert request(server, "GET", "/task?token=tk_0", key="whatever")[0] == 400
        assert request(server, "GET", "/task?token=tk_0", headers={})[0] == 401


def test_a_server_without_a_root_reads_no_files():
    with Emulator() as server:
        code, answer = execute(server, pipeline("files", paths=["."]))
        assert code == 400
        assert "without a root directory" in answer["error"]["message"]


def test_a_key_that_is_not_ascii_does_not_break_the_server(server, running_token):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=SECONDS)
    connection.request(
        "GET",
        f"/task?token={running_token}",
        headers={"Authorization": "Bearer sch\xfcssel".encode("latin-1")},
    )
    assert connection.getresponse().status == 401
    connection.close()


def test_calls_beyond_the_connection_slots_are_refused():
    """The others get the error of the real server's WebSocket connection to itself."""
    with Emulator(api_key=KEY, connection_slots=2, handshake_seconds=1.0) as server:
        with ThreadPoolExecutor(6) as pool:
            calls = [pool.submit(request_json, server, "GET", "/task?token=tk_0") for _ in range(6)]
        errors = [call.result()[1]["error"] for call in calls]
        messages = sorted(error["message"] for error in errors)
    assert (
        messages
        == ["Your pipeline is not running"] * 2 + ["server rejected WebSocket connection: HTTP 403"] * 4
    )
    # Clients look at the file: a pipeline may fail with the same text.
    assert sum(error["file"] == "transport_websocket.py" for error in errors) == 4


def test_a_body_beyond_the_limit_is_refused():
    with Emulator(api_key=KEY, max_pipeline_bytes=1000) as server:
        big = pipeline("simulate", errors=["x" * 2000])
        assert execute(server, big)[0] == 413
        chunks = iter([json.dumps(big).encode()])
        headers = {"Authorization": KEY, "Content-Type": "application/json"}
        assert request(server, "POST", "/task", headers=headers, body=chunks)[0] == 413


@pytest.mark.parametrize("body", ["[" * 100_000, '{"project_id": NaN}', "{", "\xff"])
def test_a_malformed_body_is_a_client_error(server, body):
    headers = {"Authorization": KEY, "Content-Type": "application/json"}
    assert request(server, "POST", "/task", headers=headers, body=body.encode("latin-1"))[0] in (400, 422)


def test_an_idle_connection_is_closed_by_the_server():
    with Emulator(api_key=KEY, keep_alive=1) as server, socket.create_connection(
        ("127.0.0.1", server.port)
    ) as raw:
        raw.settimeout(SECONDS)
        raw.sendall(b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b""
        while chunk := raw.recv(65536):
            answer += chunk
        assert answer.startswith(b"HTTP/1.1 200")


def test_the_version_needs_no_key(server):
    code, answer = request_json(server, "GET", "/version", headers={})
    assert code == 200
    assert set(answer["data"]) == {"version", "hash", "stamp"}
