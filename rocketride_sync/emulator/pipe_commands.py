"""The handler of the WebSocket command `rrext_process`: it opens data pipes, writes into them and closes them."""

from __future__ import annotations

import uuid
from typing import Any, Dict, Optional, Set

from .checked_fields import CheckedFields
from .data_pipes import DataPipe, ObjectInfo
from .request_errors import PipeError, RequestError
from .task import Task

Arguments = Dict[str, Any]
ResponseBody = Optional[Dict[str, Any]]

_MAX_SAFE_INTEGER = 2**53  # JSON parsers disagree about larger whole numbers


class PipeCommandHandler:
    """Handles the pipe commands of one connection, and aborts its open pipes when the connection is lost.

    Args:
        tells_failures: whether clients learn that what went through a pipe failed. Older servers answer success, without
            a body.
    """

    def __init__(self, *, tells_failures: bool) -> None:
        self._tells_failures = tells_failures
        self._opened: Set[DataPipe] = set()
        self._is_lost = False

    async def handle(self, task: Task, arguments: Arguments) -> ResponseBody:
        """Run a subcommand and return the answer's body, None for no body. Raises RequestError."""
        try:
            return await self._run(task, arguments)
        except PipeError:
            if self._tells_failures:
                raise
            return None

    async def _run(self, task: Task, arguments: Arguments) -> ResponseBody:
        subcommand = arguments.get("subcommand")
        if subcommand == "open":
            return await self._open(task, arguments)
        if subcommand == "write":
            return self._write(await _find_pipe(task, arguments), arguments)
        if subcommand == "close":
            return self._close(await _find_pipe(task, arguments))
        raise RequestError(f"Invalid subcommand {subcommand}; there are open, write and close")

    def connection_lost(self) -> None:
        """Abort the pipes that the connection left open."""
        self._is_lost = True
        for pipe in self._opened:
            pipe.abort("the connection was lost before it was complete")

    async def _open(self, task: Task, arguments: Arguments) -> ResponseBody:
        info = _object_info(arguments)
        pool = await task.pipe_pool_once_running()
        _check_provider(task, arguments)
        pipe = await pool.open(info, task.status)
        self._opened.add(pipe)
        if self._is_lost:
            self.connection_lost()
        return {"pipe_id": pipe.pipe_id}

    def _write(self, pipe: DataPipe, arguments: Arguments) -> ResponseBody:
        data = arguments.get("data")
        if data is None:
            raise RequestError("No data specified")
        if not isinstance(data, bytes):
            raise RequestError(
                "'data' must be the bytes that follow the header and a newline in a binary frame"
            )
        pipe.write(data)
        return None

    def _close(self, pipe: DataPipe) -> ResponseBody:
        self._opened.discard(pipe)
        return pipe.close()


async def _find_pipe(task: Task, arguments: Arguments) -> DataPipe:
    """The pipe with the `pipe_id` in the arguments, whichever connection opened it."""
    pipe_id = arguments.get("pipe_id")
    if pipe_id is None:
        raise RequestError("No pipe_id specified")
    return (await task.pipe_pool_once_running()).find(pipe_id)


def _object_info(arguments: Arguments) -> ObjectInfo:
    values = arguments.get("object")
    if values is None:
        raise RequestError("No object info specified")
    if not isinstance(values, dict):
        raise RequestError("open: 'object' must be an object")
    mime_type = CheckedFields(arguments, "open").text("mimeType")
    if not mime_type:
        raise RequestError("No mimeType specified")
    fields = CheckedFields(values, "open: object")
    object_id = fields.text("objectId") or str(uuid.uuid4())
    return ObjectInfo(
        name=fields.text("name") or object_id,
        path=fields.text("path"),
        object_id=object_id,
        size=fields.count("size", 0, most=_MAX_SAFE_INTEGER),
        mime_type=mime_type,
    )


def _check_provider(task: Task, arguments: Arguments) -> None:
    provider = arguments.get("provider")
    if provider and provider != task.pipeline.source.provider:
        raise PipeError(f"You are looking for a {provider!r}, but this pipeline isn't it")
