"""ASGI middleware that checks the credential of every HTTP request and limits the size of its body."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from .credentials import CredentialChecker
from .request_errors import CredentialError
from .settings import Settings

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

DATA_PATH = "/task/data"
DATA_PATHS = (DATA_PATH, "/webhook/")
PUBLIC_PATHS = frozenset({"/version", "/task/service"})
_HTML_PAGE = "<!DOCTYPE html>\n<html>\n<head><title>{status} - {text}</title></head>\n<body><h1>{text}</h1></body>\n</html>\n"


class RequestMiddleware:
    """ASGI middleware. Stores the `Access` of the credential in ``scope["access"]``."""

    def __init__(self, app: ASGIApp, *, credential_checker: CredentialChecker, settings: Settings) -> None:
        self._app = app
        self._credential_checker = credential_checker
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = Request(scope)
            if scope["path"] not in PUBLIC_PATHS:
                try:
                    scope["access"] = self._credential_checker.check(_read_credential(request))
                except CredentialError as error:
                    await _refusal_response(request, error)(scope, receive, send)
                    return
            is_data = scope["path"].startswith(DATA_PATHS)
            limit = self._settings.max_data_bytes if is_data else self._settings.max_pipeline_bytes
            receive = _limit_body(receive, limit)
        await self._app(scope, receive, send)


def _limit_body(receive: Receive, limit: int) -> Receive:
    """`receive`, with a 413 once the body is longer than `limit` bytes."""
    received = 0

    async def limited() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise HTTPException(413, f"The request body exceeds {limit} bytes")
        return message

    return limited


def _read_credential(request: Request) -> str:
    return request.headers.get("authorization") or request.query_params.get("auth") or ""


def _refusal_response(request: Request, error: CredentialError) -> Response:
    """The answer to a refused credential: JSON, HTML or plain text.

    The format follows from `Accept`; without that header, from the request's own Content-Type.
    """
    accepted = request.headers.get("accept") or request.headers.get("content-type") or ""
    if "text/html" in accepted:
        page = _HTML_PAGE.format(status=error.http_status, text=error.http_text)
        return HTMLResponse(page, status_code=error.http_status)
    if "text/plain" in accepted:
        return PlainTextResponse(error.http_text, status_code=error.http_status)
    return JSONResponse(
        {"status": "Error", "error": {"error": error.http_text}}, status_code=error.http_status
    )
