"""What tasks tell those who watch: events, and the hub that passes them on."""

from __future__ import annotations

from typing import Any, List, Mapping, Protocol

import attrs

SUMMARY = "SUMMARY"
TASK = "TASK"


@attrs.frozen(kw_only=True)
class Event:
    """One event of one task.

    Attributes:
        kind: `SUMMARY` or `TASK`, the type one subscribes to.
        name: its name on the wire, such as ``apaevt_task``.
        task_id: the ``__id`` on the wire: first eight characters of the token, dot, source.
        project_id: the task's project.
        source: the task's source.
        body: the rest of its body.
    """

    kind: str
    name: str
    task_id: str
    project_id: str
    source: str
    body: Mapping[str, Any]


class Listener(Protocol):
    async def notify(self, event: Event) -> None:
        """Pass the event on, if it is wanted. Never raises."""

    def forget(self, project_id: str, source: str) -> None:
        """A task of this project and source was removed: drop the subscription to them."""


class Hub:
    """Tells every listener every event, one after the other, as the real server does.

    A listener that does not finish holds up all others, and the task that the event is about.
    """

    def __init__(self) -> None:
        self.listeners: List[Listener] = []

    async def publish(self, event: Event) -> None:
        for listener in list(self.listeners):
            await listener.notify(event)

    def forget(self, project_id: str, source: str) -> None:
        """Tell every listener that a task was removed."""
        for listener in self.listeners:
            listener.forget(project_id, source)
