"""The meaning of an HTTP answer: its document, or the error that it stands for. No sockets.

Source of the facts: docs/protocol.md, "HTTP".
"""

from __future__ import annotations

import functools
import http
from typing import Any, Callable, Dict, Mapping, Optional, Tuple
from urllib.parse import urlsplit

from ..deadline import system_time
from ..errors import ProtocolError, RocketRideError, ServerError, TransientError
from ..handler_exceptions import pass_on
from ..loading import load
from ..redact import excerpt
from . import strict_json
from .failures import PROXY_AUTHENTICATION, failure, is_transient, readable, refused_by_proxy, secrets_of
from .operations import Operation
from .retry_after import retry_after

Headers = Mapping[str, str]

_UNAUTHORIZED = 401  # means the same in a proxy's answer
_FORBIDDEN = 403  # where the server denies permission, it answers with 400
_LONGEST_PROBLEM = 100
_LONGEST_OF_PAGE = 120  # characters of a page: they are of a stranger, and only to be recognised


def interpret(
    operation: Operation,
    status: int,
    headers: Headers,
    body: bytes,
    auth: str,
    clock: Callable[[], float] = system_time.time,
    proxy: Optional[str] = None,
) -> Any:
    """The document in the answer to `operation`: the `data` of its envelope, None where there is none.

    Args:
        operation: the operation that was sent.
        status: the HTTP status.
        headers: the answer's headers, in a mapping that ignores the case of names.
        body: the answer's body, decompressed.
        auth: the credential that was used. Its kind matters, and messages must not show it.
        clock: Unix time, for a ``Retry-After`` date.
        proxy: the proxy that was asked, None for none. For messages.

    Raises:
        ProtocolError: the answer does not follow the protocol: a redirect, not JSON such as a proxy's page, no envelope.
        TransientError: HTTP 408, 425, 429, or 5xx but for 501 and 505; 400 if the server has lost its connection to
            itself; `OverloadedError` for its overload answer.
        AuthenticationError: HTTP 401.
        ServerError: any other error answer. It may be a subclass, such as `TaskNotFoundError`.
    """
    if status == PROXY_AUTHENTICATION and proxy is not None:
        raise refused_by_proxy(f"{operation.name} failed", status, operation.name, proxy)
    if not 200 <= status < 300:
        raise _refusal(operation, status, headers, body, auth, clock)
    document, problem = None, ""
    try:
        document = strict_json.loads(body)
    except ValueError as error:
        pass_on(error)
        problem = excerpt(str(error), _LONGEST_PROBLEM)
    if isinstance(document, dict) and document.get("status") == "OK":
        return document.get("data")
    raise _not_an_envelope(operation, document, problem, headers, body, auth)


def _json_or_none(body: bytes) -> Any:
    """The JSON value of `body`; None if it is not JSON, or is null: neither is an envelope."""
    try:
        return strict_json.loads(body)
    except ValueError as error:
        pass_on(error)
        return None


def _refusal(
    operation: Operation, status: int, headers: Headers, body: bytes, auth: str, clock: Callable[[], float]
) -> RocketRideError:
    """The error for an answer without a success status."""
    if status < 400:
        return ProtocolError(_unexpected_status(operation, status, headers, auth))
    if status == PROXY_AUTHENTICATION:
        return refused_by_proxy(f"{operation.name} failed", status, operation.name)
    document = _json_or_none(body)
    message, code, hint = _reported_by_body(document, body)
    if is_transient(status):
        shown = readable(message, secrets_of(operation, auth))
        return TransientError(
            f"{operation.name} failed: the server answered {_status_name(status)}: {shown}".rstrip(": "),
            http_status=status,
            retry_after=retry_after(headers, clock),
        )
    own = _is_error_envelope(document)
    if (status in (404, 405) and not (own and code)) or (status == 401 and operation.public):
        return _wrong_address(operation, status, page=_is_page(document, body))
    strange = _is_page(document, body) or (status == _FORBIDDEN and not own)
    if strange and status != _UNAUTHORIZED:
        return _page(operation, status, message, auth)
    return failure(
        operation,
        message or _status_name(status),
        auth,
        code=code if own else None,
        hint=hint,
        http_status=status,
        retry_after=retry_after(headers, clock),
        own=own,
        file=_failed_in(document),
    )


def _is_page(document: Any, body: bytes) -> bool:
    """Whether an error body is no JSON at all; what is nested too deeply to be read is some."""
    return document is None and not body.lstrip().startswith((b"{", b"["))


def _wrong_address(operation: Operation, status: int, *, page: bool) -> RocketRideError:
    # A server wants a key below any path that it does not know; for a public one it got none.
    keyless = ", which needs no key" if status == 401 else ""
    text = (
        f"{operation.name} failed: this address does not look like a RocketRide server, it answered "
        f"{_status_name(status)} to {operation.method} {operation.path}{keyless}. Check the URI and its base path"
    )
    fault: RocketRideError = (
        ProtocolError(text) if page else ServerError(text, http_status=status, operation=operation.name)
    )
    fault._is_of_address = True
    return fault


def _page(operation: Operation, status: int, words: str, auth: str) -> ProtocolError:
    # More may follow in the message, so it ends without a full stop, whether or not the page has one.
    shown = readable(words, secrets_of(operation, auth), _LONGEST_OF_PAGE).rstrip(". ")
    came = f"a page, perhaps a proxy's: {shown}" if shown else "an empty body"
    return ProtocolError(
        f"{operation.name} failed: {_status_name(status)} came with no answer of RocketRide, but {came}"
    )


def _is_error_envelope(document: Any) -> bool:
    """Whether an error document is the server's own. Only then its texts have a meaning: a proxy may use the same."""
    return isinstance(document, dict) and (document.get("status") == "Error" or "detail" in document)


def _unexpected_status(operation: Operation, status: int, headers: Headers, auth: str) -> str:
    """The message for a redirect, or for another status that the protocol does not use."""
    start = f"{operation.name} failed: the server answered {_status_name(status)}"
    location = headers.get("Location")
    if not location:
        return start
    where = readable(_without_secrets(location), secrets_of(operation, auth))
    return f"{start}, a redirect to {where}. It was not followed: give that address as the URI if it is right"


def _without_secrets(location: str) -> str:
    """An address without user, password, query and fragment, which may hold secrets."""
    try:
        parts = urlsplit(location)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
    except ValueError as error:
        pass_on(error)
        return "an unusable address"


def _status_name(status: int) -> str:
    """``HTTP 503 (Service Unavailable)``."""
    try:
        return f"HTTP {status} ({http.HTTPStatus(status).phrase})"
    except ValueError as error:
        pass_on(error)
        return f"HTTP {status}"


def _reported_by_body(document: Any, body: bytes) -> Tuple[str, Any, Any]:
    """The message, code and hint of an error body: JSON of three forms, HTML, or plain text.

    Args:
        document: the JSON value of the body, or None.
        body: the body itself.
    """
    if not isinstance(document, dict):
        return (document if isinstance(document, str) else _words_of(body)), None, None
    return reported(document)


def reported(document: Mapping[str, Any]) -> Tuple[str, Any, Any]:
    """The message, code and hint of an error document."""
    error = document.get("error")
    inner = error if isinstance(error, dict) else document
    texts = (inner.get("message"), inner.get("error"), document.get("detail"))
    message = next(filter(None, map(_message_text, texts)), "")
    return message, inner.get("code", document.get("code")), inner.get("hint", document.get("hint"))


def _failed_in(document: Any) -> Any:
    """The file of the server where it failed, if an error document tells."""
    error = document.get("error") if isinstance(document, dict) else None
    return error.get("file") if isinstance(error, dict) else None


def _message_text(reported: Any) -> str:
    """A message as it is; FastAPI's list of validation errors as ``query.token: Field required; …``."""
    if isinstance(reported, list):
        return "; ".join(_validation_error(item) for item in reported[:5] if isinstance(item, dict))
    return reported if isinstance(reported, str) else ""


def _validation_error(item: Dict[str, Any]) -> str:
    place, said = item.get("loc"), item.get("msg")
    # Only flat values: Python may be unable to print a deeply nested value that it could read.
    parts = [str(part) for part in place if isinstance(part, (str, int))] if isinstance(place, list) else []
    return f"{'.'.join(parts) or 'the request'}: {said if isinstance(said, str) else 'refused'}"


def _not_an_envelope(
    operation: Operation, document: Any, problem: str, headers: Headers, body: bytes, auth: str
) -> ProtocolError:
    """The error for a success status whose body is not ``{"status": "OK", …}``, or no JSON, for the reason `problem`."""
    secrets = secrets_of(operation, auth)
    if isinstance(document, dict):
        said = readable(reported(document)[0] or f"keys {', '.join(map(str, document))}", secrets)
        return ProtocolError(
            f"{operation.name} failed: the answer is not a success answer of RocketRide: {said}"
        )
    kind = readable(headers.get("Content-Type") or "no declared type", secrets)
    if problem and body.lstrip()[:1] in (b"{", b"["):
        kind += f" that cannot be read ({problem})"
    start = readable(_words_of(body), secrets)
    start = start or ("nothing that can be shown" if body.strip() else "nothing")
    return ProtocolError(
        f"{operation.name} failed: the answer is not RocketRide's JSON but {kind}: {start}. "
        "Is the address a RocketRide server, or a proxy's page?"
    )


# Of pages, which few processes get.


def load_for_pages() -> None:
    """Load what reads them now: a wait must not when it meets one. Raises TransportError."""
    _page_reader()


def _words_of(page: bytes) -> str:
    return _page_reader()(page)


@functools.lru_cache(maxsize=None)
def _page_reader() -> Callable[[bytes], str]:
    return load(_page_text)


def _page_text() -> Callable[[bytes], str]:
    from .page_text import words_of

    return words_of
