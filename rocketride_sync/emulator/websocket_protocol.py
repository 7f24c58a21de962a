"""uvicorn's WebSocket protocol, with a limit on what a connection may send before it has authenticated."""

from __future__ import annotations

from typing import Any, Dict, Optional

from uvicorn.protocols.websockets.auto import AutoWebSocketsProtocol

from .websocket_connection import LIMIT_KEY, UNAUTHENTICATED_BYTES


class LimitedWebSocketProtocol(AutoWebSocketsProtocol):  # type: ignore[misc, valid-type]  # which one uvicorn takes
    """A WebSocket connection that is closed when it sends too much before the limit is lifted.

    uvicorn reads a message into memory before the application sees it, so the application cannot limit it. The bytes are
    counted as they arrive, so that it does not matter how they are divided into messages and frames.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._upgraded = False
        self._bytes_left: Optional[int] = UNAUTHENTICATED_BYTES
        self.app_state: Dict[str, Any] = {**vars(self)["app_state"], LIMIT_KEY: self._limit}

    def _limit(self, limited: bool) -> None:
        self._bytes_left = UNAUTHENTICATED_BYTES if limited else None

    def data_received(self, data: bytes) -> None:
        if not self._upgraded:
            self._upgraded = True  # the first data is the request for the upgrade, whose size uvicorn limits
        elif self._bytes_left is not None:
            self._bytes_left -= len(data)
            if self._bytes_left < 0:
                self.transport.close()
                return
        super().data_received(data)
