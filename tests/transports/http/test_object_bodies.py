"""One object is the body of one HTTP request; a pipe sends it when it is closed."""

import json
import time

import pytest

from rocketride_sync import (
    OverloadedError,
    RetryPolicy,
    ServerError,
    TransportError,
    TransportTimeoutError,
)

from ..dap_peer import KEY, TOKEN
from ..loopback import Server, answer
from ..object_peers import (
    ENVELOPE,
    MIB,
    QUICK,
    RESULT,
    HttpPeer,
    header,
    http,
)


def overloaded():
    document = {
        "status": "Error",
        "error": {
            "message": "server rejected WebSocket connection: HTTP 403",
            "file": "transport_websocket.py",
        },
    }
    return answer(json.dumps(document).encode(), "400 Bad Request")


def test_an_object_is_the_body_of_one_request():
    it = HttpPeer()
    with Server(it) as server, http(server) as client:
        assert client.send(TOKEN, b"x" * 3 * MIB, {"name": "ä.txt"}, "text/plain") == RESULT
    (request,) = server.requests
    assert request.startswith(f"POST /task/data?token={TOKEN} ")
    assert header(request, "Content-Type") == "text/plain"
    assert header(request, "Content-Disposition") == "attachment; filename*=UTF-8''%C3%A4.txt"
    assert header(request, "Transfer-Encoding") is None
    assert header(request, "Authorization") == f"Bearer {KEY}"
    assert it.bodies == [b"x" * 3 * MIB]


@pytest.mark.parametrize("size", [0, 1, 1000])
def test_a_small_object_is_sent_together_with_the_head_of_its_request(size):
    received = []

    def take(peer):
        received.append(peer.sock.recv(65536))
        peer.send(answer(ENVELOPE))

    with Server(take) as server, http(server) as client:
        assert client.send(TOKEN, b"x" * size) == RESULT
    head, _, body = received[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST ")
    assert body == b"x" * size


def test_an_overload_answer_is_outlived_and_the_body_sent_again_from_its_beginning(tmp_path):
    it = HttpPeer(overloaded(), overloaded(), answer(ENVELOPE))
    (tmp_path / "a.txt").write_bytes(b"the whole")
    events = []
    with Server(it) as server, http(server, retry=QUICK) as client:
        (result,) = client.send_files([tmp_path / "a.txt"], TOKEN, on_progress=events.append)
    assert (result["action"], result["bytes_sent"], result["result"]) == ("complete", 9, RESULT)
    assert it.bodies == [b"the whole"] * 3
    assert [event["action"] for event in events].count("complete") == 1


def test_an_overload_that_lasts_comes_out():
    brief = RetryPolicy(initial_delay=0.01, max_outage=0.3)
    with Server(HttpPeer(overloaded())) as server, http(server, retry=brief) as client:
        with pytest.raises(OverloadedError):
            client.send(TOKEN, b"x")


def test_an_answer_before_the_end_of_the_body_is_told():
    def handler(peer):
        peer.read_request()
        peer.send(answer(b'{"detail": "too large"}', "413 Content Too Large"))

    with Server(handler) as server, http(server) as client:
        with pytest.raises(ServerError, match="too large"):
            client.send(TOKEN, b"x" * 64 * MIB)


def test_a_pipe_outlives_an_overload_answer_too():
    it = HttpPeer(overloaded(), overloaded(), answer(ENVELOPE))
    with Server(it) as server, http(server, retry=QUICK) as client:
        with client.pipe(TOKEN) as pipe:
            pipe.write(b"x" * 2 * MIB)
        assert pipe.result == RESULT
    assert it.bodies == [b"x" * 2 * MIB] * 3


def test_a_connection_that_breaks_midway_is_told_and_nothing_repeated():
    def handler(peer):
        peer.read_request()
        peer.reset()

    with Server(handler) as server, http(server) as client:
        with pytest.raises(TransportError, match="whether the server carried it out is unknown") as caught:
            client.send(TOKEN, b"x" * 64 * MIB)
        assert caught.value.request_sent
        with pytest.raises(TransportError, match="whether the server carried it out is unknown"):
            with client.pipe(TOKEN) as pipe:
                pipe.write(b"x")
    assert len(server.requests) == 2


@pytest.mark.parametrize("size", [10, 64 * MIB])
def test_a_server_that_takes_or_answers_nothing_costs_the_timeout_and_no_more(size):
    with Server(lambda peer: peer.read_request() and peer.stall()) as server, http(server) as client:
        began = time.monotonic()
        with pytest.raises(TransportTimeoutError):
            client.send(TOKEN, b"x" * size, timeout=1.5)
        assert 1.4 < time.monotonic() - began < 15


def test_a_file_that_shrinks_while_it_is_sent_fails_with_its_own_error(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"x" * 3 * MIB)

    it = HttpPeer()
    with Server(it) as server, http(server) as client:
        adapter = client._transport._session()._adapter
        send = adapter.send

        def shrinking(request, **options):
            path.write_bytes(b"")
            return send(request, **options)

        adapter.send = shrinking
        (result,) = client.send_files([path], TOKEN)
        assert "became shorter" in result["error"]
    assert it.bodies == []


def test_a_pipe_sends_when_it_is_closed():
    it = HttpPeer()
    with Server(it) as server, http(server) as client:
        with client.pipe(TOKEN) as pipe:
            pipe.write(b"one ")
            pipe.write(b"two")
            assert server.requests == []
        assert pipe.result == RESULT
        abandoned = client.pipe(TOKEN).open()
        abandoned.write(b"x")
        abandoned.abandon()
    assert it.bodies == [b"one two"]
