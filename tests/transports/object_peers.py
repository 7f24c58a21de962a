"""Servers that take objects over either transport, step by step, and clients of them."""

import json
import select

from rocketride_sync import (
    RetryPolicy,
    RocketRideClient,
)

from .dap_peer import BINARY, CLOSE, KEY, RUNNING, TEXT, TOKEN, Gone, dap
from .loopback import answer

MIB = 1024 * 1024
RESULT = {"name": "a.txt", "objectId": "1", "text": ["done"]}
ENVELOPE = {"objectsRequested": 1, "objectsCompleted": 1, "resultTypes": {}, "objects": {"body": RESULT}}
NO_TASK = answer(b'{"status":"Error","error":{"message":"Your pipeline is not running"}}', "400 Bad Request")
GENEROUS = 60.0
QUICK = RetryPolicy(initial_delay=0.01)


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


def without_a_slot_at_first(peer):
    """Refuses the upgrade of the first two connections for want of a slot, and takes objects over the third."""
    if peer._server.connections < 3:
        is_upgrade = header(peer.read_request(), "Upgrade")
        peer.send(answer(b"", "403 Forbidden") if is_upgrade else NO_TASK)
    else:
        dap(PipePeer())(peer)


def websocket(server, **options):
    return RocketRideClient(server.url, KEY, transport="websocket", **{"timeout": GENEROUS, **options})


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
    pieces, missing = [peer._received], size - len(peer._received)
    while missing > 0:
        received = peer.sock.recv(65536)
        if not received:
            return None
        pieces.append(received)
        missing -= len(received)
    whole = b"".join(pieces)
    peer._received = whole[size:]
    return whole[:size]


def header(request, name):
    lines = (line.partition(": ") for line in request.splitlines())
    return next((value for key, _, value in lines if key.lower() == name.lower()), None)


def http(server, **options):
    return RocketRideClient(server.url, KEY, transport="http", **{"timeout": GENEROUS, **options})
