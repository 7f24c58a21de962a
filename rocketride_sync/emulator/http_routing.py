"""What the HTTP routes share: who asks, and the shapes of answers."""

from __future__ import annotations

import asyncio
from typing import Any, Dict, Union

from fastapi import Depends, Header, Request
from fastapi.responses import JSONResponse

from .connection_slots import OWN_ADDRESS
from .credentials import Access
from .request_errors import RequestError
from .server_state import ServerState


def _access(request: Request, authorization: str = Header(...)) -> Access:  # noqa: ARG001  (its absence is a 422)
    access: Access = request.scope["access"]
    return access


ACCESS = Depends(_access)

_TEXT = {"schema": {"type": "string"}}
_REFUSED = {
    "anyOf": [
        {
            "type": "object",
            "required": ["status", "error"],
            "properties": {"status": {"const": "Error"}, "error": {"type": "object"}},
        },
        {"type": "object", "required": ["detail"]},
    ]
}


def answers(**data: Any) -> Dict[Union[int, str], Dict[str, Any]]:
    """The answers that a route declares in the OpenAPI document: success with `data`, and the refusals.

    Args:
        data: the members of a success beside its status, as JSON schemas.
    """
    succeeded = {
        "type": "object",
        "required": ["status", *data],
        "properties": {"status": {"const": "OK"}, **data},
    }
    refused = {"application/json": {"schema": _REFUSED}}
    return {
        200: {"description": "Done", "content": {"application/json": {"schema": succeeded}}},
        400: {
            "description": "It cannot be done, the message says why; or too many calls at once",
            "content": refused,
        },
        401: {
            "description": "Access denied",
            "content": {**refused, "text/html": _TEXT, "text/plain": _TEXT},
        },
        413: {"description": "The body is too large"},
    }


async def take_slot(core: ServerState) -> None:
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
