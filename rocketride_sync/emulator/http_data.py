"""The route ``POST /task/data``: it sends objects to a running task, as the body or as the parts of a form."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from email.message import Message
from typing import Any, AsyncIterator, Callable, Dict, List, Optional, Tuple, Union

from fastapi import FastAPI, Query, Request
from fastapi.responses import Response
from python_multipart.exceptions import FormParserError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from .credentials import Access
from .data_pipes import ObjectInfo
from .http_dependencies import ACCESS, hold_handshake_slot
from .http_responses import documented_responses, error_document, success_response
from .request_errors import PipeError, RequestError, not_registered
from .request_middleware import DATA_PATH
from .server_state import ServerState
from .task import Task
from .word_count import CHUNK_SIZE

_FORM_TYPE = "multipart/form-data"
_BINARY = {"type": "string", "format": "binary"}
_REQUEST_BODY = {
    "description": "One object, of any type; or a form, each part of which is an object.",
    "content": {
        "*/*": {"schema": _BINARY},
        _FORM_TYPE: {"schema": {"type": "object", "additionalProperties": _BINARY}},
    },
}
_REPORT_SCHEMA = {
    "type": "object",
    "required": ["objectsRequested", "objectsCompleted", "resultTypes", "objects"],
    "properties": {"objectsRequested": {"type": "integer"}, "objectsCompleted": {"type": "integer"}},
}


def add_data_route(app: FastAPI, state: ServerState) -> None:
    @app.post(
        DATA_PATH,
        openapi_extra={"requestBody": _REQUEST_BODY},
        responses=documented_responses(data=_REPORT_SCHEMA),
    )
    async def send_data(
        request: Request, access: Access = ACCESS, token: Optional[str] = Query(None)
    ) -> Response:
        """Send objects to a running task. What became of each is in `objects`; the call succeeds even if none did."""
        await hold_handshake_slot(state)
        return await _answer(
            request, DataUpload(state, lambda: state.task_registry.get(access.effective_token(token)))
        )

    if state.settings.is_newer:
        _add_routes_by_source(app, state)


def _add_routes_by_source(app: FastAPI, state: ServerState) -> None:
    """The routes of newer servers, which name the task by its project and source."""
    documentation: Dict[str, Any] = {
        "openapi_extra": {"requestBody": _REQUEST_BODY},
        "responses": documented_responses(data=_REPORT_SCHEMA),
    }

    @app.post("/webhook/{project_id}/{source}", **documentation)
    @app.post(DATA_PATH + "/{project_id}/{source}", **documentation)
    async def send_data_by_source(
        request: Request, project_id: str, source: str, access: Access = ACCESS
    ) -> Response:
        """Send objects to the running task of a project and source."""
        await hold_handshake_slot(state)

        def find_task() -> Task:
            task = access.task or state.task_registry.find(project_id, source)
            if task is None:
                raise not_registered()
            return task

        return await _answer(request, DataUpload(state, find_task))


async def _answer(request: Request, upload: DataUpload) -> Response:
    """Send all objects of the request, and answer with what became of them."""
    try:
        await upload.send_all(request)
    except ClientDisconnect:
        return Response(status_code=400)  # nobody is there to read it
    return success_response(data=upload.report)


class DataUpload:
    """Sends the objects of one request to a task.

    Attributes:
        report: the results so far, in the shape of the answer's `data`.

    Args:
        state: the state of the server.
        find_task: finds the task, for each object. Raises RequestError when there is none.
    """

    def __init__(self, state: ServerState, find_task: Callable[[], Task]) -> None:
        self._find_task = find_task
        self._tells_failures = state.settings.is_newer
        self.report: Dict[str, Any] = {
            "objectsRequested": 0,
            "objectsCompleted": 0,
            "resultTypes": {},
            "objects": {},
        }

    async def send_all(self, request: Request) -> None:
        """Send all objects of a request. Raises ClientDisconnect when the client disconnects before its end."""
        if _media_type(request) == _FORM_TYPE:
            form = await _read_form(request)
            try:
                for key, part in _with_unique_names(form.multi_items()):
                    await self._send(_without_lone_surrogates(key), *_read_part(key, part))
            finally:
                await form.close()
        else:
            await self._send("body", _body_info(request), request.stream())

    async def _send(self, key: str, info: ObjectInfo, data: AsyncIterator[bytes]) -> None:
        self.report["objectsRequested"] += 1
        try:
            result = await self._process(self._find_task(), info, data)
        except RequestError as error:
            if isinstance(error, PipeError) and not self._tells_failures:
                self.report["objectsCompleted"] += 1
                self.report["objects"][key] = {"status": "OK"}
                return
            self.report["objects"][key] = error_document(error)
            return
        self.report["objectsCompleted"] += 1
        self.report["resultTypes"].update(result.pop("result_types", {}))
        self.report["objects"][key] = {**result, "status": "OK"}

    async def _process(self, task: Task, info: ObjectInfo, data: AsyncIterator[bytes]) -> Dict[str, Any]:
        pool = await task.pipe_pool_once_running()
        pipe = await pool.open(info, task.status)
        try:
            async for chunk in data:
                await task.pipe_pool_once_running()
                pipe.write(chunk)
            return pipe.close()
        finally:
            pipe.abort("the connection was lost before it was complete")


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _read_form(request: Request) -> FormData:
    """Read a form completely; large parts go to disk. A malformed one is a 400.

    Older versions of Starlette raise the parser's own exceptions.
    """
    try:
        return await request.form()
    except FormParserError as error:
        reason = str(error)
    raise HTTPException(400, f"Malformed form: {reason}")


def _body_info(request: Request) -> ObjectInfo:
    length = request.headers.get("content-length", "")
    return _new_info(_filename(request), int(length) if length.isdecimal() else 0, _media_type(request))


def _new_info(name: Optional[str], size: int, mime_type: str = "") -> ObjectInfo:
    object_id = str(uuid.uuid4())
    return ObjectInfo(
        name=_without_lone_surrogates(name or object_id),
        path="",
        object_id=object_id,
        size=size,
        mime_type=mime_type,
    )


def _without_lone_surrogates(name: str) -> str:
    """Replace lone surrogates, which some charsets can contain, but no answer in UTF-8."""
    return name.encode("utf-8", "replace").decode()


def _filename(request: Request) -> Optional[str]:
    """The filename in Content-Disposition, in any standard encoding or as plain UTF-8."""
    header = Message()
    raw = request.headers.get("content-disposition", "")
    header["Content-Disposition"] = raw.encode("latin-1").decode("utf-8", "replace")
    return header.get_filename()


def _with_unique_names(
    items: List[Tuple[str, Union[UploadFile, str]]],
) -> List[Tuple[str, Union[UploadFile, str]]]:
    """The parts of a form under unique names: a repeated name becomes ``name_0``, ``name_1``, …"""
    total = Counter(name for name, _ in items)
    seen: Dict[str, int] = defaultdict(int)
    renamed = []
    for name, part in items:
        renamed.append((f"{name}_{seen[name]}" if total[name] > 1 else name, part))
        seen[name] += 1
    return renamed


def _read_part(key: str, part: Union[UploadFile, str]) -> Tuple[ObjectInfo, AsyncIterator[bytes]]:
    """The object in one part of a form, and its data in chunks."""
    if isinstance(part, UploadFile):
        return _new_info(part.filename, part.size or 0), _chunks(part)
    data = part.encode()
    return _new_info(key, len(data)), _single_chunk(data)


async def _chunks(file: UploadFile) -> AsyncIterator[bytes]:
    chunk = await file.read(CHUNK_SIZE)
    while chunk:
        yield chunk
        chunk = await file.read(CHUNK_SIZE)


async def _single_chunk(data: bytes) -> AsyncIterator[bytes]:
    yield data
