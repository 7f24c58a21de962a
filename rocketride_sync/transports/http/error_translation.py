"""From the exceptions of requests, urllib3, http.client, ssl and socket to ours."""

from __future__ import annotations

import http.client
import re
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
from ...protocol.failures import readable
from ..network import is_certificate_alert

if TYPE_CHECKING:
    from .sockets import Exchange

# What sending a request may raise. Whatever else comes is a bug, and should look like one.
FOREIGN = (OSError, ValueError, http.client.HTTPException, u3.HTTPError)

_TUNNEL = re.compile(r"Tunnel connection failed: (\d+)")
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
    error: BaseException, operation: str, address: str, secrets: Iterable[str], exchange: Exchange
) -> RocketRideError:
    """Our error for a foreign one: made, not raised, and without a reference to it.

    Args:
        error: one of `FOREIGN`.
        operation: the name of what failed.
        address: the server's host and port.
        secrets: texts to keep out of the message.
        exchange: the request in which it happened.
    """
    causes = _causes(error)
    kind = _kind(error, causes, exchange.answered)
    start = f"{operation} failed: "
    if kind is TransportTimeoutError:
        what = (
            "connection to {} within the connect timeout"
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
    """`error` and what it wraps. Not `__context__`: the caller may be handling an error of its own."""
    found: List[BaseException] = []
    pending: List[Any] = [error]
    while pending:
        item = pending.pop(0)
        if isinstance(item, BaseException) and not any(item is known for known in found):
            found.append(item)
            pending += [*item.args, getattr(item, "reason", None), item.__cause__]
    return found


def _kind(error: BaseException, causes: List[BaseException], answered: bool) -> Type[RocketRideError]:
    """Which of our errors it is. The order matters: their classes overlap."""

    def among(*types: Type[BaseException]) -> bool:
        return any(isinstance(cause, types) for cause in causes)

    if among(*_CERTIFICATE) or any(map(is_certificate_alert, causes)):
        return CertificateError
    if any(isinstance(cause, _TIMEOUT) and not isinstance(cause, u3.NewConnectionError) for cause in causes):
        return TransportTimeoutError
    if among(u3.InvalidHeader):
        return ProtocolError  # of the answer: the headers we send are not urllib3's to judge
    if among(*_CONFIGURATION) or any(map(_is_bad_pem, causes)) or _is_missing_file(error):
        return ConfigurationError
    if among(*_CONNECTION):
        return TransportError
    if among(*_PROTOCOL):
        return ProtocolError
    if among(ValueError):
        return ProtocolError if answered else ConfigurationError
    return TransportError


def _is_bad_pem(cause: BaseException) -> bool:
    """A file of `verify` or `cert` was read, and holds nothing usable."""
    return isinstance(cause, ssl.SSLError) and (
        getattr(cause, "library", None) in ("X509", "PEM", "ASN1") or "PEM lib" in str(cause)
    )


def _is_missing_file(error: BaseException) -> bool:
    """The files of `verify` and `cert`: requests looks for them itself, and says so in a bare OSError."""
    return type(error) is OSError and error.errno is None


def _reason(causes: List[BaseException]) -> str:
    """The innermost cause in words: what requests and urllib3 say of it would show the URL."""
    innermost = causes[-1]
    refused = _TUNNEL.match(str(innermost))
    if refused:  # what else the proxy says may repeat its password
        return f"the proxy refused the tunnel: HTTP {refused.group(1)}"
    speaks = isinstance(innermost, (OSError, http.client.HTTPException))
    if speaks and not isinstance(innermost, (rq.RequestException, u3.HTTPError)):
        return str(innermost) or type(innermost).__name__
    return type(innermost).__name__
