"""Which of the server's events belong to a task, and what they say of it."""

from __future__ import annotations

from collections import Counter
from typing import Any, FrozenSet, Mapping, Optional, Tuple

from ...models.outcome import STOP_REASONS, shows_life
from ...protocol import dap
from ...protocol.failures import is_task_credential
from ..end_told import EndTold
from .polled_end import PolledEnd
from .seen_run import SeenRun

END = "end"
RESTART = "restart"
NOT_ACTIVE = "not active"
ONE_ACTIVE = "one active"
WAKING_ACTIONS = (END, "begin", RESTART, NOT_ACTIVE, ONE_ACTIVE)

_RUNNING = "running"  # of the catch-up event of a subscription, which lists the active tasks
_TASK_EVENT = "apaevt_task"
_HEX_DIGITS = frozenset("0123456789abcdefABCDEF")
_ID_LENGTH = 8
_STATE_RUNNING = 3


class _ChosenTokenRuns:
    """Whether the events that bear the id of a chosen token can only be those of its own run.

    Other tokens may begin alike, so their runs of the same source have the same id. It is certain when the list of
    active tasks has one such run, no other has begun since, and a poll sent after that shows that the token's own is
    running: then this is the one. It must be shown again after each list and each begin: events may have been missed.
    """

    __slots__ = ("_count", "_is_polled", "_was_reported", "certain")

    def __init__(self) -> None:
        self.subscribed()

    def subscribed(self) -> None:
        self._count: Optional[int] = None  # of the runs that may be active and have the id
        self._is_polled = self.certain = self._was_reported = False

    def listed(self, count: Optional[int]) -> Optional[str]:
        """The list of active tasks has so many of them. ONE_ACTIVE if a poll would help, once for a subscription."""
        self._count, self._is_polled, self.certain = count, False, False
        if count != 1 or self._was_reported:
            return None
        self._was_reported = True
        return ONE_ACTIVE

    def begun(self) -> None:
        """One has begun or was restarted: which one, the event does not tell."""
        self.listed(None if self._count is None else self._count + 1)

    def poll_sent(self) -> None:
        self._is_polled = self._count == 1

    def learn(self, state: object) -> None:
        """The poll found the token's own run in this state."""
        self.certain = self.certain or (self._is_polled and state == _STATE_RUNNING)


class TaskEventFilter:
    """Recognises the events of one task, and remembers what they tell of the end of its run.

    An event belongs to the task by project and source, which are known once a status has been seen: until then every
    task event passes. Such an event may be that of a twin, a task of the same project and source with another token.
    That is enough for a reason to poll. The reason of an end counts only if the event's `__id` is that of the token, and
    of no other: of a token that the server did not make, `_ChosenTokenRuns` decides that.

    Args:
        token: the task's token.
        credential: what the connection is authenticated with.
    """

    __slots__ = (
        "_chosen",
        "_ended_before",
        "_id_start",
        "_id_starts",
        "_known",
        "_polled_end",
        "_seen_run",
    )

    def __init__(self, token: str, credential: str) -> None:
        self._known: Tuple[Tuple[str, Any], ...] = ()
        self._id_start = _start_of_id(token, credential)
        self._id_starts = _possible_starts(token, credential)
        self._chosen = _ChosenTokenRuns() if self._id_start is None else None
        self._polled_end = PolledEnd()
        self._seen_run = SeenRun()
        self._ended_before = False  # before the subscription: no `end` event will come

    def subscribed(self) -> None:
        """A subscription was requested: its own catch-up event tells which tasks are active."""
        self._ended_before = False
        self._seen_run.subscribed()
        if self._chosen is not None:
            self._chosen.subscribed()

    def connection_lost(self) -> None:
        """No event is heard until there is another connection: some may be missed. Those received before count."""
        self._polled_end.connection_lost()

    def shown_elsewhere(self, document: Any) -> None:
        """A poll that went another way, while there is no connection, found this."""
        self._polled_end.connection_lost()
        self._polled_end.poll_sent()
        self.learn(document)

    def poll_sent(self) -> None:
        """The status is asked for now."""
        self._polled_end.poll_sent()
        self._seen_run.poll_sent()
        if self._chosen is not None:
            self._chosen.poll_sent()

    def learn(self, document: Any) -> None:
        """Take project and source from a status document."""
        if isinstance(document, dict):
            known = (("projectId", document.get("project_id")), ("source", document.get("source")))
            self._known = tuple((key, value) for key, value in known if value)
            alive = shows_life(document.get("state"), document.get("completed"))
            self._polled_end.shown(document, alive=alive)
            if alive:
                self._seen_run.shown(document.get("startTime"))
            if self._chosen is not None:
                self._chosen.learn(document.get("state"))

    def take(self, event: dap.Message) -> Optional[str]:
        """Process an event. Returns the action (`begin`, `end`, `restart`); None for other events and other tasks.

        NOT_ACTIVE if the event tells for the first time that the task had ended before the subscription; ONE_ACTIVE if
        the next poll may tell that further events are the task's own.
        """
        body = event.get("body")
        if event.get("event") != _TASK_EVENT or not isinstance(body, dict):
            return None
        action = body.get("action")
        if action == _RUNNING:
            return self.take_active(active_ids(event))
        if not isinstance(action, str) or any(body.get(key) != value for key, value in self._known):
            return None
        if action in (END, "begin", RESTART) and self._is_of_token(body):
            self._take_own(action, body)
        return action

    def end_told(self, *, listening: bool) -> EndTold:
        """What was told of the end; `listening`: whether further events can come."""
        known = self._polled_end
        may_come = listening and self._is_certain and not (self._ended_before or known.is_over)
        return EndTold(known.told, known.reason, may_come, self._seen_run.end if listening else None)

    @property
    def _is_certain(self) -> bool:
        """Whether an event with the id of the token is that of its run."""
        return self._chosen is None or self._chosen.certain

    def _take_own(self, action: str, body: Mapping[str, Any]) -> None:
        self._ended_before = False
        if action == END:
            if self._is_certain:
                told = body.get("reason")
                reason = told if told in STOP_REASONS else None
                self._seen_run.ended(reason)
                self._polled_end.ended(reason, body.get("eventTime"))
            return
        if action == RESTART:
            self._seen_run.restarted()
            self._polled_end.restarted()
        else:
            self._seen_run.begun()
            self._polled_end.begun()
        if self._chosen is not None:
            self._chosen.begun()

    def _is_of_token(self, body: Mapping[str, Any]) -> bool:
        return any(body.get("__id") == f"{start}.{body.get('source')}" for start in self._id_starts)

    def is_of_twin(self, event: dap.Message) -> bool:
        """Whether an event of the task's project and source tells that it belongs to another token of the server's."""
        start, dot, _ = str(event.get("body", {}).get("__id")).partition(".")
        made_by_server = bool(dot) and len(start) == _ID_LENGTH and _HEX_DIGITS.issuperset(start)
        return made_by_server and self._id_start is not None and start != self._id_start

    def take_active(self, ids: Optional[Mapping[str, int]]) -> Optional[str]:
        """Process the list of active tasks: what `active_ids` found in it. Returns as `take`."""
        if self._chosen is not None:
            if ids is None:
                return self._chosen.listed(None)
            return self._chosen.listed(sum(ids.get(f"{start}.", 0) for start in self._id_starts))
        known_before = self._ended_before
        self._ended_before = ids is not None and f"{self._id_start}." not in ids
        return NOT_ACTIVE if self._ended_before and not known_before else None


def active_ids(event: dap.Message) -> Optional[Mapping[str, int]]:
    """How the ids in a list of active tasks begin, up to each dot that may end the token's part, and how often.

    None for other events, and if an id is missing.
    """
    body = event.get("body")
    if event.get("event") != _TASK_EVENT or not isinstance(body, dict) or body.get("action") != _RUNNING:
        return None
    tasks = body.get("tasks")
    ids = [_id_of(task) for task in (tasks if isinstance(tasks, list) else [None])]
    if "" in ids:
        return None
    return Counter(
        id_[: place + 1] for id_ in ids for place, sign in enumerate(id_[: _ID_LENGTH + 1]) if sign == "."
    )


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
    if not made_by_server or is_task_credential(credential):
        return None
    return digits[:_ID_LENGTH]


def _possible_starts(token: str, credential: str) -> FrozenSet[str]:
    """How the `__id` of the task's events may begin: of a token without the usual prefix, servers may cut off another."""
    if is_task_credential(credential):
        return frozenset()
    rests = [token[3:]] if token.startswith("tk_") else [token, token[3:], token.split("_", 1)[-1]]
    return frozenset(rest[:_ID_LENGTH] for rest in rests)
