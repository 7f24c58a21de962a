"""One object over WebSocket: the frames of its pipe, and what becomes of faults on the way."""

import contextlib
import time

import pytest
from cases import each

from rocketride_sync import (
    ProtocolError,
    ServerError,
    TransportError,
    TransportTimeoutError,
)

from ..dap_peer import TOKEN, Gone, dap
from ..loopback import Server
from ..object_peers import MIB, QUICK, RESULT, PipePeer, websocket, without_a_slot_at_first


def test_an_object_is_opened_written_and_closed():
    it = PipePeer()
    with Server(dap(it)) as server, websocket(server) as client:
        assert client.send(TOKEN, b"\n{} data", {"name": "a.txt"}, "text/plain") == {**RESULT, "size": 8}
    assert it.steps == ["open", "write", "close"]
    assert it.objects == {1: b"\n{} data"}
    assert it.opened == [
        {
            "subcommand": "open",
            "token": TOKEN,
            "object": {"name": "a.txt", "size": 8},
            "mimeType": "text/plain",
        }
    ]


# The header takes 100 to 130 bytes: the lengths of frames go through all three of their encodings.
@each("size", [0, 1, 5, 20, 65_300, 65_420, 65_536, MIB, MIB + 1])
def test_frames_of_all_lengths_arrive_as_they_were(size):
    data = bytes(range(256)) * (size // 256 + 1)
    it = PipePeer()
    with Server(dap(it)) as server, websocket(server) as client:
        assert client.send(TOKEN, data[:size])["size"] == size
    assert it.objects == {1: data[:size]}
    assert it.steps.count("write") == -(-size // MIB)


def test_masks_are_not_the_same_twice():
    masks = set()

    def action(peer):
        take = peer._take

        def taking(size):
            data = take(size)
            if size == 4:
                masks.add(data)
            return data

        peer._take = taking
        PipePeer()(peer)

    with Server(dap(action)) as server, websocket(server) as client:
        for _ in range(4):
            client.send(TOKEN, b"x")
    assert len(masks) >= 12


def refuse(text):
    return lambda peer, request: peer.refuse(request, text)


def test_an_open_that_is_refused_leaves_the_connection_in_use():
    it = PipePeer({"open": refuse("no data, please")})
    with Server(dap(it)) as server, websocket(server) as client:
        with pytest.raises(ServerError, match="send failed: the server answered: no data, please"):
            client.send(TOKEN, b"x")
        client.get_task_status(TOKEN)
    assert it.steps == ["open", "rrext_get_task_status"]
    assert server.connections == 1


def test_a_write_that_is_refused_ends_the_pipe():
    it = PipePeer({"write": refuse("not UTF-8")})
    with Server(dap(it)) as server, websocket(server) as client:
        with pytest.raises(ServerError, match="not UTF-8") as caught:
            client.send(TOKEN, b"x" * 3 * MIB)
        assert TOKEN not in str(caught.value)
        with pytest.raises(ServerError, match="not UTF-8"), client.pipe(TOKEN) as pipe:
            pipe.write(b"x")
        assert server.connections == 1, "the pipe is closed: the connection may be used again"
    assert it.steps == ["open", "write", "close"] * 2


def at_once(client):
    client.send(TOKEN, b"x")


def in_pieces(client):
    with client.pipe(TOKEN) as pipe:
        pipe.write(b"x")


def unclear(peer, request):
    peer.answer(request, success=None)


@each("step", ["open", "write", "close"])
@each("way", [at_once, in_pieces])
def test_a_pipe_that_may_be_open_still_keeps_its_connection_from_being_used_again(step, way):
    it = PipePeer({step: unclear})
    with Server(dap(it)) as server, websocket(server) as client:
        with pytest.raises(ProtocolError, match="neither success nor failure") as caught:
            way(client)
        assert caught.value.request_sent == (step != "open")
        client.get_task_status(TOKEN)
        assert server.connections == 2


def test_an_open_without_a_pipe_is_a_refused_object():
    it = PipePeer({"open": lambda peer, request: peer.answer(request, {})})
    with Server(dap(it)) as server, websocket(server) as client:
        with pytest.raises(ServerError, match="the pipeline refused the object"):
            client.send(TOKEN, b"x")
    assert it.steps == ["open"]


@pytest.mark.parametrize("step", ["write", "close"])
def test_what_breaks_midway_may_have_arrived_and_is_not_repeated(step):
    it = PipePeer({step: lambda peer, request: peer.peer.reset()})
    with Server(dap(it)) as server, websocket(server) as client:
        with pytest.raises(TransportError, match="whether the server carried it out is unknown") as caught:
            client.send(TOKEN, b"x")
        assert caught.value.request_sent
        assert "failed_count" in str(caught.value)
        assert caught.value.__context__ is None
        with pytest.raises(TransportError, match="whether the server carried it out is unknown") as caught:
            with client.pipe(TOKEN) as pipe:
                pipe.write(b"x")
        assert caught.value.request_sent
    assert it.steps.count("open") == 2


def test_when_opening_breaks_nothing_was_sent():
    it = PipePeer({"open": lambda peer, request: peer.peer.reset()})
    with Server(dap(it)) as server, websocket(server) as client:
        with pytest.raises(TransportError) as caught:
            client.send(TOKEN, b"x")
        assert not caught.value.request_sent
        assert "unknown" not in str(caught.value)
    assert it.steps == ["open"]


@pytest.mark.parametrize("step", ["open", "write", "close"])
def test_a_server_that_stalls_costs_the_timeout_and_no_more(step):
    it = PipePeer({step: lambda peer, request: peer.peer.stall()})
    with Server(dap(it)) as server, websocket(server) as client:
        began = time.monotonic()
        with pytest.raises(TransportTimeoutError):
            client.send(TOKEN, b"x", timeout=0.5)
        assert 0.4 < time.monotonic() - began < 10


def test_a_server_that_does_not_read_costs_the_timeout_and_no_more():
    """More than any buffer between holds."""
    with Server(dap(lambda peer: peer.answer(peer.request(), {"pipe_id": 1}) or peer.peer.stall())) as server:
        with websocket(server) as client:
            began = time.monotonic()
            with pytest.raises(TransportTimeoutError):
                client.send(TOKEN, b"[" + b"1" * 64 * MIB, None, "application/json", timeout=1.0)
            assert 0.9 < time.monotonic() - began < 15


def test_a_refused_slot_is_tried_again_until_the_timeout():
    with Server(without_a_slot_at_first) as server, websocket(server, retry=QUICK) as client:
        with client.pipe(TOKEN) as pipe:
            pipe.write(b"x")
        assert pipe.result["size"] == 1
        assert server.connections == 3


def test_a_block_does_not_hide_that_a_piece_was_lost():
    def broken_off(peer, _request):
        raise Gone

    it = PipePeer({"write": broken_off})
    with Server(dap(it)) as server, websocket(server) as client:
        pipe = client.pipe(TOKEN).open()
        with pytest.raises(TransportError, match="ended"), pipe, contextlib.suppress(TransportError):
            pipe.write(b"a")
        assert pipe.result is None
    assert it.steps == ["open", "write"]
