"""Type-checked access to the fields of JSON objects that clients send."""

from __future__ import annotations

import math
from typing import Any, List, Mapping, Optional, Set

from .request_errors import RequestError


class CheckedFields:
    """The fields of one JSON object: a component's config, or a request's arguments.

    Each getter takes a key, and raises RequestError when its value has another type. Null counts as absent.

    Args:
        values: the object.
        where: what error messages call the object.
    """

    def __init__(self, values: Mapping[str, Any], where: str) -> None:
        self.where = where
        self._values = values
        self._known: Set[str] = set()

    def seconds(self, key: str, default: float) -> float:
        value = self._get(key, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
            raise self._type_error(key, "a number of seconds, 0 or more")
        return float(value)

    def count(self, key: str, default: int, *, least: int = 0, most: int = 1_000_000) -> int:
        value = self._get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self._type_error(key, f"a whole number from {least} to {most}")
        return value

    def flag(self, key: str) -> bool:
        value = self._get(key, False)
        if not isinstance(value, bool):
            raise self._type_error(key, "true or false")
        return value

    def optional_flag(self, key: str) -> Optional[bool]:
        value = self._get(key, None)
        return None if value is None else self.flag(key)

    def optional_text(self, key: str) -> Optional[str]:
        value = self._get(key, None)
        return None if value is None else self.text(key)

    def text(self, key: str) -> str:
        value = self._get(key, "")
        if not _is_encodable_text(value):
            raise self._type_error(key, "a string")
        return str(value)

    def strings(self, key: str, default: Optional[List[str]] = None) -> List[str]:
        value = self._get(key, default)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._type_error(key, "a list of strings")
        return value

    def required_string_map(self, key: str) -> Mapping[str, str]:
        """Unlike in the other getters, null is no value."""
        value = self._get(key, None)
        if not isinstance(value, dict) or not all(_is_encodable_text(text) for text in value.values()):
            raise self._type_error(key, "an object whose values are strings")
        return value

    def exit_code(self, key: str) -> Optional[int]:
        """Unlike in the other getters, null has a meaning: the exit code is unknown."""
        value = self._get(key, 0)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self._type_error(key, "a whole number or null")
        return None if key in self._values and self._values[key] is None else value

    def check_unknown(self) -> None:
        """Raise RequestError for a key that no getter has read: it may be a misspelling."""
        unknown = sorted(set(self._values) - self._known)
        if unknown:
            known = ", ".join(sorted(self._known))
            raise RequestError(f"{self.where}: unknown {unknown[0]!r}; it takes {known}")

    def _get(self, key: str, default: Any) -> Any:
        self._known.add(key)
        value = self._values.get(key)
        return default if value is None else value

    def _type_error(self, key: str, expected: str) -> RequestError:
        return RequestError(f"{self.where}: {key!r} must be {expected}")


def _is_encodable_text(value: Any) -> bool:
    """Whether it is a string without lone surrogates. UTF-8 cannot encode those, so no answer could contain them."""
    return isinstance(value, str) and not any("\ud800" <= character <= "\udfff" for character in value)
