"""Reading JSON objects from outside: each value checked, each complaint saying where it is and what is wrong."""

from __future__ import annotations

import math
from typing import Any, List, Mapping, Optional, Set

from .request_errors import RequestError


class Fields:
    """The fields of an object, a component's config or a request's arguments, and what to call it in messages.

    Each getter takes a key and raises RequestError when its value is of another kind. Null is as good as absent.
    """

    def __init__(self, values: Mapping[str, Any], where: str) -> None:
        self.where = where
        self._values = values
        self._known: Set[str] = set()

    def seconds(self, key: str, default: float) -> float:
        value = self._get(key, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
            raise self._wrong(key, "a number of seconds, 0 or more")
        return float(value)

    def count(self, key: str, default: int, *, least: int = 0, most: int = 1_000_000) -> int:
        value = self._get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self._wrong(key, f"a whole number from {least} to {most}")
        return value

    def flag(self, key: str) -> bool:
        value = self._get(key, False)
        if not isinstance(value, bool):
            raise self._wrong(key, "true or false")
        return value

    def text(self, key: str) -> str:
        value = self._get(key, "")
        if not _is_text(value):
            raise self._wrong(key, "a string")
        return str(value)

    def strings(self, key: str, default: Optional[List[str]] = None) -> List[str]:
        value = self._get(key, default)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._wrong(key, "a list of strings")
        return value

    def texts_by_name(self, key: str) -> Mapping[str, str]:
        value = self._get(key, {})
        if not isinstance(value, dict) or not all(_is_text(text) for text in value.values()):
            raise self._wrong(key, "an object whose values are strings")
        return value

    def exit_code(self, key: str) -> Optional[int]:
        """Here null has a meaning of its own: the exit code is not known."""
        value = self._get(key, 0)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._wrong(key, "a whole number or null")
        return None if key in self._values and self._values[key] is None else value

    def check_unknown(self) -> None:
        """Refuse keys that no getter asked for: a misspelt one would be ignored silently."""
        unknown = sorted(set(self._values) - self._known)
        if unknown:
            known = ", ".join(sorted(self._known))
            raise RequestError(f"{self.where}: unknown {unknown[0]!r}; it takes {known}")

    def _get(self, key: str, default: Any) -> Any:
        self._known.add(key)
        value = self._values.get(key)
        return default if value is None else value

    def _wrong(self, key: str, expected: str) -> RequestError:
        return RequestError(f"{self.where}: {key!r} must be {expected}")


def _is_text(value: Any) -> bool:
    """Whether it is a string that UTF-8 can carry: no answer could hold half a surrogate pair."""
    return isinstance(value, str) and not any("\ud800" <= character <= "\udfff" for character in value)
