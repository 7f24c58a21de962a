"""Which HTTP statuses may pass, and the error for a proxy that lets nothing through: alike over both transports."""

from __future__ import annotations

from typing import Optional

from ..errors import RocketRideError, ServerError, TransportError

TOO_EARLY = 425
TOO_MANY_REQUESTS = 429
PROXY_AUTHENTICATION = 407
_REQUEST_TIMEOUT = 408
_NOT_IMPLEMENTED = 501
_VERSION_NOT_SUPPORTED = 505


def is_transient(status: int) -> bool:
    """Whether the same request may succeed later: any server error, those of proxies such as 520 to 530 included,
    but for the two that say what the server cannot do at all.
    """
    if status >= 500:
        return status not in (_NOT_IMPLEMENTED, _VERSION_NOT_SUPPORTED)
    return status in (_REQUEST_TIMEOUT, TOO_EARLY, TOO_MANY_REQUESTS)


def is_unprocessed(status: int) -> bool:
    """Whether `status` says that nobody began to process the request."""
    return status in (TOO_EARLY, TOO_MANY_REQUESTS)


def refused_by_proxy(start: str, status: int, operation: Optional[str] = None) -> RocketRideError:
    """The error for a proxy that refused a tunnel, or wants a password: made, not raised.

    Nothing of its answer but the status is shown: it may repeat the password.

    Args:
        start: the beginning of the message.
        status: the HTTP status of the proxy's answer.
        operation: the name of what failed, if it is known.
    """
    if status == PROXY_AUTHENTICATION:
        reason = "the proxy wants a password, or refused the one it got"
    else:
        reason = "the proxy refused the tunnel"
    text = f"{start}: {reason} (HTTP {status})"
    if is_transient(status):
        return TransportError(text, http_status=status)
    return ServerError(f"{text}. See proxies=", http_status=status, operation=operation)
