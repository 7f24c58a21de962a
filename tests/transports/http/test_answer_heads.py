"""The head of an answer is read as http.client reads it."""

import http.client
import io
import socket

import pytest
from cases import each
from hypothesis import example, given
from hypothesis import strategies as st

from rocketride_sync.deadline import Deadline
from rocketride_sync.transports.http.exact_response import read_headers
from rocketride_sync.transports.http.exchange import Exchange
from rocketride_sync.transports.http.sockets import _Response

NAMES = st.sampled_from(
    [
        "X",
        "X-Y",
        "Content-Type",
        "content-length",
        "Transfer-Encoding",
        "Connection",
        "From ",
        "",
        "X Y",
        "X\t",
        "ä",
    ]
)
TEXTS = [
    "",
    "a",
    "  a b ",
    "\ta",
    "a\t",
    "é",
    "\xa0",
    "\x85a",
    "\x0ca",
    "a\rb",
    "a\x00",
    "a:b",
    "12",
    "chunked",
]
TYPES = [
    "text/html",
    "multipart/mixed",
    'Multipart/Mixed; boundary="x"',
    "message/rfc822",
    "message/delivery-status",
]
VALUES = st.sampled_from(TEXTS + TYPES)
LINES = st.builds(
    "{}{}{}{}".format, NAMES, st.sampled_from([":", ": ", ""]), VALUES, st.sampled_from(["\r\n", "\n"])
)
ODD = st.sampled_from(
    [" folded\r\n", "\tfolded\r\n", "\r\r\n", "no header\r\n", "x" * 65_530 + ": too long\r\n"]
)
HEADS = st.lists(st.one_of(LINES, LINES, LINES, ODD), max_size=6).map("".join)
ENDS = st.sampled_from(["\r\n", "\n", ""])


def told(read, head):
    """What a function reads of a head: the headers, their defects, and what is left; or its error."""
    file = io.BytesIO(head.encode("latin-1"))
    try:
        found = read(file)
    except http.client.HTTPException as error:
        return type(error), str(error)
    kinds = [type(defect) for defect in found.defects]
    payload = found.get_payload()
    texts = [str(part) for part in payload] if isinstance(payload, list) else payload
    headers = [(name, value.rstrip(" \t")) for name, value in found.items()]
    return type(found), headers, kinds, texts, file.read()


@given(HEADS, ENDS)
@example("X: y\r\n" * 63, "\r\n")
@example("X: y\r\n" * 64, "\r\n")
@example("X: y\r\n" * 99, "\r\n")
@example("X: y\r\n" * 100, "\r\n")
@example("X: y\r\n" * 101, "\r\n")
def test_headers_are_those_that_http_client_reads(head, end):
    """Which leaves white space behind a value there."""
    whole = head + end + "body"
    assert told(read_headers, whole) == told(http.client.parse_headers, whole)


def test_usual_headers_are_not_given_to_the_parser(monkeypatch):
    monkeypatch.setattr(http.client, "parse_headers", None)
    head = "date: Mon, 23 Nov 2026 20:52:20 GMT\r\nContent-Type: application/json\r\nX-Name: é\r\n\r\n"
    assert read_headers(io.BytesIO(head.encode("latin-1"))).items() == [
        ("date", "Mon, 23 Nov 2026 20:52:20 GMT"),
        ("Content-Type", "application/json"),
        ("X-Name", "é"),
    ]


STATUS_LINES = [
    "HTTP/1.1 200 OK",
    "HTTP/1.0 200",
    "HTTP/1.7 200 OK",
    "HTTP/2.0 200 OK",
    "HTTP/1.1 204 No",
    "HTTP/1.1 304 No",
]
BODIES = [
    "",
    "Content-Length: 3",
    "Content-Length: -3",
    "Content-Length: 3x",
    "Content-Length:",
    "Transfer-Encoding: Chunked",
    "Transfer-Encoding: gzip",
    "Transfer-Encoding: chunked\r\nContent-Length: 3",
]
CONNECTIONS = [
    "",
    "Connection: close",
    "Connection: Keep-Alive",
    "Keep-Alive: 5",
    "Proxy-Connection: keep-alive",
]


def begun(make, head, method):
    """What a response knows after its head was read; or the class of the error."""
    ours, theirs = socket.socketpair()
    with ours, theirs, Exchange(Deadline(None), None):
        theirs.sendall(head.encode())
        response = make(ours, method=method)
        try:
            response.begin()
            return {
                name: getattr(response, name)
                for name in ("version", "code", "status", "reason", "chunked", "length", "will_close")
            }
        except http.client.HTTPException as error:
            return type(error)
        finally:
            response.close()


@pytest.mark.parametrize("other", ["", "X-Odd: \x01\r\n"], ids=["usual", "with an unusual one"])
@each("space", ["", " ", "  \t", "\t"], ids=repr)
def test_white_space_behind_a_value_is_no_part_of_it(space, other):
    head = f"Content-Encoding: gzip{space}\r\n{other}X-A: 1{space}\r\nX-A: 2\r\n\r\n"
    headers = read_headers(io.BytesIO(head.encode()))
    assert headers.get_all("Content-Encoding") == ["gzip"]
    assert headers.get_all("X-A") == ["1", "2"]
    assert not headers.defects


@each("connection", CONNECTIONS)
@each("body", BODIES)
def test_the_head_means_what_it_means_to_http_client(body, connection):
    for line in STATUS_LINES:
        head = "\r\n".join(filter(None, [line, body, connection])) + "\r\n\r\n"
        for method in ("GET", "HEAD"):
            assert begun(_Response, head, method) == begun(http.client.HTTPResponse, head, method), (
                head,
                method,
            )
