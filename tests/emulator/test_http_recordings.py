"""Recorded HTTP exchanges with the real server, repeated against the emulator."""

import functools
import inspect
import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from emulator_helpers import (
    KEY,
    pipeline,
    recorded,
    request,
    request_json,
    shape,
    wait_until,
)

from rocketride_sync.emulator import Emulator

# The emulator has no CORS, no HTML pages, and no paths that have nothing to do with tasks.
LEFT_OUT = {
    "CORS preflight",
    "GET /status auth",
    "GET /services public",
    "GET /redoc",
    "GET / (shell not built)",
}


@functools.lru_cache(maxsize=None)
def left_out():
    from fastapi import FastAPI  # takes long, and each worker collects this file

    strict = "strict_content_type" in inspect.signature(FastAPI.__init__).parameters
    # Older versions of FastAPI parse any body as JSON, whatever its Content-Type.
    return LEFT_OUT if strict else {*LEFT_OUT, "POST /task bad body"}


@pytest.fixture(scope="module")
def server(texts):
    """A server of the generation that the recordings are of."""
    with Emulator(root=texts, api_key=KEY, generation="older") as running:
        yield running


def exchanges(*names):
    """The recorded HTTP exchanges that the emulator supports, each with the note before it."""
    for name in names:
        note = ""
        for line in recorded(name):
            if line["kind"] == "note":
                note = line["text"]
            if line["kind"] == "http" and line["status"] != 101 and note not in left_out():
                yield note, line


def replay(server, line, running_token):
    target = re.sub("tk_560d04a8eac4abb1b4af0d8878dc856c", running_token, line["target"])
    headers = {
        name: re.sub("tk_560d04a8eac4abb1b4af0d8878dc856c", running_token, value)
        for name, value in dict(line["request_headers"]).items()
        if name.lower() not in ("host", "content-length", "accept-encoding", "connection")
    }
    return request(server, line["method"], target, headers=headers, body=line["request_body"] or None)


def test_recorded_errors_and_credentials_are_answered_in_the_same_shape(server, running_token):
    """Compares the status, content type and JSON shape of each exchange."""
    differences = []
    for note, line in exchanges("01_http_auth_variants", "02_http_errors"):
        code, headers, body = replay(server, line, running_token)
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
    """The parts of an answer that must be equal: without source locations, pipe flows and values."""
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


def test_recorded_task_life_cycle_over_http(server):
    """Transcript 04: start, start again, status, terminate, status, terminate again."""
    simulated = pipeline("simulate", seconds=60, total=5)
    token = None
    for note, line in exchanges("04_http_execute_status_cancel"):
        target = re.sub(r"tk_\w+", token or "", line["target"])
        body = simulated if line["method"] == "POST" else None
        code, answer = request_json(server, line["method"], target, body=body)
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
        (
            "20_task_lifecycle_success",
            {"seconds": 0.5, "warnings": ["careful"], "init_seconds": 0.5, "exit_line": False},
        ),
        (
            "21_task_nonzero_process_exit_code",
            {"seconds": 0.5, "total": 2, "failed": 1, "errors": ["bad input"], "exit_code": 3},
        ),
        (
            "22_task_failed_exit_line",
            {"seconds": 0.5, "exit_code": 1, "exit_message": "it crashed", "errors": ["x"]},
        ),
        ("33_metrics_and_types", {"seconds": 0.5, "exit_line": False}),
    ],
)
def test_status_documents_match_the_recorded_ones(server, name, config):
    """For each (state, completed) in both: the same keys in the same order, the same types and constants."""
    constant = ("status", "serviceUp", "exitCode", "exitMessage", "debuggerAttached")
    recorded_statuses = {}
    for _, line in exchanges(name):
        answer = json.loads(line["body"])
        if line["status"] == 200 and "data" in answer:
            recorded_statuses.setdefault(
                (answer["data"]["state"], answer["data"]["completed"]), answer["data"]
            )
    document = pipeline("simulate", project_id=f"shapes-{name}", **config)
    own_statuses = {}
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(request_json, server, "POST", f"/task?token=tk_{name}", body=document)

        def ended():
            code, answer = request_json(server, "GET", f"/task?token=tk_{name}")
            if code == 200:
                status = answer["data"]
                own_statuses.setdefault((status["state"], status["completed"]), status)
                return status["state"] in (5, 6)
            return False

        wait_until(ended)
        assert starting.result()[0] == 200
    common = set(recorded_statuses) & set(own_statuses)
    assert any(state in (5, 6) for state, _ in common)
    for pair in common:
        expected, seen = recorded_statuses[pair], own_statuses[pair]
        for status in (expected, seen):
            for key in ("errors", "warnings", "notes", "pipeflow"):
                status[key] = type(status[key]).__name__
            status["tokens"]["custom"] = {}
        assert list(seen) == list(expected), pair
        assert shape(seen) == shape(expected), pair
        assert [seen[key] for key in constant if key != "serviceUp"] == [
            expected[key] for key in constant if key != "serviceUp"
        ], pair


def test_recorded_failure_before_running(server):
    """Transcript 26 over HTTP: after a failed start, the token is unknown."""
    for _, line in exchanges("26_task_fails_before_running"):
        if line["status"] == 400:
            code, answer = request_json(server, "GET", "/task?token=tk_never_there")
            assert code == 400
            assert comparable(answer) == comparable(json.loads(line["body"]))
