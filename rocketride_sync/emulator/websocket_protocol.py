"""uvicorn's WebSocket protocol, with a limit on what a connection may send before it has authenticated."""

from __future__ import annotations

from typing import Any, Optional

from uvicorn.protocols.websockets.websockets_impl import WebSocketProtocol
from websockets.legacy.framing import Frame

from .websocket_connection import LIMIT_KEY, UNAUTHENTICATED_BYTES


class LimitedWebSocketProtocol(WebSocketProtocol):
    """A WebSocket connection that may send 64 KiB in all until the limit is lifted.

    uvicorn reads a message into memory before the application sees it, so the application cannot limit it.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._bytes_left: Optional[int] = UNAUTHENTICATED_BYTES
        self.app_state = {**self.app_state, LIMIT_KEY: self._limit}

    def _limit(self, limited: bool) -> None:
        self._bytes_left = UNAUTHENTICATED_BYTES if limited else None

    async def read_frame(self, max_size: Optional[int]) -> Frame:
        """As that of the base class. The limit is that of the moment at which the frame begins to arrive."""
        begin = await self.reader.readexactly(2)

        async def read(count: int) -> bytes:
            nonlocal begin
            taken, begin = begin, b""
            return taken or await self.reader.readexactly(count)

        left = self._bytes_left
        limit = max_size if left is None else min(left, left if max_size is None else max_size)
        frame = await Frame.read(read, mask=True, max_size=limit, extensions=self.extensions)
        if self._bytes_left is not None:
            self._bytes_left -= len(frame.data)
        return frame
