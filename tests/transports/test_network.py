"""TLS and proxies: alike on both transports, an argument before the environment."""

import errno
import socket
import ssl
from types import SimpleNamespace
from unittest import mock

import pytest
import trustme
from cases import each

from rocketride_sync import (
    CertificateError,
    ConfigurationError,
    RocketRideClient,
    RocketRideError,
    RocketRideWarning,
    TransportError,
)
from rocketride_sync.address import Address
from rocketride_sync.transports.http.session import _proxy_for_whole_urls
from rocketride_sync.transports.proxies import Proxy, proxy_for
from rocketride_sync.transports.tls_files import tls_context

from .dap_peer import KEY
from .loopback import HOST, Server
from .network_peers import TunnelProxy, ask, both, tls

BOTH = pytest.mark.parametrize("transport", ["websocket", "http"])


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def ca_file(authority, tmp_path):
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@BOTH
def test_a_certificate_of_a_given_authority_is_trusted(authority, ca_file, transport):
    with Server(both, tls=tls(authority)) as server:
        assert ask(server, transport, verify=ca_file) == 3


@BOTH
@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_the_environment_may_name_the_authority(authority, ca_file, transport, variable, monkeypatch):
    monkeypatch.setenv(variable, ca_file)
    with Server(both, tls=tls(authority)) as server:
        assert ask(server, transport) == 3


@BOTH
def test_an_argument_beats_the_environment(authority, ca_file, transport, monkeypatch, tmp_path):
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
    with Server(both, tls=tls(authority)) as server:
        assert ask(server, transport, verify=ca_file) == 3
        with pytest.raises(CertificateError):
            ask(server, transport)


@BOTH
def test_authorities_that_were_not_named_are_not_trusted(
    authority, ca_file, transport, monkeypatch, tmp_path
):
    """Not those of the system, and not those of the environment beside the argument."""
    named = tmp_path / "named.pem"
    trustme.CA().cert_pem.write_to_path(str(named))
    monkeypatch.setenv("SSL_CERT_FILE", ca_file)
    with Server(both, tls=tls(authority)) as server, pytest.raises(CertificateError):
        ask(server, transport, verify=str(named))


def test_a_context_trusts_the_named_authority_alone(ca_file):
    assert len(tls_context(ca_file, None).get_ca_certs()) == 1


@BOTH
def test_verification_can_be_turned_off_with_a_warning(authority, transport):
    with Server(both, tls=tls(authority)) as server, pytest.warns(RocketRideWarning, match="verify=False"):
        assert ask(server, transport, verify=False) == 3


@BOTH
def test_a_client_certificate_is_shown(authority, ca_file, transport, tmp_path):
    context = tls(authority)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    mine = tmp_path / "mine.pem"
    authority.issue_cert("me@example.org").private_key_and_cert_chain_pem.write_to_path(str(mine))
    with Server(both, tls=context) as server:
        assert ask(server, transport, verify=ca_file, cert=str(mine)) == 3


@pytest.mark.parametrize("transport", ["websocket", "auto"])
def test_a_server_that_misses_a_client_certificate_is_no_reason_to_go_on(authority, ca_file, transport):
    """TLS 1.3 says so only after the handshake, where a connection that is cut would mean a proxy."""
    context = tls(authority)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    with Server(both, tls=context) as server, pytest.raises(CertificateError, match="cert="):
        ask(server, transport, verify=ca_file)


@BOTH
def test_paths_may_be_path_objects(authority, ca_file, transport, tmp_path):
    from pathlib import Path

    mine = tmp_path / "mine.pem"
    authority.issue_cert("me@example.org").private_key_and_cert_chain_pem.write_to_path(str(mine))
    with Server(both, tls=tls(authority)) as server:
        assert ask(server, transport, verify=Path(ca_file), cert=mine) == 3


@BOTH
def test_a_silent_address_leaves_time_for_the_next(transport, monkeypatch):
    """Of a host's addresses, the first accepts no connection and the second does."""
    silent = socket.socket()
    silent.bind((HOST, 0))
    silent.listen(0)
    fill = [socket.socket() for _ in range(3)]
    for sock in fill:
        sock.setblocking(False)
        sock.connect_ex(silent.getsockname())
    with Server(both) as server:
        addresses = [silent.getsockname(), (HOST, server.port)]
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in addresses]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)
        assert ask(server, transport, connect_timeout=4.0) == 3
    for sock in [silent, *fill]:
        sock.close()


@pytest.fixture
def replaced(monkeypatch):
    """Put another class in place of `socket.socket`, as a SOCKS package or a guard of tests does; what it connected."""
    connected = []

    class Replacement(socket.socket):
        def connect(self, address):
            connected.append(address)
            super().connect(address)

    return connected, lambda: monkeypatch.setattr(socket, "socket", Replacement)


@BOTH
@pytest.mark.parametrize("secure", [False, True])
def test_a_socket_class_that_was_replaced_after_the_import_is_used(
    authority, ca_file, transport, replaced, secure
):
    connected, replace = replaced
    with Server(both, tls=tls(authority) if secure else None) as server:
        with RocketRideClient(
            server.url, KEY, transport=transport, verify=ca_file if secure else True
        ) as client:
            client.get_task_status("tk_1")
            assert connected == []
            replace()
            client.get_task_status("tk_1")  # not over the connection that is kept
            client.get_task_status("tk_1")
        assert connected == [(HOST, server.port)]
        assert server.connections == 2


@BOTH
def test_a_server_without_tls_is_no_certificate_error(transport):
    with Server(lambda peer: peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server:
        with pytest.raises(TransportError):
            ask(server, transport, url=f"https://{HOST}:{server.port}")


@BOTH
@pytest.mark.parametrize("option", ["verify", "cert"])
def test_unusable_certificate_files_are_a_configuration_error(authority, transport, tmp_path, option):
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("not a certificate")
    with Server(both, tls=tls(authority)) as server, pytest.raises(ConfigurationError, match="certificate"):
        ask(server, transport, **{option: str(rubbish)})


# --- proxies


@BOTH
def test_a_proxy_is_used_and_given_its_password(transport):
    with Server(both) as server:
        handler = TunnelProxy(server)
        with Server(handler) as proxy:
            proxies = {"http": f"http://me:p%40ss@{HOST}:{proxy.port}"}
            assert ask(server, transport, proxies=proxies) == 3
    assert "Proxy-Authorization: Basic bWU6cEBzcw==" in handler.heads[0]


@BOTH
def test_tls_goes_through_a_tunnel(authority, ca_file, transport):
    with Server(both, tls=tls(authority)) as server:
        handler = TunnelProxy(server)
        with Server(handler) as proxy:
            proxies = {"https": f"http://{HOST}:{proxy.port}"}
            assert ask(server, transport, verify=ca_file, proxies=proxies) == 3
    assert handler.heads[0].startswith(f"CONNECT {HOST}:{server.port} HTTP/1.")
    assert KEY not in handler.heads[0]


@BOTH
@pytest.mark.parametrize("interim", ["100 Continue", "103 Early Hints\r\nLink: </x>; rel=preload"])
def test_a_proxy_may_send_informational_answers_first(authority, ca_file, transport, interim):
    with Server(both, tls=tls(authority)) as server:
        with Server(TunnelProxy(server, f"{interim}\r\n\r\nHTTP/1.1 200 Connection established")) as proxy:
            proxies = {"https": f"http://{HOST}:{proxy.port}"}
            assert ask(server, transport, verify=ca_file, proxies=proxies) == 3


@BOTH
@each("line_end", ["\n", "\r\n"])
@each("verdict", ["200 OK", "200", "200 OK\nVia: x", "100 Continue\n\nHTTP/1.1 200 OK\r\nVia: x"])
def test_a_proxys_lines_may_end_without_a_carriage_return(authority, ca_file, transport, verdict, line_end):
    """A recipient may take a single line feed for the end of a line (RFC 9112, section 2.2)."""
    with Server(both, tls=tls(authority)) as server:
        with Server(TunnelProxy(server, verdict, line_end=line_end)) as proxy:
            proxies = {"https": f"http://{HOST}:{proxy.port}"}
            assert ask(server, transport, verify=ca_file, proxies=proxies, timeout=5) == 3


@BOTH
def test_a_proxy_that_refuses_the_tunnel(authority, ca_file, transport):
    with Server(both, tls=tls(authority)) as server:
        with Server(TunnelProxy(server, "503 Service Unavailable")) as proxy:
            proxies = {"https": f"http://{HOST}:{proxy.port}"}
            with pytest.raises(TransportError, match="503"):
                ask(server, transport, verify=ca_file, proxies=proxies)


@BOTH
def test_the_environments_proxy_is_used_unless_an_argument_says_otherwise(transport, monkeypatch):
    with Server(both) as server:
        handler = TunnelProxy(server)
        with Server(handler) as proxy:
            monkeypatch.setenv("http_proxy", f"http://{HOST}:{proxy.port}")
            assert ask(server, transport) == 3
            assert len(handler.heads) == 1
            assert ask(server, transport, proxies={}) == 3
            assert len(handler.heads) == 1
            for excepted in (HOST, "10.0.0.0/8,127.0.0.0/8"):
                monkeypatch.setenv("no_proxy", excepted)
                assert ask(server, transport) == 3
                assert len(handler.heads) == 1


@each("url", ["socks6://proxy:1", "http://", "http://proxy:port", "ftp://u:hunter2@proxy"])
def test_an_unusable_proxy_is_a_configuration_error(url):
    with pytest.raises(ConfigurationError, match="proxy") as caught:
        Proxy.parse(url)
    assert "hunter2" not in str(caught.value)


@each(
    ("uri", "host"),
    [("http://h", "plain"), ("https://h", "tls"), ("https://special", "special"), ("ws://h", "plain")],
)
def test_a_proxy_is_chosen_by_scheme_and_host(uri, host):
    proxies = {"http": "http://plain", "https": "tls:3128", "https://special": "http://special:1"}
    assert proxy_for(Address.parse(uri), proxies).host == host


def test_without_proxy_settings_there_is_none():
    assert proxy_for(Address.parse("http://h"), {}) is None
    assert "hunter2" not in repr(Proxy.parse("http://u:hunter2@proxy"))


EXCEPTED = [
    ("127.0.0.1", "127.0.0.1", True),
    ("127.0.0.1", "127.0.0.0/8", True),
    ("127.0.0.1", "127.0.0.1/8", True),
    ("127.0.0.1", "http://intranet/,127.0.0.0/8", True),
    ("127.0.0.1", "127.0.0.0/99, 127.0.0.0/8", True),
    ("127.0.0.1", "*", True),
    ("127.0.0.1", "10.0.0.0/8,/,http://127.0.0.1/", False),
    ("127.0.0.1", "::1/128", False),
    ("::1", "::1/128", True),
    ("fe80::1%eth0", "fe80::/10", True),
    ("fe80::1%eth0", "fd00::/8", False),
    ("server.example", "10.0.0.0/8,.example", True),
    ("server.example", "other.example", False),
]


@pytest.mark.parametrize(("host", "excepted", "direct"), EXCEPTED)
def test_no_proxy_is_read_alike_for_both_transports(monkeypatch, host, excepted, direct):
    for name in ("http_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", excepted)
    address = Address(False, host, 5565, "")
    assert (proxy_for(address, None) is None) == direct
    assert (_proxy_for_whole_urls(SimpleNamespace(address=address, proxies=None)) is None) == direct


@BOTH
@pytest.mark.parametrize(
    "fault", [ConnectionRefusedError(111, "Connection refused"), socket.timeout("timed out")], ids=repr
)
@pytest.mark.parametrize(
    ("uri", "another"),
    [
        ("https://rr.example/base", "https://rr.example:443/base"),
        ("localhost", "http://localhost:80"),
        ("https://[fe80::1%25eth0]", "https://[fe80::1%25eth0]:443"),
        ("https://rr.example:5565", None),
        ("https://rr.example:443", None),
        ("https://api.rocketride.ai", None),
    ],
)
def test_without_a_connection_it_is_said_once_that_the_port_was_assumed(
    monkeypatch, transport, fault, uri, another
):
    def connect(*_):
        raise fault

    monkeypatch.setattr("rocketride_sync.transports.dialing.connect", connect)
    with RocketRideClient(uri, KEY, transport=transport) as client, pytest.raises(TransportError) as caught:
        client.get_task_status("tk_1", timeout=5)
    note = f" (5565 is the default port; for another one, write {another})" if another else ""
    message = str(caught.value)
    assert f"no connection to {Address.parse(uri)}{note}" in message
    assert message.count("default port") == bool(another)


@BOTH
def test_a_proxy_that_refuses_an_assumed_port_is_told_with_how_to_give_another_one(monkeypatch, transport):
    """Many proxies of companies open tunnels to port 443 alone."""
    monkeypatch.setattr("rocketride_sync.transports.dialing.connect", lambda *_: socket.socket())
    monkeypatch.setattr("rocketride_sync.transports.dialing._open_tunnel", lambda *_: 403)
    proxies = {"https": "http://proxy.example:3128"}
    with RocketRideClient("https://rr.example", KEY, transport=transport, proxies=proxies) as client:
        with pytest.raises(RocketRideError, match="refused the tunnel") as caught:
            client.get_task_status("tk_1", timeout=5)
    assert str(caught.value).count("write https://rr.example:443") == 1


@BOTH
@pytest.mark.parametrize(("scheme", "step"), [("socks5h", "_pass_socks"), ("http", "_open_tunnel")])
def test_without_a_connection_through_a_proxy_it_is_said_once_that_the_port_was_assumed(
    monkeypatch, transport, scheme, step
):
    def refuse(*_):
        raise OSError(None, "the host refused the connection")

    monkeypatch.setattr("rocketride_sync.transports.dialing.connect", lambda *_: socket.socket())
    loaded = refuse if step == "_open_tunnel" else lambda: refuse
    monkeypatch.setattr(f"rocketride_sync.transports.dialing.{step}", loaded)
    proxies = {"https": f"{scheme}://proxy.example:1080"}
    with RocketRideClient("https://rr.example", KEY, transport=transport, proxies=proxies) as client:
        with pytest.raises(TransportError, match="the host refused the connection") as caught:
            client.get_task_status("tk_1", timeout=5)
    assert str(caught.value).count("write https://rr.example:443") == 1


@BOTH
@pytest.mark.parametrize("timeout", [10**400, 1e300, 2**63])
def test_a_timeout_beyond_clocks_is_like_a_very_long_one(transport, timeout):
    with Server(both) as server:
        assert ask(server, transport, timeout=timeout, connect_timeout=timeout) == 3


@pytest.mark.parametrize("method", ["receive", "upgrade"])
def test_too_little_memory_is_no_fault_of_the_server(monkeypatch, method):
    from rocketride_sync.transports.websocket.framing import Framing

    def fail(*_, **__):
        raise MemoryError

    monkeypatch.setattr(Framing, method, fail)
    for transport in ("websocket", "auto"):
        with Server(both) as server, pytest.raises(MemoryError):
            ask(server, transport)


@pytest.mark.parametrize("transport", ["websocket", "http", "auto"])
def test_a_proxy_password_that_is_not_utf_8_is_told_without_it(monkeypatch, transport):
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    proxies = {"https": "http://u:hunter\udcff@127.0.0.1:1"}
    with RocketRideClient("https://server.test:5565", KEY, transport=transport, proxies=proxies) as client:
        with pytest.raises(ConfigurationError, match="not UTF-8") as caught:
            client.get_task_status("tk_1")
    assert "hunter" not in str(caught.value)


@BOTH
def test_a_mock_in_the_place_of_sockets(transport, monkeypatch):
    """As in the tests of a program, to see what it does without a network."""
    refuse = mock.Mock(side_effect=OSError(errno.ENETDOWN, "Network is down"))
    with monkeypatch.context() as replaced:
        replaced.setattr(socket, "socket", refuse)
        with pytest.raises(TransportError, match="Network is down"):
            ask(None, transport, url="http://127.0.0.1:9")
    assert refuse.called
