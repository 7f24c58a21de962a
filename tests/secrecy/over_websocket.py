"""WebSocket servers that repeat to the client, one way or another, what it has sent."""

import contextlib
import json

from transports.dap_peer import CLOSE, DapPeer, Gone, dap, frame
from transports.loopback import answer

from rocketride_sync import AuthenticationError, ProtocolError, ServerError, TransportError

from . import table
from .marks import HEADER, KEY, VARIABLE, echoes
from .table import Case

_UPGRADES = (
    "200 OK",
    "302 Found",
    "400 Bad",
    "401 No",
    "403 No",
    "404 No",
    "429 Busy",
    "500 Oops",
    "503 Busy",
)


def refusals(token):
    """Every encoding of the secrets, wherever a message has place for them."""
    for encoding, text in echoes(KEY, HEADER, token).items():
        for place, reply in _replies(text).items():
            yield Case(f"{place}-{encoding}", "websocket", _answering(reply))
    for encoding, text in list(echoes(KEY, HEADER).items())[::3]:  # the token is not known to the server yet
        for place, reply in _replies(text).items():
            yield Case(f"auth-{place}-{encoding}", "websocket", _refusing(reply))
        yield Case(
            f"upgrade-reason-{encoding}",
            "websocket",
            _upgrading(f"HTTP/1.1 403 {text}\r\n\r\n"),
            traced=False,
        )
        yield Case(f"upgrade-key-{encoding}", "websocket", _upgrading(_accepting(text)), traced=False)
    for status in _UPGRADES:
        yield Case(
            f"upgrade-{status[:3]}",
            "websocket",
            _repeating_the_head(f"{KEY} {HEADER} {token}", status),
            traced=False,
        )


def oddities(token):
    """Refusals of whatever else a client may ask."""
    refused = _answering(_replies(f"{KEY} {HEADER} {token}")["message"])
    for name, act in _ACTS.items():
        yield Case(f"act-{name}", "websocket", refused, act, ServerError)
    for encoding, text in echoes(VARIABLE, KEY, HEADER, token).items():
        variables = _answering(_replies(text)["message"])
        yield Case(f"variable-{encoding}", "websocket", variables, table.start, ServerError)
    wrong = _replies("")["code"]
    yield Case("auth-code", "websocket", _refusing(wrong), expected=AuthenticationError)
    silent = _replies(f"{KEY} {HEADER} {token}")["neither"]
    yield Case("neither", "websocket", _answering(silent), expected=ProtocolError)
    yield Case("close", "websocket", _answering(_replies(KEY)["close"]), expected=TransportError)


_ACTS = {
    "wait": table.wait,
    "start": table.start,
    "terminate": table.terminate,
    "send": table.send,
    "pipe": table.send_through_pipe,
    "restart": table.restart,
    "command": table.command,
}


def _replies(text):
    """By name: what a peer does with a request, so that `text` comes back."""
    status = {"state": 3, "completed": False}
    return {
        "message": lambda it, request: it.refuse(request, text, trace={"file": text, "lineno": 1}),
        "code": lambda it, request: it.refuse(request, "no", code=text, hint=text),
        "neither": lambda it, request: it.answer(request, {"x": text}, success=text),
        "wrong-type": lambda it, request: it.answer(request, {**status, "state": text, "errors": text}),
        "wrong-name": lambda it, request: it.answer(
            request, {**status, "tokens": {text: [text]}, text: text, "name": 1}
        ),
        "no-json": lambda it, request: it.raw(frame(f"{text} {json.dumps(request)}")),
        "no-object": lambda it, request: it.raw(frame(json.dumps([text, request]))),
        "close": lambda it, request: it.raw(frame(b"\x03\xf0" + text.encode()[:120], CLOSE)),
        "bad-close": lambda it, request: it.raw(frame(text.encode()[:120], CLOSE)),
        "bad-frame": lambda it, request: it.raw(b"\xff\x05" + text.encode()),
    }


def _answering(reply):
    def action(it):
        while True:
            reply(it, it.request())

    return dap(action)


def _refusing(reply):
    """Answers ``auth`` that way."""

    def handler(peer):
        it = DapPeer(peer)
        with contextlib.suppress(Gone):
            it.upgrade()
            reply(it, it.request())
            it.close(1008)
            it.request()

    return handler


def _upgrading(text):
    def handler(peer):
        peer.read_request()
        peer.send(text.encode())

    return handler


def _accepting(text):
    return (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {text}\r\nSec-WebSocket-Protocol: {text}\r\n\r\n"
    )


def _repeating_the_head(text, status):
    def handler(peer):
        head = peer.read_request()
        shown = text.encode("ascii", "replace").decode()
        peer.send(
            answer(f"{text} {head}".encode(), status, Location=f"/{shown}", X_Echo=shown, Retry_After=shown)
        )

    return handler
