"""Checks of the documents that users pass, such as a pipeline: what JSON cannot say is reported with its place."""

from __future__ import annotations

import json
from typing import Any, Dict, Mapping, Sequence, Tuple

from .errors import ConfigurationError
from .handler_exceptions import pass_on
from .redact import excerpt

_DEEPEST_PLACE = 50
_LONGEST_KEY = 60
_LONGEST_REASON = 200


def document(name: str, value: Any) -> Any:
    """A copy of `value`, which must be expressible in JSON: no NaN, no sets or bytes, no endless nesting.

    Mappings of any kind become dicts, however deep they are in it.
    """
    return _copied(value, f"{name} must hold only values of JSON")


def object_info(value: Any) -> Dict[str, Any]:
    """The information about an object to send (``objinfo``), as a new dict; ``{}`` for None.

    As `document`, and it must be expressible in UTF-8, in which it is sent. Its ``name`` must be a string.
    """
    if value is None:
        return {}
    expected = "objinfo must be a dict of what JSON can say in UTF-8, such as {'name': 'a.txt'}"
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{expected}, not {type(value).__name__}")
    known: Dict[str, Any] = _copied(value, expected, ensure_ascii=False)
    if not isinstance(known.get("name", ""), str):
        raise ConfigurationError(f"objinfo['name'] must be a string, not {type(known['name']).__name__}")
    return known


def _copied(value: Any, expected: str, *, ensure_ascii: bool = True) -> Any:
    """A copy of `value` by way of JSON. The mappings in it are the user's, and may raise anything."""
    try:
        return json.loads(_json(value, ensure_ascii))
    except Exception as error:  # noqa: BLE001
        pass_on(error, foreign_code=True)
        cause = error
    if isinstance(cause, RecursionError):
        problem = "it is nested too deeply"
    else:
        place = _place_of_failure(value, ensure_ascii)
        problem = f"at {place}: {_told(cause)}" if place else _told(cause)
    raise ConfigurationError(f"{expected}: {problem}") from cause


def _json(value: Any, ensure_ascii: bool) -> bytes:
    return json.dumps(value, allow_nan=False, ensure_ascii=ensure_ascii, default=_as_dict).encode()


def _as_dict(value: Any) -> Dict[Any, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"it holds a {type(value).__name__}")


def _place_of_failure(value: Any, ensure_ascii: bool) -> str:
    """Where in `value` the innermost part is that JSON cannot say, such as ``['components'][0]``; "" if that is all."""
    place, seen = "", {id(value)}
    while len(seen) < _DEEPEST_PLACE:
        found = next(((key, part) for key, part in _parts(value) if not _is_json(part, ensure_ascii)), None)
        if found is None or id(found[1]) in seen:  # a document may contain itself
            break
        key, value = found
        place += f"[{excerpt(repr(key), _LONGEST_KEY)}]" if type(key) in (str, int) else "[…]"
        seen.add(id(value))
    return place


def _parts(value: Any) -> Sequence[Tuple[Any, Any]]:
    """The parts of a mapping or list, with their keys; none if it cannot be read."""
    try:
        if isinstance(value, Mapping):
            return list(value.items())
        return list(enumerate(value)) if isinstance(value, (list, tuple)) else []
    except Exception as error:  # noqa: BLE001 - as in `_copied`
        pass_on(error, foreign_code=True)
        return []


def _is_json(value: Any, ensure_ascii: bool) -> bool:
    try:
        return bool(_json(value, ensure_ascii))
    except Exception as error:  # noqa: BLE001 - as in `_copied`
        pass_on(error, foreign_code=True)
        return False


def _told(error: Exception) -> str:
    """What a foreign error says, after its kind: that of a KeyError is no more than the key."""
    kind = "" if type(error) in (TypeError, ValueError) else f"{type(error).__name__}: "
    try:
        return kind + excerpt(str(error), _LONGEST_REASON)
    except Exception as unshown:  # noqa: BLE001 - a class of the user's
        pass_on(unshown, foreign_code=True)
        return type(error).__name__
