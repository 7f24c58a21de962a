"""A large answer: a status has a limit of its own, and what there is no time to decode is not decoded."""

import json
import math
import time

import pytest
from cases import each
from transports.dap_peer import RUNNING, dap
from transports.loopback import Server, answer

from rocketride_sync import (
    ProtocolError,
    RocketRideClient,
    TaskStatus,
    TransportTimeoutError,
    WaitTimeoutError,
)
from rocketride_sync.protocol import strict_json

from .servers import KEY, TOKEN

TRANSPORTS = pytest.mark.parametrize("transport", ["websocket", "http"])
MANY = b'"more":[' + b"{}," * 1_000_000 + b"{}]"
INTEGERS = (
    b'"more":[' + b",".join([b"9" * 4299] * 3_000) + b"]"
)  # Python's time grows with the square of the digits
LONG = b'"status":"' + b"x" * 3_000_000 + b'"'
SHORT = 0.5


def status(more):
    return json.dumps(RUNNING).encode()[:-1] + b"," + more + b"}"


def serving(transport, body):
    """A server that answers every request but the credential with `body`, raw JSON."""

    def over_http(peer):
        while peer.read_request() is not None:
            peer.send(answer(b'{"status":"OK","data":' + body + b"}"))

    def over_websocket(it):
        from transports.dap_peer import frame

        while True:
            number = str(it.request()["seq"]).encode()
            head = b'{"type":"response","request_seq":' + number + b',"success":true,"body":'
            it.raw(frame(head + body + b"}"))

    return Server(over_http if transport == "http" else dap(over_websocket))


@pytest.fixture
def decoded(monkeypatch):
    """The sizes of the texts that were decoded."""
    sizes = []
    loads = strict_json.loads

    def count(text):
        sizes.append(len(text))
        return loads(text)

    monkeypatch.setattr(strict_json, "loads", count)
    return sizes


@TRANSPORTS
def test_a_status_has_a_limit_of_its_own(transport, decoded):
    with serving(transport, status(LONG)) as server:
        with RocketRideClient(server.url, KEY, transport=transport, max_status_bytes=1_000_000) as client:
            with pytest.raises(ProtocolError, match=r"larger than max_status_bytes \(1000000 bytes\)"):
                client.get_task_status(TOKEN)
    assert max(decoded, default=0) < 1_000_000


@TRANSPORTS
def test_the_smaller_limit_holds(transport):
    with serving(transport, status(LONG)) as server:
        with RocketRideClient(server.url, KEY, transport=transport, max_response_bytes=1_000_000) as client:
            with pytest.raises(ProtocolError, match=r"larger than max_response_bytes \(1000000 bytes\)"):
                client.get_task_status(TOKEN)


def test_other_answers_may_be_larger():
    with serving("websocket", status(LONG)) as server:
        with RocketRideClient(server.url, KEY, transport="websocket", max_status_bytes=1_000_000) as client:
            for _ in range(2):
                assert len(client.call("rrext_services")["status"]) == 3_000_000
                with pytest.raises(ProtocolError, match="max_status_bytes"):
                    client.get_task_status(TOKEN)


@TRANSPORTS
def test_a_large_status_within_the_limit_is_read(transport):
    with serving(transport, status(LONG)) as server:
        with RocketRideClient(server.url, KEY, transport=transport) as client:
            assert len(client.get_task_status(TOKEN).status) == 3_000_000


@TRANSPORTS
@pytest.mark.parametrize("more", [MANY, INTEGERS], ids=["many values", "long integers"])
def test_what_there_is_no_time_to_decode_is_not_decoded(transport, decoded, more):
    with serving(transport, status(more)) as server:
        with RocketRideClient(server.url, KEY, transport=transport) as client:
            with pytest.raises(TransportTimeoutError) as caught:
                client.get_task_status(TOKEN, timeout=SHORT)
            assert caught.value.request_sent
    assert max(decoded, default=0) < 1_000_000


@TRANSPORTS
def test_waits_end_in_time_whatever_comes(transport, decoded):
    with serving(transport, status(MANY)) as server:
        with RocketRideClient(server.url, KEY, transport=transport) as client:
            with pytest.raises(WaitTimeoutError):
                client.wait_until_complete(TOKEN, timeout=SHORT)
            (result,) = client.wait_all([TOKEN], timeout=SHORT)
            assert isinstance(result.error, WaitTimeoutError)
    assert max(decoded, default=0) < 1_000_000


SHAPES = {
    "empty dicts": b'"more":[' + b"{}," * 300_000 + b"{}]",
    "empty lists": b'"more":[' + b"[]," * 300_000 + b"[]]",
    "numbers": b'"more":[' + b"1e9," * 300_000 + b"1]",
    "names": b'"more":{' + b",".join(b'"%d":1' % number for number in range(100_000)) + b"}",
    "statistics": b'"componentStats":{'
    + b",".join(b'"%d":{"calls":1}' % number for number in range(50_000))
    + b"}",
    "pipes": b'"pipeflow":{"byPipe":{'
    + b",".join(b'"%d":["a"]' % number for number in range(50_000))
    + b"}}",
    "texts": b'"errors":[' + b'"a*b*c",' * 200_000 + b'""]',
    "one text": b'"status":"' + b"\\n" * 1_000_000 + b'"',
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_time_to_decode_is_foreseen(shape):
    text = status(SHAPES[shape])

    def seconds():
        began = time.thread_time()
        TaskStatus.from_dict(strict_json.loads(text))
        return time.thread_time() - began

    took = min(seconds() for _ in range(3))  # on a busy machine, what else runs empties the caches
    # Machines differ; what matters is that no shape takes many times as long as it was thought to.
    assert took < 0.2 or not strict_json.decodes_within(text, (took - 0.2) / 4)


def test_there_is_always_time_for_a_usual_status_and_for_any_without_a_deadline():
    assert strict_json.decodes_within(status(b'"more":[]'), 0.0)
    assert strict_json.decodes_within(status(MANY), math.inf)
    assert strict_json.decodes_within(status(MANY), 60.0)
    assert not strict_json.decodes_within(status(MANY), 0.5)


@each("digits", [1000, 1777, 4299])
def test_long_integers_are_foreseen_wherever_they_stand(digits):
    many = b",".join([b"9" * digits] * (3_000_000 // digits))
    for before in range(0, 200, 20):
        assert not strict_json.decodes_within(b" " * before + b"[" + many + b"]", 0.1)


@each("text", [b"0123456789abcdef", b'0",1.5,"', b"2026-01-01T00:00:00"])
def test_digits_that_are_no_long_integer_take_no_time_of_their_own(text):
    size = 1_000_000
    document = b'["' + text * (size // len(text)) + b'"]'
    values = document.count(b",") + 1
    assert strict_json.decodes_within(document, 0.01 + values * strict_json._SECONDS_PER_VALUE)
