"""Web pages of other servers cannot use an emulator, whatever they send; programs can."""

import asyncio
import json

import psutil
import pytest
import websocket
from cases import each
from emulator_helpers import KEY, SECONDS, request
from websocket_client import connect

from rocketride_sync.emulator import Emulator


def unauthenticated_bytes():
    from rocketride_sync.emulator.websocket_connection import UNAUTHENTICATED_BYTES

    return UNAUTHENTICATED_BYTES


LOCAL = [
    ({}, True),
    ({"host": "localhost:5565"}, True),
    ({"host": "127.0.0.1:5565"}, True),
    ({"host": "[::1]:5565"}, True),
    ({"host": "192.0.2.1:5565"}, True),
    ({"host": "emulator.localhost"}, True),
    ({"host": "evil.example"}, False),
    ({"host": "localhost.evil.example:5565"}, False),
    ({"host": "127.0.0.1.evil.example"}, False),
    ({"host": ""}, False),
    ({"host": "[::1"}, False),
    ({"host": "localhost", "origin": "http://localhost:3000"}, True),
    ({"host": "127.0.0.1:5565", "origin": "http://127.0.0.1:5565"}, True),
    ({"host": "192.0.2.1:5565", "origin": "http://192.0.2.1:5565"}, True),
    ({"host": "localhost", "origin": "https://evil.example"}, False),
    ({"host": "localhost", "origin": "http://localhost.evil.example"}, False),
    ({"host": "localhost", "origin": "http://evil.example/localhost"}, False),
    ({"host": "localhost", "origin": "http://localhost@evil.example"}, False),
    ({"host": "localhost", "origin": "null"}, False),
    ({"host": "localhost", "origin": ""}, False),
    ({"host": "localhost", "origin": "file://"}, False),
    ({"host": "evil.example", "origin": "http://evil.example"}, False),
]


def is_served(headers, kind, **options):
    served, sent = [], []

    async def app(scope, receive, send):
        served.append(scope)

    async def send(message):
        sent.append(message)

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    from rocketride_sync.emulator.browser_checks import BrowserChecks

    checks = BrowserChecks(app, **options)
    asyncio.run(checks({"type": kind, "headers": raw}, None, send))
    assert bool(served) != bool(sent)
    if sent:
        assert sent[0].get("status", 403) == 403
        assert sent[0]["type"] in ("http.response.start", "websocket.close")
    return bool(served)


@each("kind", ["http", "websocket"])
@each("has_key", [True, False])
@each(("headers", "expected"), LOCAL)
def test_on_this_machine(headers, expected, kind, has_key):
    assert is_served(headers, kind, host="127.0.0.1", has_key=has_key) == expected


@each(
    ("headers", "has_key", "expected"),
    [
        ({"host": "emulator:5565"}, False, True),
        ({"host": "emulator.lan:5565"}, True, True),
        ({"host": "emulator.lan:5565"}, False, False),
        ({"host": "server.lan:5565"}, False, True),
        ({"host": "emulator.lan:5565", "origin": "http://emulator.lan:5565"}, True, True),
        ({"host": "emulator.lan:5565", "origin": "https://evil.example"}, True, False),
    ],
)
def test_for_other_machines(headers, has_key, expected):
    assert is_served(headers, "http", host="server.lan", has_key=has_key) == expected


@pytest.fixture(scope="module")
def open_server():
    with Emulator() as running:
        yield running


@pytest.mark.parametrize("path", ["/version", "/task?token=x", "/openapi.json", "/nowhere"])
def test_a_page_gets_no_answer_over_http(open_server, path):
    for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
        code, _, body = request(open_server, "GET", path, headers=headers)
        assert (code, "web pages" in body) == (403, True)


def test_a_page_gets_no_websocket(open_server):
    url = f"ws://127.0.0.1:{open_server.port}/task/service"
    for options in ({"origin": "https://evil.example"}, {"host": "evil.example"}, {"origin": "null"}):
        with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
            websocket.create_connection(url, timeout=SECONDS, **options)
    websocket.create_connection(url, timeout=SECONDS).close()
    websocket.create_connection(url, timeout=SECONDS, suppress_origin=True).close()


def padded(size):
    return json.dumps({"type": "request", "seq": 2, "command": "rrext_ping", "arguments": {"x": "y" * size}})


def one_message(sock):
    sock.send(padded(24 * 2**20))


def many_messages(sock):
    for _ in range(1000):
        sock.send(json.dumps({"x": "y" * (unauthenticated_bytes() // 2)}))


def fragments(sock):
    for number in range(1000):
        opcode = websocket.ABNF.OPCODE_CONT if number else websocket.ABNF.OPCODE_TEXT
        piece = b"y" * (unauthenticated_bytes() // 2)
        sock.send_frame(websocket.ABNF.create_frame(piece, opcode, fin=0))


def is_closed(sock, send):
    """Whether the server closes the connection when that is sent."""
    try:
        send(sock)
        while sock.recv_data(control_frame=True)[0] != websocket.ABNF.OPCODE_CLOSE:
            pass
    except TimeoutError:
        return False
    except (OSError, websocket.WebSocketConnectionClosedException):
        pass
    return True


@pytest.mark.parametrize("send", [one_message, many_messages, fragments])
@pytest.mark.parametrize("deauth", [False, True])
def test_what_is_sent_before_authentication_is_limited(open_server, send, deauth):
    process = psutil.Process(open_server.pid)
    with connect(open_server, key=KEY if deauth else None) as client:
        if deauth:
            assert client.call("deauth")["success"]
        before = process.memory_info().rss
        assert is_closed(client.socket, send)
        assert process.memory_info().rss - before < 16 * 2**20


def test_after_authentication_messages_may_be_large(open_server):
    with connect(open_server) as client:
        assert client.call("rrext_ping", x="y" * 2**20)["success"]
        assert client.call("rrext_ping", x="y" * 2**23)["success"]
