"""Which of the server's events belong to a task, and what they say of it."""

from __future__ import annotations

from typing import AbstractSet, Any, Mapping, Optional, Tuple

from ...models.outcome import STOP_REASONS, shows_life
from ...protocol import dap
from ..end_told import EndTold

END = "end"
NOT_ACTIVE = "not active"
WAKING_ACTIONS = (END, "begin", "restart", NOT_ACTIVE)

_RUNNING = "running"  # of the catch-up event of a subscription, which lists the active tasks
_TASK_EVENT = "apaevt_task"
_HEX_DIGITS = frozenset("0123456789abcdefABCDEF")
_ID_LENGTH = 8


class TaskEventFilter:
    """Recognises the events of one task, and remembers what they tell of the end of its run.

    An event belongs to the task by project and source, which are known once a status has been seen: until then every
    task event passes. Such an event may be that of a twin, a task of the same project and source with another token.
    That is enough for a reason to poll. The reason of an end counts only if the event's `__id` is that of the token.

    Args:
        token: the task's token.
        credential: what the connection is authenticated with.
    """

    __slots__ = ("_begun", "_end", "_end_before_poll", "_ended_before", "_id_start", "_known")

    def __init__(self, token: str, credential: str) -> None:
        self._known: Tuple[Tuple[str, Any], ...] = ()
        self._id_start = _start_of_id(token, credential)
        self._end: Optional[Tuple[Optional[str]]] = None  # with the reason, once an `end` event has come
        self._begun = False  # after that event
        self._end_before_poll = False
        self._ended_before = False  # before the subscription: no `end` event will come

    def subscribed(self) -> None:
        """A subscription was requested: its own catch-up event tells which tasks are active."""
        self._ended_before = False

    def poll_sent(self) -> None:
        """The status is asked for now."""
        if self._begun:  # what the status shows is another run, or the end of a restarted one
            self._end = None
        self._end_before_poll = self._end is not None

    def learn(self, document: Any) -> None:
        """Take project and source from a status document."""
        if isinstance(document, dict):
            known = (("projectId", document.get("project_id")), ("source", document.get("source")))
            self._known = tuple((key, value) for key, value in known if value)
            if self._end_before_poll and shows_life(document.get("state"), document.get("completed")):
                # It was the end of the run before, or there was a restart.
                self._end = None

    def take(self, event: dap.Message) -> Optional[str]:
        """Process an event. Returns the action (`begin`, `end`, `restart`); None for other events and other tasks.

        NOT_ACTIVE if the event tells for the first time that the task had ended before the subscription.
        """
        body = event.get("body")
        if event.get("event") != _TASK_EVENT or not isinstance(body, dict):
            return None
        action = body.get("action")
        if action == _RUNNING:
            return self.take_active(active_ids(event))
        if not isinstance(action, str) or any(body.get(key) != value for key, value in self._known):
            return None
        if action in (END, "begin", "restart") and self._is_of_token(body):
            self._take_own(action, body)
        return action

    def end_told(self, *, listening: bool) -> EndTold:
        """What was told of the end; `listening`: whether further events can come."""
        (reason,) = self._end or (None,)
        may_come = listening and self._id_start is not None and not self._ended_before
        return EndTold(self._end is not None, reason, may_come)

    def _take_own(self, action: str, body: Mapping[str, Any]) -> None:
        self._ended_before = False
        if action != END:
            self._begun = True
            return
        reason = body.get("reason")
        (earlier,) = (None if self._begun else self._end) or (None,)
        self._end, self._begun = (reason if reason in STOP_REASONS else earlier,), False

    def _is_of_token(self, body: Mapping[str, Any]) -> bool:
        source = dict(self._known).get("source") or body.get("source")
        return self._id_start is not None and body.get("__id") == f"{self._id_start}.{source}"

    def is_of_twin(self, event: dap.Message) -> bool:
        """Whether an event of the task's project and source tells that it belongs to another token of the server's."""
        start, dot, _ = str(event.get("body", {}).get("__id")).partition(".")
        made_by_server = bool(dot) and len(start) == _ID_LENGTH and _HEX_DIGITS.issuperset(start)
        return made_by_server and self._id_start is not None and start != self._id_start

    def take_active(self, ids: Optional[AbstractSet[str]]) -> Optional[str]:
        """Process the list of active tasks: what `active_ids` found in it. Returns as `take`."""
        known_before = self._ended_before
        self._ended_before = (
            self._id_start is not None and ids is not None and f"{self._id_start}." not in ids
        )
        return NOT_ACTIVE if self._ended_before and not known_before else None


def active_ids(event: dap.Message) -> Optional[AbstractSet[str]]:
    """How the ids in a list of active tasks begin, up to the dot; None for other events, and if an id is missing."""
    body = event.get("body")
    if event.get("event") != _TASK_EVENT or not isinstance(body, dict) or body.get("action") != _RUNNING:
        return None
    tasks = body.get("tasks")
    ids = {_id_of(task)[: _ID_LENGTH + 1] for task in (tasks if isinstance(tasks, list) else [None])}
    return None if "" in ids else ids


def _id_of(task: Any) -> str:
    found = task.get("id") if isinstance(task, dict) else None
    return found if isinstance(found, str) else ""


def is_distinct(token: str, credential: str) -> bool:
    """Whether the `__id` of an event tells a task with this token from its twins."""
    return _start_of_id(token, credential) is not None


def _start_of_id(token: str, credential: str) -> Optional[str]:
    """How the `__id` of the task's events begins; None where that would not tell it from others.

    Tokens chosen by callers may begin alike, and with a task's token or public key as credential, the connection is
    locked to that task, whatever the token.
    """
    digits = token[3:]
    made_by_server = token.startswith("tk_") and len(digits) == 32 and _HEX_DIGITS.issuperset(digits)
    if not made_by_server or credential.startswith(("tk_", "pk_")):
        return None
    return digits[:_ID_LENGTH]
