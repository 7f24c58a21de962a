"""The command `rrext_process` of one WebSocket connection: it opens pipes, writes into them and closes them."""

from __future__ import annotations

import uuid
from typing import Any, Dict, Optional, Set

from .data_pipes import Entry, Pipe
from .fields import Fields
from .request_errors import RequestError
from .task import Task

Arguments = Dict[str, Any]
Body = Optional[Dict[str, Any]]

_LARGEST = 2**53  # beyond it, JSON readers disagree about whole numbers


class PipeCommands:
    """The pipes that one connection opened. When it goes away, those that are still open are dropped."""

    def __init__(self) -> None:
        self._opened: Set[Pipe] = set()
        self._gone = False

    async def serve(self, task: Task, arguments: Arguments) -> Body:
        """The body of the answer, None for an answer without one. Raises RequestError."""
        subcommand = arguments.get("subcommand")
        if subcommand == "open":
            return await self._open(task, arguments)
        if subcommand == "write":
            return self._write(await _pipe(task, arguments), arguments)
        if subcommand == "close":
            return self._close(await _pipe(task, arguments))
        raise RequestError(f"Invalid subcommand {subcommand}; there are open, write and close")

    def leave(self) -> None:
        """The connection is gone."""
        self._gone = True
        for pipe in self._opened:
            pipe.drop("the connection was lost before it was complete")

    async def _open(self, task: Task, arguments: Arguments) -> Body:
        entry = _entry(arguments)
        data_pipes = await task.data_pipes()
        _check_provider(task, arguments)
        pipe = await data_pipes.open(entry, task.status)
        self._opened.add(pipe)
        if self._gone:
            self.leave()
        return {"pipe_id": pipe.number}

    def _write(self, pipe: Pipe, arguments: Arguments) -> Body:
        data = arguments.get("data")
        if data is None:
            raise RequestError("No data specified")
        if not isinstance(data, bytes):
            raise RequestError(
                "'data' must be the bytes that follow the header and a newline in a binary frame"
            )
        pipe.write(data)
        return None

    def _close(self, pipe: Pipe) -> Body:
        self._opened.discard(pipe)
        return pipe.close()


async def _pipe(task: Task, arguments: Arguments) -> Pipe:
    """The pipe that is meant, whoever opened it."""
    number = arguments.get("pipe_id")
    if number is None:
        raise RequestError("No pipe_id specified")
    return (await task.data_pipes()).find(number)


def _entry(arguments: Arguments) -> Entry:
    values = arguments.get("object")
    if values is None:
        raise RequestError("No object info specified")
    if not isinstance(values, dict):
        raise RequestError("open: 'object' must be an object")
    if not Fields(arguments, "open").text("mimeType"):
        raise RequestError("No mimeType specified")
    fields = Fields(values, "open: object")
    object_id = fields.text("objectId") or str(uuid.uuid4())
    return Entry(
        name=fields.text("name") or object_id,
        path=fields.text("path"),
        object_id=object_id,
        size=fields.count("size", 0, most=_LARGEST),
    )


def _check_provider(task: Task, arguments: Arguments) -> None:
    provider = arguments.get("provider")
    if provider and provider != task.pipeline.source.provider:
        raise RequestError(f"You are looking for a {provider!r}, but this pipeline isn't it")
