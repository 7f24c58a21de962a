"""A low-level WebSocket client for the tests, which can send any frame and sees every frame."""

import contextlib
import json
import time

import pytest
import websocket
from emulator_helpers import KEY, SECONDS

TEXT, BINARY, CLOSE, PING = (
    websocket.ABNF.OPCODE_TEXT,
    websocket.ABNF.OPCODE_BINARY,
    websocket.ABNF.OPCODE_CLOSE,
    websocket.ABNF.OPCODE_PING,
)


class WebSocketClient:
    """One connection. Messages read while waiting for another message are kept in `unclaimed`."""

    def __init__(self, server, path="/task/service", key=None, **options):
        uri = f"ws://127.0.0.1:{server.port}{path}"
        self.socket = websocket.create_connection(uri, timeout=SECONDS, **options)
        self.unclaimed = []
        self.events = []
        self.seq = 0
        if key is not None:
            answer = self.call("auth", auth=key)
            assert answer["success"], answer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(websocket.WebSocketException, OSError):
            self.socket.close(timeout=1)
        self.socket.shutdown()

    def send(self, message):
        self.socket.send(message if isinstance(message, str) else json.dumps(message))

    def send_binary(self, data):
        self.socket.send_binary(data)

    def send_request(self, command, **arguments):
        """Send a request without waiting for the response; returns its seq."""
        self.seq += 1
        self.send({"type": "request", "seq": self.seq, "command": command, "arguments": arguments})
        return self.seq

    def write(self, data, **arguments):
        """Send data in a binary frame, without waiting for the response; returns the request's seq."""
        self.seq += 1
        arguments = {"subcommand": "write", **arguments}
        header = {"type": "request", "seq": self.seq, "command": "rrext_process", "arguments": arguments}
        self.send_binary(json.dumps(header).encode() + b"\n" + data)
        return self.seq

    def call(self, command, **arguments):
        return self.wait_for_response(self.send_request(command, **arguments))

    def wait_for_response(self, seq):
        return self.wait_for(lambda m: m["type"] == "response" and m["request_seq"] == seq)

    def wait_for_event(self, name, **body):
        """The next event with that name and with these values in its body."""
        return self.wait_for(
            lambda m: m.get("event") == name and all(m["body"].get(k) == v for k, v in body.items())
        )

    def wait_for(self, wanted):
        """The next message that `wanted` accepts, among the unclaimed ones and then those still to be read."""
        for index, message in enumerate(self.unclaimed):
            if wanted(message):
                return self.unclaimed.pop(index)
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            message = self.read()
            if wanted(message):
                return message
            self.unclaimed.append(message)
        pytest.fail(f"what was waited for did not come within {SECONDS} s")

    def read(self):
        """The next message."""
        opcode, data = self.socket.recv_data()
        assert opcode == TEXT, f"a message was expected, not a close: {data!r}"
        message = json.loads(data)
        if message["type"] == "event":
            self.events.append(message)
        return message

    def close_code(self):
        """Read until the server's close frame, and return its code."""
        while True:
            opcode, data = self.socket.recv_data()
            if opcode == CLOSE:
                return int.from_bytes(data[:2], "big")


def connect(server, key=KEY, **options):
    """An authenticated client."""
    return WebSocketClient(server, key=key, **options)


def start_task(client, document, **arguments):
    answer = client.call("execute", pipeline=document, **arguments)
    assert answer["success"], answer
    return answer["body"]


def states(client):
    """The sequence of (state, completed) in the unclaimed status events."""
    seen = []
    for message in client.unclaimed:
        if message.get("event") == "apaevt_status_update":
            pair = (message["body"]["state"], message["body"]["completed"])
            if pair not in seen:
                seen.append(pair)
    return seen
