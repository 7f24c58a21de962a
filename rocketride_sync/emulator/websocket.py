"""The WebSocket side: one `Connection` a client, from the upgrade to the close."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Dict, Mapping, Optional, Set, Tuple

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from . import dap
from .commands import Commands
from .connection_slots import OWN_ADDRESS
from .credentials import Access
from .event_hub import SUMMARY, TASK, Event
from .request_errors import NOT_AUTHENTICATED, CredentialError, RequestError
from .server_state import ServerState
from .status import Status
from .subscriptions import EVERYTHING, Key, Subscriptions, read_types
from .task import Task

_log = logging.getLogger(__name__)


def add_websocket_route(app: FastAPI, core: ServerState) -> None:
    """Serve ``/task/service``."""

    @app.websocket("/task/service")
    async def task_service(websocket: WebSocket) -> None:
        address = websocket.client.host if websocket.client else OWN_ADDRESS
        full = len(core.hub.listeners) >= core.settings.max_connections
        if full or not core.slots.take(address):
            await websocket.close()  # before `accept` this refuses the upgrade: 403
            return
        await Connection(websocket, core, address).run()


class Connection:
    """One client. It holds a slot of its address until it has authenticated."""

    def __init__(self, websocket: WebSocket, core: ServerState, address: str) -> None:
        self._websocket = websocket
        self._core = core
        self._commands = Commands(core)
        self._address: Optional[str] = address
        self._access: Optional[Access] = None
        self._attempts = 0
        self._subscriptions = Subscriptions()
        self._sending = asyncio.Lock()
        self._seq = 0
        self._closed = False
        self._requests: Set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve requests, several at a time, until the client goes away or is sent away."""
        await self._websocket.accept()
        self._core.hub.listeners.append(self)
        try:
            while True:
                frame = await self._websocket.receive()
                if frame["type"] != "websocket.receive":
                    return
                if len(self._requests) >= self._core.settings.max_requests:
                    await self._websocket.close(1008)
                    return
                self._receive(frame)
        finally:
            self._closed = True
            self._core.hub.listeners.remove(self)
            self._commands.leave()
            self._free_slot()

    async def notify(self, event: Event) -> None:
        """Pass an event on. It takes as long as the client takes to read, and everybody waits meanwhile."""
        quiet = self._access is None or self._access.public
        if not quiet and self._subscriptions.wants((event.project_id, event.source), event.kind):
            await self._send(dap.event(event))

    def forget(self, project_id: str, source: str) -> None:
        self._subscriptions.forget((project_id, source))

    def _receive(self, frame: Mapping[str, Any]) -> None:
        text = frame.get("text")
        message = dap.read(frame["bytes"] if text is None else text)
        if message is None or not isinstance(message.get("command", ""), str):
            return
        if self._access and message.get("type") != "request":
            return
        request = asyncio.ensure_future(self._serve(message))
        self._requests.add(request)
        request.add_done_callback(self._requests.discard)

    async def _serve(self, message: dap.Message) -> None:
        refused = False
        try:
            answer = dap.response(message, await self._answer(message))
        except RequestError as error:
            answer = dap.failure(message, error)
            refused = isinstance(error, CredentialError)
        except Exception as error:  # noqa: BLE001  (a bug of ours: it is logged, and the client is answered)
            _log.exception("the request %s failed", message.get("command"))
            answer = dap.failure(message, RequestError(f"Internal error: {type(error).__name__}"))
        await self._send(answer)
        if refused:
            await self._close()

    async def _answer(self, message: dap.Message) -> Optional[Dict[str, Any]]:
        command = message.get("command", "")
        if command == "auth":
            return self._authenticate(dap.arguments(message).get("auth", ""))
        if self._access is None:
            raise CredentialError(NOT_AUTHENTICATED)
        if command == "deauth":
            self._access, self._subscriptions = None, Subscriptions()
            return {}
        if command == "rrext_monitor":
            await self._monitor(self._access, dap.arguments(message))
            return None
        return await self._commands.serve(command, self._access, dap.arguments(message))

    def _authenticate(self, credential: Any) -> Dict[str, Any]:
        self._attempts += 1
        if self._attempts > self._core.settings.auth_attempts:
            raise CredentialError("Too many authentication attempts")
        if not isinstance(credential, str):
            raise RequestError("'auth' must be a string")
        self._access = self._core.credentials.check(credential)
        self._free_slot()
        return _account(self._access)

    def _free_slot(self) -> None:
        if self._address is not None:
            self._core.slots.free(self._address)
            self._address = None

    async def _monitor(self, access: Access, arguments: Dict[str, Any]) -> None:
        """Subscribe. What is new to this connection is caught up with before the answer."""
        key, task = self._target(access, arguments)
        added = self._subscriptions.set(key, read_types(arguments.get("types")))
        if SUMMARY in added and isinstance(key, tuple):
            await self._send(dap.event(self._latest(key, task)))
        if TASK in added:
            tasks = [access.task] if access.task else self._core.registry.active
            body = {"action": "running", "tasks": [{"id": task.id, **task.news.summary} for task in tasks]}
            await self._send({"type": "event", "event": "apaevt_task", "body": {**body, "__id": ""}})

    def _target(self, access: Access, arguments: Dict[str, Any]) -> Tuple[Key, Optional[Task]]:
        token = access.token(arguments.get("token"))
        if token == EVERYTHING:
            return EVERYTHING, None
        if token:
            task = self._core.registry.get(token)
            return task.pipeline.key, task
        project_id, source = arguments.get("projectId"), arguments.get("source")
        if not isinstance(project_id, str) or not isinstance(source, str):
            raise RequestError("You must specify either token or project_id/source")
        return (project_id, source), self._core.registry.find(project_id, source)

    def _latest(self, key: Tuple[str, str], task: Optional[Task]) -> Event:
        """The status to catch up with: the task's, or that nothing runs."""
        if task:
            return task.news.status_event
        status = Status("", *key, message_limit=1)
        status.update(status="Not running")
        return Event(
            kind=SUMMARY,
            name="apaevt_status_update",
            task_id=".".join(key),
            project_id=key[0],
            source=key[1],
            body=status.document,
        )

    async def _send(self, message: dap.Message) -> None:
        async with self._sending:
            if self._closed:
                return
            self._seq += 1
            frame = dap.write(message, self._seq)
            try:
                await self._websocket.send_text(frame)
            except (WebSocketDisconnect, RuntimeError):  # RuntimeError: uvicorn has begun to close it
                self._closed = True

    async def _close(self) -> None:
        async with self._sending:
            if not self._closed:
                self._closed = True
                await self._websocket.close(1000)


def _account(access: Access) -> Dict[str, Any]:
    """The one account there is, in the shape of the server's."""
    permissions = ["team.admin", "read", "write", "execute"]
    permissions += ["task.control", "task.data", "task.monitor", "task.debug", "task.store"]
    team = {"id": "local", "name": "Development", "permissions": permissions}
    return {
        "userToken": access.credential,
        "userId": "local",
        "displayName": "RocketRide Emulator",
        "givenName": "",
        "familyName": "",
        "preferredUsername": "developer",
        "email": "",
        "emailVerified": False,
        "phoneNumber": "",
        "phoneNumberVerified": False,
        "locale": "",
        "defaultTeam": "local",
        "organizations": [
            {"id": "local", "name": "Local", "permissions": ["org.admin"], "teams": [team]},
        ],
        "apps": [],
        "capabilities": ["oss"],
    }
