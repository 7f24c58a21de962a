"""What goes wrong on the way, in time, or with the task itself, over both transports."""

import ssl

import trustme
from transports.dap_peer import RUNNING, DapPeer, dap
from transports.loopback import HOST, always, answer

from rocketride_sync import (
    CertificateError,
    TaskReplacedError,
    TaskVanishedError,
    TransportError,
    TransportTimeoutError,
    UnsupportedOperationError,
    WaitTimeoutError,
)

from . import table
from .marks import HEADER, KEY, PASSWORD, echoes
from .table import SOON, Case

BOTH = ("http", "websocket")
_GONE = answer(b'{"status":"Error","error":{"message":"Your pipeline is not running"}}', "400 Bad Request")


def certificate():
    """A server's TLS context that nobody trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert(HOST).configure_cert(context)
    return context


def ways(token):
    """Proxies, certificates, names, silence."""

    def proxied(server):
        at = f"http://user:{PASSWORD}@{HOST}:{server.port}"
        return {"proxies": {"http": at, "https": at}}

    def through(target):
        return {"options": proxied, "url": lambda server: target}

    tls = certificate()
    for transport in BOTH:
        for encoding, text in echoes(f"user:{PASSWORD}", KEY, HEADER, token).items():
            said = text.encode("ascii", "replace").decode()
            refused = always(answer(text.encode(), f"407 {said}", Proxy_Authenticate=said))
            yield Case(f"407-{encoding}", transport, refused, **through("https://server.test"))
            yield Case(f"plain-407-{encoding}", transport, refused, **through("http://server.test"))
            for status in ("200 OK", "302 Found", "401 No", "403 No", "503 No"):
                said_so = always(
                    answer(text.encode(), status, Location=f"http://h/{said}", Content_Type=said)
                )
                yield Case(
                    f"plain-{status[:3]}-{encoding}", transport, said_so, **through("http://server.test")
                )
        yield Case(
            "proxy-reset",
            transport,
            lambda peer: peer.reset(),
            expected=TransportError,
            **through("https://server.test"),
        )
        yield Case("tls-unknown", transport, lambda peer: None, expected=CertificateError, tls=tls)
        yield Case(
            "tls-none", transport, lambda peer: peer.send(b"no"), url=lambda s: f"https://{HOST}:{s.port}"
        )
        yield Case("no-name", transport, lambda peer: None, url=lambda s: "http://nowhere.invalid")
        yield Case(
            "refused", transport, lambda peer: None, url=lambda s: f"http://{HOST}:1", expected=TransportError
        )
        for name, act in (("", table.ask), ("-wait", table.wait_briefly), ("-start", table.start_briefly)):
            for stage in ("accept", "request"):
                yield Case(
                    f"silent-{stage}{name}",
                    transport,
                    _silent(stage),
                    act,
                    options=lambda server: {"timeout": SOON},
                )


def _silent(stage):
    def handler(peer):
        if stage == "request":
            peer.read_request()
        peer.stall()

    return handler


def fates(token):
    """Tasks that vanish, are replaced, or do not end; what a transport cannot say."""
    another = {**RUNNING, "startTime": 500.0}
    for name, after, error in (
        ("vanished", None, TaskVanishedError),
        ("replaced", another, TaskReplacedError),
        ("late", RUNNING, WaitTimeoutError),
    ):
        act = table.wait_briefly if name == "late" else table.wait
        then = _GONE if after is None else answer(after)
        yield Case(name, "http", always(answer(RUNNING), then), act, error)
        yield Case(name, "websocket", _then(after), act, error)
    yield Case("unsupported", "http", lambda peer: None, table.restart, UnsupportedOperationError)
    yield Case(
        "stalled-after-auth",
        "websocket",
        _mute,
        options=lambda s: {"timeout": SOON},
        expected=TransportTimeoutError,
    )


def _mute(peer):
    it = DapPeer(peer)
    it.welcome()
    peer.stall()


def _then(after):
    """Says RUNNING once, and `after` from then on; None is that the task is unknown."""

    def action(it):
        polls = 0
        while True:
            request = it.request()
            if request["command"] != "rrext_get_task_status":
                it.answer(request)
                continue
            polls += 1
            if polls == 1:
                it.answer(request, RUNNING)
            elif after is None:
                it.refuse(request, "Your pipeline is not running")
            else:
                it.answer(request, after)

    return dap(action)
