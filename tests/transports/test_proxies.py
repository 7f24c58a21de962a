"""SOCKS proxies and proxies that want TLS: both transports go through them, within their deadlines."""

import contextlib
import socket
import threading
import time

import pytest
import trustme
from cases import each

from rocketride_sync import ConfigurationError, ServerError, TransportError, TransportTimeoutError
from rocketride_sync.address import Address
from rocketride_sync.config import Settings
from rocketride_sync.deadline import Deadline
from rocketride_sync.transports.dialing import Dialer
from rocketride_sync.transports.proxies import proxy_for
from rocketride_sync.transports.websocket.steady_socket import SteadySocket

from .dap_peer import KEY
from .loopback import HOST, Server, after_request
from .network_peers import SocksProxy, TunnelProxy, ask, both, tls

TRANSPORTS = pytest.mark.parametrize("transport", ["websocket", "http", "auto"])
VERSIONS = pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4", "socks4a"])
SHORT = 0.5


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def ca_file(authority, tmp_path):
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def late(transport, url, **options):
    """Check that a call with a short timeout keeps it."""
    began = time.monotonic()
    with pytest.raises(TransportTimeoutError):
        ask(None, transport, url=url, timeout=SHORT, **options)
    assert SHORT <= time.monotonic() - began < SHORT + 2


def dialer(url, proxy, **options):
    return Dialer(Settings(address=Address.parse(url), auth=KEY, proxies={"all": proxy}, **options))


BLANKS = pytest.mark.parametrize("blank", ["", " ", "\t ", "\n"])


class TestBlank:
    """A blank variable or entry counts as not set, as an empty one does."""

    @TRANSPORTS
    @BLANKS
    def test_variables(self, transport, blank, monkeypatch):
        for name in ("http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, blank)
        with Server(both) as server:
            assert ask(server, transport) == 3

    @TRANSPORTS
    @BLANKS
    def test_entries(self, transport, blank):
        with Server(both) as server:
            assert ask(server, transport, proxies={"http": blank, "all": blank}) == 3

    @BLANKS
    def test_the_next_one_counts(self, blank, monkeypatch):
        server = Address.parse("http://h")
        monkeypatch.setenv("http_proxy", blank)
        monkeypatch.setenv("all_proxy", "http://proxy.test")
        assert str(proxy_for(server, None)) == "the proxy http://proxy.test:80 (set by all_proxy)"
        found = proxy_for(server, {"http": blank, "all": "http://proxy.test"})
        assert str(found) == "the proxy http://proxy.test:80 (set by proxies['all'])"

    def test_what_stands_around_an_address_is_left_out(self, monkeypatch):
        monkeypatch.setenv("http_proxy", " http://proxy.test:3128\n")
        assert proxy_for(Address.parse("http://h"), None).port == 3128


class TestSocks:
    @TRANSPORTS
    @VERSIONS
    def test_is_gone_through(self, transport, scheme):
        with Server(both) as server, Server(SocksProxy(server)) as proxy:
            assert ask(server, transport, proxies={"all": f"{scheme}://{HOST}:{proxy.port}"}) == 3
        assert proxy.connections == 1

    @TRANSPORTS
    def test_of_the_environment(self, transport, monkeypatch):
        with Server(both) as server, Server(SocksProxy(server)) as proxy:
            monkeypatch.setenv("ALL_PROXY", f"socks5://{HOST}:{proxy.port}")
            assert ask(server, transport) == 3
        assert proxy.connections == 1

    @TRANSPORTS
    def test_carries_tls(self, authority, ca_file, transport):
        with Server(both, tls=tls(authority)) as server, Server(SocksProxy(server)) as proxy:
            proxies = {"https": f"socks5://{HOST}:{proxy.port}"}
            assert ask(server, transport, proxies=proxies, verify=ca_file) == 3

    @pytest.mark.parametrize(
        ("scheme", "asked"),
        [
            ("socks5h", "server.localhost"),
            ("socks5", socket.inet_aton("127.0.0.7")),
            ("socks4a", (b"\0\0\0\1", "", "server.localhost")),
            ("socks4", (socket.inet_aton("127.0.0.7"), "")),
        ],
    )
    def test_gets_the_name_or_the_address(self, scheme, asked, monkeypatch):
        look_up = socket.getaddrinfo

        def resolve(host, *args, **kwargs):
            return look_up("127.0.0.7" if host == "server.localhost" else host, *args, **kwargs)

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        with Server(both) as server:
            handler = SocksProxy(server)
            with Server(handler) as proxy:
                proxies = {"http": f"{scheme}://{HOST}:{proxy.port}"}
                assert ask(server, "http", url="http://server.localhost", proxies=proxies) == 3
        assert handler.asked == [asked]

    @TRANSPORTS
    def test_gets_user_and_password(self, transport):
        with Server(both) as server, Server(SocksProxy(server, credentials=("me", "p@ss"))) as proxy:
            proxies = {"http": f"socks5://me:p%40ss@{HOST}:{proxy.port}"}
            assert ask(server, transport, proxies=proxies) == 3

    @TRANSPORTS
    @pytest.mark.parametrize("user", ["", "me:hunter2@"])
    def test_that_refuses_the_user_is_named(self, transport, user):
        with Server(both) as server, Server(SocksProxy(server, ("me", "secret"))) as proxy:
            proxies = {"http": f"socks5://{user}{HOST}:{proxy.port}"}
            with pytest.raises(ServerError, match=r"the proxy socks5:.* refused: .* user") as caught:
                ask(server, transport, proxies=proxies)
        assert "hunter2" not in str(caught.value)

    @TRANSPORTS
    @pytest.mark.parametrize("reply", [2, 7, 8])
    def test_that_forbids_the_connection_is_named_at_once(self, transport, reply):
        with Server(both) as server, Server(SocksProxy(server, reply=reply)) as proxy:
            proxies = {"http": f"socks5://{HOST}:{proxy.port}"}
            with pytest.raises(ServerError, match=r"the proxy socks5:.* refused: it"):
                ask(server, transport, proxies=proxies)

    @TRANSPORTS
    @VERSIONS
    def test_that_cannot_connect_is_named(self, transport, scheme):
        with Server(both) as server, Server(SocksProxy(server, reply=5)) as proxy:
            with pytest.raises(TransportError, match="SOCKS proxy did not connect"):
                ask(server, transport, proxies={"http": f"{scheme}://{HOST}:{proxy.port}"})

    @TRANSPORTS
    @VERSIONS
    @each("answer", [b"", b"\x05", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x05\x00\x05\x00\x00\x09"])
    def test_that_is_none_is_a_transport_error(self, transport, scheme, answer):
        def handler(peer):
            peer.sock.recv(100)
            peer.send(answer)

        with Server(handler) as proxy, pytest.raises(TransportError):
            ask(proxy, transport, proxies={"http": f"{scheme}://{HOST}:{proxy.port}"})

    @TRANSPORTS
    @VERSIONS
    def test_that_is_silent_keeps_the_deadline(self, transport, scheme):
        with Server(lambda peer: peer.stall()) as proxy:
            late(transport, "http://127.0.0.7", proxies={"http": f"{scheme}://{HOST}:{proxy.port}"})

    @TRANSPORTS
    def test_that_answers_bit_by_bit_keeps_the_deadline(self, transport):
        with Server(lambda peer: peer.drip(b"\x05\x00\x05\x00\x00\x03\xff" + b"x" * 257)) as proxy:
            late(transport, "http://127.0.0.7", proxies={"http": f"socks5://{HOST}:{proxy.port}"})

    @TRANSPORTS
    def test_before_a_server_that_answers_bit_by_bit_keeps_the_deadline(self, transport):
        slow = after_request(lambda peer: peer.drip(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1000))
        with Server(slow) as server, Server(SocksProxy(server)) as proxy:
            late(transport, server.url, proxies={"http": f"socks5://{HOST}:{proxy.port}"})

    def test_4_knows_no_ipv6(self):
        with Server(SocksProxy(None)) as proxy, pytest.raises(ConfigurationError, match="IPv6"):
            dialer("http://[2001:db8::7]", f"socks4://{HOST}:{proxy.port}").dial(Deadline(20))

    def test_takes_no_endless_password(self):
        with Server(SocksProxy(None, ("me", "x"))) as proxy, pytest.raises(
            ConfigurationError, match="longer"
        ):
            dialer("http://127.0.0.7", f"socks5://me:{'x' * 256}@{HOST}:{proxy.port}").dial(Deadline(20))


class TestTlsProxies:
    @TRANSPORTS
    @pytest.mark.parametrize("inner", [False, True])
    def test_are_gone_through(self, authority, ca_file, transport, inner):
        with Server(both, tls=tls(authority) if inner else None) as server:
            handler = TunnelProxy(server)
            with Server(handler, tls=tls(authority)) as proxy:
                proxies = {"all": proxy.url}
                assert ask(server, transport, proxies=proxies, verify=ca_file) == 3
        assert handler.heads[0].startswith(f"CONNECT {HOST}:{server.port} ")
        assert KEY not in handler.heads[0]

    @TRANSPORTS
    def test_may_take_their_time(self, authority, ca_file, transport):
        """Longer than the slice that a step takes before it is tried again."""
        with Server(both, tls=tls(authority)) as server:
            handler = TunnelProxy(server, before_joining=lambda: time.sleep(0.8))
            with Server(handler, tls=tls(authority)) as proxy:
                assert ask(server, transport, proxies={"https": proxy.url}, verify=ca_file) == 3

    @TRANSPORTS
    def test_that_stall_keep_the_deadline(self, authority, ca_file, transport):
        with Server(lambda peer: peer.stall()) as server:
            with Server(TunnelProxy(server), tls=tls(authority)) as proxy:
                url = f"https://{HOST}:{server.port}"
                late(transport, url, proxies={"https": proxy.url}, verify=ca_file)

    @TRANSPORTS
    def test_before_a_server_that_answers_bit_by_bit_keep_the_deadline(self, authority, ca_file, transport):
        slow = after_request(lambda peer: peer.drip(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1000))
        with Server(slow, tls=tls(authority)) as server:
            with Server(TunnelProxy(server), tls=tls(authority)) as proxy:
                late(transport, server.url, proxies={"https": proxy.url}, verify=ca_file)

    def test_what_they_hand_on_together_is_all_seen(self, authority, ca_file):
        """The outer TLS has read all of it from the network, where nothing is left to look for."""

        begun, sent = threading.Event(), threading.Event()

        def handler(peer):
            peer.sock.recv(2)
            begun.set()
            peer.send(b"one")
            peer.send(b"two")
            sent.set()
            peer.stall()

        with Server(handler, tls=tls(authority)) as server:
            tunnel = TunnelProxy(server, before_handing_on=lambda: begun.is_set() and sent.wait(20))
            with Server(tunnel, tls=tls(authority)) as proxy:
                sock = dialer(server.url, proxy.url, verify=ca_file).dial(Deadline(20))
                sock.send(b"go")
                with contextlib.closing(SteadySocket(sock, Deadline(20), 45.0)) as steady:
                    assert steady.recv(3) == b"one"
                    assert steady.has_input()
                    assert steady.recv(3) == b"two"
                    assert not steady.has_input()

    @TRANSPORTS
    def test_are_verified(self, authority, ca_file, transport):
        with Server(both, tls=tls(authority)) as server:
            with Server(TunnelProxy(server), tls=tls(trustme.CA())) as proxy:
                with pytest.raises(Exception, match="certificate"):
                    ask(server, transport, proxies={"https": proxy.url}, verify=ca_file)

    def test_carry_much_in_both_directions(self, authority, ca_file):
        size = 3_000_000

        def echo(peer):
            left = size
            while left:
                data = peer.sock.recv(65536)
                left -= len(data)
                peer.send(data)

        with Server(echo, tls=tls(authority)) as server:
            with Server(TunnelProxy(server), tls=tls(authority)) as proxy:
                sock = dialer(server.url, proxy.url, verify=ca_file).dial(Deadline(20))
                sock.settimeout(20)
                data, back = bytes(range(256)) * 40, b""
                for _ in range(size // len(data) + 1):
                    chunk = data[: size - len(back)]
                    while chunk:
                        chunk = chunk[sock.send(chunk) :]
                    wanted = min(size, len(back) + len(data))
                    while len(back) < wanted:
                        back += sock.recv(65536)
                assert back == (data * (size // len(data) + 1))[:size]
                with sock.makefile("rb") as file:
                    sock.close()
                    assert sock.fileno() != -1  # open until the file is closed, too
                    assert file.read() == b""
                assert sock.fileno() == -1
