"""Publishing the events of one task."""

from __future__ import annotations

import asyncio
from typing import Any, Dict, Optional, Tuple

from .event_hub import SUMMARY, TASK, Event, EventHub
from .status_record import StatusRecord


class EventPublisher:
    """Builds the events of one task, and publishes them one after the other.

    Args:
        event_hub: the hub that delivers them.
        task_id: the task's id.
        key: the task's project and source.
        status: the task's status.
        newer: whether the events have what the newer generation adds to them.
    """

    def __init__(
        self,
        event_hub: EventHub,
        task_id: str,
        key: Tuple[str, str],
        status: StatusRecord,
        *,
        newer: bool,
    ) -> None:
        self._newer = newer
        self._event_hub = event_hub
        self._task_id = task_id
        self._project_id, self._source = key
        self._status = status
        self._publish_lock = asyncio.Lock()

    @property
    def task_summary(self) -> Dict[str, Any]:
        """What `apaevt_task` events say about the task, apart from the action."""
        name = self._status.document["name"]
        return {"name": name, "projectId": self._project_id, "source": self._source}

    @property
    def status_event(self) -> Event:
        """An `apaevt_status_update` event with the task's present status."""
        return self._event(SUMMARY, "apaevt_status_update", self._status.document)

    async def publish_status(self) -> None:
        """Publish the status, and note that subscribers know all changes up to now."""
        self._status.changed = False
        await self._publish(self.status_event)

    async def publish_action(self, action: str, **more: Any) -> None:
        """Publish an `apaevt_task` event. `action` is ``begin``, ``restart`` or ``end``; `more` follows in the body."""
        body = {"action": action, **self.task_summary, **more}
        await self._publish(self._event(TASK, "apaevt_task", body))

    async def publish_end(self, stopped_by: Optional[str]) -> None:
        """Publish the final status, then the action ``end``. `stopped_by` is ``user`` or ``ttl`` if it was stopped."""
        if not self._newer:
            await self.publish_status()
            await self.publish_action("end")
            return
        self._status.changed = False
        final = {**self._status.document, "final": True}
        await self._publish(self._event(SUMMARY, "apaevt_status_update", final))
        await self.publish_action("end", **({"reason": stopped_by} if stopped_by else {}))

    def _event(self, event_type: str, name: str, body: Dict[str, Any]) -> Event:
        return Event(
            event_type=event_type,
            name=name,
            task_id=self._task_id,
            project_id=self._project_id,
            source=self._source,
            body=body,
        )

    async def _publish(self, event: Event) -> None:
        async with self._publish_lock:
            await self._event_hub.publish(event)
