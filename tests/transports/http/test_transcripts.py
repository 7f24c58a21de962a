"""Every HTTP exchange that was recorded with the real server: its answer, given to the same request again."""

import json
from pathlib import Path

import pytest
from cases import each

from rocketride_sync import errors
from rocketride_sync.address import Address
from rocketride_sync.config import Settings
from rocketride_sync.deadline import Deadline
from rocketride_sync.models import TaskStatus
from rocketride_sync.protocol.operations import Operation
from rocketride_sync.transports.http import HttpTransport

from ..loopback import Server

TRANSCRIPTS = Path(__file__).resolve().parents[3] / ".." / "shared" / "transcripts"


def recorded():
    """(file, line number, exchange) of each; a WebSocket upgrade is not HTTP's business."""
    found = []
    for path in sorted(TRANSCRIPTS.glob("*.jsonl")):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            exchange = json.loads(line)
            headers = {name.lower() for name, _ in exchange.get("request_headers", ())}
            if exchange["kind"] == "http" and "upgrade" not in headers:
                found.append(pytest.param(exchange, id=f"{path.stem}:{number}"))
    return found


EXCHANGES = recorded()
pytestmark = pytest.mark.skipif(not EXCHANGES, reason=f"no transcripts in {TRANSCRIPTS}")


def expected(status, body, credential):
    """The outcome by docs/protocol.md: a type of error, or the document."""
    if status == 401:
        return errors.AuthenticationError
    if status != 200 and not body.startswith("{"):
        return errors.ProtocolError  # a page, which servers send to those who do not accept JSON
    if "Bad request" in body and credential.startswith(("tk_", "pk_")):
        return errors.TaskNotFoundError
    if "Your pipeline is not running" in body:
        return errors.TaskNotFoundError
    if "Pipeline is already running" in body:
        return errors.TaskAlreadyRunningError
    if "server rejected WebSocket connection: HTTP 403" in body:
        return errors.OverloadedError
    if status == 503:
        return errors.TransientError
    if status in (400, 404, 405, 422):
        return errors.ServerError
    if status == 200 and body.startswith('{"status":"OK"'):
        return json.loads(body).get("data")
    return errors.ProtocolError


def raw_answer(exchange):
    head = "".join(f"{name}: {value}\r\n" for name, value in exchange["response_headers"])
    start = f"HTTP/1.1 {exchange['status']} {exchange['reason']}\r\n"
    return (start + head + "\r\n" + exchange["body"]).encode()


def credential_of(exchange):
    """What was sent as the key; an exchange without one is replayed with a made-up key."""
    sent = {name.lower(): value for name, value in exchange["request_headers"]}.get("authorization", "")
    return sent.split(" ")[-1] or "no-key"


def operation_of(exchange):
    pairs = [part.partition("=") for part in exchange["query"].split("&") if part]
    query = tuple((name, value) for name, _, value in pairs)
    # What named another task than that of the credential is not sent: here it is all the same.
    locked = credential_of(exchange).startswith("tk_")
    return Operation(
        name="recorded",
        command="",
        arguments={} if locked else {"token": dict(query).get("token", "")},
        method=exchange["method"],
        path=exchange["path"],
        query=query,
    )


@each("exchange", EXCHANGES)
def test_a_recorded_answer_is_understood(exchange):
    credential = credential_of(exchange)

    def handler(peer):
        request = peer.read_request()
        assert request.split("\r\n")[0] == f"{exchange['method']} {exchange['target']} HTTP/1.1"
        peer.send(raw_answer(exchange))

    with Server(handler) as server:
        transport = HttpTransport(Settings(address=Address.parse(server.url), auth=credential))
        outcome = outcome_of(transport, operation_of(exchange))
    if isinstance(outcome, errors.RocketRideError):
        assert type(outcome) is expected(exchange["status"], exchange["body"], credential), repr(outcome)
        token = exchange["query"].partition("token=")[2]
        assert not token.startswith("tk_") or token not in str(outcome)
    else:
        assert outcome == expected(exchange["status"], exchange["body"], credential)


def outcome_of(transport, operation):
    try:
        return transport.call(operation, Deadline(20.0))
    except errors.RocketRideError as error:
        return error
    finally:
        transport.close()


def test_recorded_statuses_decode():
    statuses = [
        json.loads(exchange["body"])["data"]
        for (exchange,) in (parameter.values for parameter in EXCHANGES)
        if exchange["method"] == "GET" and exchange["path"] == "/task" and exchange["status"] == 200
    ]
    assert len(statuses) > 30
    for document in statuses:
        again = TaskStatus.from_dict(document).to_dict()
        assert {name: again[name] for name in document} == document
