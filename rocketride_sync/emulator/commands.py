"""Handlers of the WebSocket commands that need authentication, `rrext_monitor` excepted."""

from __future__ import annotations

import math
from typing import Any, Awaitable, Callable, Dict, Optional

from . import catalogue_commands
from .checked_fields import CheckedFields
from .credentials import Access
from .log_commands import handle_log_command
from .pipe_commands import PipeCommandHandler
from .request_errors import RequestError, not_registered
from .run_options import RunOptions
from .server_state import ServerState
from .task import Task

ResponseBody = Optional[Dict[str, Any]]
Arguments = Dict[str, Any]

_MOST_THREADS = 1024


class CommandHandler:
    """Handles the commands of one WebSocket connection.

    The method of a command gets what the credential gives access to, and the arguments. It returns the answer's body.
    """

    def __init__(self, state: ServerState) -> None:
        self._state = state
        self._pipe_commands = PipeCommandHandler(tells_failures=state.settings.is_newer)
        self._task_registry = state.task_registry
        self._handlers: Dict[str, Callable[[Access, Arguments], Awaitable[ResponseBody]]] = {
            "rrext_ping": self._ping,
            "disconnect": self._disconnect,
            "execute": self._execute,
            "terminate": self._terminate,
            "restart": self._restart,
            "rrext_get_task_status": self._get_task_status,
            "rrext_get_tasks": self._get_tasks,
            "rrext_get_token": self._get_token,
            "rrext_process": self._process,
            "rrext_get_pipeline": self._get_pipeline,
            "rrext_validate": self._validate,
            "rrext_services": self._services,
        }
        if state.settings.is_newer:
            self._handlers["rrext_log"] = self._read_log

    async def handle(self, command: str, access: Access, arguments: Arguments) -> ResponseBody:
        """Run a command and return the answer's body, None for no body. Raises RequestError."""
        if command in self._handlers:
            return await self._handlers[command](access, arguments)
        if command and not command.startswith("rrext_"):
            # The real server passes commands without that prefix on to a task's debugger, so it needs the task first.
            self._task_registry.get(access.effective_token(arguments.get("token")))
        raise RequestError(f"Invalid command: {command}")

    def connection_lost(self) -> None:
        """Abort the pipes that the connection left open."""
        self._pipe_commands.connection_lost()

    async def _ping(self, _: Access, __: Arguments) -> ResponseBody:
        return {"pong": True}

    async def _disconnect(self, _: Access, __: Arguments) -> ResponseBody:
        return None

    async def _execute(self, access: Access, arguments: Arguments) -> ResponseBody:
        access.require_account("task.control")
        fields = CheckedFields(arguments, "execute")
        task, reused = await self._task_registry.execute(
            arguments.get("pipeline"),
            token=fields.text("token"),
            use_existing=fields.flag("useExisting"),
            options=RunOptions(
                name=fields.text("name"),
                ttl=_number_or_default(arguments.get("ttl"), self._state.settings.ttl),
                threads=int(min(_number_or_default(arguments.get("threads"), 64, least=1), _MOST_THREADS)),
                env=fields.required_string_map("env") if "env" in arguments else {},
                scope=self._state.requested_scope(arguments),
            ),
        )
        summary = _run_summary(task)
        return {**summary, "reused": True} if reused and self._state.settings.is_newer else summary

    async def _terminate(self, access: Access, arguments: Arguments) -> ResponseBody:
        await self._task(access, arguments).stop()
        return None

    async def _restart(self, access: Access, arguments: Arguments) -> ResponseBody:
        access.require_account("task.control")
        token = arguments.get("token")
        if not token and self._state.settings.is_newer and "projectId" in arguments:
            token = self._find(arguments).token
        return _run_summary(await self._task_registry.restart(token, arguments.get("pipeline")))

    async def _get_task_status(self, access: Access, arguments: Arguments) -> ResponseBody:
        return self._task(access, arguments).status.document

    async def _get_tasks(self, access: Access, _: Arguments) -> ResponseBody:
        access.require_account("task.monitor")
        tasks = self._task_registry.active_tasks
        return {"tasks": [_listing_entry(task, newer=self._state.settings.is_newer) for task in tasks]}

    async def _get_token(self, access: Access, arguments: Arguments) -> ResponseBody:
        access.require_account("task.monitor")
        return {"token": self._find(arguments).token}

    async def _get_pipeline(self, access: Access, arguments: Arguments) -> ResponseBody:
        return {"pipeline": self._task(access, arguments).pipeline.document}

    async def _validate(self, _: Access, arguments: Arguments) -> ResponseBody:
        return catalogue_commands.validate(arguments, newer=self._state.settings.is_newer)

    async def _services(self, _: Access, arguments: Arguments) -> ResponseBody:
        return catalogue_commands.services(arguments, newer=self._state.settings.is_newer)

    async def _read_log(self, access: Access, arguments: Arguments) -> ResponseBody:
        return handle_log_command(self._state.run_log, access, arguments)

    def _find(self, arguments: Arguments) -> Task:
        """The latest task of the project, source and scope in the arguments. Raises RequestError when there is none."""
        scope = self._state.requested_scope(arguments)
        task = self._task_registry.find(arguments.get("projectId"), arguments.get("source"), scope)
        if task is None:
            raise not_registered()
        return task

    async def _process(self, access: Access, arguments: Arguments) -> ResponseBody:
        return await self._pipe_commands.handle(self._task(access, arguments), arguments)

    def _task(self, access: Access, arguments: Arguments) -> Task:
        return self._task_registry.get(access.effective_token(arguments.get("token")))


def _number_or_default(value: Any, default: float, *, least: float = 0) -> float:
    """A number that the server takes as it is, or the default for anything else, which it takes without an error."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if is_number and least <= value < math.inf else default


def _run_summary(task: Task) -> Dict[str, Any]:
    """The body of the answer to `execute` and `restart`, whether the task was started or ran already."""
    project_id, source = task.pipeline.key
    return {
        "id": task.id,
        "token": task.token,
        "publicToken": task.public_token,
        "projectId": project_id,
        "source": source,
        "provider": task.pipeline.source.provider,
    }


def _listing_entry(task: Task, *, newer: bool) -> Dict[str, Any]:
    """What `rrext_get_tasks` says about a task."""
    document = task.pipeline.document
    scope = task.options.scope
    owner = {"teamId": scope.team_id, "runKind": scope.kind, **scope.owner} if newer else {}
    return {
        "name": document.get("name", task.pipeline.source.id),
        "description": document.get("description", ""),
        "source": task.pipeline.source.id,
        "token": task.token,
        "status": task.status.document["status"],
        "pipeline": document,
        **owner,
    }
