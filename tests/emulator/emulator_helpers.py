"""Helpers of the emulator's tests: HTTP requests, pipelines, and comparing the shapes of answers."""

import http.client
import itertools
import json
import time
from pathlib import Path

import pytest

KEY = "testkey-123"
SHARED = Path(__file__).resolve().parents[3] / "shared"
SECONDS = 30.0
_numbers = itertools.count()


def request(server, method, target, *, headers=None, body=None, key=KEY):
    """Send one HTTP request on a new connection, and return (status, headers with lower-case names, body)."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=SECONDS)
    try:
        sent = {"Authorization": f"Bearer {key}"} if headers is None else dict(headers)
        if isinstance(body, dict):
            body = json.dumps(body)
            sent.setdefault("Content-Type", "application/json")
        connection.request(method, target, body, sent)
        response = connection.getresponse()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read().decode()
    finally:
        connection.close()


def request_json(server, method, target, **options):
    status, _, body = request(server, method, target, **options)
    return status, json.loads(body)


def execute(server, pipeline, **options):
    return request_json(server, "POST", "/task", body=pipeline, **options)


def read_status(server, token):
    code, answer = request_json(server, "GET", f"/task?token={token}")
    assert code == 200, answer
    return answer["data"]


def wait_until(condition, what="the condition"):
    """Poll `condition` until its result is true, and return the result."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    pytest.fail(f"{what} did not come true within {SECONDS} s")


def wait_for_end(server, token):
    def final():
        status = read_status(server, token)
        return status if status["completed"] and status["state"] in (5, 6) else None

    return wait_until(final, "the end of the task")


def pipeline(provider, project_id=None, **config):
    """A pipeline of one component, in a new project unless one is named."""
    project = project_id or f"project-{next(_numbers)}"
    component = {"id": "src_1", "provider": provider, "name": "A source", "config": config}
    return {"project_id": project, "source": "src_1", "components": [component]}


def word_count(*paths, **config):
    document = pipeline("files", paths=list(paths), **config)
    counter = {"id": "count_1", "provider": "wordcount", "input": [{"lane": "text", "from": "src_1"}]}
    document["components"].append(counter)
    return document


def shape(value):
    """The structure of a JSON value: its keys in order, and the types of their values."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


def recorded(name):
    """The lines of a recorded transcript. Skips the test when there are no recordings."""
    path = SHARED / "transcripts" / f"{name}.jsonl"
    if not path.is_file():
        pytest.skip(f"the recorded transcripts are not here ({path})")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
