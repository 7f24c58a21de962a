"""HTTP through proxies: which one is used, and what becomes of its faults."""

import pytest

from rocketride_sync import errors

from ..loopback import HOST, Server, always, answer
from .calls import KEY, TOKEN, call, failing, through, using


class TestProxies:
    def test_from_the_environment(self, monkeypatch):
        with Server(always(answer({"state": 1}))) as proxy:
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            monkeypatch.setenv("http_proxy", proxy.url)
            with using("http://server.test:5565") as transport:
                assert call(transport) == {"state": 1}
        assert proxy.requests[0].startswith(f"GET http://server.test:5565/task?token={TOKEN} HTTP/1.1")

    def test_as_given_beat_the_environment(self, monkeypatch):
        with Server(always(answer({}))) as wrong, Server(always(answer({"state": 1}))) as proxy:
            monkeypatch.setenv("http_proxy", wrong.url)
            with using("http://server.test", proxies={"http": proxy.url}) as transport:
                assert call(transport) == {"state": 1}
        assert wrong.connections == 0

    @pytest.mark.parametrize("proxies", [None, {}])
    def test_can_be_avoided(self, proxies, monkeypatch):
        with Server(always(answer({}))) as proxy, Server(always(answer({"state": 1}))) as server:
            monkeypatch.setenv("http_proxy", proxy.url)
            if proxies is None:
                monkeypatch.setenv("no_proxy", HOST)
            with using(server.url, proxies=proxies) as transport:
                assert call(transport) == {"state": 1}
        assert proxy.connections == 0

    @pytest.mark.parametrize(
        ("status", "expected"),
        [
            ("407 Proxy Authentication Required", errors.ServerError),
            ("403 Forbidden", errors.ServerError),
            ("503 Service Unavailable", errors.TransportError),
        ],
    )
    def test_that_refuse_a_tunnel_are_named(self, status, expected):
        with Server(always(answer(b"", status))) as proxy, through(proxy) as transport:
            error = failing(transport, expected)
        assert "the proxy " in str(error)
        assert error.http_status == int(status[:3])
        assert proxy.requests[0].startswith("CONNECT server.test:5565 ")
        assert KEY not in proxy.requests[0]

    def test_that_are_down_are_a_transport_error(self):
        with Server(always(answer({}))) as proxy:
            pass
        for scheme in ("http", "https"):
            with using(f"{scheme}://server.test", proxies={scheme: proxy.url}) as transport:
                failing(transport, errors.TransportError)

    def test_with_an_unusable_address_are_a_configuration_error(self):
        for proxy in ("http://", "http://:1", "gopher://x:1"):
            with using("http://server.test", proxies={"http": proxy}) as transport:
                failing(transport, errors.ConfigurationError)
