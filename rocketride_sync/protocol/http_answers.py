"""What an HTTP answer means: the document it carries, or the error it is. No sockets here.

Source of the facts: docs/protocol.md, "HTTP".
"""

from __future__ import annotations

import http
import re
import time
from typing import Any, Callable, Dict, Mapping, Optional, Tuple
from urllib.parse import urlsplit

from ..errors import ProtocolError, RocketRideError, ServerError, TransientError
from . import strict_json
from .failures import failure, readable, secrets_of
from .operations import Operation

Headers = Mapping[str, str]

TOO_MANY_REQUESTS = 429
_PROXY_AUTHENTICATION = 407
_TRANSIENT = (TOO_MANY_REQUESTS, 502, 503, 504)
_LONGEST_RETRY_AFTER = 86_400.0
_LONGEST_ERROR_BODY = 8192
_MARKUP = re.compile(r"<(style|script|head)\b.*?</\1\s*>|<[^>]*>", re.DOTALL | re.IGNORECASE)


def interpret(
    operation: Operation,
    status: int,
    headers: Headers,
    body: bytes,
    auth: str,
    clock: Callable[[], float] = time.time,
) -> Any:
    """The document in the answer to `operation`: the `data` of its envelope, None where there is none.

    Args:
        operation: what was asked.
        status: the HTTP status.
        headers: the answer's headers; names are looked up without regard to case.
        body: the answer's body, decompressed.
        auth: the credential that was used, to know its kind and to keep it out of messages.
        clock: Unix time, for a ``Retry-After`` date.

    Raises:
        ProtocolError: the answer is not of this protocol: a redirect, not JSON, no envelope.
        TransientError: HTTP 429, 502, 503 or 504; `OverloadedError` for the server's overload answer.
        AuthenticationError: HTTP 401.
        ServerError: any other error answer; `TaskNotFoundError` and `PermissionDeniedError` among them.
    """
    if not 200 <= status < 300:
        raise _refusal(operation, status, headers, body, auth, clock)
    document = _json(body)
    if isinstance(document, dict) and document.get("status") == "OK":
        return document.get("data")
    raise _not_an_envelope(operation, document, headers, body, auth)


def decompress(encoding: Optional[str], body: bytes, limit: int) -> bytes:
    """`body` without its ``Content-Encoding``; at most `limit` bytes, or it is a `ProtocolError`."""
    if not encoding or not body or encoding.lower() == "identity":
        return body
    if encoding.lower() not in ("gzip", "x-gzip", "deflate"):
        raise ProtocolError(f"The answer is encoded as {readable(encoding)!r}, which was not asked for")
    import zlib  # identity is what was asked for

    decoder = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        plain = decoder.decompress(body, limit + 1)
    except zlib.error:
        plain = None
    if plain is None or (len(plain) <= limit and not decoder.eof):
        raise ProtocolError(f"The answer's {encoding.lower()} data are damaged")
    if len(plain) > limit:
        raise too_large(limit)
    return plain


def too_large(limit: int) -> ProtocolError:
    """The error for an answer of more than `limit` bytes: made, not raised."""
    return ProtocolError(f"The answer is larger than max_response_bytes ({limit} bytes)")


def retry_after(headers: Headers, clock: Callable[[], float] = time.time) -> Optional[float]:
    """Seconds to wait by the answer's ``Retry-After``, given as seconds or as a date; None without a usable one."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value), _LONGEST_RETRY_AFTER)
    at = _timestamp(value)
    if at is None:
        return None
    # The server's own clock where it tells it: ours may differ.
    now = _timestamp(headers.get("Date", ""))
    return min(max(at - (clock() if now is None else now), 0.0), _LONGEST_RETRY_AFTER)


def _timestamp(date: str) -> Optional[float]:
    from email.utils import parsedate_to_datetime  # slow to load, and seldom needed

    try:
        return parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError, OverflowError, IndexError):
        return None


def _json(body: bytes) -> Any:
    """The JSON value of `body`; None where it is none (or null: neither is an envelope)."""
    try:
        return strict_json.loads(body)
    except ValueError:
        return None


def _refusal(
    operation: Operation, status: int, headers: Headers, body: bytes, auth: str, clock: Callable[[], float]
) -> RocketRideError:
    """The error for an answer that is no success."""
    if status < 400:
        return ProtocolError(_unexpected(operation, status, headers, auth))
    if status == _PROXY_AUTHENTICATION:
        # Its page is not shown: it may repeat the password.
        text = "the proxy wants a password, or refused the one it got (HTTP 407). See proxies="
        return ServerError(f"{operation.name} failed: {text}", http_status=status, operation=operation.name)
    message, code, hint = _reported_in(body)
    if status in _TRANSIENT:
        shown = readable(message, secrets_of(operation, auth))
        return TransientError(
            f"{operation.name} failed: the server answered {_named(status)}: {shown}".rstrip(": "),
            http_status=status,
            retry_after=retry_after(headers, clock),
        )
    if status in (404, 405) and not code:
        return ServerError(
            f"{operation.name} failed: this address does not look like a RocketRide server, "
            f"it answered {_named(status)} to {operation.method} {operation.path}. Check the URI and its base path",
            http_status=status,
            operation=operation.name,
        )
    return failure(operation, message or _named(status), auth, code=code, hint=hint, http_status=status)


def _unexpected(operation: Operation, status: int, headers: Headers, auth: str) -> str:
    """The message for a redirect, or another status of which this protocol knows nothing."""
    start = f"{operation.name} failed: the server answered {_named(status)}"
    location = headers.get("Location")
    if not location:
        return start
    where = readable(_without_query(location), secrets_of(operation, auth))
    return f"{start}, a redirect to {where}. It was not followed: give that address as the URI if it is right"


def _without_query(location: str) -> str:
    """An address without user, password, query and fragment: these may hold secrets."""
    try:
        parts = urlsplit(location)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
    except ValueError:
        return "an unusable address"


def _named(status: int) -> str:
    """``HTTP 503 (Service Unavailable)``."""
    try:
        return f"HTTP {status} ({http.HTTPStatus(status).phrase})"
    except ValueError:
        return f"HTTP {status}"


def _reported_in(body: bytes) -> Tuple[str, Any, Any]:
    """What an error body says: message, code, hint. Three shapes of JSON, HTML and plain text occur."""
    document = _json(body)
    if not isinstance(document, dict):
        return (document if isinstance(document, str) else _plain(body)), None, None
    return reported(document)


def reported(document: Mapping[str, Any]) -> Tuple[str, Any, Any]:
    """What an error document says: message, code, hint."""
    error = document.get("error")
    inner = error if isinstance(error, dict) else document
    texts = (inner.get("message"), inner.get("error"), document.get("detail"))
    message = next(filter(None, map(_message, texts)), "")
    return message, inner.get("code", document.get("code")), inner.get("hint", document.get("hint"))


def _message(reported: Any) -> str:
    """A message as it is, or FastAPI's list of complaints as ``query.token: Field required; …``."""
    if isinstance(reported, list):
        return "; ".join(_complaint(item) for item in reported[:5] if isinstance(item, dict))
    return reported if isinstance(reported, str) else ""


def _complaint(item: Dict[str, Any]) -> str:
    place, said = item.get("loc"), item.get("msg")
    # Only what has no end of nesting: what Python could read, it may not be able to print.
    parts = [str(part) for part in place if isinstance(part, (str, int))] if isinstance(place, list) else []
    return f"{'.'.join(parts) or 'the request'}: {said if isinstance(said, str) else 'refused'}"


def _plain(body: bytes) -> str:
    """The words of an HTML or plain-text body."""
    import html  # slow to load, and seldom needed

    text = body[:_LONGEST_ERROR_BODY].decode("utf-8", "replace")
    words = " ".join(html.unescape(_MARKUP.sub(" ", text)).split())
    # As in `readable`: a word cut in two might be half a secret.
    return words.rpartition(" ")[0] if len(body) > _LONGEST_ERROR_BODY else words


def _not_an_envelope(
    operation: Operation, document: Any, headers: Headers, body: bytes, auth: str
) -> ProtocolError:
    """The error for a success whose body is not ``{"status": "OK", …}``."""
    secrets = secrets_of(operation, auth)
    if isinstance(document, dict):
        said = readable(reported(document)[0] or f"keys {', '.join(map(str, document))}", secrets)
        return ProtocolError(
            f"{operation.name} failed: the answer is no success envelope of RocketRide: {said}"
        )
    kind = readable(headers.get("Content-Type") or "no declared type", secrets)
    start = readable(_plain(body), secrets) or "nothing"
    return ProtocolError(
        f"{operation.name} failed: the answer is not RocketRide's JSON but {kind}: {start}. "
        "Is the address a RocketRide server, or a proxy's page?"
    )
