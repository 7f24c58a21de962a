"""IPv6 addresses with a zone, which says through which interface they are reached: alike over both transports."""

import socket

import pytest
from cases import each

from rocketride_sync import ConfigurationError, TransportError
from rocketride_sync.address import Address
from rocketride_sync.transports.proxies import Proxy, proxy_for

from . import loopback
from .network_peers import ask, both

pytestmark = pytest.mark.filterwarnings("ignore:the API key travels")

TRANSPORTS = pytest.mark.parametrize("transport", ["websocket", "http"])


def loopback_works():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.fixture
def ipv6(monkeypatch):
    """Have the servers of this test listen on ::1."""
    if not loopback_works():
        pytest.skip("there is no IPv6")
    create = socket.create_server
    monkeypatch.setattr(loopback, "HOST", "::1")
    monkeypatch.setattr(
        loopback.socket,
        "create_server",
        lambda address, **how: create(address, family=socket.AF_INET6, **how),
    )
    knock = loopback.socket.socket

    class Knock(knock):
        def __init__(self, family=socket.AF_INET6, *args, **kwargs):
            super().__init__(family, *args, **kwargs)

    monkeypatch.setattr(loopback.socket, "socket", Knock)


@each(
    ("uri", "host", "zone"),
    [
        ("http://[fe80::1%25eth0]", "fe80::1", "eth0"),
        ("http://[fe80::1%eth0]:80/x", "fe80::1", "eth0"),
        ("[fe80::1%251]:80", "fe80::1", "1"),
        ("http://[fe80::1%25]", "fe80::1", "25"),
        ("http://[fe80::1]", "fe80::1", ""),
    ],
)
def test_a_zone_is_read_in_either_form(uri, host, zone):
    address = Address.parse(uri)
    assert (address.host, address.zone) == (host, zone)
    assert address.authority.startswith(f"[{host}]")
    assert str(address).startswith(f"http://[{host}%25{zone}]" if zone else f"http://[{host}]")
    assert address.dialled_host == (f"{host}%{zone}" if zone else host)


@pytest.mark.parametrize("uri", ["http://host%25eth0", "http://127.0.0.1%eth0", "http://[fe80::1%]"])
def test_only_addresses_of_ipv6_have_one(uri):
    with pytest.raises(ConfigurationError, match="uri: "):
        Address.parse(uri)


@TRANSPORTS
@pytest.mark.parametrize("zone", ["%1", "%251"])
def test_it_is_used_to_connect_and_not_sent(ipv6, transport, zone):
    with loopback.Server(both) as server:
        assert ask(server, transport, url=f"http://[::1{zone}]:{server.port}") == 3
        hosts = {line for head in server.requests for line in head.splitlines() if line.startswith("Host: ")}
    assert hosts == {f"Host: [::1]:{server.port}"}


@TRANSPORTS
def test_an_interface_that_is_not_there_is_a_transport_error(transport):
    with pytest.raises(TransportError, match=r"\[fe80::1%25nosuch\]"):
        ask(None, transport, url="http://[fe80::1%25nosuch]:5565")


def test_no_proxy_does_not_look_at_it(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://proxy.test")
    address = Address.parse("http://[fe80::1%25eth0]")
    assert proxy_for(address, None) is not None
    for excepted in ("fe80::1", "fe80::/10", "[fe80::1]:5565"):
        monkeypatch.setenv("no_proxy", excepted)
        assert proxy_for(address, None) is None


def test_a_proxy_may_have_one():
    assert Proxy.parse("http://[fe80::1%25eth0]:80").host == "fe80::1%eth0"
    assert "[fe80::1%eth0]:80" in str(Proxy.parse("http://[fe80::1%eth0]:80"))
