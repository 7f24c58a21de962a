"""The commands of the WebSocket side that a connection may send once it is authenticated."""

from __future__ import annotations

from typing import Any, Awaitable, Callable, Dict, Optional

from .credentials import Access
from .fields import Fields
from .pipe_commands import PipeCommands
from .request_errors import NOT_RUNNING, RequestError
from .run_options import RunOptions
from .server_state import ServerState
from .task import Task

Body = Optional[Dict[str, Any]]
Arguments = Dict[str, Any]


class Commands:
    """Answers the requests of one connection.

    Each command takes what the credential opens and the arguments, and gives the body.
    """

    def __init__(self, core: ServerState) -> None:
        self._core = core
        self._pipes = PipeCommands()
        self._registry = core.registry
        self._table: Dict[str, Callable[[Access, Arguments], Awaitable[Body]]] = {
            "rrext_ping": self._ping,
            "disconnect": self._disconnect,
            "execute": self._execute,
            "terminate": self._terminate,
            "restart": self._restart,
            "rrext_get_task_status": self._get_task_status,
            "rrext_get_tasks": self._get_tasks,
            "rrext_get_token": self._get_token,
            "rrext_process": self._process,
        }

    async def serve(self, command: str, access: Access, arguments: Arguments) -> Body:
        """The body of the answer, None for an answer without one. Raises RequestError."""
        if command in self._table:
            return await self._table[command](access, arguments)
        if command and not command.startswith("rrext_"):
            # Commands without that prefix are passed on to a task's debugger, so they need a task first.
            self._registry.get(access.token(arguments.get("token")))
        raise RequestError(f"Invalid command: {command}")

    def leave(self) -> None:
        """The connection is gone."""
        self._pipes.leave()

    async def _ping(self, _: Access, __: Arguments) -> Body:
        return {"pong": True}

    async def _disconnect(self, _: Access, __: Arguments) -> Body:
        return None

    async def _execute(self, access: Access, arguments: Arguments) -> Body:
        access.require_account("task.control")
        fields = Fields(arguments, "execute")
        task = await self._registry.execute(
            arguments.get("pipeline"),
            token=fields.text("token"),
            use_existing=fields.flag("useExisting"),
            options=RunOptions(
                name=fields.text("name"),
                ttl=fields.seconds("ttl", self._core.settings.ttl),
                threads=fields.count("threads", 64, least=1),
                env=fields.texts_by_name("env"),
            ),
        )
        return _handle(task)

    async def _terminate(self, access: Access, arguments: Arguments) -> Body:
        await self._task(access, arguments).stop()
        return None

    async def _restart(self, access: Access, arguments: Arguments) -> Body:
        access.require_account("task.control")
        return _handle(await self._registry.restart(arguments.get("token"), arguments.get("pipeline")))

    async def _get_task_status(self, access: Access, arguments: Arguments) -> Body:
        return self._task(access, arguments).status.document

    async def _get_tasks(self, access: Access, _: Arguments) -> Body:
        access.require_account("task.monitor")
        return {"tasks": [_entry(task) for task in self._registry.active]}

    async def _get_token(self, access: Access, arguments: Arguments) -> Body:
        access.require_account("task.monitor")
        task = self._registry.find(arguments.get("projectId"), arguments.get("source"))
        if task is None:
            raise RequestError(NOT_RUNNING)
        return {"token": task.token}

    async def _process(self, access: Access, arguments: Arguments) -> Body:
        return await self._pipes.serve(self._task(access, arguments), arguments)

    def _task(self, access: Access, arguments: Arguments) -> Task:
        return self._registry.get(access.token(arguments.get("token")))


def _handle(task: Task) -> Dict[str, Any]:
    """What `execute` and `restart` answer, whether the task was started or joined."""
    project_id, source = task.pipeline.key
    return {
        "id": task.id,
        "token": task.token,
        "publicToken": task.public_token,
        "projectId": project_id,
        "source": source,
        "provider": task.pipeline.source.provider,
    }


def _entry(task: Task) -> Dict[str, Any]:
    document = task.pipeline.document
    return {
        "name": document.get("name", task.pipeline.source.id),
        "description": document.get("description", ""),
        "source": task.pipeline.source.id,
        "token": task.token,
        "status": task.status.document["status"],
        "pipeline": document,
    }
