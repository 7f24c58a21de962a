"""`transport="auto"`: WebSocket where it works, HTTP where it does not."""

import json
import logging

import pytest

from rocketride_sync import (
    AuthenticationError,
    CertificateError,
    ProtocolError,
    RetryPolicy,
    RocketRideClient,
    TransientError,
    TransportError,
    UnsupportedOperationError,
)
from rocketride_sync.transports.fallback import Fallback

from .dap_peer import CLOSE, DONE, KEY, RUNNING, TOKEN, Gone, always, dap, refusing_credentials, serve
from .loopback import Server, answer, refusing_address

UPGRADE = "GET /task/service"


class Both:
    """A server of both: `upgrade(peer)` deals with upgrades, HTTP answers with `document`."""

    def __init__(self, upgrade, document=RUNNING, http=None):
        self._upgrade = upgrade
        self._answer = answer(document) if http is None else http

    def __call__(self, peer):
        while True:
            request = peer.read_request()
            if request is None:
                return
            if request.startswith(UPGRADE):
                self._upgrade(peer)
                return
            peer.send(self._answer)


def refuse(status):
    return lambda peer: peer.send(answer(b"no", status))


def upgrades(server):
    return sum(r.startswith(UPGRADE) for r in server.requests)


def calls(server):
    return len(server.requests) - upgrades(server)


@pytest.mark.parametrize("status", ["404 Not Found", "405 No", "426 Upgrade Required", "501 No"])
def test_an_upgrade_refused_for_good_means_http_from_now_on(status, caplog):
    caplog.set_level(logging.INFO, "rocketride_sync")
    with Server(Both(refuse(status))) as server, RocketRideClient(server.url, KEY) as client:
        for _ in range(3):
            assert client.get_task_status(TOKEN).state == 3
        assert upgrades(server) == 1
        assert calls(server) == 3
    told = [r for r in caplog.records if "HTTP from now on" in r.getMessage()]
    assert len(told) == 1


def test_an_upgrade_cut_by_a_proxy_means_http_too_when_it_happens_again():
    with Server(Both(lambda peer: None)) as server, RocketRideClient(server.url, KEY) as client:
        client._transport.fallback = Fallback(clock=iter(range(1000)).__next__)  # a second from look to look
        for _ in range(5):
            client.get_task_status(TOKEN)
        assert upgrades(server) == 2
        assert calls(server) == 5


@pytest.mark.parametrize(
    "odd",
    [
        answer(b"", "302 Found", Location="http://portal.example/"),
        answer(b"<html>", "200 OK"),
        b"HTTP/1.0 200 OK\r\n\r\n",
        b"garbage\r\n\r\n",
    ],
    ids=["redirect", "page", "old page", "garbage"],
)
def test_what_is_no_answer_to_an_upgrade_is_no_sign(odd):
    """HTTP serves for the one call, and WebSocket is tried by the next."""
    with Server(Both(lambda peer: peer.send(odd))) as server, RocketRideClient(server.url, KEY) as client:
        for _ in range(3):
            assert client.get_task_status(TOKEN).state == 3
        assert (upgrades(server), calls(server)) == (3, 3)
        with pytest.raises(ProtocolError, match="upgrade"):
            client.get_tasks()


def test_http_is_remembered_only_once_it_has_answered():
    broken = answer(b"gateway", "502 Bad Gateway")
    with Server(Both(refuse("404 Not Found"), http=broken)) as server:
        with RocketRideClient(server.url, KEY) as client:
            for _ in range(2):
                with pytest.raises(RuntimeError):
                    client.get_task_status(TOKEN)
        assert upgrades(server) == 2


def test_a_refusal_for_want_of_slots_is_answered_over_http_and_not_remembered():
    with Server(Both(refuse("403 Forbidden"))) as server, RocketRideClient(server.url, KEY) as client:
        client.get_task_status(TOKEN)
        client.get_task_status(TOKEN)
        assert upgrades(server) == 2
        assert calls(server) == 2


def test_a_wait_goes_on_over_http():
    with Server(Both(refuse("404 Not Found"), document=DONE)) as server, RocketRideClient(
        server.url, KEY
    ) as client:
        assert client.wait_until_complete(TOKEN, timeout=20, interval=0.05).succeeded


def test_a_bad_key_does_not_fall_back():
    with Server(refusing_credentials("Invalid API key")) as server, RocketRideClient(
        server.url, KEY
    ) as client:
        with pytest.raises(AuthenticationError):
            client.get_task_status(TOKEN)
        assert calls(server) == 0


def test_a_refused_connection_does_not_fall_back():
    with refusing_address() as address, RocketRideClient(address, KEY) as client:
        with pytest.raises(TransportError, match="refused"):
            client.get_task_status(TOKEN)


PIPELINE = {"source": "s", "components": []}


def in_pieces(client):
    with client.pipe(TOKEN) as pipe:
        pipe.write(b"x")


@pytest.mark.parametrize(
    ("call", "last"),
    [
        (lambda client: client.use(pipeline=PIPELINE), "execute"),
        (lambda client: client.send(TOKEN, b"x"), "write"),
        (in_pieces, "write"),
    ],
    ids=["use", "send", "pipe"],
)
def test_what_may_have_arrived_is_not_sent_again_over_http(call, last):
    """Not even when the server says goodbye and is gone before it hears ours: five times, for it is a race."""

    def action(peer):
        while True:
            opcode, payload = peer.receive()
            request = json.loads(payload.partition(b"\n")[0])
            if opcode == CLOSE:
                raise Gone
            if last in (request["command"], request["arguments"].get("subcommand")):
                peer.close(1012)
                peer.peer.reset()
            peer.answer(request, {"pipe_id": 1})

    for _ in range(5):
        with Server(dap(action)) as server, RocketRideClient(server.url, KEY, timeout=20) as client:
            with pytest.raises(
                TransportError, match="whether the server carried it out is unknown"
            ) as caught:
                call(client)
            assert caught.value.request_sent
            assert calls(server) == 0


def test_a_bad_certificate_does_not_fall_back(tmp_path):
    import ssl

    import trustme

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with Server(Both(refuse("404 Not Found")), tls=context) as server:
        with RocketRideClient(server.url, KEY) as client, pytest.raises(CertificateError):
            client.get_task_status(TOKEN)
        assert server.requests == []


def test_websocket_is_preferred():
    with Server(serve(always(RUNNING))) as server, RocketRideClient(server.url, KEY) as client:
        client.get_task_status(TOKEN)
        assert calls(server) == 0


@pytest.mark.parametrize("upgrade", [refuse("403 Forbidden"), lambda peer: None], ids=["no slot", "cut"])
def test_what_http_cannot_carry_keeps_the_fault_of_the_upgrade(upgrade):
    retry = RetryPolicy(initial_delay=0.01)
    with Server(Both(upgrade)) as server, RocketRideClient(
        server.url, KEY, timeout=0.5, retry=retry
    ) as client:
        with pytest.raises(TransientError):
            client.get_tasks()
        assert calls(server) == 0


def test_what_http_cannot_carry_is_unsupported_where_there_is_no_websocket():
    with Server(Both(refuse("404 Not Found"))) as server, RocketRideClient(server.url, KEY) as client:
        with pytest.raises(UnsupportedOperationError, match=r"get_tasks takes WebSocket, but .* HTTP 404"):
            client.get_tasks()
        assert calls(server) == 0
