"""Connecting over HTTP: names with several addresses, silent addresses, resets."""

import errno
import socket
import sys
import time

import pytest

from rocketride_sync import errors
from rocketride_sync.transports import tcp as _tcp

from ..loopback import HOST, Server, always, answer, black_hole
from .calls import call, failing, using


def resolving_to(monkeypatch, *addresses, family=socket.AF_INET):
    """Every name has these addresses; those of another family come first, and the usual ones after them."""
    families = dict.fromkeys([family, socket.AF_INET])
    found = [(each, socket.SOCK_STREAM, 6, "", address) for each in families for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)


class TestConnecting:
    def test_tries_every_address(self, monkeypatch):
        with Server(always(answer({}))) as gone:
            closed = (HOST, gone.port)
        with Server(always(answer({"state": 1}))) as server, using("http://server.test") as transport:
            resolving_to(monkeypatch, closed, (HOST, server.port))
            assert call(transport) == {"state": 1}

    def test_an_address_of_an_unsupported_kind_is_passed_over(self, monkeypatch):
        with Server(always(answer({"state": 1}))) as server, using("http://server.test") as transport:
            resolving_to(monkeypatch, (HOST, server.port), family=9999)
            assert call(transport) == {"state": 1}

    @pytest.mark.skipif(sys.platform != "linux", reason="fills a listener's queue the Linux way")
    def test_a_silent_address_leaves_time_for_the_next(self, monkeypatch):
        with black_hole() as listener, Server(always(answer({"state": 1}))) as server:
            resolving_to(monkeypatch, listener.getsockname(), (HOST, server.port))
            with using("http://server.test", connect_timeout=None) as transport:
                assert call(transport, seconds=4.0) == {"state": 1}

    @pytest.mark.skipif(sys.platform != "linux", reason="fills a listener's queue the Linux way")
    def test_silent_addresses_together_keep_the_deadline(self, monkeypatch):
        with black_hole() as listener, using("http://server.test") as transport:
            resolving_to(monkeypatch, *[listener.getsockname()] * 3)
            began = time.monotonic()
            failing(transport, errors.TransportTimeoutError, seconds=0.5)
            assert time.monotonic() - began < 3.0

    @pytest.mark.parametrize(
        "fault", [ConnectionResetError(errno.ECONNRESET, "reset"), BrokenPipeError(errno.EPIPE, "")]
    )
    def test_reset_while_connecting_is_a_transport_error(self, fault, monkeypatch):
        def fail(sock, *args):
            sock.close()
            raise fault

        monkeypatch.setattr(_tcp, "_connect_one", fail)
        with using(f"http://{HOST}") as transport:
            failing(transport, errors.TransportError)
