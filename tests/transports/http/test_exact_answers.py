"""A connection is used again only when its last exchange ended exactly where it should; 1xx are passed over."""

import re

import pytest
from cases import each

from rocketride_sync import RocketRideClient, errors
from rocketride_sync.protocol.operations import get_task_status

from ..loopback import Server, answer
from .calls import KEY, TOKEN, call, failing, talking, through

BODY = b'{"status":"OK","data":{"name":"%s"}}'
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n"
STOLEN = answer({"name": "stolen"})


def status_of(name):
    return get_task_status(f"tk_{name}0123456789abcdef")


def named(request):
    """The body of an answer about the task of this request."""
    return BODY % re.search(r"token=tk_([a-z]+)", request).group(1).encode()


def with_length(body, *lines, status=b"200 OK"):
    lines = [b"HTTP/1.1 " + status, *lines, b"Content-Length: %d" % len(body)]
    return b"\r\n".join([*lines, b"", b""]) + body


def chunked(body, *lines, size=b"%x", end=b"\r\n", last=b"0\r\n\r\n", coding=b"chunked"):
    head = b"\r\n".join([b"HTTP/1.1 200 OK", b"Transfer-Encoding: " + coding, *lines, b"", b""])
    halves = (body[:10], body[10:])
    return head + b"".join(size % len(half) + b"\r\n" + half + end for half in halves) + last


def asked_twice(make_answer):
    """The names in the answers to a call for `first` and one for `second`, None for an error; and the connections."""

    def handler(peer):
        request = peer.read_request()
        while request is not None:
            peer.send(make_answer(named(request)) if "tk_first" in request else with_length(named(request)))
            request = peer.read_request()

    with talking(handler) as (server, transport):
        names = []
        for name in ("first", "second"):
            try:
                names.append(call(transport, status_of(name), seconds=2.0)["name"])
            except errors.RocketRideError:
                names.append(None)
        return names, server.connections


EXACT = {
    "a length": with_length,
    "a length of 0 after a refusal": lambda body: with_length(b"", status=b"503 Busy"),
    "chunks": chunked,
    "chunks with an extension": lambda body: chunked(body, size=b"%X;a=b"),
    "chunks with a trailer": lambda body: chunked(body, last=b"0\r\nX-Trailer: a\r\n\r\n"),
    "chunks with a blank behind their name": lambda body: chunked(body, coding=b"chunked "),
    "chunks with a tab behind their name": lambda body: chunked(body, coding=b"chunked\t"),
    "no body": lambda body: b"HTTP/1.1 204 No Content\r\n\r\n",
    "hints first": lambda body: HINTS + with_length(body),
    "continue first": lambda body: b"HTTP/1.1 100 Continue\r\n\r\n" + with_length(body),
    "several first": lambda body: HINTS * 3 + b"HTTP/1.1 199 Odd\r\n\r\n" + with_length(body),
    "hints before chunks": lambda body: HINTS + chunked(body),
}


@each("make_answer", EXACT.values(), ids=EXACT)
def test_an_exact_answer_leaves_a_connection_for_the_next_call(make_answer):
    (first, second), connections = asked_twice(make_answer)
    assert (first in ("first", None), second, connections) == (True, "second", 1)


INEXACT = {
    "a second answer": lambda body: with_length(body) + STOLEN,
    "half a second answer": lambda body: with_length(body) + STOLEN[:-3],
    "one byte too many": lambda body: with_length(body) + b"\n",
    "an answer after chunks": lambda body: chunked(body) + STOLEN,
    "a body after no body": lambda body: b"HTTP/1.1 204 No Content\r\n\r\n" + STOLEN,
    "a body after one that did not change": lambda body: (
        with_length(b"", status=b"304 Not Modified") + STOLEN
    ),
    "length and chunks": lambda body: chunked(body, b"Content-Length: 5"),
    "another coding": lambda body: chunked(body, coding=b"gzip, chunked"),
    "chunks twice": lambda body: chunked(body, b"Transfer-Encoding: chunked"),
    "a signed length": lambda body: with_length(body).replace(b"Length: ", b"Length: +"),
    "two lengths": lambda body: with_length(body, b"Content-Length: 5"),
    "the same length twice": lambda body: with_length(body, b"Content-Length: %d" % len(body)),
    "a length with an underscore": lambda body: with_length(body + b" " * 100).replace(
        b"Length: 1", b"Length: 1_"
    ),
    "a length of its own line end": lambda body: with_length(body, b"X-Odd: a\rContent-Length: 9"),
    "a line without a colon": lambda body: with_length(body, b"no colon"),
    "a null character": lambda body: with_length(body, b"X-Odd: \0"),
    "bare line feeds": lambda body: with_length(body).replace(b"\r\n", b"\n"),
    "a signed chunk": lambda body: chunked(body, size=b"+%x"),
    "a chunk of 0x": lambda body: chunked(body, size=b"0x%x"),
    "a negative chunk": lambda body: chunked(body, size=b"-%x"),
    "chunks that end otherwise": lambda body: chunked(body, end=b"XX"),
    "chunks with bare line feeds": lambda body: chunked(body, last=b"0\n\n"),
    "101": lambda body: with_length(body, status=b"101 Switching Protocols"),
    "an old version": lambda body: with_length(body).replace(b"1.1", b"1.0"),
}


@each("make_answer", INEXACT.values(), ids=INEXACT)
def test_after_any_other_the_connection_is_closed(make_answer):
    (first, second), connections = asked_twice(make_answer)
    assert first in ("first", None)
    assert (second, connections) == ("second", 2)


@pytest.mark.parametrize("interim", [b"", HINTS], ids=["alone", "after hints"])
def test_an_answer_in_pieces_is_the_same(interim):
    """Each byte may come alone: what is read ahead does not decide."""

    def handler(peer):
        request = peer.read_request()
        while request is not None:
            peer.drip(interim + with_length(named(request)), 0.0001)
            request = peer.read_request()

    with talking(handler) as (server, transport):
        for name in ("first", "second", "third"):
            assert call(transport, status_of(name)) == {"name": name}
        assert server.connections == 1


def test_a_refusal_before_the_whole_object_was_taken_closes_the_connection():
    """The rest of the object would be read as the next request."""
    refusal = with_length(b'{"detail": "too large"}', status=b"413 Content Too Large")

    def handler(peer):
        peer.read_request()
        peer.send(refusal)

    with Server(handler) as server, RocketRideClient(server.url, KEY, transport="http") as client:
        with pytest.raises(errors.RocketRideError):
            client.send(TOKEN, b"x" * 8_000_000, timeout=10)
        assert not client._transport.is_open


@pytest.mark.parametrize("interim", [HINTS, b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_a_proxy_may_send_1xx_before_it_opens_the_tunnel(interim):
    def proxy(peer):
        peer.read_request()
        peer.send(interim + b"HTTP/1.1 418 Teapot\r\nContent-Length: 0\r\n\r\n")

    with Server(proxy) as server, through(server, verify=False) as transport:
        assert "418" in str(failing(transport, errors.ServerError, status_of("first")))
