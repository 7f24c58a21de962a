"""The HTTP side: routes, and every shape of error that docs/protocol.md lists."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import Any, AsyncIterator, Dict, Optional

from fastapi import FastAPI, Query
from fastapi.responses import JSONResponse

from .._version import __version__
from .credentials import Access
from .http_data import add_data_route
from .http_routing import ACCESS, answer_fault, answers, ok, take_slot
from .request_errors import RequestError
from .request_middleware import RequestMiddleware
from .run_options import RunOptions
from .server_state import ServerState
from .websocket import add_websocket_route

_TOKEN = {"type": "object", "required": ["token"], "properties": {"token": {"type": "string"}}}


def make_app(core: ServerState) -> FastAPI:
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
    app.add_middleware(RequestMiddleware, credentials=core.credentials, settings=core.settings)
    app.add_exception_handler(RequestError, answer_fault)
    _add_task_routes(app, core)
    add_data_route(app, core)
    add_websocket_route(app, core)
    _add_version_route(app)
    return app


def _add_task_routes(app: FastAPI, core: ServerState) -> None:
    @app.post("/task", responses=answers(data=_TOKEN))
    async def execute(
        pipeline: Dict[str, Any],
        access: Access = ACCESS,
        token: Optional[str] = Query(None),
        threads: int = Query(4, ge=1, le=64),
        trace: Optional[str] = Query(None),  # noqa: ARG001  (accepted; this engine traces nothing)
    ) -> JSONResponse:
        """Start a pipeline; answers once it is RUNNING."""
        await take_slot(core)
        access.require_account("task.control")
        task = await core.registry.execute(pipeline, token=token, options=RunOptions(threads=threads))
        return ok(data={"token": task.token})

    @app.get("/task", responses=answers(data={"type": "object"}))
    async def get_task_status(token: str = Query(...), access: Access = ACCESS) -> JSONResponse:
        """The status of a task."""
        await take_slot(core)
        return ok(data=core.registry.get(access.token(token)).status.document)

    @app.delete("/task", responses=answers())
    async def terminate(token: str = Query(...), access: Access = ACCESS) -> JSONResponse:
        """Terminate a task; answers once it is gone."""
        await take_slot(core)
        await core.registry.get(access.token(token)).stop()
        return ok()


def _add_version_route(app: FastAPI) -> None:
    @app.get("/version")
    async def version() -> JSONResponse:
        """The version of this server. Public."""
        return ok(data={"version": __version__, "hash": "emulator", "stamp": "emulator"})
