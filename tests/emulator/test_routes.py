"""The HTTP side: credentials, error shapes, limits; and the recorded exchanges asked again."""

import http.client
import inspect
import json
import re
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
from emulation import (
    KEY,
    SECONDS,
    ask,
    ask_json,
    execute,
    pipeline,
    read_status,
    recorded,
    shape,
    wait_until,
)
from fastapi import FastAPI

from rocketride_sync.emulator import Emulator

DENIED = {"status": "Error", "error": {"error": "Access denied"}}


@pytest.fixture(scope="module")
def token(server):
    """A task that runs as long as the tests do."""
    code, answer = execute(server, pipeline("simulate", forever=True, total=4, seconds=0))
    assert code == 200, answer
    yield answer["data"]["token"]
    ask(server, "DELETE", f"/task?token={answer['data']['token']}")


@pytest.mark.parametrize("header", [f"Bearer {KEY}", KEY, f"Bearer  {KEY}"])
def test_credentials_that_pass(server, token, header):
    assert ask(server, "GET", f"/task?token={token}", headers={"Authorization": header})[0] == 200


@pytest.mark.parametrize(
    "header", [f"bearer {KEY}", "Basic dGVzdDp0ZXN0", "Bearer", "", "Bearer wrong", f"{KEY}x"]
)
def test_credentials_that_do_not(server, token, header):
    code, answer = ask_json(server, "GET", f"/task?token={token}", headers={"Authorization": header})
    assert (code, answer) == (401, DENIED)


def test_a_task_token_opens_its_own_task_whatever_is_asked_for(server, token):
    code, answer = ask_json(server, "GET", "/task?token=tk_other", key=token)
    assert code == 200
    assert answer["data"]["name"] == read_status(server, token)["name"]


def test_a_task_token_starts_nothing(server, token):
    code, answer = execute(server, pipeline("simulate"), headers={"Authorization": f"Bearer {token}"})
    assert code == 400
    assert "Permission 'task.control' denied" in answer["error"]["message"]


@pytest.mark.parametrize("credential", ["tk_deadbeef", "pk_deadbeef"])
def test_the_token_of_no_task_is_a_bad_request(server, token, credential):
    expected = {"status": "Error", "error": {"error": "Bad request"}}
    assert ask_json(server, "GET", f"/task?token={token}", key=credential) == (400, expected)


def test_without_a_key_any_credential_passes_but_none_does_not():
    with Emulator() as server:
        assert ask(server, "GET", "/task?token=tk_0", key="whatever")[0] == 400
        assert ask(server, "GET", "/task?token=tk_0", headers={})[0] == 401


def test_a_server_without_a_root_reads_no_files():
    with Emulator() as server:
        code, answer = execute(server, pipeline("files", paths=["."]))
        assert code == 400
        assert "without a root directory" in answer["error"]["message"]


def test_a_key_that_is_not_ascii_does_not_break_the_server(server, token):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=SECONDS)
    connection.request(
        "GET", f"/task?token={token}", headers={"Authorization": "Bearer sch\xfcssel".encode("latin-1")}
    )
    assert connection.getresponse().status == 401
    connection.close()


def test_more_calls_at_once_than_slots_are_an_overload():
    """As many as there are slots get an answer; the others hear of the connections the server makes to itself."""
    with Emulator(api_key=KEY, connection_slots=2, handshake_seconds=1.0) as server:
        with ThreadPoolExecutor(6) as pool:
            calls = [pool.submit(ask_json, server, "GET", "/task?token=tk_0") for _ in range(6)]
        messages = sorted(call.result()[1]["error"]["message"] for call in calls)
    assert (
        messages
        == ["Your pipeline is not running"] * 2 + ["server rejected WebSocket connection: HTTP 403"] * 4
    )


def test_a_body_beyond_the_limit_is_refused():
    with Emulator(api_key=KEY, max_pipeline_bytes=1000) as server:
        big = pipeline("simulate", errors=["x" * 2000])
        assert execute(server, big)[0] == 413
        chunks = iter([json.dumps(big).encode()])
        headers = {"Authorization": KEY, "Content-Type": "application/json"}
        assert ask(server, "POST", "/task", headers=headers, body=chunks)[0] == 413


@pytest.mark.parametrize("body", ["[" * 100_000, '{"project_id": NaN}', "{", "\xff"])
def test_a_malformed_body_is_the_client_s_fault(server, body):
    headers = {"Authorization": KEY, "Content-Type": "application/json"}
    assert ask(server, "POST", "/task", headers=headers, body=body.encode("latin-1"))[0] in (400, 422)


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
    code, answer = ask_json(server, "GET", "/version", headers={})
    assert code == 200
    assert set(answer["data"]) == {"version", "hash", "stamp"}


# What the emulator leaves out: CORS, the server's own pages, and paths that have nothing to do with tasks.
LEFT_OUT = {
    "CORS preflight",
    "GET /status auth",
    "GET /services public",
    "GET /redoc",
    "GET / (shell not built)",
}
if "strict_content_type" not in inspect.signature(FastAPI.__init__).parameters:
    # Older FastAPIs take any body for JSON, whatever its Content-Type.
    LEFT_OUT.add("POST /task bad body")


def exchanges(*names):
    """The recorded HTTP exchanges on paths of ours, each with the note before it."""
    for name in names:
        note = ""
        for line in recorded(name):
            if line["kind"] == "note":
                note = line["text"]
            if line["kind"] == "http" and line["status"] != 101 and note not in LEFT_OUT:
                yield note, line


def replay(server, line, token):
    target = re.sub("tk_560d04a8eac4abb1b4af0d8878dc856c", token, line["target"])
    headers = {
        name: re.sub("tk_560d04a8eac4abb1b4af0d8878dc856c", token, value)
        for name, value in dict(line["request_headers"]).items()
        if name.lower() not in ("host", "content-length", "accept-encoding", "connection")
    }
    return ask(server, line["method"], target, headers=headers, body=line["request_body"] or None)


def test_recorded_errors_and_credentials_are_answered_in_the_same_shape(server, token):
    """Status, content type and JSON shape of each exchange; what differs is listed."""
    differences = []
    for note, line in exchanges("01_http_auth_variants", "02_http_errors"):
        code, headers, body = replay(server, line, token)
        expected_headers = dict(line["response_headers"])
        seen = [code, headers.get("content-type"), headers.get("allow")]
        expected = [line["status"], expected_headers.get("content-type"), expected_headers.get("allow")]
        if "json" in (expected[1] or "") and line["method"] != "HEAD":
            seen.append(comparable(json.loads(body)))
            expected.append(comparable(json.loads(line["body"])))
        if seen != expected:
            differences.append((note, expected, seen))
    assert differences == []


def comparable(answer):
    """An answer without what cannot be equal: the place in the source, free counts of pipes, version numbers."""
    answer = json.loads(json.dumps(answer))
    if isinstance(answer.get("error"), dict):
        for key in ("file", "lineno"):
            if key in answer["error"]:
                answer["error"][key] = type(answer["error"][key]).__name__
        return answer
    if "detail" in answer:
        return answer
    document = answer.get("data", {})
    if "pipeflow" in document:
        document["pipeflow"]["byPipe"] = {}
    return shape(answer)


def test_the_recorded_life_over_http_is_lived_again(server):
    """Transcript 04: start, start again, status, terminate, status, terminate again."""
    simulated = pipeline("simulate", seconds=60, total=5)
    token = None
    for note, line in exchanges("04_http_execute_status_cancel"):
        target = re.sub(r"tk_\w+", token or "", line["target"])
        body = simulated if line["method"] == "POST" else None
        code, answer = ask_json(server, line["method"], target, body=body)
        expected = json.loads(line["body"])
        assert code == line["status"], note
        assert shape(comparable(answer)) == shape(comparable(expected)), note
        if "data" in answer and "state" in answer["data"]:
            for key in ("state", "completed", "status", "serviceUp", "exitCode", "exitMessage", "errors"):
                assert answer["data"][key] == expected["data"][key], (note, key)
        if "error" in answer:
            assert answer["error"]["message"] == expected["error"]["message"]
        token = token or answer["data"]["token"]


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("20_task_lifecycle_success", {"seconds": 0.5, "warnings": ["careful"], "init_seconds": 0.5}),
        (
            "21_task_nonzero_process_exit_code",
            {"seconds": 0.5, "total": 2, "failed": 1, "errors": ["bad input"]},
        ),
        (
            "22_task_failed_exit_line",
            {"seconds": 0.5, "exit_code": 1, "exit_message": "it crashed", "errors": ["x"]},
        ),
        ("33_metrics_and_types", {"seconds": 0.5}),
    ],
)
def test_every_recorded_state_looks_like_ours(server, name, config):
    """For each pair of state and `completed` that both show: the same keys in the same order, types and constants."""
    constant = ("status", "serviceUp", "exitCode", "exitMessage", "debuggerAttached")
    theirs = {}
    for _, line in exchanges(name):
        answer = json.loads(line["body"])
        if line["status"] == 200 and "data" in answer:
            theirs.setdefault((answer["data"]["state"], answer["data"]["completed"]), answer["data"])
    document = pipeline("simulate", project_id=f"shapes-{name}", **config)
    ours = {}
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(ask_json, server, "POST", f"/task?token=tk_{name}", body=document)

        def ended():
            code, answer = ask_json(server, "GET", f"/task?token=tk_{name}")
            if code == 200:
                status = answer["data"]
                ours.setdefault((status["state"], status["completed"]), status)
                return status["state"] in (5, 6)
            return False

        wait_until(ended)
        assert starting.result()[0] == 200
    common = set(theirs) & set(ours)
    assert any(state in (5, 6) for state, _ in common)
    for pair in common:
        expected, seen = theirs[pair], ours[pair]
        for status in (expected, seen):
            for key in ("errors", "warnings", "notes", "pipeflow"):
                status[key] = type(status[key]).__name__
            status["tokens"]["custom"] = {}
        assert list(seen) == list(expected), pair
        assert shape(seen) == shape(expected), pair
        assert [seen[key] for key in constant if key != "serviceUp"] == [
            expected[key] for key in constant if key != "serviceUp"
        ], pair


def test_recorded_early_failures_are_answered_alike(server):
    """Transcript 26 over HTTP: after a failed start the token is as good as unknown."""
    for _, line in exchanges("26_task_fails_before_running"):
        if line["status"] == 400:
            code, answer = ask_json(server, "GET", "/task?token=tk_never_there")
            assert code == 400
            assert comparable(answer) == comparable(json.loads(line["body"]))
