"""HTTP servers that repeat to the client, one way or another, what it has sent."""

import gzip
import html
import itertools
import json

from transports.loopback import after_request, always, answer

from rocketride_sync import (
    AuthenticationError,
    ProtocolError,
    TransientError,
    TransportError,
)

from . import table
from .marks import ENCODINGS, HEADER, KEY, echoes
from .table import Case

_STATUSES = {
    "400 Bad Request": ProtocolError,
    "401 Unauthorized": AuthenticationError,
    "403 Forbidden": ProtocolError,
    "404 Not Found": ProtocolError,
    "405 Method Not Allowed": ProtocolError,
    "422 Unprocessable Entity": ProtocolError,
    "429 Too Many Requests": TransientError,
    "500 Internal Server Error": TransientError,
    "502 Bad Gateway": TransientError,
    "503 Service Unavailable": TransientError,
}


def _json(document):
    return json.dumps(document, ensure_ascii=False).encode()


# The body that holds a text, and the headers that do.
_BODIES = {
    "message": lambda text: _json({"status": "Error", "error": {"message": text, "file": text, "lineno": 1}}),
    "error": lambda text: _json({"status": "Error", "error": {"error": text}}),
    "code": lambda text: _json({"error": {"message": "no", "code": text, "hint": text}}),
    "detail": lambda text: _json({"detail": text}),
    "complaints": lambda text: _json({"detail": [{"loc": ["query", text], "msg": text, "input": text}]}),
    "bare": _json,
    "page": lambda text: f"<html><title>x</title><p class='{text}'>You sent {html.escape(text)}".encode(),
    "plain": lambda text: f"you sent {text}".encode(),
    "key": lambda text: _json({text: text}),
    "list": lambda text: _json([text]),
    "broken": lambda text: _json({"status": "OK", "data": text})[:-1],
}
_SHOWN_AS_THEY_ARE = ("bare", "list", "broken")  # JSON in these would be JSON twice
_HEADERS = ("Location", "Content-Type", "Content-Encoding", "Retry-After", "WWW-Authenticate", "X-Echo")


def _repeating(build):
    """A handler that answers each request with `build(head)`, `head` being all that was sent."""

    def handler(peer):
        head = peer.read_request()
        while head is not None:
            peer.send(build(head))
            head = peer.read_request()

    return handler


def _once(build):
    """The same, and then closes the connection."""

    def handler(peer):
        peer.send(build(peer.read_request()))

    return handler


def _header(name, text, status):
    return answer(b"", status, **{name.replace("-", "_"): text.encode("ascii", "replace").decode()})


def refusals(token):
    """Every status, every place for a text, every encoding of the secrets in it."""
    texts = echoes(KEY, HEADER, token)
    texts["head"] = ""
    for status, error in _STATUSES.items():
        yield Case(
            status[:3],
            "http",
            _repeating(lambda head, status=status: answer(head.encode(), status)),
            expected=error,
        )
    for place, body in _BODIES.items():
        for encoding, text in texts.items():
            if encoding == "json" and place in _SHOWN_AS_THEY_ARE:
                continue
            for status in ("200 OK", "400 Bad Request"):
                build = lambda head, body=body, text=text, status=status: answer(body(text or head), status)  # noqa: E731
                yield Case(f"{status[:3]}-{place}-{encoding}", "http", _repeating(build))
    for name in _HEADERS:
        for encoding, status in zip(ENCODINGS, itertools.cycle(("200 OK", "302 Found", "503 Busy"))):
            build = lambda head, name=name, text=texts[encoding], status=status: _header(name, text, status)  # noqa: E731
            yield Case(f"{status[:3]}-{name}-{encoding}", "http", _repeating(build))


def oddities(token):
    """What is not HTTP, or not all of it."""
    text = f"{KEY} {HEADER} {token}"

    def status_line(head):
        return f"HTTP/1.1 500 {text.encode('ascii', 'replace').decode()}\r\n{head}\r\n\r\n".encode("latin-1")

    def large(head):
        return answer(f"{text} {head}".encode() * 100)

    def packed(head):
        return answer(gzip.compress(text.encode() * 10)[:-9], Content_Encoding="gzip")

    limited = {"options": lambda server: {"max_response_bytes": 500}, "expected": ProtocolError}
    yield Case("reason", "http", _once(status_line))
    yield Case(
        "not-http", "http", _once(lambda head: f"{text}\r\n{head}\r\n\r\n".encode()), expected=ProtocolError
    )
    yield Case("bad-header", "http", _once(lambda head: f"HTTP/1.1 200 OK\r\n{text}\r\n\r\n".encode()))
    yield Case("oversize", "http", _repeating(large), **limited)
    yield Case("damaged", "http", _repeating(packed), expected=ProtocolError)
    yield Case(
        "cut",
        "http",
        after_request(lambda peer: peer.send(answer(text.encode())[:-5])),
        expected=TransportError,
    )
    yield Case("reset", "http", lambda peer: peer.reset(), expected=TransportError)
    for place, body in _BODIES.items():
        told = always(answer(body(f"{KEY} {HEADER}"), "400 Bad Request"))
        yield Case(f"no-key-{place}", "http", told, table.look_at_the_server)
    for name, act in _ACTS.items():
        refused = answer(_BODIES["message"](text), "400 Bad Request")
        yield Case(f"act-{name}", "http", always(refused), act)


_ACTS = {
    "wait": table.wait,
    "start": table.start_plainly,
    "terminate": table.terminate,
    "send": table.send,
    "pipe": table.send_through_pipe,
}
