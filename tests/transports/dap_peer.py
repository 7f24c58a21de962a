"""The server's side of a WebSocket, frame by frame, for tests that decide what goes over the wire."""

import base64
import contextlib
import hashlib
import json
import struct

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
KEY = "the-secret-key"
TOKEN = "tk_5f3a0123456789abcdef0123456789ab"
RUNNING = {"state": 3, "completed": False, "project_id": "p", "source": "s", "startTime": 100.0}
DONE = {**RUNNING, "state": 5, "completed": True, "endTime": 200.0}


class Gone(Exception):
    """The client closed the connection."""


def frame(payload, opcode=TEXT, fin=True, announced=None):
    """The bytes of one unmasked frame; `announced` is the length it claims to have."""
    payload = payload if isinstance(payload, bytes) else payload.encode()
    size = len(payload) if announced is None else announced
    head = bytes([(0x80 if fin else 0) | opcode])
    if size < 126:
        return head + bytes([size]) + payload
    if size < 65536:
        return head + b"\x7e" + struct.pack("!H", size) + payload
    return head + b"\x7f" + struct.pack("!Q", size) + payload


def _unmasked(payload, mask):
    """All at once: a loop over the bytes would be most of the work of tests with large ones."""
    size = len(payload)
    key = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")


class DapPeer:
    """`peer` is a `loopback.Peer`; requests that arrive are kept in `requests` by command."""

    def __init__(self, peer):
        self.peer = peer
        self.commands = []
        self._received = bytearray()
        self._seq = 0
        self._together = None

    def upgrade(self, request=None):
        """Accept the upgrade; `request` if that was read already."""
        request = self.peer.read_request() if request is None else request
        if request is None:
            raise Gone
        lines = (line.split(": ", 1) for line in request.splitlines()[1:])
        key = next(value for name, value in lines if name.lower() == "sec-websocket-key")
        digest = hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        self.raw(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n"
        )

    def _take(self, size):
        while len(self._received) < size:
            data = self.peer.sock.recv(65536)
            if not data:
                raise Gone
            self._received += data
        taken = bytes(self._received[:size])
        del self._received[:size]
        return taken

    def receive(self):
        """The next frame: opcode and unmasked payload."""
        first, second = self._take(2)
        assert second & 0x80, "a client must mask its frames"
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", self._take(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self._take(8))
        mask = self._take(4)
        payload = _unmasked(self._take(size), mask)
        return first & 0x0F, payload

    def request(self):
        """The next request; a close frame, or the end of the stream, raises `Gone`."""
        while True:
            opcode, payload = self.receive()
            if opcode == CLOSE:
                raise Gone
            if opcode == TEXT:
                request = json.loads(payload)
                self.commands.append(request["command"])
                return request

    def raw(self, data):
        if self._together is None:
            self.peer.send(data)
        else:
            self._together += data

    @contextlib.contextmanager
    def together(self):
        """What is sent in this block arrives at once, at its end."""
        self._together = b""
        try:
            yield
        finally:
            data, self._together = self._together, None
            self.raw(data)

    def send(self, message, **options):
        self.raw(frame(json.dumps(message), **options))

    def answer(self, request, body=None, **fields):
        self._seq += 1
        message = {"type": "response", "seq": self._seq, "request_seq": request["seq"], "success": True}
        message["command"] = request["command"]
        if body is not None:
            message["body"] = body
        self.send({**message, **fields})

    def refuse(self, request, text, **fields):
        self.answer(request, success=False, message=text, **fields)

    def event(self, action, **fields):
        body = {"action": action, "projectId": "p", "source": "s", "__id": "5f3a0123.s", **fields}
        self.send({"type": "event", "seq": 99, "event": "apaevt_task", "body": body})

    def close(self, code=1000):
        self.raw(frame(struct.pack("!H", code), CLOSE))

    def welcome(self):
        """Upgrade, and accept the credential."""
        self.upgrade()
        request = self.request()
        assert request["command"] == "auth"
        self.answer(request, {"userToken": request["arguments"]["auth"]})
        return request


def dap(action):
    """A handler: welcomes a client and then does `action(peer)`; that the client leaves is fine."""

    def handler(peer):
        it = DapPeer(peer)
        try:
            it.welcome()
            action(it)
        except Gone:
            pass

    return handler


def serve(reply):
    """A handler that gives each request to `reply(peer, request)`, but for ``auth``."""

    def action(peer):
        while True:
            reply(peer, peer.request())

    return dap(action)


def refusing_credentials(message):
    """A handler that answers ``auth`` with a refusal, and closes the connection."""

    def handler(peer):
        it = DapPeer(peer)
        try:
            it.upgrade()
            it.refuse(it.request(), message)
            it.close()
        except Gone:
            pass

    return handler


def always(document):
    """A reply: every status is `document`; subscriptions are accepted."""

    def reply(peer, request):
        peer.answer(request, document if request["command"] == "rrext_get_task_status" else None)

    return reply
