"""What the steps of a check come to, and how that is said."""

from __future__ import annotations

import os
import ssl
from typing import Any, Callable, Dict, NamedTuple, Optional, Tuple

from ..address import Address, bracketed
from ..deadline import system_time
from ..errors import RocketRideError
from ..handler_exceptions import pass_on
from ..import_lock import import_lock
from .proxies import Proxy, key_for, proxy_for, variable


class Finding(NamedTuple):
    """What one step came to.

    Attributes:
        step: ``name``, ``proxy``, ``tcp``, ``tunnel``, ``tls``, ``http``, ``websocket`` or ``key``.
        text: what was found, if it went well.
        error: what went wrong, or None.
        seconds: how long it took; None if nothing was sent.
        needed: whether the client cannot do without it.
        tried: whether it was tried at all.
        used: whether the way goes through it; if not, `text` says why.
    """

    step: str
    text: str = ""
    error: Optional[RocketRideError] = None
    seconds: Optional[float] = None
    needed: bool = True
    tried: bool = True
    used: bool = True


def measured(step: str, run: Callable[[], str]) -> Finding:
    """What the step comes to that `run` takes: it returns the text."""
    began = system_time.perf_counter()
    try:
        text = run()
    except RocketRideError as error:
        pass_on(error)
        return Finding(step, "", error.with_traceback(None), system_time.perf_counter() - began)
    return Finding(step, text, None, system_time.perf_counter() - began)


def _peer(sock: Any) -> str:
    host, port = sock.getpeername()[:2]
    return f"connected to {bracketed(host)}:{port}"


def _certificate(sock: Any) -> str:
    """Who issued the server's certificate, and until when it is valid."""
    certificate = sock.getpeercert() or {}
    names = {name: value for part in certificate.get("issuer", ()) for name, value in part}
    issuer = ", ".join(names[name] for name in ("organizationName", "commonName") if name in names)
    return f"issued by {issuer or 'nobody with a name'}, until {_day(certificate.get('notAfter'))}"


def _day(text: Any) -> str:
    with import_lock:
        from ..models.behaviour import moment

    try:
        at = moment(ssl.cert_time_to_seconds(text))
    except (TypeError, ValueError) as error:
        pass_on(error)
        at = None
    return "a day that it does not tell" if at is None else at.date().isoformat()


# Of the socket, after each step of `Dialer.dial`.
STEP_TEXTS: Dict[str, Callable[[Any], str]] = {
    "ready": lambda _: "",
    "tcp": _peer,
    "tunnel": lambda _: "the proxy connected with the server",
    "tls": _certificate,
}


def proxy_with_reason(address: Address) -> Tuple[Optional[Proxy], str]:
    """The proxy of the environment for `address`, and why this one or none."""
    with import_lock:
        from urllib.request import getproxies

    proxy = proxy_for(address, None)
    if proxy is not None:
        return proxy, f"{proxy.scheme}://{proxy.host}:{proxy.port} (from {proxy.origin})"
    key = key_for(address, getproxies())
    if key is not None:
        who = (
            "NO_PROXY excepts"
            if os.environ.get("no_proxy", os.environ.get("NO_PROXY"))
            else "the system excepts"
        )
        return None, f"none: {who} {address.host} (else that of {variable(key)})"
    return None, f"none: no proxy is set for {address.scheme}://"
