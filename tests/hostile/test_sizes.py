"""More than may come, or without end: it is refused, in time, before it has filled the memory.

What never pauses keeps the reader busy. So the time that counts is that of the reader on the processor: it does not
depend on who else is busy.
"""

import functools
import gzip
import itertools
import struct
import time

import pytest
from transports.dap_peer import BINARY, CLOSE, PING, PONG, TEXT, dap, frame
from transports.loopback import Server, after_request, answer

from rocketride_sync import ProtocolError, RocketRideClient, TransportError, TransportTimeoutError

from .servers import KEY, TOKEN

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
BLOCK = b"x" * 65_536
LIMIT = 100_000
MOST_SENT = 30_000_000  # what the buffers of the system hold counts too
SHORT = 0.5


class Flood:
    """A handler that sends pieces until the client goes away, and counts the bytes.

    Args:
        transport: what to be a server of.
        pieces: made anew for each connection.
    """

    def __init__(self, transport, pieces):
        self.sent = 0
        self._pieces = pieces
        self._handler = after_request(self._pour) if transport == "http" else dap(self._answer)

    def __call__(self, peer):
        self._handler(peer)

    def _answer(self, it):
        it.request()
        self._pour(it.peer)

    def _pour(self, peer):
        for piece in self._pieces():
            if self.sent > 10 * MOST_SENT:
                return
            peer.send(piece)
            self.sent += len(piece)
        peer.stall()


def forever(start, piece):
    return lambda: itertools.chain([start], itertools.repeat(piece))


def fragments(size, first=TEXT):
    start = frame(b"x" * size, first, fin=False)
    return forever(start, frame(b"x" * size, 0, fin=False) * max(1, 65_536 // (size + 10)))


FLOODS = {
    "announced": (
        "http",
        lambda: [b"HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\n" + BLOCK],
    ),
    "to-the-end": ("http", forever(b"HTTP/1.1 200 OK\r\n\r\n", BLOCK)),
    "chunks": ("http", forever(CHUNKED, b"10000\r\n" + BLOCK + b"\r\n")),
    "large-chunk": ("http", forever(CHUNKED + b"7fffffffffffffff\r\n", BLOCK)),
    "larger-chunk": ("http", forever(CHUNKED + b"f" * 40 + b"\r\n", BLOCK)),
    "negative-chunk": ("http", forever(CHUNKED + b"-1\r\n", BLOCK)),
    "very-negative-chunk": ("http", forever(CHUNKED + b"-ffff\r\n", BLOCK)),
    "chunk-extension": ("http", forever(CHUNKED + b"1;", BLOCK)),
    "trailers": ("http", forever(CHUNKED + b"0\r\n", b"X: y\r\n" * 10_000)),
    "status-line": ("http", forever(b"HTTP/1.1 200 ", BLOCK)),
    "header-line": ("http", forever(b"HTTP/1.1 200 OK\r\nX: ", BLOCK)),
    "headers": ("http", forever(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 10_000)),
    "continues": ("http", forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 2_000)),
    "error-page": ("http", forever(b"HTTP/1.1 500 Oops\r\n\r\n", BLOCK)),
    "frame": ("websocket", lambda: [frame(BLOCK, announced=LIMIT + 1)]),
    "huge-frame": ("websocket", forever(frame(b"", announced=2**63 - 1), BLOCK)),
    "impossible-frame": ("websocket", forever(frame(b"", announced=2**64 - 1), BLOCK)),
    "huge-binary": ("websocket", forever(frame(b"", BINARY, announced=2**40), BLOCK)),
    "huge-ping": ("websocket", forever(frame(b"", PING, announced=2**40), BLOCK)),
    "large-ping": ("websocket", forever(frame(BLOCK, PING), frame(BLOCK, PING))),
    "large-pong": ("websocket", forever(frame(BLOCK, PONG), frame(BLOCK, PONG))),
    "huge-close": ("websocket", forever(frame(b"", CLOSE, announced=2**40), BLOCK)),
    "fragments": ("websocket", fragments(1000)),
    "ping-in-fragments": (
        "websocket",
        forever(frame(b"x", fin=False), frame(BLOCK, 0, fin=False) + frame(b"", PING)),
    ),
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_is_cut_off(name):
    transport, pieces = FLOODS[name]
    flood = Flood(transport, pieces)
    with Server(flood) as server:
        with RocketRideClient(server.url, KEY, transport=transport, max_response_bytes=LIMIT) as client:
            began = time.thread_time()
            with pytest.raises(ProtocolError) as caught:
                client.get_task_status(TOKEN)
            assert time.thread_time() - began < 3.0
    assert flood.sent < MOST_SENT
    assert len(str(caught.value)) < 1000


ENDLESS = {
    "pings": forever(b"", frame(b"are you there", PING) * 1000),
    "pongs": forever(b"", frame(b"", PONG) * 1000),
    "events": forever(b"", frame('{"type":"event","event":"apaevt_task","body":{"action":"x"}}') * 1000),
    "answers-to-nobody": forever(b"", frame('{"type":"response","request_seq":-1,"success":true}') * 1000),
    "unknown": forever(b"", frame("{}") * 1000),
    "empty-fragments": forever(frame(b"", fin=False), frame(b"", 0, fin=False) * 1000),
    "tiny-fragments": fragments(1),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_what_has_no_end_ends_with_the_deadline(name):
    """The limit is the usual one: there is room for all that comes in that time."""
    with Server(Flood("websocket", ENDLESS[name])) as server:
        with RocketRideClient(server.url, KEY, transport="websocket") as client:
            began = time.thread_time()
            with pytest.raises(TransportTimeoutError):
                client.get_task_status(TOKEN, timeout=SHORT)
            assert time.thread_time() - began < SHORT + 0.25


def test_a_message_in_many_fragments_is_read_in_time_that_grows_with_its_size_only():
    head = b'{"type":"response","request_seq":2,"success":true,"body":{"name":"' + b"x" * 20_000_000

    def action(it):
        it.request()
        it.raw(frame(head, fin=False) + frame(b"x", 0, fin=False) * 5000 + frame(b'"}}', 0))
        it.request()

    with Server(dap(action)) as server, RocketRideClient(server.url, KEY, transport="websocket") as client:
        began = time.thread_time()
        assert len(client.get_task_status(TOKEN).name) == 20_005_000
        assert time.thread_time() - began < 2.0


def test_unread_events_are_few_however_large():
    """Nobody waits here, so nobody reads them."""
    event = '{"type":"event","event":"apaevt_task","body":{"action":"x","more":"%s"}}' % ("x" * 1_000_000)
    kept = []

    def action(it):
        request = it.request()
        for _ in range(100):
            it.raw(frame(event))
        it.answer(request, {"state": 3})
        it.request()

    with Server(dap(action)) as server, RocketRideClient(server.url, KEY, transport="websocket") as client:
        assert client.get_task_status(TOKEN).state == 3
        connection = client._transport.pool.take()
        while True:
            event = connection.queued_event()
            if event is None:
                break
            kept.append(event)
        connection.close()
    assert len(str(kept)) < 20_000_000


@functools.lru_cache(maxsize=None)
def bomb(level):
    return gzip.compress(bytes(50_000_000), level)


@pytest.mark.parametrize("level", [1, 9])
@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize("status", ["200 OK", "500 Oops"])
def test_a_bomb_does_not_go_off(level, encoding, status):
    page = answer(bomb(level), status, Content_Encoding=encoding)
    with Server(after_request(lambda peer: peer.send(page))) as server:
        with RocketRideClient(server.url, KEY, transport="http", max_response_bytes=1_000_000) as client:
            with pytest.raises(ProtocolError, match="larger than max_response_bytes"):
                client.get_task_status(TOKEN)


@pytest.mark.parametrize(
    "close",
    [
        b"\x03",
        struct.pack("!H", 999),
        struct.pack("!H", 1005),
        struct.pack("!H", 1000) + b"\xff\x1b[2J" * 20,
        b"\xff" * 125,
    ],
    ids=["half", "too-small", "reserved", "reason", "nonsense"],
)
def test_a_close_of_any_kind_is_an_error_of_ours(close):
    def action(it):
        it.request()
        it.raw(frame(close, CLOSE))
        it.request()

    with Server(dap(action)) as server, RocketRideClient(server.url, KEY, transport="websocket") as client:
        with pytest.raises((ProtocolError, TransportError)) as caught:
            client.get_task_status(TOKEN)
    assert str(caught.value).isprintable()


def test_an_upgrade_to_another_protocol_is_refused():
    def handler(peer):
        peer.read_request()
        peer.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n")
        peer.stall()

    with Server(handler) as server, RocketRideClient(server.url, KEY, transport="websocket") as client:
        with pytest.raises(ProtocolError):
            client.get_task_status(TOKEN, timeout=10.0)


@pytest.mark.parametrize("junk", ["/task", "?token=", "a:", "<head"])
def test_headers_that_cannot_be_parsed_cost_no_time(junk, caplog):
    """urllib3 logs them, and what is logged is searched for tokens."""
    caplog.set_level("DEBUG")
    head = f"HTTP/1.1 200 OK\r\nno colon here\r\n{junk * (60_000 // len(junk))}\r\n".encode()
    with Server(after_request(lambda peer: peer.send(head + head[-60_000:] * 8 + b"\r\n"))) as server:
        with RocketRideClient(server.url, KEY, transport="http") as client:
            began = time.thread_time()
            with pytest.raises((ProtocolError, TransportError)):
                client.get_task_status(TOKEN, timeout=SHORT)
            assert time.thread_time() - began < SHORT
