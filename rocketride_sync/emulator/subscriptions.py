"""The event subscriptions of one WebSocket connection."""

from __future__ import annotations

from typing import Any, Dict, FrozenSet, Union

from .event_hub import SUMMARY, TASK
from .request_errors import RequestError
from .run_log import StreamKey

ALL_TASKS = "*"
ANY_SOURCE = "*"
SubscriptionKey = Union[str, StreamKey]

# In the order of their bits in the numeric form, from the lowest; see docs/protocol.md, "Events".
_EVENT_TYPES = ("DEBUGGER", "DETAIL", SUMMARY, "OUTPUT", "FLOW", TASK, "SSE", "DASHBOARD")
_ALL_TYPES = frozenset(_EVENT_TYPES)
_NO_TYPES: FrozenSet[str] = frozenset()


class Subscriptions:
    """The subscribed event types, by project, source and scope, or for all tasks."""

    def __init__(self) -> None:
        self._types: Dict[SubscriptionKey, FrozenSet[str]] = {}

    def set(self, key: SubscriptionKey, types: FrozenSet[str]) -> FrozenSet[str]:
        """Replace the subscription to `key`, and return the event types that are new in it."""
        before = self._types.pop(key, _NO_TYPES)
        if types:
            self._types[key] = types
        return types - before

    def include(self, key: StreamKey, event_type: str) -> bool:
        """Whether an event of this type and key is subscribed to."""
        project_id, _, scope = key
        keys = (key, (project_id, ANY_SOURCE, scope), ALL_TASKS)
        return any(event_type in self._types.get(key, _NO_TYPES) for key in keys)

    def remove(self, key: SubscriptionKey) -> None:
        self._types.pop(key, None)


def parse_event_types(value: Any) -> FrozenSet[str]:
    """Parse the event types of a request: a list of names, or a number with a bit for each type.

    Names match whatever their case. Unknown ones are passed over, each by itself.

    Raises:
        RequestError: the number has unknown bits.
    """
    if isinstance(value, int):
        if not 0 <= value < 1 << len(_EVENT_TYPES):
            raise RequestError(f"invalid event types {value}")
        return frozenset(name for bit, name in enumerate(_EVENT_TYPES) if value >> bit & 1)
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        return _NO_TYPES
    names = frozenset(name.upper() for name in value)
    return _ALL_TYPES if "ALL" in names else names & _ALL_TYPES
