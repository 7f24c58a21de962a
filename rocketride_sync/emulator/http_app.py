"""The ASGI application: the HTTP routes for tasks, with the errors that docs/protocol.md lists."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import Any, AsyncIterator, Dict, Optional

from fastapi import FastAPI, Query
from fastapi.responses import JSONResponse

from .._version import __version__
from .credentials import Access
from .http_data import add_data_route
from .http_dependencies import ACCESS, hold_handshake_slot
from .http_responses import documented_responses, handle_request_error, success_response
from .request_errors import RequestError
from .request_middleware import RequestMiddleware
from .run_options import RunOptions
from .server_state import ServerState
from .websocket_connection import add_websocket_route

_TOKEN = {"type": "object", "required": ["token"], "properties": {"token": {"type": "string"}}}


def make_app(state: ServerState) -> FastAPI:
    """The ASGI application of one server."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        cleanup = asyncio.ensure_future(state.task_registry.clean_up_periodically())
        yield
        cleanup.cancel()
        await state.task_registry.close()

    app = FastAPI(
        title="RocketRide emulator", version=__version__, docs_url=None, redoc_url=None, lifespan=lifespan
    )
    app.add_middleware(
        RequestMiddleware, credential_checker=state.credential_checker, settings=state.settings
    )
    app.add_exception_handler(RequestError, handle_request_error)
    _add_task_routes(app, state)
    add_data_route(app, state)
    add_websocket_route(app, state)
    _add_version_route(app)
    return app


def _add_task_routes(app: FastAPI, state: ServerState) -> None:
    @app.post("/task", responses=documented_responses(data=_TOKEN))
    async def execute(
        pipeline: Dict[str, Any],
        access: Access = ACCESS,
        token: Optional[str] = Query(None),
        threads: int = Query(4, ge=1, le=64),
        trace: Optional[str] = Query(None),  # noqa: ARG001  (accepted; this engine traces nothing)
    ) -> JSONResponse:
        """Start a pipeline; answers once it is RUNNING."""
        await hold_handshake_slot(state)
        access.require_account("task.control")
        pipeline = pipeline.get("pipeline", pipeline)
        task, _ = await state.task_registry.execute(
            pipeline, token=token, options=RunOptions(threads=threads)
        )
        return success_response(data={"token": task.token})

    @app.get("/task", responses=documented_responses(data={"type": "object"}))
    async def get_task_status(token: str = Query(...), access: Access = ACCESS) -> JSONResponse:
        """The status of a task."""
        await hold_handshake_slot(state)
        return success_response(data=state.task_registry.get(access.effective_token(token)).status.document)

    @app.delete("/task", responses=documented_responses())
    async def terminate(token: str = Query(...), access: Access = ACCESS) -> JSONResponse:
        """Terminate a task; answers once it is gone."""
        await hold_handshake_slot(state)
        await state.task_registry.get(access.effective_token(token)).stop()
        return success_response()


def _add_version_route(app: FastAPI) -> None:
    @app.get("/version")
    async def version() -> JSONResponse:
        """The version of this server. Public."""
        return success_response(data={"version": __version__, "hash": "emulator", "stamp": "emulator"})
