"""What a task lets others know of itself."""

from __future__ import annotations

import asyncio
from typing import Any, Dict, Tuple

from .event_hub import SUMMARY, TASK, Event, Hub
from .status import Status


class EventPublisher:
    """The events of one task, published one after the other.

    Args:
        hub: where they are published.
        task_id: the task's id.
        key: its project and source.
        status: its status.
    """

    def __init__(self, hub: Hub, task_id: str, key: Tuple[str, str], status: Status) -> None:
        self._hub = hub
        self._task_id = task_id
        self._project_id, self._source = key
        self._status = status
        self._publishing = asyncio.Lock()

    @property
    def summary(self) -> Dict[str, Any]:
        """What `apaevt_task` events say about the task."""
        name = self._status.document["name"]
        return {"name": name, "projectId": self._project_id, "source": self._source}

    @property
    def status_event(self) -> Event:
        """The event that carries the status."""
        return self._event(SUMMARY, "apaevt_status_update", self._status.document)

    async def publish_status(self) -> None:
        self._status.changed = False
        await self._publish(self.status_event)

    async def publish_action(self, action: str) -> None:
        """`action` is ``begin``, ``restart`` or ``end``."""
        await self._publish(self._event(TASK, "apaevt_task", {"action": action, **self.summary}))

    def _event(self, kind: str, name: str, body: Dict[str, Any]) -> Event:
        return Event(
            kind=kind,
            name=name,
            task_id=self._task_id,
            project_id=self._project_id,
            source=self._source,
            body=body,
        )

    async def _publish(self, event: Event) -> None:
        async with self._publishing:
            await self._hub.publish(event)
