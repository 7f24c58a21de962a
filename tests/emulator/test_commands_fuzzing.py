"""Fuzzing the WebSocket commands: invalid requests get an error message, and later requests are answered."""

import os

import pytest
from emulator_helpers import KEY, pipeline
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websocket_client import connect

from rocketride_sync.emulator import Emulator

EXAMPLES = int(os.environ.get("EXAMPLES", "40"))  # the same in every run; `make fuzz` tries more
COMMANDS = ["auth", "deauth", "execute", "terminate", "restart", "disconnect", "launch"]
COMMANDS += [
    f"rrext_{name}"
    for name in ("ping", "get_task_status", "get_tasks", "get_token", "process", "monitor", "log", "x")
]
NAMES = [
    "token",
    "pipeline",
    "projectId",
    "source",
    "types",
    "subcommand",
    "pipe_id",
    "object",
    "mimeType",
    "data",
]
NAMES += [
    "threads",
    "ttl",
    "name",
    "env",
    "useExisting",
    "args",
    "provider",
    "auth",
    "teamId",
    "runKind",
    "fromSeq",
    "maxEvents",
]
TEXTS = st.sampled_from(
    [
        "",
        "*",
        "p",
        "s",
        "open",
        "write",
        "close",
        "chapters",
        "read",
        "text/plain",
        "\ud800",
        "\x00",
        "../..",
        "ALL",
        "TASK",
    ]
)
NUMBERS = st.sampled_from([0, 1, -1, 65, 2**63, 10**400, 1e308, -0.5])
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(TEXTS | st.sampled_from(NAMES), inner, max_size=3)
    ),
    max_leaves=6,
)
COMPONENTS = st.fixed_dictionaries(
    {"id": TEXTS, "provider": st.sampled_from(["files", "simulate", "webhook", "wordcount"]) | VALUES},
    optional={"config": VALUES, "input": VALUES, "name": VALUES},
)
PIPELINES = st.fixed_dictionaries(
    {"components": st.lists(COMPONENTS, max_size=3) | VALUES},
    optional={"project_id": VALUES, "source": VALUES},
)
ARGUMENTS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=5) | st.fixed_dictionaries(
    {"pipeline": PIPELINES}, optional={"env": VALUES, "threads": VALUES, "ttl": VALUES, "token": VALUES}
)


@pytest.fixture(scope="module")
def fuzzed_server(tmp_path_factory):
    limits = {"early_end": 0, "init_seconds": 0, "stop_seconds": 0, "max_tasks": 50, "auth_attempts": 1000}
    with Emulator(root=tmp_path_factory.mktemp("root"), api_key=KEY, **limits) as running:
        yield running


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(st.tuples(st.sampled_from(COMMANDS), ARGUMENTS | VALUES), min_size=1, max_size=5))
def check(server, requests):
    with connect(server) as client:
        token = client.call("execute", pipeline=pipeline("dropper", project_id="odd"), useExisting=True)[
            "body"
        ]["token"]
        for number, (command, arguments) in enumerate(requests, start=1000):
            if isinstance(arguments, dict) and number % 2:
                arguments = {"token": token, **arguments}
            client.send({"type": "request", "seq": number, "command": command, "arguments": arguments})
            if command not in ("execute", "restart", "rrext_process"):  # these may wait for something
                answer = client.wait_for_response(number)
                assert "Internal" not in answer.get("message", ""), (command, arguments, answer)
                if not answer["success"] and command == "auth":
                    return  # the server closes the connection
            if command == "deauth":
                return
        assert client.call("rrext_ping")["success"]
        for message in client.unclaimed:
            assert "Internal" not in str(message.get("message")), (requests, message)


def test_invalid_requests_get_an_error_message(fuzzed_server):
    check(fuzzed_server)
