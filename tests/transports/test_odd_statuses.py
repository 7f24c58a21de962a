"""HTTP statuses and pages that a proxy may put in place of an answer: the same comes of them over each transport."""

import json
import time

import pytest
from cases import each

from rocketride_sync import (
    AuthenticationError,
    ProtocolError,
    RetryPolicy,
    RocketRideClient,
    ServerError,
    TransientError,
    TransportError,
)

from .dap_peer import DONE, KEY, RUNNING, TOKEN, serve
from .either_transport import either, is_upgrade
from .loopback import Server, always, answer

TRANSPORTS = ("websocket", "http", "auto")
PROMPT = RetryPolicy(initial_delay=0.01, max_delay=0.02, max_outage=20)
TRANSIENT = (
    408,
    425,
    429,
    500,
    502,
    503,
    504,
    507,
    508,
    511,
    520,
    521,
    522,
    523,
    524,
    525,
    526,
    527,
    530,
    599,
)

both = pytest.mark.parametrize("transport", TRANSPORTS)


class OddOnce:
    """A server whose second connection gets the bytes `odd` in place of an answer, and closes; the task ends then."""

    def __init__(self, odd):
        self._odd = odd
        self._connections = 0

    def __call__(self, peer):
        self._connections += 1
        if self._connections == 1:
            _answer_one(peer)
        elif self._connections == 2:
            peer.read_request()
            peer.send(self._odd)
        else:
            either(lambda _: DONE)(peer)


def _answer_one(peer):
    """Answer the first poll, and close the connection."""
    if not is_upgrade(peer):
        peer.read_request()
        peer.send(answer(RUNNING, Connection="close"))
        return

    def reply(dap_peer, request):
        poll = request["command"] == "rrext_get_task_status"
        dap_peer.answer(request, RUNNING if poll else None)
        if poll:
            dap_peer.close()

    serve(reply)(peer)


def client_of(server, transport, auth=KEY, **options):
    return RocketRideClient(server.url, auth, transport=transport, timeout=20, retry=PROMPT, **options)


def wait(client, many):
    if many:
        return client.wait_all([TOKEN], timeout=20, interval=0.05)[0].result()
    return client.wait_until_complete(TOKEN, timeout=20, interval=0.05)


@both
@each("status", TRANSIENT)
@pytest.mark.parametrize("many", [False, True], ids=["one", "many"])
def test_a_status_that_may_pass_ends_no_wait(transport, status, many):
    odd = answer(b"<html>oops</html>", f"{status} Odd", Connection="close")
    with Server(OddOnce(odd)) as server, client_of(server, transport) as client:
        assert wait(client, many).succeeded


@pytest.mark.parametrize("transport", ["websocket", "http"])
@each("status", TRANSIENT)
def test_a_status_that_may_pass_is_a_transient_error(transport, status):
    def handler(peer):
        peer.read_request()
        peer.send(answer(b"oops", f"{status} Odd", Retry_After="7"))

    with Server(handler) as server, client_of(server, transport) as client:
        with pytest.raises(TransientError) as caught:
            client.get_task_status(TOKEN)
    assert (caught.value.http_status, caught.value.retry_after) == (status, 7.0)


@both
def test_a_refused_credential_is_one_over_each_transport(transport):
    odd = answer(b"who are you?", "401 Unauthorized", Connection="close")
    with Server(OddOnce(odd)) as server, client_of(server, transport) as client:
        with pytest.raises(AuthenticationError):
            wait(client, many=False)


class TestProxies:
    @both
    @pytest.mark.parametrize("status", [403, 407, 405, 501])
    @pytest.mark.parametrize("many", [False, True], ids=["one", "many"])
    def test_that_refuse_the_tunnel_are_named_at_once(self, transport, status, many):
        with Server(_refusing(status)) as proxy:
            proxies = {"https": proxy.url}
            client = RocketRideClient(
                "https://server.test", KEY, transport=transport, proxies=proxies, retry=PROMPT
            )
            began = time.monotonic()
            with client, pytest.raises(ServerError, match=r"the proxy .*proxies\[.*HTTP \d+") as caught:
                wait(client, many)
        assert caught.value.http_status == status
        assert proxy.connections == 1
        assert time.monotonic() - began < 10

    @pytest.mark.parametrize("transport", ["websocket", "auto"])
    def test_that_refuse_the_tunnel_of_websocket_are_named_at_once(self, transport):
        """Over HTTP an address without TLS needs no tunnel."""
        with Server(_refusing(407)) as proxy:
            client = RocketRideClient(
                "http://localhost:9", KEY, transport=transport, proxies={"http": proxy.url}, retry=PROMPT
            )
            with client, pytest.raises(
                ServerError, match=r"the proxy http://127\.0\.0\.1:\d+ \(.*\) wants a password"
            ):
                wait(client, many=False)

    @pytest.mark.parametrize("many", [False, True], ids=["one", "many"])
    def test_that_let_nothing_pass_are_named(self, many):
        """HTTP takes the place of WebSocket, and the proxy answers it like no server of RocketRide."""
        with Server(_refusing(403)) as proxy:
            client = RocketRideClient("http://localhost:9", KEY, proxies={"http": proxy.url}, retry=PROMPT)
            with client, pytest.raises(ServerError, match=r"the proxy .* refused the tunnel"):
                wait(client, many)

    def test_that_let_no_pipe_pass_are_named(self):
        with Server(_refusing(403)) as proxy:
            client = RocketRideClient("http://localhost:9", KEY, proxies={"http": proxy.url}, retry=PROMPT)
            with client, pytest.raises(ServerError, match=r"the proxy .* refused the tunnel") as caught:
                with client.pipe(TOKEN, mime_type="text/plain") as pipe:
                    pipe.write(b"x")
        assert "whether the server carried it out is unknown" in str(caught.value)  # it has got the data

    @both
    def test_that_cannot_reach_the_server_just_now_end_no_wait(self, transport):
        """The wait goes on for as long as an outage may last."""
        retry = RetryPolicy(initial_delay=0.01, max_delay=0.02, max_outage=1.0)
        with Server(_refusing(502)) as proxy:
            client = RocketRideClient(
                "https://server.test", KEY, transport=transport, proxies={"https": proxy.url}, retry=retry
            )
            with client, pytest.raises(TransportError, match=r"the proxy .* refused the tunnel \(HTTP 502\)"):
                client.wait_until_complete(TOKEN, interval=0.05)
            assert proxy.connections > 1


def _refusing(status):
    def handler(peer):
        peer.read_request()
        peer.send(answer(b"", f"{status} No"))

    return handler


PAGES = {
    "HAProxy": b"<html><body><h1>400 Bad request</h1>\nYour browser sent an invalid request.\n</body></html>\n",
    "text": b"Bad request",
    "unknown task": b"Your pipeline is not running",
    "no slots": b"server rejected WebSocket connection: HTTP 403",
    "no permission": b"Not authenticated",
    "running": b"Pipeline is already running.",
    "gateway": json.dumps({"message": "Bad request"}).encode(),
    "gateway, unknown task": json.dumps({"error": "Your pipeline is not running"}).encode(),
    "text in JSON": json.dumps("Your pipeline is not running").encode(),
}


@each("page", PAGES)
@pytest.mark.parametrize("status", [400, 404, 409])
def test_a_page_is_never_the_servers_word(page, status):
    """Whatever it says, and whoever the key belongs to: no kind of error that only the server can tell."""
    odd = answer(PAGES[page], f"{status} Bad request")
    with Server(always(odd)) as server, client_of(server, "http", TOKEN) as client:
        with pytest.raises((ServerError, ProtocolError)) as caught:
            client.get_task_status(TOKEN)
    assert type(caught.value) in (ServerError, ProtocolError)


@each("page", ["HAProxy", "text", "unknown task", "no slots", "no permission", "running"])
@pytest.mark.parametrize("status", [400, 404, 409])
@both
def test_one_page_ends_no_wait(transport, page, status):
    odd = answer(PAGES[page], f"{status} Bad request", Connection="close")
    with Server(OddOnce(odd)) as server, client_of(server, transport, TOKEN) as client:
        assert wait(client, many=False).succeeded
