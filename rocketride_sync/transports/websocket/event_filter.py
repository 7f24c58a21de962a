"""Which of the server's events belong to a task, and what they say of it."""

from __future__ import annotations

from typing import Any, Optional, Tuple

from ...protocol import dap

END = "end"
WAKING_ACTIONS = (END, "begin", "restart")

_TASK_EVENT = "apaevt_task"


class TaskEventFilter:
    """Recognises the events of one task by its project and source, the only identification that they carry.

    Both are known once a status has been seen. Until then every task event passes.
    """

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: Tuple[Tuple[str, Any], ...] = ()

    def learn(self, document: Any) -> None:
        """Take project and source from a status document."""
        if isinstance(document, dict):
            known = (("projectId", document.get("project_id")), ("source", document.get("source")))
            self._known = tuple((key, value) for key, value in known if value)

    def action(self, event: dap.Message) -> Optional[str]:
        """The action of a task event (`begin`, `end`, `restart`); None for other events and other tasks."""
        body = event.get("body")
        if event.get("event") != _TASK_EVENT or not isinstance(body, dict):
            return None
        if any(body.get(key) != value for key, value in self._known):
            return None
        action = body.get("action")
        return action if isinstance(action, str) else None
