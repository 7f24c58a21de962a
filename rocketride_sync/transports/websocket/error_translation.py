"""Translates the exceptions of framing, websocket-client, ssl and socket into those of this library."""

from __future__ import annotations

import socket
import ssl

from ...address import Address
from ...errors import ProtocolError, RocketRideError, TransportError, TransportTimeoutError
from ...options import SizeLimit
from ...redact import reason_of
from ..dialing import tls_fault
from .handshake import RefusedError
from .steady_socket import EndedError, SilentError, TooLargeError
from .upgrade import OddUpgradeError, UpgradeCutError, UpgradeSilentError, refused_upgrade

_BREAKS = (OSError, EndedError)


def of_upgrade(error: Exception, address: Address, seconds: float) -> RocketRideError:
    """The error for any exception during the upgrade: made, not raised. It says whether WebSocket may be had there.

    Args:
        error: what was raised.
        address: the server.
        seconds: how long the upgrade has taken.
    """
    if isinstance(error, (socket.timeout, SilentError)):
        took = f"{seconds:.1f}" if seconds >= 0.1 else f"{seconds:.3f}"
        return UpgradeSilentError(
            f"{address} is silent: it did not answer the WebSocket upgrade within {took} s"
        )
    if isinstance(error, RefusedError):
        return refused_upgrade(address, error.status, error.headers)
    if isinstance(error, ssl.SSLError):
        # With TLS 1.3 a server that requires a client certificate says so only after the handshake.
        return tls_fault(address, error)
    if isinstance(error, _BREAKS):
        return UpgradeCutError(_broke(error, address, " during the WebSocket upgrade"))
    return OddUpgradeError(f"{address} does not answer a WebSocket upgrade as it should")


def of_message(error: Exception, address: Address, limit: SizeLimit) -> RocketRideError:
    """The error for any exception after the upgrade: made, not raised.

    Args:
        error: what was raised.
        address: the server.
        limit: the size of the largest message that was accepted.
    """
    if isinstance(error, socket.timeout):
        return TransportTimeoutError(f"no answer from {address} within the timeout")
    if isinstance(error, SilentError):
        return TransportError(f"{address} is silent: {reason_of(error)}")
    if isinstance(error, TooLargeError):
        return ProtocolError.lasting(f"an answer of {address} is larger than {limit}")
    if isinstance(error, ssl.SSLError):
        return tls_fault(address, error)  # a refused client certificate: see above
    if isinstance(error, _BREAKS):
        return TransportError(_broke(error, address))
    return ProtocolError(f"{address} does not speak WebSocket as it should")


def _broke(error: Exception, address: Address, when: str = "") -> str:
    reason = reason_of(error) if isinstance(error, OSError) else "it ended"
    return f"the connection to {address} broke{when}: {reason}"
