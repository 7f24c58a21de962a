"""Answers to the upgrade: what HTTP allows is accepted, and whatever else comes is an error of ours."""

import base64
import hashlib

import pytest
from cases import each
from hypothesis import example, given
from hypothesis import strategies as st

from rocketride_sync import ProtocolError, RetryPolicy, RocketRideClient, RocketRideError
from rocketride_sync.address import Address
from rocketride_sync.deadline import Deadline
from rocketride_sync.options import SizeLimit
from rocketride_sync.transports.websocket.connection import Connection
from rocketride_sync.transports.websocket.upgrade import NoWebSocketError

from ..dap_peer import KEY, RUNNING, TOKEN, DapPeer, Gone
from ..loopback import Server

SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\n"
AGREED = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %(accept)s\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n"
ALLOWED = {
    "continue first": b"HTTP/1.1 100 Continue\r\n\r\n" + SWITCHING + AGREED,
    "hints first": HINTS + SWITCHING + AGREED,
    "several first": HINTS * 3 + b"HTTP/1.1 102 Processing\r\n\r\n" + SWITCHING + AGREED,
    "two Connection lines": SWITCHING + b"Connection: keep-alive\r\n" + AGREED,
    "two in one Connection line": SWITCHING + AGREED.replace(b": Upgrade", b": keep-alive,  UPGRADE"),
    "bytes above ASCII": SWITCHING + b"Server: caf\xe9\r\n" + AGREED,
    "an odd cookie": SWITCHING + b"Set-Cookie: ,a=b\r\n" + AGREED,
    "a folded line": SWITCHING + b"X-Folded: a\r\n b\r\n" + AGREED,
    "no reason": b"HTTP/1.1 101\r\n" + AGREED,
    "bare line feeds": (SWITCHING + AGREED).replace(b"\r\n", b"\n"),
    "names in small letters": SWITCHING + AGREED.replace(b"Upgrade:", b"upgrade:").replace(b"Sec-", b"sec-"),
}


def accepting(request, template):
    """`template` with the proof that its sender has read this request."""
    keys = (
        line.split(": ")[1] for line in request.splitlines() if line.lower().startswith("sec-websocket-key")
    )
    digest = hashlib.sha1(next(keys, "none").encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    return template.replace(b"%(accept)s", base64.b64encode(digest))


def upgrading_with(template, end=b"\r\n"):
    """A handler that answers each upgrade so, and then polls."""

    def handler(peer):
        it = DapPeer(peer)
        try:
            request = peer.read_request() or ""
            it.raw(accepting(request, template) + end)
            if "websocket" not in request:
                return
            it.answer(it.request(), {})
            while True:
                it.answer(it.request(), RUNNING)
        except Gone:
            pass

    return handler


@pytest.mark.parametrize("transport", ["websocket", "auto"])
@each("template", ALLOWED.values(), ids=ALLOWED)
def test_what_http_allows_is_accepted(template, transport):
    end = b"\n" if b"\r" not in template else b"\r\n"
    with Server(upgrading_with(template, end)) as server, RocketRideClient(
        server.url, KEY, transport=transport
    ) as client:
        assert client.get_task_status(TOKEN, timeout=10).state == 3


QUICK = RetryPolicy(initial_delay=0.01, max_delay=0.05)
REFUSED = {
    "an empty line": b"",
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "HTTP/2": SWITCHING.replace(b"1.1", b"2") + AGREED,
    "no number": b"HTTP/1.1 OK\r\n",
    "a number of two digits": b"HTTP/1.1 10\r\n" + AGREED,
    "a number of four digits": b"HTTP/1.1 1010 Switching\r\n" + AGREED,
    "a signed number": b"HTTP/1.1 +99 Odd\r\n",
    "digits that are not ASCII": "HTTP/1.1 \u0661\u0660\u0661 Switching\r\n".encode() + AGREED,
    "a small number": b"HTTP/1.1 099 Odd\r\n",
    "another protocol": SWITCHING + AGREED.replace(b"websocket", b"h2c"),
    "no Connection": SWITCHING + AGREED.replace(b"Connection", b"Cognition"),
    "no proof": SWITCHING + AGREED.replace(b"%(accept)s", b""),
    "a wrong proof": SWITCHING + AGREED.replace(b"%(accept)s", b"bm9ib2R5IHJlYWQgaXQ="),
    "no end of the hints": HINTS + b"\r\n",
}


@pytest.mark.parametrize("transport", ["websocket", "auto"])
@each("template", REFUSED.values(), ids=REFUSED)
def test_what_is_no_upgrade_is_an_error_of_ours(template, transport):
    calls = [
        lambda client: client.get_task_status(TOKEN, timeout=10),
        lambda client: client.wait_until_complete(TOKEN, timeout=10),
        lambda client: client.wait_all([TOKEN], timeout=10)[0].result(),
        lambda client: client.send(TOKEN, b"data", timeout=10),
    ]
    with Server(upgrading_with(template)) as server:
        for call in calls:
            with RocketRideClient(server.url, KEY, transport=transport, retry=QUICK) as client:
                with pytest.raises(RocketRideError) as caught:
                    call(client)
                assert caught.value.__context__ is None
        if transport == "websocket":
            assert isinstance(caught.value, (NoWebSocketError, ProtocolError))


class Answered:
    """A socket that was answered with `data`, and then cut."""

    def __init__(self, data):
        self._data = data
        self.closed = False

    def settimeout(self, seconds):
        pass

    def send(self, data):
        return len(data)

    def recv(self, size):
        data, self._data = self._data[:size], self._data[size:]
        return data

    def close(self):
        self.closed = True


LINES = st.sampled_from(
    [
        *SWITCHING.splitlines(True),
        *AGREED.splitlines(True),
        *(f"HTTP/1.1 {status} X\r\n".encode() for status in (100, 199, 200, 302, 403, 404, 429, 503, 999)),
        b"\r\n",
        b"\n",
        b"Retry-After: 7\r\n",
        b"Retry-After: Wed, 99 Xxx 99999 99:99:99 GMT\r\n",
        b"Date: \r\n",
        b"Content-Length: -1\r\n",
        b": \r\n",
        b" \r\n",
        b"no colon\r\n",
    ]
)


@given(st.lists(st.one_of(LINES, st.binary(max_size=12)), max_size=9).map(b"".join))
@example(b"\r\n\r\n")
@example(b"HTTP/1.1 429 Busy\r\nRetry-After: " + b"9" * 5000 + b"\r\n\r\n")
def test_no_answer_whatever_makes_anything_else_come_out(data):
    sock = Answered(data)
    with pytest.raises(RocketRideError) as caught:
        Connection(
            sock,
            Address.parse("localhost"),
            KEY,
            client_name="test",
            client_version="1",
            limit_of=lambda operation: SizeLimit("max_response_bytes", 1000),
            dead_after=45.0,
            connect_deadline=Deadline(5.0),
            deadline=Deadline(5.0),
        )
    assert sock.closed
    assert caught.value.__context__ is None


def test_the_clients_of_a_process_share_no_cookies():
    with Server(upgrading_with(SWITCHING + b"Set-Cookie: a=b; Domain=127.0.0.1\r\n" + AGREED)) as server:
        for _ in range(2):
            with RocketRideClient(server.url, KEY, transport="websocket") as client:
                client.get_task_status(TOKEN, timeout=10)
        assert not [request for request in server.requests if "cookie" in request.lower()]
