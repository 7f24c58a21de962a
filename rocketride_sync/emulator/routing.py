"""What the HTTP routes share: who asks, and the shapes of answers."""

from __future__ import annotations

import asyncio
from typing import Any, Dict

from fastapi import Depends, Header, Request
from fastapi.responses import JSONResponse

from .core import Core
from .credentials import Access
from .faults import RequestError
from .slots import OWN_ADDRESS


def _access(request: Request, authorization: str = Header(...)) -> Access:  # noqa: ARG001  (its absence is a 422)
    access: Access = request.scope["access"]
    return access


ACCESS = Depends(_access)


async def take_slot(core: Core) -> None:
    """The real server opens a WebSocket to itself for each HTTP call, which needs a slot until it is authenticated."""
    with core.slots.hold(OWN_ADDRESS):
        await asyncio.sleep(core.settings.handshake_seconds)


def ok(**data: Any) -> JSONResponse:
    return JSONResponse({"status": "OK", **data})


def fault(error: RequestError) -> Dict[str, Any]:
    """What is said of something that could not be done."""
    return {"status": "Error", "error": {"message": str(error), **error.trace()}}


async def answer_fault(_: Request, error: Exception) -> JSONResponse:
    """The handler of RequestError."""
    assert isinstance(error, RequestError)
    return JSONResponse(fault(error), status_code=400)
