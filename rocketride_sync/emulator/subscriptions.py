"""What one connection wants to hear of."""

from __future__ import annotations

from typing import Any, Dict, FrozenSet, Tuple, Union

from .event_hub import SUMMARY, TASK
from .request_errors import RequestError

EVERYTHING = "*"
Key = Union[str, Tuple[str, str]]

# The bits of the numeric form, from the lowest; see docs/protocol.md, "Events".
_NAMES = ("DEBUGGER", "DETAIL", SUMMARY, "OUTPUT", "FLOW", TASK, "SSE", "DASHBOARD")
_ALL = frozenset(_NAMES)
_NONE: FrozenSet[str] = frozenset()


class Subscriptions:
    """The types of events wanted, by project and source or for everything."""

    def __init__(self) -> None:
        self._types: Dict[Key, FrozenSet[str]] = {}

    def set(self, key: Key, types: FrozenSet[str]) -> FrozenSet[str]:
        """Replace what is wanted of `key`; returns the types that were not wanted before."""
        before = self._types.pop(key, _NONE)
        if types:
            self._types[key] = types
        return types - before

    def wants(self, key: Key, kind: str) -> bool:
        return kind in self._types.get(key, _NONE) or kind in self._types.get(EVERYTHING, _NONE)

    def forget(self, key: Key) -> None:
        self._types.pop(key, None)


def read_types(value: Any) -> FrozenSet[str]:
    """Event types as a request names them: names, or a number with one bit each.

    An unknown name unsubscribes from all, without an error, as on the real server.

    Raises:
        RequestError: a number has unknown bits.
    """
    if isinstance(value, int):
        if not 0 <= value < 1 << len(_NAMES):
            raise RequestError(f"invalid event types {value}")
        return frozenset(name for bit, name in enumerate(_NAMES) if value >> bit & 1)
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        return _NONE
    if "ALL" in value:
        return _ALL
    return frozenset(value) if _ALL.issuperset(value) else _NONE
