"""The WebSocket endpoint, and the handling of one client's connection from the upgrade to the close."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Dict, List, Mapping, Optional, Set, Tuple

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from .._version import __version__
from . import dap_messages
from .commands import CommandHandler
from .connection_slots import LOOPBACK_ADDRESS
from .credentials import Access
from .event_hub import SUMMARY, TASK, Event
from .request_errors import NOT_AUTHENTICATED, CredentialError, RequestError
from .run_log import StreamKey
from .server_state import ServerState
from .status_record import StatusRecord
from .subscriptions import ALL_TASKS, ANY_SOURCE, SubscriptionKey, Subscriptions, parse_event_types
from .task import Task

LIMIT_KEY = "limit_messages"
"""The name in the ASGI scope's ``state`` of the function that sets the limit on messages, with True, or lifts it."""

UNAUTHENTICATED_BYTES = 16 * 1024
"""What a connection may send before it has authenticated, where the server has the limit. Compressed, that can be 16 MiB."""

_log = logging.getLogger(__name__)


def add_websocket_route(app: FastAPI, state: ServerState) -> None:
    """Add the WebSocket endpoint ``/task/service``."""

    @app.websocket("/task/service")
    async def task_service(websocket: WebSocket) -> None:
        address = websocket.client.host if websocket.client else LOOPBACK_ADDRESS
        full = len(state.event_hub.listeners) >= state.settings.max_connections
        if full or not state.connection_slots.take(address):
            await websocket.close()  # before `accept`, this refuses the upgrade with 403
            return
        await WebSocketConnection(websocket, state, address).run()


class WebSocketConnection:
    """The connection of one client. It holds a connection slot of its address until it has authenticated."""

    def __init__(self, websocket: WebSocket, state: ServerState, address: str) -> None:
        self._websocket = websocket
        self._state = state
        self._commands = CommandHandler(state)
        self._address: Optional[str] = address
        self._access: Optional[Access] = None
        self._attempts = 0
        self._subscriptions = Subscriptions()
        self._send_lock = asyncio.Lock()
        self._seq = 0
        self._closed = False
        self._requests: Set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Handle requests, several at a time, until the client or the server closes the connection."""
        await self._websocket.accept()
        self._state.event_hub.listeners.append(self)
        try:
            while True:
                frame = await self._websocket.receive()
                if frame["type"] != "websocket.receive":
                    return
                if len(self._requests) >= self._state.settings.max_requests:
                    await self._websocket.close(1008)
                    return
                self._receive(frame)
        finally:
            self._closed = True
            self._state.event_hub.listeners.remove(self)
            self._commands.connection_lost()
            self._release_slot()

    async def notify(self, event: Event) -> None:
        """Send an event if the client has subscribed to it. Blocks all other listeners until the client reads."""
        gets_no_events = self._access is None or self._access.is_public_token
        if not gets_no_events and self._subscriptions.include(event.key, event.event_type):
            await self._send(dap_messages.event_message(event))

    def remove_subscription(self, key: StreamKey) -> None:
        """Remove the subscription to this project, source and scope, because a task of theirs was removed."""
        self._subscriptions.remove(key)

    def _receive(self, frame: Mapping[str, Any]) -> None:
        text = frame.get("text")
        message = dap_messages.decode(frame["bytes"] if text is None else text)
        if message is None or not isinstance(message.get("command", ""), str):
            return
        if self._access and message.get("type") != "request":
            return
        request = asyncio.ensure_future(self._respond(message))
        self._requests.add(request)
        request.add_done_callback(self._requests.discard)

    async def _respond(self, message: dap_messages.Message) -> None:
        refused = False
        try:
            answer = dap_messages.response(message, await self._handle(message))
        except RequestError as error:
            answer = self._error_response(message, error)
            refused = isinstance(error, CredentialError)
        except Exception as error:  # noqa: BLE001  (a bug of the emulator: log it, and answer the client)
            _log.exception("the request %s failed", message.get("command"))
            answer = self._error_response(message, RequestError(f"Internal error: {type(error).__name__}"))
        await self._send(answer)
        if refused:
            await self._close()

    def _error_response(self, message: dap_messages.Message, error: RequestError) -> dap_messages.Message:
        return dap_messages.error_response(message, error, with_code=self._state.settings.is_newer)

    async def _handle(self, message: dap_messages.Message) -> Optional[Dict[str, Any]]:
        command = message.get("command", "")
        if command == "auth":
            account = self._authenticate(dap_messages.arguments(message).get("auth", ""))
            return {**account, "serverVersion": __version__} if self._state.settings.is_newer else account
        if self._access is None:
            raise CredentialError(NOT_AUTHENTICATED)
        if command == "deauth":
            self._access, self._subscriptions = None, Subscriptions()
            self._limit_messages(True)
            return {}
        if command == "rrext_monitor":
            await self._subscribe(self._access, dap_messages.arguments(message))
            return None
        return await self._commands.handle(command, self._access, dap_messages.arguments(message))

    def _authenticate(self, credential: Any) -> Dict[str, Any]:
        self._attempts += 1
        if self._attempts > self._state.settings.auth_attempts:
            raise CredentialError("Too many authentication attempts")
        if credential is None:
            raise CredentialError("No authorization provided")
        if not isinstance(credential, str):
            raise RequestError("'auth' must be a string")
        self._access = self._state.credential_checker.check(credential)
        self._release_slot()
        self._limit_messages(False)
        return _account_document(self._access)

    def _limit_messages(self, limited: bool) -> None:
        """Set or lift the limit on messages before authentication, where the server has one."""
        limit = self._websocket.scope.get("state", {}).get(LIMIT_KEY)
        if limit is not None:
            limit(limited)

    def _release_slot(self) -> None:
        if self._address is not None:
            self._state.connection_slots.release(self._address)
            self._address = None

    async def _subscribe(self, access: Access, arguments: Dict[str, Any]) -> None:
        """Set a subscription. For event types that are new in it, send the present state before the answer."""
        key, task = self._subscription_target(access, arguments)
        added = self._subscriptions.set(key, parse_event_types(arguments.get("types")))
        if SUMMARY in added:
            for event in self._current_status_events(key, task):
                await self._send(dap_messages.event_message(event))
        if TASK in added:
            tasks = [access.task] if access.task else self._state.task_registry.active_tasks
            body = {
                "action": "running",
                "tasks": [{"id": task.id, **task.events.task_summary} for task in tasks],
            }
            await self._send({"type": "event", "event": "apaevt_task", "body": {**body, "__id": ""}})

    def _subscription_target(
        self, access: Access, arguments: Dict[str, Any]
    ) -> Tuple[SubscriptionKey, Optional[Task]]:
        token = access.effective_token(arguments.get("token"))
        if token == ALL_TASKS:
            return ALL_TASKS, None
        if token:
            task = self._state.task_registry.get(token)
            return task.key, task
        project_id, source = arguments.get("projectId"), arguments.get("source")
        if not isinstance(project_id, str) or not isinstance(source, str):
            raise RequestError("You must specify either token or project_id/source")
        key = (project_id, source, self._state.requested_scope(arguments))
        return key, self._state.task_registry.find(*key)

    def _current_status_events(self, key: SubscriptionKey, task: Optional[Task]) -> List[Event]:
        """The events with the present statuses. Without a task, it is the status "Not running"."""
        if isinstance(key, str):
            return []
        if key[1] == ANY_SOURCE:
            active = self._state.task_registry.active_tasks
            return [
                other.events.status_event for other in active if other.key == (key[0], other.key[1], key[2])
            ]
        return [task.events.status_event if task else self._not_running_event(key)]

    def _not_running_event(self, key: StreamKey) -> Event:
        project_id, source, _ = key
        status = StatusRecord("", project_id, source, message_limit=1)
        status.update(status="Not running")
        return Event(
            event_type=SUMMARY,
            name="apaevt_status_update",
            task_id=f"{project_id}.{source}",
            key=key,
            body=status.document,
        )

    async def _send(self, message: dap_messages.Message) -> None:
        async with self._send_lock:
            if self._closed:
                return
            self._seq += 1
            frame = dap_messages.encode(message, self._seq)
            try:
                await self._websocket.send_text(frame)
            except (WebSocketDisconnect, RuntimeError):  # RuntimeError: uvicorn has begun closing
                self._closed = True

    async def _close(self) -> None:
        async with self._send_lock:
            if not self._closed:
                self._closed = True
                await self._websocket.close(1000)


def _account_document(access: Access) -> Dict[str, Any]:
    """The emulator's only account, in the shape of the real server's answer to `auth`."""
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
