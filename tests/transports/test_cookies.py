"""Cookies are neither kept nor sent, over either transport: nothing goes from one client to another."""

import contextlib

import pytest

from rocketride_sync import RocketRideClient

from .dap_peer import RUNNING, TOKEN, DapPeer, Gone
from .loopback import Server, answer

COOKIE = "Set-Cookie: session=of-the-first; Domain=127.0.0.1; Path=/\r\n"


def setting(peer):
    """Sets a cookie in every answer, over either transport."""
    raw = peer.send

    def send(data):
        head, end, rest = data.partition(b"\r\n")
        raw(head + end + COOKIE.encode() + rest if data.startswith(b"HTTP/1.1 ") else data)

    peer.send = send
    head = peer.read_request()
    if head is None:
        return
    if "websocket" in head.lower():
        peer._received = (head + "\r\n\r\n").encode() + peer._received
        with contextlib.suppress(Gone):
            it = DapPeer(peer)
            it.welcome()
            while True:
                it.answer(it.request(), RUNNING)
        return
    while head is not None:
        peer.send(answer(RUNNING))
        head = peer.read_request()


@pytest.mark.parametrize("transport", ["websocket", "http"])
@pytest.mark.parametrize("through_proxy", [False, True])
@pytest.mark.filterwarnings("ignore:the API key travels")
def test_no_cookie_is_kept_or_sent(transport, through_proxy):
    if through_proxy and transport == "websocket":
        pytest.skip("a tunnel carries no cookies")
    with Server(setting) as server:
        options = {"proxies": {"http": server.url}} if through_proxy else {}
        url = "http://server.test" if through_proxy else server.url
        for key in ("key-of-a", "key-of-b"):
            with RocketRideClient(url, key, transport=transport, timeout=20, **options) as client:
                client.get_task_status(TOKEN)
                client.get_task_status(TOKEN)
                client.close()
                client.get_task_status(TOKEN)
    heads = server.requests
    assert len(heads) >= 4
    assert not [head for head in heads if "cookie" in head.lower()]
