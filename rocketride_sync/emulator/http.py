"""The HTTP side: routes, and every shape of error that docs/protocol.md lists."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import Any, AsyncIterator, Dict, Optional

from fastapi import Depends, FastAPI, Header, Query, Request
from fastapi.responses import JSONResponse

from .._version import __version__
from .core import Core
from .credentials import Access
from .faults import RequestError
from .gate import Gate
from .slots import OWN_ADDRESS
from .websocket import add_websocket_route


def make_app(core: Core) -> FastAPI:
    """The ASGI application of one server."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        scan = asyncio.ensure_future(core.registry.scan())
        yield
        scan.cancel()
        await core.registry.close()

    app = FastAPI(
        title="RocketRide emulator", version=__version__, docs_url=None, redoc_url=None, lifespan=lifespan
    )
    app.add_middleware(Gate, credentials=core.credentials, max_bytes=core.settings.max_pipeline_bytes)
    app.add_exception_handler(RequestError, _answer_fault)
    _add_task_routes(app, core)
    add_websocket_route(app, core)
    _add_version_route(app)
    return app


def _access(request: Request, authorization: str = Header(...)) -> Access:  # noqa: ARG001  (its absence is a 422)
    access: Access = request.scope["access"]
    return access


_ACCESS = Depends(_access)


def _add_task_routes(app: FastAPI, core: Core) -> None:
    @app.post("/task")
    async def execute(
        pipeline: Dict[str, Any],
        access: Access = _ACCESS,
        token: Optional[str] = Query(None),
        threads: int = Query(4, ge=1, le=64),  # noqa: ARG001  (checked; this engine has one pipe)
        trace: Optional[str] = Query(None),  # noqa: ARG001  (accepted; this engine traces nothing)
    ) -> JSONResponse:
        """Start a pipeline; answers once it is RUNNING."""
        await _take_slot(core)
        access.require_account("task.control")
        task = await core.registry.execute(pipeline, token=token)
        return _ok(data={"token": task.token})

    @app.get("/task")
    async def get_task_status(token: str = Query(...), access: Access = _ACCESS) -> JSONResponse:
        """The status of a task."""
        await _take_slot(core)
        return _ok(data=core.registry.get(access.token(token)).status.document)

    @app.delete("/task")
    async def terminate(token: str = Query(...), access: Access = _ACCESS) -> JSONResponse:
        """Terminate a task; answers once it is gone."""
        await _take_slot(core)
        await core.registry.get(access.token(token)).stop()
        return _ok()


def _add_version_route(app: FastAPI) -> None:
    @app.get("/version")
    async def version() -> JSONResponse:
        """The version of this server. Public."""
        return _ok(data={"version": __version__, "hash": "emulator", "stamp": "emulator"})


async def _take_slot(core: Core) -> None:
    """The real server opens a WebSocket to itself for each HTTP call, which needs a slot until it is authenticated."""
    with core.slots.hold(OWN_ADDRESS):
        await asyncio.sleep(core.settings.handshake_seconds)


def _ok(**data: Any) -> JSONResponse:
    return JSONResponse({"status": "OK", **data})


async def _answer_fault(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestError)
    return JSONResponse(
        {"status": "Error", "error": {"message": str(error), **error.trace()}}, status_code=400
    )
