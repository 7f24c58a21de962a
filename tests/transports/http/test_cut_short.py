"""Answers over HTTP that end too soon: the same comes of them wherever the cut is."""

import pytest
from cases import each

from rocketride_sync import RetryPolicy, RocketRideClient, errors

from ..loopback import Server, after_request, always, answer
from .calls import KEY, START, TOKEN, call, failing, talking, using

WHOLE = answer({"state": 5, "completed": True}, Content_Type="application/json")
REFUSAL = answer(
    b'{"status": "Error", "error": {"message": "Your pipeline is not running"}}', "400 Bad Request"
)
EVERY_CUT = [
    (name, whole[:size])
    for name, whole in (("success", WHOLE), ("refusal", REFUSAL))
    for size in range(len(whole))
]


@each("part", [part for _, part in EVERY_CUT], ids=lambda part: str(len(part)))
def test_an_answer_cut_anywhere_is_a_transport_error(part):
    """Never a verdict: neither about the task, nor about the server."""
    with Server(after_request(lambda peer: peer.send(part))) as server, using(server.url) as transport:
        error = failing(transport, errors.TransportError)
    assert error.request_sent


@pytest.mark.parametrize("end", [lambda peer: None, lambda peer: peer.reset()], ids=["end", "reset"])
@each("part", [b"", b"HTTP/1.1", b"HTTP/1.1 400", WHOLE[:40], REFUSAL[:30], REFUSAL[:-1]])
def test_an_answer_cut_once_ends_no_wait(part, end):
    cut = []

    def handler(peer):
        if cut:
            always(WHOLE)(peer)
        elif peer.read_request() is not None:
            cut.append(peer)
            peer.send(part)
            end(peer)

    retry = RetryPolicy(initial_delay=0.01, max_delay=0.02)
    with Server(handler) as server:
        with RocketRideClient(server.url, KEY, transport="http", timeout=20, retry=retry) as client:
            assert client.wait_until_complete(TOKEN, timeout=20, interval=0.05).succeeded


@pytest.mark.parametrize("part", [b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nConte", REFUSAL[:20]])
def test_what_must_not_be_repeated_is_not_sent_again_after_a_cut(part):
    """Not even over a connection that was used before."""
    seen = []

    def handler(peer):
        while peer.read_request() is not None:
            seen.append(peer)
            if len(seen) == 2:
                peer.send(part)
                return
            peer.send(answer({}))

    with talking(handler) as (_, transport):
        call(transport, START)
        assert failing(transport, errors.TransportError, START).request_sent
    assert len(seen) == 2


def test_a_whole_head_that_is_not_http_is_a_protocol_error_still():
    with Server(after_request(lambda peer: peer.send(b"SSH-2.0-OpenSSH_9.6\r\n"))) as server:
        with using(server.url) as transport:
            failing(transport, errors.ProtocolError)
