"""`connect_timeout` bounds each step of making a connection; a server that is silent then is called silent."""

import time

import pytest
import trustme

from rocketride_sync import TransportTimeoutError

from .dap_peer import RUNNING, DapPeer
from .loopback import HOST, Server
from .network_peers import SocksProxy, TunnelProxy, ask, both, tls

SHORT = 0.4
TRANSPORTS = pytest.mark.parametrize("transport", ["websocket", "http"])


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def ca_file(authority, tmp_path):
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def stall(peer):
    peer.stall()


def fails_in_time(transport, url, timeout=60, **options):
    began = time.monotonic()
    with pytest.raises(TransportTimeoutError, match=r"within (the connect timeout|\d\.\d+ s)") as caught:
        ask(None, transport, url=url, timeout=timeout, connect_timeout=SHORT, **options)
    assert SHORT <= time.monotonic() - began < SHORT + 5
    assert not caught.value.request_sent


@TRANSPORTS
@pytest.mark.parametrize("timeout", [60, None])
class TestSilence:
    def test_in_the_tls_handshake(self, transport, timeout):
        with Server(stall) as server:
            fails_in_time(transport, f"https://{HOST}:{server.port}", timeout)

    @pytest.mark.parametrize("proxy_url", ["http://", "socks5://", "socks4a://", "https://"])
    def test_of_the_proxy(self, transport, timeout, proxy_url):
        with Server(stall) as proxy:
            proxies = {"https": f"{proxy_url}{HOST}:{proxy.port}"}
            fails_in_time(transport, "https://127.0.0.7", timeout, proxies=proxies)

    @pytest.mark.parametrize("kind", [TunnelProxy, SocksProxy])
    def test_behind_the_proxy(self, transport, timeout, kind):
        scheme = "http" if kind is TunnelProxy else "socks5"
        with Server(stall) as server, Server(kind(server)) as proxy:
            proxies = {"https": f"{scheme}://{HOST}:{proxy.port}"}
            fails_in_time(transport, f"https://{HOST}:{server.port}", timeout, proxies=proxies)

    def test_in_tls_within_tls(self, authority, ca_file, transport, timeout):
        with Server(stall) as server, Server(TunnelProxy(server), tls=tls(authority)) as proxy:
            proxies = {"https": proxy.url}
            url = f"https://{HOST}:{server.port}"
            fails_in_time(transport, url, timeout, proxies=proxies, verify=ca_file)


@pytest.mark.parametrize("timeout", [60, None])
@pytest.mark.parametrize("secure", [False, True])
def test_silence_in_the_upgrade(authority, ca_file, timeout, secure):
    with Server(stall, tls=tls(authority) if secure else None) as server:
        fails_in_time("websocket", server.url, timeout, verify=ca_file)


def test_an_upgrade_answered_bit_by_bit():
    def drip(peer):
        peer.read_request()
        peer.drip(b"HTTP/1.1 101 Switching Protocols\r\nX: " + b"x" * 1000)

    with Server(drip) as server:
        fails_in_time("websocket", server.url)


def test_a_silent_server_is_called_silent():
    with Server(stall) as server, pytest.raises(TransportTimeoutError, match="is silent"):
        ask(server, "websocket", connect_timeout=SHORT)


def test_the_credential_has_the_whole_timeout(leaping):
    """An answer to it may take as long as any other."""

    def late(peer):
        it = DapPeer(peer)
        it.upgrade()
        credential = it.request()
        leaping.leap(20.0)
        it.answer(credential, {})
        it.answer(it.request(), RUNNING)

    with Server(late) as server:
        assert ask(server, "websocket", timeout=100.0, connect_timeout=10.0) == 3


@pytest.mark.parametrize(
    ("transport", "share", "said"), [("websocket", 1.0, "is silent"), ("auto", 0.51, "no complete answer")]
)
def test_a_call_that_may_last_less_ends_before(transport, share, said, leaping):
    """`auto` leaves half of the time to HTTP."""
    timeout = 20.0

    def stall_long(peer):
        peer.read_request()
        leaping.leap(share * timeout)
        peer.stall()

    with Server(stall_long) as server:
        began = time.monotonic()
        with pytest.raises(TransportTimeoutError, match=said):
            ask(server, transport, timeout=timeout, connect_timeout=100.0)
        assert time.monotonic() - began < 1.5 * timeout


def test_auto_asks_over_http_where_upgrades_are_swallowed(leaping):
    def swallowing(peer):
        request = peer.read_request()
        if "websocket" in request.lower():
            leaping.leap(10.0)
            peer.stall()
        peer._received = (request + "\r\n\r\n").encode() + peer._received
        both(peer)

    with Server(swallowing) as server:
        assert ask(server, "auto", timeout=100.0, connect_timeout=10.0) == 3
