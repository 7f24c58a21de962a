"""What the server's events say of a task."""

from __future__ import annotations

from typing import Any, Optional, Tuple

from ...protocol import dap

END = "end"
WAKING_ACTIONS = (END, "begin", "restart")

_TASK_EVENT = "apaevt_task"


class TaskEventFilter:
    """A task as events know it: by its project and source, which only its status tells."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: Tuple[Tuple[str, Any], ...] = ()

    def seen(self, document: Any) -> None:
        """Learn from a status document."""
        if isinstance(document, dict):
            known = (("projectId", document.get("project_id")), ("source", document.get("source")))
            self._known = tuple((told, name) for told, name in known if name)

    def action(self, event: dap.Message) -> Optional[str]:
        """What `event` says of the task, None if it is of another event or of another project or source."""
        body = event.get("body")
        if event.get("event") != _TASK_EVENT or not isinstance(body, dict):
            return None
        if any(body.get(told) != name for told, name in self._known):
            return None
        action = body.get("action")
        return action if isinstance(action, str) else None
