"""ASGI middleware that refuses the requests of web pages from elsewhere, as development servers do.

A browser lets every page send requests to this machine, and open WebSockets to it. Without a key, any credential passes,
so that a page could read what pipelines tell of the files below the root. Browsers say in `Origin` which page it is.
A page whose name was made to point to this machine has that name in `Host`.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Optional
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.websockets import WebSocketClose

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_REFUSAL = "This server is for programs on its own machine, not for web pages of other servers"


class BrowserChecks:
    """ASGI middleware: 403 for pages of other servers. Programs send no `Origin`, or that of the server itself.

    Args:
        app: what is served.
        host: the address that the server listens on.
        has_key: whether it asks for a key.
    """

    def __init__(self, app: ASGIApp, *, host: str, has_key: bool) -> None:
        self._app = app
        self._host = host.lower()
        # Who serves other machines has chosen a key, and a name that is not known here.
        self._any_host = has_key and not _is_local(self._host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or self._is_allowed(Headers(scope=scope)):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocketClose()(scope, receive, send)  # before `accept`, this refuses the upgrade with 403
        else:
            answer = JSONResponse({"status": "Error", "error": {"error": _REFUSAL}}, status_code=403)
            await answer(scope, receive, send)

    def _is_allowed(self, headers: Headers) -> bool:
        host = headers.get("host")
        origin = headers.get("origin")
        name = None if host is None else _host_name(f"//{host}")
        if host is not None and not self._is_allowed_host(name):
            return False
        if origin is None:
            return True
        page = _host_name(origin)
        return page is not None and (_is_local(page) or page == name)

    def _is_allowed_host(self, name: Optional[str]) -> bool:
        if not name:
            return False
        # A page can have a name of the Internet point to this machine, but neither an address nor a name without a dot,
        # which the local network or a container gives.
        own = name == self._host or _is_local(name) or _is_address(name) or "." not in name
        return own or self._any_host


def _host_name(url: str) -> Optional[str]:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _is_local(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    return _is_address(name) and ipaddress.ip_address(name).is_loopback


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
