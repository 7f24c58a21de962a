"""What a proxy spoils, and when. The functions do it: each takes the link and the request that came."""

import enum

import attrs
from transports.loopback import answer

from .messages import head_and_body


class Moment(enum.Enum):
    """When something is spoiled."""

    ACCEPT = "a connection was accepted"
    HTTP = "an HTTP request came: a status request over HTTP, the upgrade of a WebSocket"
    PROXY = "an HTTP proxy was asked for a connection, or got a request with a whole URL"
    UPGRADE = "an upgrade to WebSocket came"
    OBJECT = "a piece of an object came"
    QUESTION = "a request for a task's status came"


@attrs.frozen
class Spoiling:
    """Something to be spoiled.

    Attributes:
        at: when.
        act: what is done: `act(link, request)`, in place of passing `request` on.
        cut: whether the connections that there are end before, so that there will be new ones.
    """

    at: Moment
    act: object
    cut: bool = False


def pass_on(link, request):
    link.pass_on(request)


def reset(link, request):
    link.reset()


def reset_after_the_request(link, request):
    link.ask(request)
    link.reset()


def reset_in_mid_answer(link, request):
    link.send(_half(link.ask(request)))
    link.reset()


def hold(link, request):
    link.hold()


def hold_after_the_request(link, request):
    link.ask(request)
    link.hold()


def hold_in_mid_answer(link, request):
    link.send(_half(link.ask(request)))
    link.hold()


def drip(link, request):
    link.drip(link.ask(request))


def drip_the_body(link, request):
    head, body = head_and_body(link.ask(request))
    link.send(head)
    link.drip(body)


def stall(link, request):
    """Nothing for a second, then all goes well."""
    found = link.ask(request)
    link.pause(1.0)
    link.send(found)


def hold_if_old(link, request):
    """As if the peer of the connection had vanished without a word; new connections work."""
    if link.old:
        link.hold()
    link.pass_on(request)


def reset_if_old(link, request):
    if link.old:
        link.reset()
    link.pass_on(request)


def truncate(link, request):
    link.send(_half(link.ask(request)))
    link.end()


def truncate_the_head(link, request):
    head, _ = head_and_body(link.ask(request))
    link.send(_half(head))
    link.end()


def garble(link, request):
    """The answer backwards: a good frame, or a good HTTP head, and no JSON."""
    head, body = head_and_body(link.ask(request))
    link.send(head + body[::-1])


def duplicate(link, request):
    link.send(link.ask(request) * 2)


def answer_too_late(link, request):
    found = link.ask(request)
    link.until_gone()
    link.send(found)


def announce(link, request):
    """An informational answer, before the real one."""
    link.send(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n")
    link.pass_on(request)


def say(data):
    """Sends something else in place of an answer."""

    def act(link, request):
        link.send(data)
        link.end()

    return act


def pass_on_and_reset(link, request):
    link.pass_on(request)
    link.reset()


def refuse(status, body=b"", **headers):
    """Answers in place of the server."""
    page = answer(body, status, **headers)
    return lambda link, request: link.send(page)


JUNK = b"HTTP/1.1 200 OK\r\n" + b"no header at all <" * 8_000 + b"\r\n\r\n"
HAPROXY_PAGE = (
    b"<html><body><h1>400 Bad request</h1>\nYour browser sent an invalid request.\n</body></html>\n"
)
_OVERLOAD = b'{"status":"Error","error":{"message":"server rejected WebSocket connection: HTTP 403","file":"transport_websocket.py"}}'
_NO_UPGRADE = refuse("403 Forbidden")
_NO_ANSWER = refuse("400 Bad Request", _OVERLOAD)


def refuse_for_want_of_slots(link, request):
    """The overload answer, as it is over WebSocket and over HTTP."""
    (_NO_UPGRADE if b"Upgrade" in request else _NO_ANSWER)(link, request)


def _half(found):
    return found[: len(found) // 2]
