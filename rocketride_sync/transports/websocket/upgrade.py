"""The errors for a refused WebSocket upgrade. For some of them `rocketride_sync.transports.auto` falls back to HTTP.

An upgrade has passed only when the server has answered the key: some proxies accept it, and then let no frame pass.
"""

from __future__ import annotations

from typing import Mapping, Optional

from ...address import Address
from ...errors import (
    AuthenticationError,
    OverloadedError,
    ProtocolError,
    RocketRideError,
    TransientError,
    TransportError,
    TransportTimeoutError,
)
from ...protocol.failures import PROXY_AUTHENTICATION, TunnelRefusedError, is_transient, refused_by_proxy
from ...protocol.retry_after import retry_after

_STATUSES_WITHOUT = (404, 405, 426, 501)


class NoWebSocketError(ProtocolError):
    """The answer to the upgrade is that of a server or a proxy without WebSocket. Use ``transport="http"``."""


class OddUpgradeError(ProtocolError):
    """The answer to the upgrade is none to an upgrade: a redirect, a page, or not HTTP. Or junk came after it."""


class UpgradeCutError(TransportError):
    """The connection was closed in place of an answer to the upgrade, or of that to the key, as some proxies do."""


class UpgradeSilentError(UpgradeCutError, TransportTimeoutError):
    """The upgrade or the key was not answered: the server is silent, or a proxy swallows what it does not know."""


class NoSlotError(OverloadedError):
    """The upgrade was answered with 403: the server's connection cap (or a wrong path)."""


UPGRADE_REFUSED = (NoSlotError, NoWebSocketError, OddUpgradeError, TunnelRefusedError, UpgradeCutError)
"""What makes `rocketride_sync.transports.auto` ask over HTTP."""
NO_WEBSOCKET = (NoWebSocketError, TunnelRefusedError)
"""Those of them that say that WebSocket does not get through: there is none, or a proxy opens no tunnel to it."""


def refused_upgrade(address: Address, status: int, headers: Mapping[str, str]) -> RocketRideError:
    """The error for an upgrade that was answered with an HTTP `status` other than 101.

    Args:
        address: the server.
        status: the HTTP status.
        headers: those of the answer, with names in lower case.
    """
    text = f"{address} refused the WebSocket upgrade with HTTP {status}"
    if status == 401:
        return AuthenticationError(f"{text}. Check the API key (auth= or ROCKETRIDE_APIKEY), and proxies")
    if status == PROXY_AUTHENTICATION:
        return refused_by_proxy(f"no WebSocket with {address}", status)
    if status == 403:
        text += ": it is out of connection slots, or its base path is wrong"
        return NoSlotError(text, retry_after=_retry_after(headers))
    if status in _STATUSES_WITHOUT:
        return NoWebSocketError(f'{text}: no WebSocket there; use transport="http"')
    if is_transient(status):
        return TransientError(text, http_status=status, retry_after=_retry_after(headers))
    return OddUpgradeError(text)


def fault_before_first_answer(fault: RocketRideError) -> RocketRideError:
    """The refusal of the upgrade that `fault` of a connection comes to, whose key is not answered yet: made, not raised.

    That answer is the first sign that WebSocket works. `fault` itself if it says nothing about that.
    """
    text = f"just after the WebSocket upgrade: {fault}"
    if isinstance(fault, TransportTimeoutError):
        return UpgradeSilentError(text)
    if isinstance(fault, TransportError):
        return UpgradeCutError(text)
    if isinstance(fault, ProtocolError):
        junk = OddUpgradeError(text)
        junk._is_lasting = fault._is_lasting
        return junk
    return fault


def _retry_after(headers: Mapping[str, str]) -> Optional[float]:
    return retry_after({name.title(): value for name, value in headers.items()})
