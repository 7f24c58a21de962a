"""The HTTP responses that the routes share, and their description for the OpenAPI document."""

from __future__ import annotations

from typing import Any, Dict, Union

from fastapi import Request
from fastapi.responses import JSONResponse

from .request_errors import RequestError

_TEXT = {"schema": {"type": "string"}}
_ERROR = {
    "anyOf": [
        {
            "type": "object",
            "required": ["status", "error"],
            "properties": {"status": {"const": "Error"}, "error": {"type": "object"}},
        },
        {"type": "object", "required": ["detail"]},
    ]
}


def documented_responses(**data: Any) -> Dict[Union[int, str], Dict[str, Any]]:
    """The responses of a route for the OpenAPI document: success, and the errors common to all routes.

    Args:
        data: the members of a success response beside `status`, as JSON schemas.
    """
    success_schema = {
        "type": "object",
        "required": ["status", *data],
        "properties": {"status": {"const": "OK"}, **data},
    }
    error_content = {"application/json": {"schema": _ERROR}}
    return {
        200: {"description": "Done", "content": {"application/json": {"schema": success_schema}}},
        400: {
            "description": "It cannot be done, the message says why; or too many calls at once",
            "content": error_content,
        },
        401: {
            "description": "Access denied",
            "content": {**error_content, "text/html": _TEXT, "text/plain": _TEXT},
        },
        413: {"description": "The body is too large"},
    }


def success_response(**data: Any) -> JSONResponse:
    """A success response with these members."""
    return JSONResponse({"status": "OK", **data})


def error_document(error: RequestError) -> Dict[str, Any]:
    """The JSON object that reports a failed request, or one object of it that failed."""
    return {"status": "Error", "error": {"message": str(error), **error.trace()}}


async def handle_request_error(_: Request, error: Exception) -> JSONResponse:
    """The exception handler for RequestError: status 400."""
    assert isinstance(error, RequestError)
    return JSONResponse(error_document(error), status_code=400)
