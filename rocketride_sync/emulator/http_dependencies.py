"""What the HTTP routes that work on tasks need first: the caller's access, and a free connection slot."""

from __future__ import annotations

import asyncio

from fastapi import Depends, Header, Request

from .connection_slots import LOOPBACK_ADDRESS
from .credentials import Access
from .server_state import ServerState


async def _access(request: Request, authorization: str = Header(...)) -> Access:  # noqa: ARG001  (its absence is a 422)
    access: Access = request.scope["access"]
    return access


ACCESS = Depends(_access)


async def hold_handshake_slot(state: ServerState) -> None:
    """Hold a connection slot of the loopback address for a moment. Raises RequestError when none is free.

    For each HTTP call, the real server opens a WebSocket to itself, which needs a slot until it has authenticated.
    """
    with state.connection_slots.hold(LOOPBACK_ADDRESS):
        await asyncio.sleep(state.settings.handshake_seconds)
