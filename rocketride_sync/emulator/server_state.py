"""The parts of one server, put together: both its HTTP and its WebSocket side work on them."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

from .connection_slots import Slots
from .credentials import Credentials
from .event_hub import Hub
from .registry import Registry
from .settings import Settings


class ServerState:
    """What a server is, whatever it is reached by.

    Args:
        api_key: the key that opens it; None lets any non-empty credential pass.
        root: the directory that `files` sources may read; None forbids them.
        settings: delays and limits.
    """

    def __init__(self, *, api_key: Optional[str], root: Optional[Path], settings: Settings) -> None:
        self.settings = settings
        self.hub = Hub()
        self.registry = Registry(settings, api_key, root, self.hub)
        self.credentials = Credentials(api_key, self.registry)
        self.slots = Slots(settings.connection_slots)
