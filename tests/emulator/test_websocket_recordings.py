"""Recorded WebSocket conversations with the real server, repeated against the emulator."""

import base64
import contextlib
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import websocket
from emulator_helpers import KEY, recorded, shape
from websocket_client import WebSocketClient

from rocketride_sync.emulator import Emulator

# Commands that the emulator does not have, and names that reach internals of the real server.
LEFT_OUT = {
    "rrext_public_probe",
    "rrext_public_catalog",
    "rrext_account_me",
    "rrext_services",
    "rrext_validate",
    "rrext_store",
    "rrext_dashboard",
    "rrext_get_pipeline",
    "rrext_process",
    "initialize",
    "event",
    "connected",
    "connect_error",
}
# The real server's messages that are texts of Python exceptions; the emulator's differ.
PYTHON_ERROR = re.compile(r"'\w+' object has|unhashable type|<flag '")


def simulated(document):
    """A recorded pipeline whose fake engine's config is translated to that of `simulate`."""
    document = json.loads(json.dumps(document))
    component = document["components"][0]
    fake = component["config"]["fake"]
    config = {"seconds": fake.get("seconds", 1), "total": fake.get("total", 4)}
    if config["seconds"] < 0:
        config.update(seconds=fake.get("interval", 0.5) * config["total"], forever=True)
    if "early_exit" in fake:
        config["seconds"] = 0
    if fake.get("exit") == "exitline":
        config.update(exit_line=True, exit_code=fake.get("code", 1), exit_message=fake["fatal"])
    else:
        config.update(exit_line=False, exit_code=fake.get("code", 0))
    config["init_seconds"] = fake.get("init", 0)
    config["failed"] = fake.get("fail", 0)
    config["errors"] = fake.get("errors", [])
    config["warnings"] = fake.get("warnings", [])
    component.update(provider="simulate", config=config)
    return document


class Replay:
    """Repeats the requests of one recording in order, each after the responses that preceded it in the recording."""

    def __init__(self, server, lines, *, paced=False):
        self.server = server
        self.lines = lines
        self.paced = paced
        self.clients = {}
        self.names = {}
        self.requests = {}
        self.differences = []
        self.sequence = []

    def run(self):
        with contextlib.ExitStack() as stack:
            self.stack = stack
            started, skipped = time.monotonic(), set()
            for line in self.lines:
                if line["kind"] != "ws":
                    continue
                if self.paced:
                    time.sleep(max(0.0, started + line["t_ms"] / 1000 - time.monotonic()))
                self.step(line, skipped)
        return self.differences

    def step(self, line, skipped):
        if line["type"] in ("ping", "pong"):
            return
        if line["dir"] == "c2s":
            self.send(line, skipped)
        elif line["type"] == "close":
            self.compare("close", line["close_code"], self.client(line).close_code())
        else:
            self.receive_answer(line, json.loads(line["payload"]), skipped)

    def client(self, line):
        number = line["conn"]
        if number not in self.clients:
            self.clients[number] = self.stack.enter_context(WebSocketClient(self.server))
        return self.clients[number]

    def send(self, line, skipped):
        client = self.client(line)
        if line["type"] == "binary":
            client.send_binary(base64.b64decode(line["payload_b64"]))
        elif line["type"] == "text":
            text = line["payload"]
            for recorded_name, name in self.names.items():
                text = text.replace(recorded_name, name)
            with contextlib.suppress(ValueError, AttributeError, TypeError):
                message = json.loads(text)
                if message.get("command") in LEFT_OUT:
                    skipped.add((line["conn"], message["seq"]))
                    return
                pipeline = (message.get("arguments") or {}).get("pipeline")
                self.requests[line["conn"], message.get("seq")] = message
                if pipeline:
                    message["arguments"]["pipeline"] = simulated(pipeline)
                    text = json.dumps(message)
            client.send(text)
        else:
            client.socket.send_close()

    def receive_answer(self, line, expected, skipped):
        if expected["type"] != "response" or (line["conn"], expected["request_seq"]) in skipped:
            return
        answer = self.client(line).wait_for_response(expected["request_seq"])
        for key in ("token", "publicToken", "id"):
            if expected["command"] in ("execute", "restart") and expected["success"]:
                self.names[expected["body"][key]] = answer["body"][key]
        self.sequence.append((expected["seq"], answer["seq"]))
        request = self.requests.get((line["conn"], expected["request_seq"]))
        self.compare(request, comparable(expected, expected), comparable(answer, expected))

    def compare(self, what, expected, seen):
        if expected != seen:
            self.differences.append((what, expected, seen))


def comparable(answer, expected):
    """The shape of an answer, and its message unless the expected one is the text of a Python exception."""
    answer = json.loads(json.dumps(answer))
    body = answer.get("body", {})
    if "pipeflow" in body:
        body["pipeflow"]["byPipe"] = {}
        body["tokens"]["custom"] = {}
        for key in ("errors", "warnings", "notes"):
            body[key] = []
    for task in body.get("tasks", []):
        task["pipeline"] = {}
    message = answer.get("message", "")
    if PYTHON_ERROR.search(expected.get("message", "")):
        message = "an error of Python's"
    return {
        **shape(answer),
        "request_seq": answer["request_seq"],
        "success": answer["success"],
        "message": message,
    }


@pytest.fixture(scope="module")
def server(texts):
    with Emulator(root=texts, api_key=KEY, generation="older") as running:
        yield running


STATELESS = [
    "10_ws_auth_ok_ping",
    "11_ws_auth_bad_key",
    "12_ws_request_before_auth",
    "13_ws_malformed_after_auth",
    "14_ws_unknown_commands",
    "15_ws_auth_attempt_cap",
]


@pytest.mark.parametrize("name", STATELESS)
def test_stateless_conversations(server, name):
    assert Replay(server, recorded(name)).run() == []


@pytest.mark.parametrize(
    "name", ["10_ws_auth_ok_ping", "13_ws_malformed_after_auth", "15_ws_auth_attempt_cap"]
)
def test_ignored_frames_get_no_answer(server, name):
    """The server numbers its messages, so equal numbers mean that it sent nothing else."""
    replay = Replay(server, recorded(name))
    replay.run()
    assert replay.sequence
    assert [expected for expected, _ in replay.sequence] == [seen for _, seen in replay.sequence]


LIFE_CYCLES = [
    "21_task_nonzero_process_exit_code",
    "26_task_fails_before_running",
    "27_task_same_token_reuse",
    "29_task_owner_disconnects",
    "31_get_tasks_get_token",
    "44_events_idle_task_traffic",
]
WITH_EVENTS = ["23_task_cancelled_by_terminate", "40_events_summary", "22_task_failed_exit_line"]


# How long the emulator keeps a task that ended early. A replay on a busy machine comes later than the recorded client did.
EARLY_END = {"26_task_fails_before_running": 1.5}


@pytest.fixture(scope="module")
def paced(texts):
    """Those that take as long as the recorded ones: side by side, each with a server of its own. Futures, by name."""

    def replay(name):
        options = {"early_end": EARLY_END[name]} if name in EARLY_END else {}
        with Emulator(root=texts, api_key=KEY, generation="older", **options) as server:
            replay = Replay(server, recorded(name), paced=True)
            replay.run()
        return replay

    names = [*LIFE_CYCLES, *WITH_EVENTS]
    with ThreadPoolExecutor(len(names)) as executor:
        return {name: executor.submit(replay, name) for name in names}


@pytest.mark.parametrize("name", LIFE_CYCLES)
def test_task_life_cycles(paced, name):
    assert paced[name].result().differences == []


def test_server_without_an_api_key():
    lines = recorded("52_server_without_api_key")
    with Emulator(generation="older") as server:
        assert Replay(server, lines).run() == []


@pytest.mark.parametrize("name", WITH_EVENTS)
def test_task_life_cycles_with_events(paced, name):
    """Besides the answers: events that both servers send have the same keys in the same order, and the same types."""
    recorded_events = {}
    for line in recorded(name):
        if line["kind"] == "ws" and line["dir"] == "s2c" and line["type"] == "text":
            message = json.loads(line["payload"])
            if message["type"] == "event":
                recorded_events.setdefault(event_identity(message), message)
    replay = paced[name].result()
    assert replay.differences == []
    own_events = {}
    for client in replay.clients.values():
        for message in client.events:
            own_events.setdefault(event_identity(message), message)
    common = set(recorded_events) & set(own_events)
    needed = {key for key in recorded_events if key[0] in ("apaevt_task", "apaevt_status_update")}
    assert needed <= common
    for key in common:
        assert event_shape(own_events[key]) == event_shape(recorded_events[key])


def event_identity(event):
    body = event["body"]
    return event["event"], body.get("action"), body.get("state"), body.get("completed")


def event_shape(event):
    event = json.loads(json.dumps(event))
    if "pipeflow" in event["body"]:
        event["body"]["pipeflow"]["byPipe"] = {}
        for key in ("errors", "warnings", "notes"):
            event["body"][key] = []
    return list(event["body"]), shape(event)


def test_upgrades(server):
    """Transcript 17: which upgrades are accepted, and which are refused with an empty 403."""
    for line in recorded("17_ws_upgrade_variants"):
        if line["kind"] != "http":
            continue
        try:
            WebSocketClient(server, line["target"]).__exit__()
            status = 101
        except websocket.WebSocketBadStatusException as refused:
            status = refused.status_code
        assert status == line["status"], line["target"]
