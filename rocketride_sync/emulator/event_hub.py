"""Task events, and the hub that delivers them to all WebSocket connections."""

from __future__ import annotations

from typing import Any, List, Mapping, Protocol

import attrs

from .run_log import StreamKey

SUMMARY = "SUMMARY"
TASK = "TASK"


@attrs.frozen(kw_only=True)
class Event:
    """One event about one task.

    Attributes:
        event_type: `SUMMARY` or `TASK`, the type that clients subscribe to.
        name: its name on the wire, such as ``apaevt_task``.
        task_id: the ``__id`` on the wire: the first eight characters of the token, a dot, and the source.
        key: the task's project, source and scope.
        body: its body on the wire, without ``__id``.
    """

    event_type: str
    name: str
    task_id: str
    key: StreamKey
    body: Mapping[str, Any]


class EventListener(Protocol):
    """A receiver of all events, such as a WebSocket connection."""

    async def notify(self, event: Event) -> None:
        """Send the event to the client if it has subscribed to it. Never raises."""

    def remove_subscription(self, key: StreamKey) -> None:
        """Remove the subscription to this project, source and scope, because a task of theirs was removed."""


class EventHub:
    """Notifies the listeners of every event, one listener after the other, as the real server does.

    A listener that does not finish blocks all others, and the task that the event is about.
    """

    def __init__(self) -> None:
        self.listeners: List[EventListener] = []

    async def publish(self, event: Event) -> None:
        for listener in list(self.listeners):
            await listener.notify(event)

    def remove_subscriptions(self, key: StreamKey) -> None:
        """Remove every listener's subscription to this project, source and scope."""
        for listener in self.listeners:
            listener.remove_subscription(key)
