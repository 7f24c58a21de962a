"""What every HTTP request passes first: its credential is checked and its body is kept below a limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from .credentials import Credentials
from .request_errors import CredentialError
from .settings import Settings

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

DATA = "/task/data"
PUBLIC = frozenset({"/version", "/task/service"})
_PAGE = "<!DOCTYPE html>\n<html>\n<head><title>{status} - {text}</title></head>\n<body><h1>{text}</h1></body>\n</html>\n"


class RequestMiddleware:
    """ASGI middleware. Puts what the credential opens into ``scope["access"]``."""

    def __init__(self, app: ASGIApp, *, credentials: Credentials, settings: Settings) -> None:
        self._app = app
        self._credentials = credentials
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = Request(scope)
            if scope["path"] not in PUBLIC:
                try:
                    scope["access"] = self._credentials.check(_credential(request))
                except CredentialError as error:
                    await _refusal(request, error)(scope, receive, send)
                    return
            data = scope["path"] == DATA
            limit = self._settings.max_data_bytes if data else self._settings.max_pipeline_bytes
            receive = _limited(receive, limit)
        await self._app(scope, receive, send)


def _limited(receive: Receive, limit: int) -> Receive:
    received = 0

    async def limited() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise HTTPException(413, f"The request body exceeds {limit} bytes")
        return message

    return limited


def _credential(request: Request) -> str:
    return request.headers.get("authorization") or request.query_params.get("auth") or ""


def _refusal(request: Request, error: CredentialError) -> Response:
    """As JSON, HTML or plain text: by `Accept`, and without one by the request's own Content-Type."""
    wanted = request.headers.get("accept") or request.headers.get("content-type") or ""
    if "text/html" in wanted:
        page = _PAGE.format(status=error.http_status, text=error.http_text)
        return HTMLResponse(page, status_code=error.http_status)
    if "text/plain" in wanted:
        return PlainTextResponse(error.http_text, status_code=error.http_status)
    return JSONResponse(
        {"status": "Error", "error": {"error": error.http_text}}, status_code=error.http_status
    )
