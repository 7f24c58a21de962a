"""The state of one server, which its HTTP routes and its WebSocket connections share."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping, Optional

from .connection_slots import ConnectionSlots
from .credentials import CredentialChecker
from .event_hub import EventHub
from .registry import TaskRegistry
from .run_log import RunLog
from .run_scope import OWN_RUNS, RunScope, requested_scope
from .settings import Settings


class ServerState:
    """The settings, tasks, credentials and event hub of one server.

    Args:
        api_key: the key that clients must have; None accepts any non-empty credential.
        root: the directory that `files` sources may read; None forbids reading files.
        settings: delays and limits.
    """

    def __init__(self, *, api_key: Optional[str], root: Optional[Path], settings: Settings) -> None:
        self.settings = settings
        self.event_hub = EventHub()
        self.run_log = RunLog(settings)
        self.task_registry = TaskRegistry(settings, api_key, root, self.event_hub, self.run_log)
        self.credential_checker = CredentialChecker(api_key, self.task_registry)
        self.connection_slots = ConnectionSlots(settings.connection_slots)

    def requested_scope(self, arguments: Mapping[str, Any]) -> RunScope:
        """The scope that a request names. The older generation knows one scope only."""
        return requested_scope(arguments) if self.settings.is_newer else OWN_RUNS
