"""Opening a WebSocket connection: the upgrade and the credential, and what becomes of refusals."""

import pytest
from cases import each

from rocketride_sync import (
    AuthenticationError,
    OverloadedError,
    ProtocolError,
    TaskNotFoundError,
    TransientError,
)
from rocketride_sync.address import Address
from rocketride_sync.config import Settings
from rocketride_sync.transports.websocket import WebSocketTransport
from rocketride_sync.transports.websocket.upgrade import NoSlotError, NoWebSocketError, UpgradeCutError

from ..dap_peer import KEY, RUNNING, TOKEN, DapPeer, always, refusing_credentials, serve
from ..loopback import Server, answer
from .calls import ask


def test_the_server_is_told_who_asks(connect):
    told = []

    def handler(peer):
        it = DapPeer(peer)
        told.append(it.welcome())
        it.answer(it.request(), RUNNING)

    with Server(handler) as server:
        ask(connect(server))
    arguments = told[0]["arguments"]
    assert arguments["auth"] == KEY
    assert arguments["clientName"] == "rocketride-sync"
    assert arguments["clientVersion"]


def test_a_base_path_goes_before_the_documented_path():
    with Server(serve(always(RUNNING))) as server:
        transport = WebSocketTransport(Settings(address=Address.parse(server.url + "/base"), auth=KEY))
        ask(transport)
        transport.close()
    assert server.requests[0].startswith("GET /base/task/service ")


@pytest.mark.parametrize(
    ("auth", "message", "error"),
    [
        (KEY, "Invalid API key", AuthenticationError),
        (KEY, "Too many authentication attempts", AuthenticationError),
        (KEY, "Bad request", AuthenticationError),
        (TOKEN, "Bad request", TaskNotFoundError),
    ],
)
def test_a_refused_credential(connect, auth, message, error):
    with Server(refusing_credentials(message)) as server, pytest.raises(error) as caught:
        ask(connect(server, auth=auth))
    assert auth not in str(caught.value)


@each(
    ("status", "error"),
    [
        ("403 Forbidden", NoSlotError),
        ("404 Not Found", NoWebSocketError),
        ("405 Method Not Allowed", NoWebSocketError),
        ("426 Upgrade Required", NoWebSocketError),
        ("501 Not Implemented", NoWebSocketError),
        ("429 Too Many Requests", TransientError),
        ("503 Service Unavailable", TransientError),
        ("401 Unauthorized", AuthenticationError),
        ("307 Temporary Redirect", ProtocolError),
        ("200 OK", ProtocolError),
    ],
)
def test_a_refused_upgrade(connect, status, error):
    page = answer(b"<html>" + b"x" * 500, status, Location="http://evil.example/")

    def handler(peer):
        peer.read_request()
        peer.send(page)

    with Server(handler) as server, pytest.raises(error) as caught:
        ask(connect(server))
    assert "evil" not in str(caught.value)
    assert issubclass(NoSlotError, OverloadedError)


@pytest.mark.parametrize(("status", "told"), [(500, 500), (522, 522), (403, None)])
def test_a_refusal_that_may_pass_keeps_the_servers_wish(connect, status, told):
    """An overload is told by its type, and not by the status."""
    with Server(
        lambda peer: (peer.read_request(), peer.send(answer(b"", f"{status} Busy", Retry_After="7")))
    ) as server:
        with pytest.raises(TransientError) as caught:
            ask(connect(server))
    assert caught.value.http_status == told
    assert caught.value.retry_after == 7.0


def test_an_upgrade_cut_short_is_known_as_such(connect):
    with Server(lambda peer: peer.read_request()) as server, pytest.raises(UpgradeCutError):
        ask(connect(server))


def test_an_endless_page_instead_of_an_upgrade_is_not_read_to_its_end(connect):
    def handler(peer):
        peer.read_request()
        peer.send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 999999999\r\n\r\n" + b"x" * 1_000_000)
        peer.stall()

    # Old websocket-clients read no body at all, newer ones read it whole: either way it ends here.
    with Server(handler) as server, pytest.raises(ProtocolError):
        ask(connect(server))


def test_headers_without_end_are_not_read_for_ever(connect):
    def handler(peer):
        peer.read_request()
        peer.send(b"HTTP/1.1 101 Switching Protocols\r\n" + b"X: y\r\n" * 100_000)
        peer.stall()

    with Server(handler) as server, pytest.raises(ProtocolError, match="does not answer a WebSocket upgrade"):
        ask(connect(server))
