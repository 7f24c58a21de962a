"""``POST /task/data``: objects for a running task, as the body or as the parts of a form."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from email.message import Message
from typing import Any, AsyncIterator, Dict, List, Optional, Tuple, Union

from fastapi import FastAPI, Query, Request
from fastapi.responses import Response
from python_multipart.exceptions import FormParserError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from .credentials import Access
from .data_pipes import Entry
from .http_routing import ACCESS, answers, fault, ok, take_slot
from .request_errors import RequestError
from .request_middleware import DATA
from .server_state import ServerState
from .task import Task
from .word_count import CHUNK

_FORM = "multipart/form-data"
_BINARY = {"type": "string", "format": "binary"}
_BODY = {
    "description": "One object, of any type; or a form, each part of which is an object.",
    "content": {
        "*/*": {"schema": _BINARY},
        _FORM: {"schema": {"type": "object", "additionalProperties": _BINARY}},
    },
}
_REPORT = {
    "type": "object",
    "required": ["objectsRequested", "objectsCompleted", "resultTypes", "objects"],
    "properties": {"objectsRequested": {"type": "integer"}, "objectsCompleted": {"type": "integer"}},
}


def add_data_route(app: FastAPI, core: ServerState) -> None:
    @app.post(DATA, openapi_extra={"requestBody": _BODY}, responses=answers(data=_REPORT))
    async def send_data(
        request: Request, access: Access = ACCESS, token: Optional[str] = Query(None)
    ) -> Response:
        """Send objects to a running task. What became of each is in `objects`; the call succeeds even if none did."""
        await take_slot(core)
        upload = Upload(core, access.token(token))
        try:
            await upload.take(request)
        except ClientDisconnect:
            return Response(status_code=400)  # for the log; nobody reads it
        return ok(data=upload.report)


class Upload:
    """The objects of one request.

    Attributes:
        report: what became of them.
    """

    def __init__(self, core: ServerState, token: Any) -> None:
        self._registry = core.registry
        self._token = token
        self.report: Dict[str, Any] = {
            "objectsRequested": 0,
            "objectsCompleted": 0,
            "resultTypes": {},
            "objects": {},
        }

    async def take(self, request: Request) -> None:
        """Send all objects of a request. Raises ClientDisconnect when the rest of it will not come."""
        if _media_type(request) == _FORM:
            form = await _read_form(request)
            try:
                for key, part in _keyed(form.multi_items()):
                    await self._send(_clean(key), *_read_part(key, part))
            finally:
                await form.close()
        else:
            await self._send("body", _entry_of_body(request), request.stream())

    async def _send(self, key: str, entry: Entry, data: AsyncIterator[bytes]) -> None:
        self.report["objectsRequested"] += 1
        try:
            result = await self._process(self._registry.get(self._token), entry, data)
        except RequestError as error:
            self.report["objects"][key] = fault(error)
            return
        self.report["objectsCompleted"] += 1
        self.report["resultTypes"].update(result.pop("result_types", {}))
        self.report["objects"][key] = {**result, "status": "OK"}

    async def _process(self, task: Task, entry: Entry, data: AsyncIterator[bytes]) -> Dict[str, Any]:
        data_pipes = await task.data_pipes()
        pipe = await data_pipes.open(entry, task.status)
        try:
            async for chunk in data:
                await task.data_pipes()
                pipe.write(chunk)
            return pipe.close()
        finally:
            pipe.drop("the connection was lost before it was complete")


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _read_form(request: Request) -> FormData:
    """All of it, on disk where it is large. Older Starlettes let the parser's own errors out."""
    try:
        return await request.form()
    except FormParserError as error:
        reason = str(error)
    raise HTTPException(400, f"Malformed form: {reason}")


def _entry_of_body(request: Request) -> Entry:
    length = request.headers.get("content-length", "")
    return _entry(_filename(request), int(length) if length.isdecimal() else 0)


def _entry(name: Optional[str], size: int) -> Entry:
    object_id = str(uuid.uuid4())
    return Entry(name=_clean(name or object_id), path="", object_id=object_id, size=size)


def _clean(name: str) -> str:
    """Some charsets can name half a surrogate pair, which no answer could hold."""
    return name.encode("utf-8", "replace").decode()


def _filename(request: Request) -> Optional[str]:
    """The filename of Content-Disposition, in each of the forms there are, and as plain UTF-8."""
    header = Message()
    raw = request.headers.get("content-disposition", "")
    header["Content-Disposition"] = raw.encode("latin-1").decode("utf-8", "replace")
    return header.get_filename()


def _keyed(items: List[Tuple[str, Union[UploadFile, str]]]) -> List[Tuple[str, Union[UploadFile, str]]]:
    """The parts of a form by keys of their own: where a name comes more than once, ``name_0``, ``name_1``, …"""
    total = Counter(name for name, _ in items)
    seen: Dict[str, int] = defaultdict(int)
    keyed = []
    for name, part in items:
        keyed.append((f"{name}_{seen[name]}" if total[name] > 1 else name, part))
        seen[name] += 1
    return keyed


def _read_part(key: str, part: Union[UploadFile, str]) -> Tuple[Entry, AsyncIterator[bytes]]:
    if isinstance(part, UploadFile):
        return _entry(part.filename, part.size or 0), _chunks(part)
    data = part.encode()
    return _entry(key, len(data)), _once(data)


async def _chunks(file: UploadFile) -> AsyncIterator[bytes]:
    chunk = await file.read(CHUNK)
    while chunk:
        yield chunk
        chunk = await file.read(CHUNK)


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
