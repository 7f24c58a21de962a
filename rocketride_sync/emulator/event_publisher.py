"""Publishing the events of one task."""

from __future__ import annotations

import asyncio
from typing import Any, Dict, Mapping, Optional

from .event_hub import SUMMARY, TASK, Event, EventHub
from .run_history import RunHistory
from .run_log import StreamKey
from .status_record import StatusRecord


class EventPublisher:
    """Builds the events of one task, and publishes them one after the other.

    Args:
        event_hub: the hub that delivers them.
        task_id: the task's id.
        key: the task's project, source and scope.
        status: the task's status.
        history: logs and stamps the events, as the newer generation does; None for the older one.
    """

    def __init__(
        self,
        event_hub: EventHub,
        task_id: str,
        key: StreamKey,
        status: StatusRecord,
        history: Optional[RunHistory],
    ) -> None:
        self._event_hub = event_hub
        self._task_id = task_id
        self._key = key
        self._status = status
        self._history = history
        self._publish_lock = asyncio.Lock()

    @property
    def task_summary(self) -> Dict[str, Any]:
        """What `apaevt_task` events say about the task, apart from the action."""
        project_id, source, _ = self._key
        return {"name": self._status.document["name"], "projectId": project_id, "source": source}

    @property
    def status_event(self) -> Event:
        """An `apaevt_status_update` event with the task's present status, which is not logged."""
        body = self._status.document
        stamped = self._history.stamp(body) if self._history else body
        return self._event(SUMMARY, "apaevt_status_update", stamped)

    async def publish_status(self, **more: Any) -> None:
        """Publish the status, and note that subscribers know all changes up to now; `more` follows in the body."""
        self._status.changed = False
        await self._publish(SUMMARY, "apaevt_status_update", {**self._status.document, **more})

    async def publish_begin(self, *, logged: bool) -> None:
        """Begin a run: publish the status, then the action ``begin``.

        Args:
            logged: whether the run log gets this run.
        """
        more = {"beginSeq": self._history.begin(logged=logged)} if self._history else {}
        await self.publish_status()
        await self._publish_action("begin", **more)

    async def publish_restart(self) -> None:
        """Begin the run again: publish the status, then the action ``restart``."""
        if self._history:
            self._history.restart()
        await self.publish_status()
        await self._publish_action("restart")

    async def publish_end(self, stopped_by: Optional[str]) -> None:
        """Publish the final status, then the action ``end``. `stopped_by` is ``user`` or ``ttl`` if it was stopped."""
        if not self._history:
            await self.publish_status()
            await self._publish_action("end")
            return
        await self.publish_status(final=True)
        await self._publish_action("end", **({"reason": stopped_by} if stopped_by else {}))
        self._history.end(self._status.document, stopped_by)

    async def _publish_action(self, action: str, **more: Any) -> None:
        await self._publish(TASK, "apaevt_task", {"action": action, **self.task_summary, **more})

    async def _publish(self, event_type: str, name: str, body: Mapping[str, Any]) -> None:
        async with self._publish_lock:
            stamped = self._history.add(name, body) if self._history else body
            await self._event_hub.publish(self._event(event_type, name, stamped))

    def _event(self, event_type: str, name: str, body: Mapping[str, Any]) -> Event:
        return Event(event_type=event_type, name=name, task_id=self._task_id, key=self._key, body=body)
