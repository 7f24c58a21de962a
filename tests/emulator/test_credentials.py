"""Unusual credentials and API keys."""

import socket

import pytest
from cases import each
from websocket_client import WebSocketClient

from rocketride_sync.emulator import Emulator


@each("key", ["caf\u00e9", "\u2603", "\ud800", "", " ", "\0", "tk_", "pk_\u00e9", "x" * 1000])
def test_odd_keys_are_refused_over_websocket(limited_server, key):
    with WebSocketClient(limited_server) as client:
        answer = client.call("auth", auth=key)
    assert not answer["success"]
    assert "Internal" not in answer["message"]


@pytest.mark.parametrize("raw", [b"caf\xc3\xa9", b"\xff\xfe", b"tk_\xff", b"\x80" * 100])
def test_odd_keys_are_refused_over_http(limited_server, raw):
    with socket.create_connection(("127.0.0.1", limited_server.port), timeout=30) as sock:
        sock.sendall(
            b"GET /task?token=x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer "
            + raw
            + b"\r\n\r\n"
        )
        answer = b""
        while chunk := sock.recv(65536):
            answer += chunk
    assert answer.split(b" ")[1] in (b"400", b"401")


def test_a_key_may_have_any_characters():
    with Emulator(api_key="clé-secrète") as server:
        with WebSocketClient(server) as client:
            assert client.call("auth", auth="clé-secrète")["success"]
        with WebSocketClient(server) as client:
            assert not client.call("auth", auth="cl?-secr?te")["success"]
