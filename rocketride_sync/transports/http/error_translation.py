"""Translates the exceptions of requests, urllib3, http.client, ssl and socket into those of this library."""

from __future__ import annotations

import http.client
import socket
import ssl
from typing import TYPE_CHECKING, Any, Iterable, List, Type

import requests.exceptions as rq
import urllib3.exceptions as u3
from urllib3.util.ssl_match_hostname import CertificateError as HostnameMismatch

from ...errors import (
    CertificateError,
    ConfigurationError,
    ProtocolError,
    RocketRideError,
    TransportError,
    TransportTimeoutError,
)
from ...handler_exceptions import pass_on
from ...protocol.failures import readable
from ..dialing import is_certificate_alert, tls_fault

if TYPE_CHECKING:
    from .exchange import Exchange

# What sending a request may raise. Any other exception is a bug, and is not translated.
FOREIGN = (OSError, ValueError, http.client.HTTPException, u3.HTTPError)

_CERTIFICATE = (ssl.SSLCertVerificationError, HostnameMismatch)
_TIMEOUT = (socket.timeout, TimeoutError, rq.Timeout, u3.TimeoutError)
_CONFIGURATION = (
    FileNotFoundError,
    UnicodeError,
    http.client.InvalidURL,
    rq.InvalidHeader,
    rq.InvalidSchema,
    rq.InvalidURL,
    rq.MissingSchema,
    rq.UnrewindableBodyError,
    rq.URLRequired,
    u3.LocationValueError,
    u3.ProxySchemeUnsupported,
    u3.UnrewindableBodyError,
)
_CONNECTION = (
    http.client.ImproperConnectionState,
    http.client.IncompleteRead,
    http.client.RemoteDisconnected,
)
_PROTOCOL = (
    http.client.HTTPException,
    rq.ContentDecodingError,
    rq.InvalidJSONError,
    rq.TooManyRedirects,
    u3.BodyNotHttplibCompatible,
    u3.DecodeError,
    u3.HeaderParsingError,
    u3.InvalidHeader,
    u3.ResponseError,
    u3.ResponseNotChunked,
)


def translate(
    error: BaseException, operation: str, address: object, secrets: Iterable[str], exchange: Exchange
) -> RocketRideError:
    """The error of this library for a foreign one: made, not raised, and without a reference to it.

    Args:
        error: one of `FOREIGN`.
        operation: the name of what failed.
        address: the server's host and port, or the proxy, in a form for messages.
        secrets: texts that the message must not show.
        exchange: the request in which it happened.
    """
    causes = _causes(error)
    start = f"{operation} failed: "
    # With TLS 1.3 a server that requires a client certificate says so only after the handshake.
    alert = next((cause for cause in causes if is_certificate_alert(cause)), None)
    fault = exchange.connect_fault
    if fault is None and isinstance(alert, ssl.SSLError):
        fault = tls_fault(address, alert)
    if fault is not None:
        fault.args = (f"{start}{fault}",)
        return fault
    kind = _error_class(causes, exchange.answered)
    if kind is TransportTimeoutError:
        what = (
            "connection to {} within the connect timeout, or the call's if that is shorter"
            if exchange.connecting
            else "complete answer from {} in time"
        )
        return kind(f"{start}no {what.format(address)}")
    reason = readable(_reason(causes), secrets)
    if kind is CertificateError:
        return kind(f"{start}the certificate of {address} was not accepted: {reason}. See verify= and cert=")
    if kind is ConfigurationError:
        return kind(f"{start}the address, the API key, a proxy or a certificate file is unusable: {reason}")
    if kind is ProtocolError:
        return kind(f"{start}{address} did not answer in HTTP: {reason}")
    return kind(f"{start}the connection to {address} failed: {reason}")


def _causes(error: BaseException) -> List[BaseException]:
    """`error` and the exceptions that it wraps. Not `__context__`: that may be an exception that the caller handles."""
    found: List[BaseException] = []
    pending: List[Any] = [error]
    while pending:
        item = pending.pop(0)
        if isinstance(item, BaseException) and not any(item is known for known in found):
            found.append(item)
            pending += [*item.args, getattr(item, "reason", None), item.__cause__]
    return found


def _error_class(causes: List[BaseException], answered: bool) -> Type[RocketRideError]:
    """The class of this library's error. The order matters: the foreign classes overlap."""

    def among(*types: Type[BaseException]) -> bool:
        return any(isinstance(cause, types) for cause in causes)

    if among(*_CERTIFICATE):
        return CertificateError
    if any(isinstance(cause, _TIMEOUT) and not isinstance(cause, u3.NewConnectionError) for cause in causes):
        return TransportTimeoutError
    if among(u3.InvalidHeader):
        return ProtocolError  # a header of the answer: urllib3 does not check those that we send
    if among(*_CONFIGURATION):
        return ConfigurationError
    if among(*_CONNECTION):
        return TransportError
    if among(*_PROTOCOL):
        return ProtocolError
    if among(ValueError):
        return ProtocolError if answered else ConfigurationError
    return TransportError


def _reason(causes: List[BaseException]) -> str:
    """The text of the innermost cause; only the class for requests and urllib3, whose texts show the URL."""
    innermost = causes[-1]
    text = _text(innermost)
    has_safe_text = isinstance(innermost, (OSError, http.client.HTTPException))
    if has_safe_text and not isinstance(innermost, (rq.RequestException, u3.HTTPError)):
        return text if text.strip() else type(innermost).__name__
    return type(innermost).__name__


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as unshown:  # noqa: BLE001 - some cannot be shown, if they were made with odd arguments
        pass_on(unshown, foreign_code=True)
        return ""
