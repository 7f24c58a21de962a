"""Sending objects over whichever transport there is: TLS, a server without WebSocket, Ctrl-C."""

import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

import pytest
import trustme

from rocketride_sync import (
    RocketRideClient,
)

from .dap_peer import KEY, TOKEN, dap
from .loopback import Server, answer
from .object_peers import (
    ENVELOPE,
    GENEROUS,
    MIB,
    QUICK,
    RESULT,
    HttpPeer,
    PipePeer,
    header,
    read_body,
    without_a_slot_at_first,
)


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
    assert sum("Upgrade" in request for request in server.requests) == 1


def test_a_pipe_that_http_cannot_carry_waits_for_a_slot():
    with Server(without_a_slot_at_first) as server:
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
