"""What is told of a proxy that is in the way: which one, without its password, and where it was set."""

import re

import pytest
from cases import each

from rocketride_sync import ConfigurationError, RocketRideError, ServerError, TransportError
from rocketride_sync.address import Address
from rocketride_sync.transports.proxies import Proxy, proxy_for

from .loopback import HOST, Server, always, answer
from .network_peers import SocksProxy, ask

pytestmark = pytest.mark.filterwarnings("ignore:the API key travels")

TRANSPORTS = pytest.mark.parametrize("transport", ["websocket", "http", "auto"])
SERVERS = pytest.mark.parametrize("url", ["http://server.test", "https://server.test"])
PASSWORD = "hunter2"


def told(transport, url, error=RocketRideError, **options):
    with pytest.raises(error) as caught:
        ask(None, transport, url=url, **options)
    text = str(caught.value)
    assert PASSWORD not in text
    return text


def forbidding(status):
    return always(answer(b"", status))


FAULTS = {
    "password": (forbidding("407 x"), ServerError),
    "reset": (lambda peer: peer.reset(), TransportError),
    "no HTTP": (lambda peer: peer.send(b"\x15\x03\x01\x00\x02"), RocketRideError),
    "silence": (lambda peer: peer.stall(), TransportError),
}


@TRANSPORTS
@SERVERS
@each("fault", FAULTS)
def test_a_fault_names_the_proxy_and_the_argument(transport, url, fault):
    handler, error = FAULTS[fault]
    with Server(handler) as server:
        proxy = f"http://user:{PASSWORD}@{HOST}:{server.port}"
        text = told(transport, url, error, proxies={"all": proxy}, timeout=1.0)
    expected = f"the proxy http://{HOST}:{server.port} (set by proxies['all'])"
    # A whole URL that a proxy garbles may be the server's fault too.
    assert expected in text, text


@TRANSPORTS
@SERVERS
def test_a_tunnel_that_is_forbidden(transport, url):
    if transport == "http" and url.startswith("http:"):
        pytest.skip("it gets the whole URL, and its answer may be the server's")
    with Server(forbidding("403 No")) as server:
        text = told(transport, url, ServerError, proxies={"all": f"http://u:{PASSWORD}@{HOST}:{server.port}"})
    assert f"the proxy http://{HOST}:{server.port} (set by proxies['all']) refused the tunnel" in text


@TRANSPORTS
@SERVERS
@each("scheme", ["http", "https", "socks5", "socks4a"])
@each("host", [f"{HOST}:1", "nowhere.invalid:1"])
def test_one_that_is_not_there(transport, url, scheme, host):
    text = told(transport, url, TransportError, proxies={"all": f"{scheme}://u:{PASSWORD}@{host}"})
    assert f"the proxy {scheme}://{host} (set by proxies['all'])" in text


@TRANSPORTS
@SERVERS
def test_a_socks_proxy_that_refuses(transport, url):
    with Server(SocksProxy(None, reply=2)) as server:
        proxies = {"all": f"socks5://u:{PASSWORD}@{HOST}:{server.port}"}
        text = told(
            transport,
            "http://127.0.0.7" if url[4] == ":" else "https://127.0.0.7",
            ServerError,
            proxies=proxies,
        )
    assert f"the proxy socks5://{HOST}:{server.port} (set by proxies['all']) refused: its rules" in text


@TRANSPORTS
@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])
def test_the_variable_of_the_environment_is_named(monkeypatch, transport, variable):
    monkeypatch.setenv(variable, f"http://u:{PASSWORD}@{HOST}:1")
    text = told(transport, "https://server.test", TransportError)
    assert f"the proxy http://{HOST}:1 (set by {variable})" in text
    monkeypatch.setenv(variable, f"gopher://u:{PASSWORD}@{HOST}:1")
    assert told(transport, "https://server.test", ConfigurationError).startswith(f"{variable}: ")


def test_of_two_variables_the_one_that_counts_is_named(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://upper.test")
    monkeypatch.setenv("http_proxy", "http://lower.test")
    proxy = proxy_for(Address.parse("http://h"), None)
    assert (proxy.host, proxy.origin) == ("lower.test", "http_proxy")


@each("password", ["hun/ter2", "12/ter2", "12#ter2", "12?ter2", "hun ter2/", "1/2@ter2"])
def test_a_password_that_makes_the_address_ambiguous_is_not_shown(password):
    with pytest.raises(ConfigurationError, match=re.escape("as %XX")) as caught:
        Proxy.parse(f"http://user:{password}@proxy.test:3128")
    assert "ter2" not in str(caught.value)
    assert "12" not in str(caught.value).replace("3128", "")


def test_a_proxys_name_shows_no_control_characters():
    assert "\x1b" not in str(Proxy("http", "a\x1bb", 1, None))


@each("host", ["a b", " ", "a ", "\u3000x", "a\x1bb", "a\x7f"])
def test_a_host_with_blanks_or_control_characters_is_none(host):
    with pytest.raises(ConfigurationError, match=r"^http_proxy: the address of the proxy is unusable"):
        Proxy.parse(f"http://{host}:1", "http_proxy")
