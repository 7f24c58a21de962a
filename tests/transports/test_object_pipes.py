"""What goes over the wire when objects are sent, and what becomes of faults on the way."""

import json
import os
import select
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path
from types import SimpleNamespace

import pytest
import trustme

from rocketride_sync import (
    OverloadedError,
    ProtocolError,
    RetryPolicy,
    RocketRideClient,
    ServerError,
    TransportError,
    TransportTimeoutError,
    WaitTimeoutError,
)
from rocketride_sync.deadline import Deadline
from rocketride_sync.protocol import operations
from rocketride_sync.transports.chunks import Bytes

from .dap_peer import BINARY, CLOSE, KEY, RUNNING, TEXT, TOKEN, Gone, dap
from .loopback import Server, answer

MIB = 1024 * 1024
RESULT = {"name": "a.txt", "objectId": "1", "text": ["done"]}
ENVELOPE = {"objectsRequested": 1, "objectsCompleted": 1, "resultTypes": {}, "objects": {"body": RESULT}}
GENEROUS = 60.0
QUICK = RetryPolicy(initial_delay=0.01)
WAITED = WaitTimeoutError("enough", token="", elapsed=1.0)


# --- WebSocket


def next_request(peer):
    """The next request with its opcode and its data; the client's goodbye raises `Gone`."""
    opcode, payload = peer.receive()
    if opcode == CLOSE:
        raise Gone
    head, _, data = payload.partition(b"\n")
    return opcode, json.loads(head), data


class PipePeer:
    """A server's side that takes objects; `script` maps a subcommand to what is done in place of an answer."""

    def __init__(self, script=None):
        self.script = script or {}
        self.steps = []
        self.objects = {}
        self.opened = []

    def __call__(self, peer):
        while True:
            opcode, request, data = next_request(peer)
            arguments = request["arguments"]
            step = arguments.get("subcommand", request["command"])
            self.steps.append(step)
            assert opcode == (BINARY if step == "write" else TEXT)
            assert arguments["token"] == TOKEN
            if step in self.script:
                self.script[step](peer, request)
            elif step == "open":
                self.opened.append(arguments)
                self.objects[len(self.opened)] = b""
                peer.answer(request, {"pipe_id": len(self.opened)})
            elif step == "write":
                self.objects[arguments["pipe_id"]] += data
                ready, _, _ = select.select([peer.peer.sock], [], [], 0.05)
                assert not ready, "the next came before the answer"
                peer.answer(request)
            elif step == "close":
                peer.answer(request, {**RESULT, "size": len(self.objects[arguments["pipe_id"]])})
            else:
                peer.answer(request, RUNNING)


def websocket(server, **options):
    return RocketRideClient(server.url, KEY, transport="websocket", **{"timeout": GENEROUS, **options})


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
@pytest.mark.parametrize("size", [0, 1, 5, 20, 65_300, 65_420, 65_536, MIB, MIB + 1])
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


@pytest.mark.parametrize("step", ["open", "write", "close"])
@pytest.mark.parametrize("way", [at_once, in_pieces])
def test_a_pipe_that_may_be_open_still_keeps_its_connection_from_being_used_again(step, way):
    it = PipePeer({step: unclear})
    with Server(dap(it)) as server, websocket(server) as client:
        with pytest.raises(ProtocolError, match="neither success nor failure") as caught:
            way(client)
        assert caught.value.request_sent == (step != "open")
        client.get_task_status(TOKEN)
        assert server.connections == 2


def test_a_pipe_without_a_number_is_an_error():
    it = PipePeer({"open": lambda peer, request: peer.answer(request, {})})
    with Server(dap(it)) as server, websocket(server) as client:
        with pytest.raises(ProtocolError, match="did not tell which"):
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
    attempts = []

    def handler(peer):
        attempts.append(1)
        if len(attempts) < 3:
            peer.read_request()
            peer.send(answer(b"", "403 Forbidden"))
        else:
            dap(PipePeer())(peer)

    with Server(handler) as server, websocket(server, retry=QUICK) as client:
        with client.pipe(TOKEN) as pipe:
            pipe.write(b"x")
        assert pipe.result["size"] == 1
    assert len(attempts) == 3


class Hesitant:
    """A server's side that lets requests gather, and answers the latest first."""

    def __init__(self, refused=()):
        self.refused = refused
        self.objects = {}
        self.under_way = []
        self.most = 0

    def __call__(self, peer):
        while True:
            self.take(peer)
            while select.select([peer.peer.sock], [], [], 0.02)[0] or peer._received:
                self.take(peer)
            while self.under_way:
                self.answer(peer, *self.under_way.pop())

    def take(self, peer):
        _, request, data = next_request(peer)
        pipe = request["arguments"].get("pipe_id")
        assert pipe is None or pipe not in [r["arguments"].get("pipe_id") for r, _ in self.under_way]
        self.under_way.append((request, data))
        self.most = max(self.most, len(self.under_way))

    def answer(self, peer, request, data):
        arguments = request["arguments"]
        name = arguments.get("pipe_id") or arguments["object"]["name"]
        if arguments["subcommand"] in self.refused and name == "03.txt":
            peer.refuse(request, "not this one")
        elif arguments["subcommand"] == "open":
            self.objects[name] = b""
            peer.answer(request, {"pipe_id": name})
        elif arguments["subcommand"] == "write":
            self.objects[name] += data
            peer.answer(request)
        else:
            peer.answer(request, {"name": name, "size": len(self.objects[name])})


@pytest.fixture
def files(tmp_path):
    for number in range(12):
        (tmp_path / f"{number:02}.txt").write_bytes(b"x" * number)
    (tmp_path / "05.txt").write_bytes(b"y" * (2 * MIB + 5))
    return sorted(tmp_path.iterdir())


def test_files_share_a_connection_and_each_awaits_its_own_answers(files):
    it = Hesitant()
    with Server(dap(it)) as server, websocket(server) as client:
        results = client.send_files(files, TOKEN, max_workers=5)
        assert server.connections == 1
        client.send_files(files[:1], TOKEN)
        assert server.connections == 1
    assert it.objects == {path.name: path.read_bytes() for path in files}
    assert [r["result"]["name"] for r in results] == [path.name for path in files]
    assert all(r["bytes_sent"] == r["result"]["size"] == r["file_size"] for r in results)
    assert 2 <= it.most <= 5


@pytest.mark.parametrize("step", ["open", "write", "close"])
def test_a_refused_file_does_not_disturb_its_neighbours(files, step):
    with Server(dap(Hesitant(refused={step}))) as server, websocket(server) as client:
        results = client.send_files(files, TOKEN)
        assert server.connections == 1
    assert [r["action"] for r in results] == ["complete"] * 3 + ["error"] + ["complete"] * 8
    assert results[3]["error"] == "send_files failed: the server answered: not this one"


def test_a_connection_that_breaks_fails_what_is_on_its_way_and_no_more(files):
    """At most the four that are: the others have been completed, or go over the next connection."""
    connections = []

    def reset(peer, request):
        if len(connections) == 1 and it.steps.count("close") == 2:
            peer.peer.reset()
        peer.answer(request, RESULT)

    it = PipePeer({"write": lambda peer, request: peer.answer(request), "close": reset})

    def handler(peer):
        connections.append(peer)
        dap(it)(peer)

    with Server(handler) as server, websocket(server) as client:
        results = client.send_files(files, TOKEN, max_workers=4)
    actions = [r["action"] for r in results]
    assert len(connections) == 2
    assert 1 <= actions.count("error") <= 4
    assert actions[-7:] == ["complete"] * 7
    assert all("broke" in r["error"] for r in results if r["action"] == "error")
    unknown = [r for r in results if "whether the server carried it out is unknown" in r.get("error", "")]
    assert unknown


def test_a_first_file_that_breaks_connections_goes_alone(files):
    def write(peer, request):
        if request["arguments"]["pipe_id"] == 1:
            peer.close(1009)
            raise Gone
        peer.answer(request)

    it = PipePeer({"write": write})
    with Server(dap(it)) as server, websocket(server) as client:
        results = client.send_files(files[1:], TOKEN)
        assert server.connections == 2
    assert [r["action"] for r in results] == ["error"] + ["complete"] * 10


def test_without_a_server_all_files_fail_at_once(files):
    with Server(dap(PipePeer())) as server:
        pass
    with websocket(server) as client:
        began = time.monotonic()
        results = client.send_files(files, TOKEN)
    assert [r["action"] for r in results] == ["error"] * 12
    assert {(r["upload_time"], r["bytes_sent"], r["file_size"]) for r in results} == {(0.0, 0, 0)}
    assert time.monotonic() - began < 10


def test_one_file_that_stalls_times_out_alone(files):
    def close(peer, request):
        if request["arguments"]["pipe_id"] != 4:
            peer.answer(request, RESULT)

    it = PipePeer({"write": lambda peer, request: peer.answer(request), "close": close})
    with Server(dap(it)) as server, websocket(server) as client:
        results = client.send_files(files, TOKEN, max_workers=3, timeout=2.0)
        assert [r["action"] for r in results].count("error") == 1
        assert "no answer within the timeout" in results[3]["error"]
        assert 1.9 < results[3]["upload_time"] < 15
        client.send_files(files[:1], TOKEN)
        assert server.connections == 2, "the connection with the open pipe is not used again"


@pytest.mark.parametrize(
    "error", [KeyError("enough"), ServerError("enough"), WAITED, KeyboardInterrupt()], ids=repr
)
def test_a_callback_that_raises_ends_it_and_its_connection(files, error):
    events = []

    def on_progress(event):
        events.append(event)
        if len(events) == 1:
            raise error

    with Server(dap(Hesitant())) as server, websocket(server) as client:
        with pytest.raises(type(error)) as caught:
            client.send_files(files, TOKEN, on_progress=on_progress)
        assert caught.value is error
        assert caught.value.__context__ is None
        client.send_files(files[:1], TOKEN)
        assert server.connections == 2


class OnePipe:
    """A server's side whose task has one pipe: who opens another waits until it is closed, or its connection is.

    `taken` is held by whoever has the pipe.
    """

    def __init__(self):
        self.taken = threading.Lock()
        self.objects = []

    def __call__(self, peer):
        waiting, held = deque(), False
        try:
            while True:
                if waiting and not held and self.taken.acquire(blocking=False):
                    held = True
                    name = waiting[0]["arguments"]["object"]["name"]
                    peer.answer(waiting.popleft(), {"pipe_id": name})
                if not (peer._received or select.select([peer.peer.sock], [], [], 0.02)[0]):
                    continue
                _, request, _ = next_request(peer)
                step = request["arguments"]["subcommand"]
                if step == "open":
                    waiting.append(request)
                    continue
                if step == "close":
                    self.objects.append(request["arguments"]["pipe_id"])
                    self.taken.release()
                    held = False
                peer.answer(request, RESULT)
        finally:
            if held:
                self.taken.release()


def test_a_late_answer_is_dropped_and_its_pipe_keeps_nobody_waiting(files):
    """The first file waits in vain for a pipe, and gets it when nobody wants it any more."""
    it = OnePipe()
    with Server(dap(it)) as server, websocket(server) as client:
        it.taken.acquire()
        threading.Timer(3.0, it.taken.release).start()
        results = client.send_files(files[:4], TOKEN, timeout=2.0)
        assert [r["action"] for r in results] == ["error"] + ["complete"] * 3
        assert "no answer within the timeout" in results[0]["error"]
        assert "unknown" not in results[0]["error"]
    assert it.objects == ["01.txt", "02.txt", "03.txt"]


def test_an_answer_that_comes_too_late_is_no_matter():
    """The first object's comes when its time is over, before that of another that is still on its way."""
    over = threading.Event()
    held = []

    def close(peer, request):
        held.append(request)
        if len(held) == 2:
            assert over.wait(GENEROUS)
            for each in held:
                peer.answer(each, RESULT)

    it = PipePeer({"write": lambda peer, request: peer.answer(request), "close": close})
    with Server(dap(it)) as server, websocket(server) as client:
        jobs = [
            SimpleNamespace(
                operation=operations.send("send", TOKEN, {}, "text/plain", data=Bytes(b"x")),
                deadline=Deadline(seconds),
            )
            for seconds in (2.0, GENEROUS)
        ]
        outcomes = client._transport.uploads(Deadline(GENEROUS)).run(iter(jobs), 2)
        job, outcome = next(outcomes)
        assert job is jobs[0]
        assert isinstance(outcome, TransportTimeoutError)
        over.set()
        assert list(outcomes) == [(jobs[1], RESULT)]


def test_an_object_whose_time_is_over_when_its_turn_comes_fails_alone():
    """Its pipe is open, but its data are not begun: that would break the connection under the others."""
    late = SimpleNamespace(
        operation=operations.send("send", TOKEN, {}, "text/plain", data=Bytes(b"x")),
        deadline=Deadline(GENEROUS),
    )

    class Data:
        size = 3

        def __iter__(self):
            yield b"1"
            yield b"2"
            late.deadline.cancel()
            yield b"3"

    def action(peer):
        peer.answer(next_request(peer)[1], {"pipe_id": 1})
        peer.answer(next_request(peer)[1])
        write, opening = next_request(peer)[1], next_request(peer)[1]
        frames, send = [], peer.raw
        peer.raw = frames.append
        peer.answer(write)
        peer.answer(opening, {"pipe_id": 2})
        peer.raw = send
        peer.raw(b"".join(frames))
        peer.answer(next_request(peer)[1])
        peer.answer(next_request(peer)[1], RESULT)

    with Server(dap(action)) as server, websocket(server) as client:
        data = operations.send("send", TOKEN, {}, "text/plain", data=Data())
        jobs = [SimpleNamespace(operation=data, deadline=Deadline(GENEROUS)), late]
        first, second = client._transport.uploads(Deadline(GENEROUS)).run(iter(jobs), 2)
    assert first[0] is late
    assert isinstance(first[1], TransportTimeoutError)
    assert second == (jobs[0], RESULT)


def test_a_file_that_fails_on_our_side_keeps_no_other_from_being_sent(tmp_path):
    """It leaves its pipe open, which is all the task has, with two others waiting for it."""
    first, *others = (tmp_path / name for name in ("a", "b", "c", "d"))
    first.write_bytes(b"x" * 4 * MIB)
    for path in others:
        path.write_bytes(b"y")
    events = []

    def on_progress(event):
        events.append((event["action"], event["filepath"]))
        if events[-2:] == [("write", str(first))] * 2:
            os.truncate(first, 2 * MIB)

    it = OnePipe()
    with Server(dap(it)) as server, websocket(server) as client:
        results = client.send_files([first, *others], TOKEN, on_progress=on_progress, timeout=GENEROUS)
        assert server.connections == 2
    assert [r["action"] for r in results] == ["error"] + ["complete"] * 3
    assert "became shorter" in results[0]["error"]
    assert it.objects == ["b", "c", "d"]
    assert [action for action, path in events if path == str(others[0])] == [
        "open",
        "write",
        "close",
        "complete",
    ]


# --- HTTP


class HttpPeer:
    """Takes objects as HTTP bodies; gives `answers`, the last one for ever."""

    def __init__(self, *answers):
        self.answers = list(answers) or [answer(ENVELOPE)]
        self.bodies = []

    def __call__(self, peer):
        while True:
            request = peer.read_request()
            if request is None:
                return
            body = read_body(peer, int(header(request, "Content-Length")))
            if body is None:
                return
            self.bodies.append(body)
            peer.send(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])


def read_body(peer, size):
    """The next `size` bytes, None if the client goes before."""
    while len(peer._received) < size:
        received = peer.sock.recv(65536)
        if not received:
            return None
        peer._received += received
    body, peer._received = peer._received[:size], peer._received[size:]
    return body


def header(request, name):
    lines = (line.partition(": ") for line in request.splitlines())
    return next((value for key, _, value in lines if key.lower() == name.lower()), None)


def http(server, **options):
    return RocketRideClient(server.url, KEY, transport="http", **{"timeout": GENEROUS, **options})


def overloaded():
    document = {"status": "Error", "error": {"message": "server rejected WebSocket connection: HTTP 403"}}
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


# --- either


@pytest.mark.parametrize("transport", ["websocket", "http"])
def test_an_object_goes_through_tls(tmp_path, transport):
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    it = HttpPeer() if transport == "http" else PipePeer()
    with Server(it if transport == "http" else dap(it), tls=context) as server:
        options = {"transport": transport, "verify": str(tmp_path / "ca.pem"), "timeout": GENEROUS}
        with RocketRideClient(server.url, KEY, **options) as client:
            client.send(TOKEN, b"x" * (3 * MIB + 1))
    assert it.bodies == [b"x" * (3 * MIB + 1)] if transport == "http" else len(it.objects[1]) == 3 * MIB + 1


def no_websocket(peer):
    """A server without WebSocket."""
    request = peer.read_request()
    while request is not None:
        if "Upgrade" in request:
            peer.send(answer(b"", "404 Not Found"))
        else:
            read_body(peer, int(header(request, "Content-Length")))
            peer.send(answer(ENVELOPE))
        request = peer.read_request()


def test_without_websocket_auto_sends_over_http():
    with Server(no_websocket) as server, RocketRideClient(server.url, KEY, timeout=GENEROUS) as client:
        with client.pipe(TOKEN) as pipe:
            pipe.write(b"x")
        assert pipe.result == RESULT
        assert client.send(TOKEN, b"x") == RESULT
        with client.pipe(TOKEN) as pipe:
            pipe.write(b"x")
        assert pipe.result == RESULT
    assert sum("Upgrade" in request for request in server.requests) == 2


def test_a_pipe_that_http_cannot_carry_waits_for_a_slot():
    attempts = []

    def handler(peer):
        attempts.append(1)
        if len(attempts) < 3:
            peer.read_request()
            peer.send(answer(b"", "403 Forbidden"))
        else:
            dap(PipePeer())(peer)

    with Server(handler) as server:
        with RocketRideClient(server.url, KEY, timeout=GENEROUS, retry=QUICK) as client:
            with client.pipe(TOKEN, {"name": "a", "category": "b"}) as pipe:
                pipe.write(b"x")
            assert pipe.result["size"] == 1


def test_without_websocket_auto_sends_files_over_http(files):
    with Server(no_websocket) as server, RocketRideClient(server.url, KEY, timeout=GENEROUS) as client:
        results = client.send_files(files, TOKEN)
        assert [r["action"] for r in results] == ["complete"] * 12
        assert server.connections <= 9, "one for the files, four threads, and each may try an upgrade"


INTERRUPTED = """
import sys
from rocketride_sync import RocketRideClient
_, uri, transport, token, path = sys.argv
with RocketRideClient(uri, "key", transport=transport) as client:
    client.send_files([path] * 50, token, on_progress=lambda event: print(event["action"], flush=True))
"""


def without_results(peer):
    """Takes objects over either transport, and gives no results."""
    if b"/task/data" in peer.sock.recv(4096, socket.MSG_PEEK):
        peer.read_request()
        peer.stall()
    else:
        script = {
            "write": lambda peer, request: peer.answer(request),
            "close": lambda peer, request: peer.peer.stall(),
        }
        dap(PipePeer(script))(peer)


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
@pytest.mark.parametrize("transport", ["websocket", "http"])
def test_ctrl_c_ends_it_soon(tmp_path, transport):
    path = tmp_path / "a.txt"
    path.write_text("some words")
    with Server(without_results) as server:
        command = [sys.executable, "-c", INTERRUPTED, server.url, transport, TOKEN, str(path)]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=Path(__file__).parents[2]
        )
        try:
            while process.stdout.readline() != b"close\n":
                assert process.poll() is None
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=GENEROUS)
        finally:
            process.kill()
            process.wait()
        assert time.monotonic() - began < 10
    assert errors.decode().strip().endswith("KeyboardInterrupt")
    assert server.connections <= 9
