"""What users hand in, checked where it comes in: a wrong argument is said before anything is sent.

Each function returns the value if it will do, and raises `ConfigurationError` with the argument's `name` if not.
"""

from __future__ import annotations

import json
import os
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

from .errors import ConfigurationError


def text(name: str, value: Any) -> str:
    """A string that says something."""
    if isinstance(value, str) and value.strip():
        return value
    raise ConfigurationError(f"{name} must be a string that is not empty, not {_described(value)}")


def optional_text(name: str, value: Any) -> Optional[str]:
    """As `text`, or None."""
    return None if value is None else text(name, value)


def texts(name: str, value: Any) -> Tuple[str, ...]:
    """A sequence of strings; empty for None."""
    if value is None:
        return ()
    if isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise ConfigurationError(f"{name} must be a list of strings, not {_described(value)}")


def text_by_name(name: str, value: Any) -> Dict[str, str]:
    """A mapping of strings to strings; empty for None."""
    if value is None:
        return {}
    if isinstance(value, Mapping) and all(isinstance(part, str) for item in value.items() for part in item):
        return dict(value)
    # Nothing of it is repeated: it may hold secrets.
    raise ConfigurationError(f"{name} must be a dict of strings, not {type(value).__name__} or other values")


def optional_flag(name: str, value: Any) -> Optional[bool]:
    """True, False or None."""
    if value is None or isinstance(value, bool):
        return value
    raise ConfigurationError(f"{name} must be True or False, not {_described(value)}")


def optional_count(name: str, value: Any, most: int) -> Optional[int]:
    """A whole number from 1 to `most`, or None."""
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most:
        return value
    raise ConfigurationError(f"{name} must be a whole number from 1 to {most}, not {_described(value)}")


def optional_choice(name: str, value: Any, choices: Sequence[str]) -> Optional[str]:
    """One of `choices`, or None."""
    if value is None or (isinstance(value, str) and value in choices):
        return value
    raise ConfigurationError(f"{name} must be one of {', '.join(choices)}, not {_described(value)}")


def document(name: str, value: Any) -> Any:
    """A copy of `value`, which JSON must be able to say: no NaN, no sets or bytes, no endless nesting."""
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        problem = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
    raise ConfigurationError(f"{name} must hold only what JSON knows: {problem}")


def path(name: str, value: Any) -> str:
    """A path, as a string."""
    found = os.fspath(value) if isinstance(value, os.PathLike) else value
    if isinstance(found, str) and found and "\0" not in found:
        return found
    raise ConfigurationError(f"{name} must be the path of a file, not {_described(value)}")


def _described(value: Any) -> str:
    """A number or a short word as it is; of anything else the type, for it may be long, or a secret."""
    plain = isinstance(value, (int, float)) and abs(value) < 1e15
    return repr(value) if plain or value in ("", None) else f"{type(value).__name__}"
