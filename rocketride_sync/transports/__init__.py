"""How operations reach the server: over WebSocket, over HTTP, or through an object of the user's own.

`create` is the only place that maps a name to a transport.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Iterator, Optional, Tuple, Type, Union

from ..errors import ConfigurationError
from ..import_lock import import_lock
from ..loading import load
from ..options import TRANSPORTS
from .base import PollingWatch, Transport, Watch

if TYPE_CHECKING:
    from ..config import Settings
    from .auto import AutoTransport
    from .http import HttpTransport
    from .pipe_interface import Pipe as Pipe
    from .pipe_interface import PipingTransport as PipingTransport
    from .pipe_interface import Uploads as Uploads
    from .websocket import WebSocketTransport

__all__ = ["Pipe", "PipingTransport", "PollingWatch", "Transport", "Uploads", "Watch", "create", "http_of"]

# Of `pipe_interface`: most processes send nothing.
_LOADED_ON_FIRST_USE = ("Pipe", "PipingTransport", "Uploads")


def create(transport: Union[str, Transport], settings: Settings) -> Transport:
    """Make the transport of this name; an object of the user's own is returned as it is. Does no I/O.

    Raises:
        ConfigurationError: for an unknown name, or an object without the interface of `Transport`.
    """
    if not isinstance(transport, str):
        if not all(callable(getattr(transport, name, None)) for name in ("call", "watch", "close")):
            raise ConfigurationError("transport: the object needs the methods call, watch and close")
        return transport
    if transport not in TRANSPORTS:
        raise ConfigurationError(
            f"transport must be one of {', '.join(TRANSPORTS)} or an object, not {transport!r}"
        )
    if transport == "http":
        return load(_http)(settings)
    if transport == "websocket":
        return load(_websocket)(settings)
    AutoTransport, HttpTransport, WebSocketTransport = load(_auto)  # noqa: N806
    websocket = WebSocketTransport(settings, upgrade_share=AutoTransport.UPGRADE_SHARE)
    return AutoTransport(websocket, HttpTransport(settings))


def _http() -> Type[HttpTransport]:
    from .http import HttpTransport

    return HttpTransport


def _websocket() -> Type[WebSocketTransport]:
    from .websocket import WebSocketTransport

    return WebSocketTransport


def _auto() -> Tuple[Type[AutoTransport], Type[HttpTransport], Type[WebSocketTransport]]:
    from .auto import AutoTransport

    return AutoTransport, _http(), _websocket()


@contextlib.contextmanager
def http_of(transport: Optional[Transport], settings: Settings) -> Iterator[Transport]:
    """The transport for what servers offer over HTTP only: `transport` itself if it can carry that, or is a user's own; else
    one for this block, which closes it.
    """
    if transport is not None and not getattr(transport, "prefers_websocket", False):
        yield transport
        return
    http = load(_http)(settings)
    try:
        yield http
    finally:
        http.close()


def __getattr__(name: str) -> object:
    if name not in _LOADED_ON_FIRST_USE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with import_lock:
        from . import pipe_interface

    value: object = getattr(pipe_interface, name)
    globals()[name] = value
    return value
