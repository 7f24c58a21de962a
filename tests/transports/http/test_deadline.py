"""The deadline of a call over HTTP bounds every step of it, against servers that are slow in each."""

import gzip
import socket
import time

from leaping import leap

from rocketride_sync import errors
from rocketride_sync.protocol import content_encoding

from ..loopback import HOST, Server, after_request, always, answer
from ..object_peers import MIB, RESULT, TOKEN, HttpPeer, http
from .calls import START, call, failing, through, using

SECONDS = 20.0  # of a call, which pass once the server has begun to be slow


def drip_chunks(peer):
    peer.send(answer(length=False, Transfer_Encoding="chunked"))
    leap(SECONDS)
    peer.drip(b"1\r\nx\r\n" * 200)


def stall(peer):
    peer.stall()


class TestTheDeadline:
    def kept(self, server, **options):
        with server, using(options.pop("url", server.url), **options) as transport:
            began = time.monotonic()
            error = failing(transport, errors.TransportTimeoutError, seconds=SECONDS)
            assert time.monotonic() - began < 2 * SECONDS
        return error

    def test_bounds_an_answer_in_chunks(self):
        assert "no complete answer" in str(self.kept(Server(after_request(drip_chunks))))

    def test_bounds_the_decompression_of_an_answer(self, monkeypatch, leaping):
        body = answer(gzip.compress(bytes(900_000)), Content_Encoding="gzip")
        inflate = content_encoding._inflate
        monkeypatch.setattr(  # in place of a body that takes so long
            content_encoding,
            "_inflate",
            lambda *how: (leaping.leap(SECONDS / 2) or piece for piece in inflate(*how)),
        )
        assert self.kept(Server(always(body))).request_sent

    def test_bounds_a_proxys_tunnel(self, leaping):
        def drip(peer):
            leaping.leap(SECONDS)
            peer.drip(b"HTTP/1.1 200 " + b"x" * 500)

        server = Server(after_request(drip))
        self.kept(server, url="https://server.test", proxies={"https": server.url})

    def test_bounds_a_tunnel_and_the_handshake_behind_it_together(self, leaping):
        def tunnel(peer):
            leaping.leap(0.9 * SECONDS)
            peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
            peer.stall()

        with Server(after_request(tunnel)) as proxy, through(proxy) as transport:
            began = time.monotonic()
            failing(transport, errors.TransportTimeoutError, seconds=SECONDS)
            assert time.monotonic() - began < 1.8 * SECONDS

    def test_bounds_the_retry_too(self, leaping):
        def second_is_late(peer):
            if server.connections == 1:
                peer.read_request()
                peer.send(answer({}))
                peer.read_request()
            else:
                peer.read_request()
                leaping.leap(SECONDS)
                peer.stall()

        server = Server(second_is_late)
        with server, using(server.url) as transport:
            call(transport)
            began = time.monotonic()
            failing(transport, errors.TransportTimeoutError, seconds=SECONDS)
            assert time.monotonic() - began < 2 * SECONDS
        assert server.connections == 2

    def test_that_has_passed_sends_nothing(self):
        with Server(always(answer({}))) as server, using(server.url) as transport:
            error = failing(transport, errors.TransportTimeoutError, START, seconds=0.0)
        assert not error.request_sent
        assert server.connections == 0

    def test_may_be_unlimited(self):
        with Server(always(answer({"state": 1}))) as server:
            for connect_timeout in (None, 5.0):
                with using(server.url, connect_timeout=connect_timeout) as transport:
                    assert call(transport, seconds=None) == {"state": 1}

    def test_is_not_cut_by_the_connect_timeout(self, leaping):
        def late(peer):
            leaping.leap(SECONDS / 2)
            peer.send(answer({"state": 1}))

        limit = SECONDS / 4
        with Server(after_request(late)) as server, using(server.url, connect_timeout=limit) as transport:
            assert call(transport) == {"state": 1}

    def test_connect_timeout_does_not_bound_sending(self, leaping):
        it = HttpPeer()

        def late(peer):
            peer.sock.recv(1, socket.MSG_PEEK)  # once it is connected
            leaping.leap(SECONDS / 2)
            it(peer)

        with Server(late) as server, http(server, connect_timeout=SECONDS / 4) as client:
            assert client.send(TOKEN, b"x" * 16 * MIB) == RESULT

    def test_connect_timeout_bounds_connecting_alone(self):
        with Server(stall) as server, using(
            f"https://{HOST}:{server.port}", connect_timeout=0.3
        ) as transport:
            began = time.monotonic()
            error = failing(transport, errors.TransportTimeoutError, seconds=30.0)
            assert time.monotonic() - began < 5.0
        assert "within the connect timeout" in str(error)
