"""The recorded WebSocket exchanges of a real server, replayed to our client over real sockets, time compressed."""

import json
from pathlib import Path

import pytest
from cases import each

from rocketride_sync import (
    AuthenticationError,
    RocketRideClient,
    RocketRideError,
    ServerError,
    TaskNotFoundError,
    TaskReplacedError,
    TaskVanishedError,
    WaitTimeoutError,
)
from rocketride_sync.protocol import dap, operations

from ..dap_peer import KEY, DapPeer, Gone
from ..loopback import Server

FOLDER = Path(__file__).resolve().parents[3] / ".." / "shared" / "transcripts"
STATUS = "rrext_get_task_status"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the recorded transcripts are not here")


def frames(path):
    """The JSON messages of a transcript, with their connection and direction."""
    for line in path.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        if record["kind"] == "ws" and record["type"] == "text":
            try:
                message = json.loads(record.get("payload", ""))
            except ValueError:
                continue
            if isinstance(message, dict):
                yield record["conn"], record["dir"], message


def exchanges(path):
    """Each recorded request with its answer, in the order of the answers."""
    asked = {}
    for connection, direction, message in frames(path):
        if direction == "c2s":
            asked[connection, message.get("seq")] = message
        elif message.get("type") == "response":
            request = asked.get((connection, message.get("request_seq")))
            if request is not None:
                arguments = request.get("arguments")
                yield {**request, "arguments": arguments if isinstance(arguments, dict) else {}}, message


def timelines():
    """For each file and token: the answers to its status requests, in order."""
    found = {}
    for path in sorted(FOLDER.glob("*.jsonl")):
        for request, answer in exchanges(path):
            token = request["arguments"].get("token")
            if request.get("command") == STATUS and isinstance(token, str) and token:
                found.setdefault((path.stem, token), []).append(answer)
    return found


TIMELINES = timelines() if FOLDER.is_dir() else {}


def replay(timeline):
    """A handler that gives each poll the next recorded answer; the last one repeats."""
    left = list(timeline)

    def handler(peer):
        it = DapPeer(peer)
        try:
            it.welcome()
            while True:
                request = it.request()
                if request["command"] != STATUS:
                    it.answer(request)
                    continue
                answer = left.pop(0) if len(left) > 1 else left[0]
                it.send({**answer, "request_seq": request["seq"]})
        except Gone:
            pass

    return handler


def expected(timeline):
    """What the protocol page says of these answers: an error, or the outcome of a terminal status."""
    start = None
    for number, answer in enumerate(timeline):
        body = answer.get("body")
        if not answer["success"]:
            if answer["message"] == "Your pipeline is not running":
                return TaskVanishedError if number else TaskNotFoundError
            return ServerError
        if start and body["startTime"] and body["startTime"] != start:
            return TaskReplacedError
        start = body["startTime"] or start
        if body["completed"] and body["state"] in (5, 6):
            if body["exitCode"]:
                return "failed"
            return "succeeded" if body["state"] == 5 else "cancelled"
    return WaitTimeoutError


EACH = pytest.mark.parametrize("key", [pytest.param(key, id=f"{key[0]}-{key[1][:12]}") for key in TIMELINES])


def test_there_is_something_to_replay():
    assert len(TIMELINES) > 20
    assert {"succeeded", "failed", "cancelled", TaskNotFoundError} <= {
        expected(t) for t in TIMELINES.values()
    }


@EACH
def test_each_recorded_status_is_decoded_and_each_refusal_mapped(key):
    timeline = TIMELINES[key]
    with Server(replay(timeline)) as server, client_of(server) as client:
        for answer in timeline:
            if answer["success"]:
                assert client.get_task_status(key[1]).to_dict() == with_defaults(answer["body"])
            else:
                with pytest.raises(ServerError):
                    client.get_task_status(key[1])


@EACH
def test_each_recorded_life_ends_a_wait_as_documented(key):
    what = expected(TIMELINES[key])
    with Server(replay(TIMELINES[key])) as server, client_of(server) as client:
        if isinstance(what, str):
            assert client.wait_until_complete(key[1], timeout=20, interval=0.005).outcome.value == what
        else:
            timeout = 1.0 if what is WaitTimeoutError else 20.0
            with pytest.raises(what):
                client.wait_until_complete(key[1], timeout=timeout, interval=0.02)


def refusals():
    for path in sorted(FOLDER.glob("*.jsonl")) if FOLDER.is_dir() else ():
        for request, answer in exchanges(path):
            if not answer["success"]:
                yield pytest.param(
                    request, answer, id=f"{path.stem[:2]}-{request.get('command')}-{answer['message'][:30]}"
                )


@each(("request_", "answer"), list(refusals()))
def test_every_recorded_refusal_is_an_error_of_ours(request_, answer):
    arguments = request_["arguments"]
    if request_.get("command") == "auth":
        credential = str(arguments.get("auth"))
        error = dap.refused_credential(operations.auth(credential, "name", "1"), answer, credential)
        assert isinstance(
            error, TaskNotFoundError if credential.startswith(("tk_", "pk_")) else AuthenticationError
        )
        return
    with pytest.raises(RocketRideError) as caught:
        dap.interpret(operations.get_task_status("tk_1"), answer, KEY)
    not_running = answer["message"] == "Your pipeline is not running"
    assert isinstance(caught.value, TaskNotFoundError) is not_running


def client_of(server):
    return RocketRideClient(server.url, KEY, transport="websocket")


def with_defaults(body):
    """A recorded document with the keys of newer servers at their defaults."""
    later = {
        "componentStats": {},
        "slowestDocs": [],
        "completionSeconds": 0.0,
        "idleSeconds": 0.0,
        "idleLongestSeconds": 0.0,
        "idleLongestAt": 0.0,
    }
    return {**later, **body}
