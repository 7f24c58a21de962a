"""Many files over one WebSocket connection: each awaits its own answers, and fails alone."""

import os
import select
import threading
import time
from collections import deque
from types import SimpleNamespace

import pytest

from rocketride_sync import (
    ServerError,
    TransportTimeoutError,
    WaitTimeoutError,
)
from rocketride_sync.deadline import Deadline
from rocketride_sync.protocol import object_operations
from rocketride_sync.transports.chunks import Bytes
from rocketride_sync.transports.websocket import outbox
from rocketride_sync.transports.websocket.steady_socket import SteadySocket

from ..dap_peer import TOKEN, Gone, dap
from ..loopback import Server
from ..object_peers import GENEROUS, MIB, RESULT, PipePeer, next_request, websocket

WAITED = WaitTimeoutError("enough", token="", elapsed=1.0)


class GatheringPeer:
    """A server's side that lets requests gather, and answers the latest first."""

    def __init__(self, refused=()):
        self.refused = refused
        self.objects = {}
        self.in_flight = []
        self.most = 0

    def __call__(self, peer):
        while True:
            self.take(peer)
            while select.select([peer.peer.sock], [], [], 0.02)[0] or peer._received:
                self.take(peer)
            while self.in_flight:
                self.answer(peer, *self.in_flight.pop())

    def take(self, peer):
        _, request, data = next_request(peer)
        pipe = request["arguments"].get("pipe_id")
        assert pipe is None or pipe not in [r["arguments"].get("pipe_id") for r, _ in self.in_flight]
        self.in_flight.append((request, data))
        self.most = max(self.most, len(self.in_flight))

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


def test_files_share_a_connection_and_each_awaits_its_own_answers(files):
    it = GatheringPeer()
    with Server(dap(it)) as server, websocket(server) as client:
        results = client.send_files(files, TOKEN, max_workers=5)
        assert server.connections == 1
        client.send_files(files[:1], TOKEN)
        assert server.connections == 1
    assert it.objects == {path.name: path.read_bytes() for path in files}
    assert [r["result"]["name"] for r in results] == [path.name for path in files]
    assert all(r["bytes_sent"] == r["result"]["size"] == r["file_size"] for r in results)
    assert 2 <= it.most <= 5


def test_requests_that_follow_from_answers_that_came_together_are_sent_together(files, monkeypatch):
    sizes, flushes = [], 0
    send = SteadySocket.send
    monkeypatch.setattr(SteadySocket, "send", lambda *args: sizes.append(send(*args)) or sizes[-1])
    # On a busy machine a request may well take 10 ms to make.
    monkeypatch.setattr(outbox, "_LONGEST_WAIT", 60.0)

    def answering(peer):
        answers = []
        peer.raw = answers.append
        it.answer = lambda *args: GatheringPeer.answer(it, *args) or it.in_flight or flush()

        def flush():
            nonlocal flushes
            peer.peer.send(b"".join(answers))
            flushes += 1
            answers.clear()

        it(peer)

    it = GatheringPeer()
    with Server(dap(answering)) as server, websocket(server) as client:
        results = client.send_files(files, TOKEN)
    assert [r["action"] for r in results] == ["complete"] * 12
    assert it.objects == {path.name: path.read_bytes() for path in files}
    # One for the answers that came together. A mebibyte goes by itself, between what is before it and after it.
    large = sum(size > MIB for size in sizes)
    upgrade_auth_and_close = 3
    assert len(sizes) <= flushes + 2 * large + upgrade_auth_and_close


@pytest.mark.parametrize("step", ["open", "write", "close"])
def test_a_refused_file_does_not_disturb_its_neighbours(files, step):
    with Server(dap(GatheringPeer(refused={step}))) as server, websocket(server) as client:
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
        results = client.send_files(files, TOKEN, max_workers=3, timeout=4.0)
        failed = {i: (r["error"], r["upload_time"]) for i, r in enumerate(results) if r["action"] == "error"}
        assert list(failed) == [3], failed
        assert "no answer within the timeout" in results[3]["error"]
        assert 3.9 < results[3]["upload_time"] < 15
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

    with Server(dap(GatheringPeer())) as server, websocket(server) as client:
        with pytest.raises(type(error)) as caught:
            client.send_files(files, TOKEN, on_progress=on_progress)
        assert caught.value is error
        assert caught.value.__context__ is None
        client.send_files(files[:1], TOKEN)
        assert server.connections == 2


class OnePipePeer:
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
    it = OnePipePeer()
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
                operation=object_operations.send("send", TOKEN, {}, "text/plain", data=Bytes(b"x")),
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
        operation=object_operations.send("send", TOKEN, {}, "text/plain", data=Bytes(b"x")),
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
        data = object_operations.send("send", TOKEN, {}, "text/plain", data=Data())
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

    it = OnePipePeer()
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
