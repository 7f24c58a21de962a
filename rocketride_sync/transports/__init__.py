"""How operations reach the server: over WebSocket, over HTTP, or through an object of the user's own.

`create` is the only place that maps a name to a transport.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Union

from ..errors import ConfigurationError
from .base import PollingWatch, Transport, Watch
from .pipe_interface import Pipe, PipingTransport, Uploads

if TYPE_CHECKING:
    from ..config import Settings

__all__ = ["Pipe", "PipingTransport", "PollingWatch", "Transport", "Uploads", "Watch", "create"]

NAMES = ("auto", "websocket", "http")


def create(transport: Union[str, Transport], settings: Settings) -> Transport:
    """Make the transport of this name; an object of the user's own is returned as it is. Does no I/O.

    Raises:
        ConfigurationError: for an unknown name, or an object without the interface of `Transport`.
    """
    if not isinstance(transport, str):
        if not all(callable(getattr(transport, name, None)) for name in ("call", "watch", "close")):
            raise ConfigurationError("transport: the object needs the methods call, watch and close")
        return transport
    if transport not in NAMES:
        raise ConfigurationError(
            f"transport must be one of {', '.join(NAMES)} or an object, not {transport!r}"
        )
    if transport == "http":
        from .http import HttpTransport

        return HttpTransport(settings)
    from .websocket import WebSocketTransport

    websocket = WebSocketTransport(settings)
    if transport == "websocket":
        return websocket
    from .auto import AutoTransport
    from .http import HttpTransport

    return AutoTransport(websocket, HttpTransport(settings))
