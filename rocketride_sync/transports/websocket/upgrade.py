"""What a refused WebSocket upgrade means. `rocketride_sync.transports.auto` falls back to HTTP on some of it."""

from __future__ import annotations

from ...config import Address
from ...errors import OverloadedError, ProtocolError, RocketRideError, TransientError, TransportError

_NO_WEBSOCKET = (404, 405, 426, 501)
_TRANSIENT = (429, 500, 502, 503, 504)


class NoWebSocketError(ProtocolError):
    """The upgrade was answered as by a server, or a proxy, that knows no WebSocket. Use ``transport="http"``."""


class UpgradeCutError(TransportError):
    """The connection was cut where the upgrade should have been answered, as some proxies do."""


class NoSlotError(OverloadedError):
    """The upgrade was answered with 403: the server's connection cap (or a wrong path)."""


def refused_upgrade(address: Address, status: int) -> RocketRideError:
    """The error for an upgrade that was answered with an HTTP `status` other than 101."""
    text = f"{address} refused the WebSocket upgrade with HTTP {status}"
    if status == 403:
        return NoSlotError(f"{text}: it is out of connection slots, or its base path is wrong")
    if status in _TRANSIENT:
        return TransientError(text, http_status=status)
    if status in _NO_WEBSOCKET:
        return NoWebSocketError(f'{text}: no WebSocket there; use transport="http"')
    return ProtocolError(text)
