"""Checks of the arguments that users pass: a wrong argument is reported before anything is sent.

Each function returns the value if it is valid, and raises `ConfigurationError` with the argument's `name` if not. A text
of a class of the user's is returned as a plain str: `str()` of an enum's member, which may be a text too, is its name.
"""

from __future__ import annotations

import os
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from .errors import ConfigurationError
from .handler_exceptions import pass_on
from .redact import excerpt, redact

ANY_TYPE = "application/octet-stream"

_LONGEST_SHOWN = 20  # characters of a word of the user's


def text(name: str, value: Any) -> str:
    """A string that is not blank."""
    if isinstance(value, str) and value.strip():
        return sendable(name, value)
    raise ConfigurationError(f"{name} must be a string that is not empty, not {_described(value)}")


def optional_text(name: str, value: Any) -> Optional[str]:
    """As `text`, or None."""
    return None if value is None else text(name, value)


def texts(name: str, value: Any) -> Tuple[str, ...]:
    """A sequence of strings; empty for None."""
    if value is None:
        return ()
    if isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
        return tuple(sendable(name, item) for item in value)
    raise ConfigurationError(f"{name} must be a list of strings, not {_described(value)}")


def text_by_name(name: str, value: Any) -> Dict[str, str]:
    """A mapping of strings to strings; empty for None."""
    if value is None:
        return {}
    expected = f"{name} must be a dict of strings"
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{expected}, not {type(value).__name__}")
    found = {}
    for key, part in items_of(name, value):
        # The messages do not repeat the values, which may be secrets.
        if not isinstance(key, str):
            raise ConfigurationError(f"{expected}: a key is {type(key).__name__}")
        if not isinstance(part, str):
            shown = excerpt(key, _LONGEST_SHOWN)
            raise ConfigurationError(f"{expected}: the value of '{shown}' is {type(part).__name__}")
        found[sendable(name, key)] = sendable(name, part)
    return found


def is_utf_8(text: str) -> bool:
    """Whether UTF-8 can say `text`: not if there are lone surrogates in it, as Python makes them of other bytes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def sendable(name: str, text: str) -> str:
    """`text` as it can be sent.

    Raises:
        ConfigurationError: UTF-8 cannot say it. `name` says what it is.
    """
    if is_utf_8(text):
        return plain_str(text)
    # The message does not repeat the text, which may be secret.
    raise ConfigurationError(
        f"{name} must be text that UTF-8 can encode; this has lone surrogates, as bytes of another encoding leave them"
    )


def plain_str(text: str) -> str:
    return str.__str__(text)


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
        return int(value)
    raise ConfigurationError(f"{name} must be a whole number from 1 to {most}, not {_described(value)}")


def optional_choice(name: str, value: Any, choices: Sequence[str]) -> Optional[str]:
    """One of `choices`, or None."""
    if value is None:
        return None
    if isinstance(value, str) and value in choices:
        return plain_str(value)
    raise ConfigurationError(f"{name} must be one of {', '.join(choices)}{_not_a_choice(value)}")


def _not_a_choice(value: Any) -> str:
    if not isinstance(value, str):
        return f", not {_described(value)}"
    # A text that is long, or no word, or a token, may be a secret.
    is_word = len(value) <= _LONGEST_SHOWN and is_plain(value) and redact(value) == value
    return f", not {value!r}" if is_word else ""


def mime_type(value: Any) -> str:
    """A MIME type; `ANY_TYPE` for None."""
    if value is None:
        return ANY_TYPE
    if isinstance(value, str) and value.isascii() and value.isprintable() and "/" in value:
        return plain_str(value)
    raise ConfigurationError(f"the MIME type must be something like 'text/plain', not {value!r}")


def task_token(value: Any, name: str = "token") -> str:
    """A task's token, not shortened."""
    if not isinstance(value, str):
        hint = "; pass its .token" if hasattr(value, "token") else ""
        raise ConfigurationError(f"{name} must be a string, not {type(value).__name__}{hint}")
    if not value.strip():
        raise ConfigurationError(f"{name} is empty; pass the token that use() returned")
    if value.endswith("…"):
        raise ConfigurationError(f"{name} is a shortened one, as messages show it; pass the whole token")
    return sendable(name, value)


def function(name: str, value: Any) -> Any:
    """A function, or None."""
    if value is None or callable(value):
        return value
    raise ConfigurationError(f"{name} must be a function, not {type(value).__name__}")


def path(name: str, value: Any) -> str:
    """A path, as a string."""
    found = as_text(value)
    if isinstance(found, str) and found and "\0" not in found and _is_encodable(found):
        return found
    raise ConfigurationError(f"{name} must be the path of a file, not {_described(value)}")


def _is_encodable(path: str) -> bool:
    """Whether the system can have such a file name."""
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    return True


def mode_of(path: Union[str, os.PathLike[str]]) -> int:
    """What kind of file is at `path`; 0 if that cannot be told: then opening it says what is wrong."""
    try:
        return os.stat(path).st_mode
    except (OSError, ValueError) as error:  # ValueError: it holds a null character
        pass_on(error)
        return 0


def items_of(name: str, value: Mapping[Any, Any]) -> List[Tuple[Any, Any]]:
    """The items of a mapping of the user's, which may raise anything. The message does not repeat what: it may be secret."""
    try:
        return [(key, part) for key, part in value.items()]
    except Exception as error:  # noqa: BLE001
        pass_on(error, foreign_code=True)
        cause = error
    raise ConfigurationError(f"{name} cannot be read: its items raise {type(cause).__name__}") from cause


def as_text(path: Any) -> Any:
    """A path as a string, so that the modules below never get a `Path`; anything else as it is."""
    found = os.fspath(path) if isinstance(path, os.PathLike) else path
    return plain_str(found) if isinstance(found, str) else found


def is_plain(text: str) -> bool:
    """Whether `text` consists of visible ASCII characters only."""
    return text.isascii() and text.isprintable() and " " not in text


def _described(value: Any) -> str:
    """A number, ``""`` and None as they are; of anything else the type, because it may be long, or a secret."""
    plain = isinstance(value, (int, float)) and abs(value) < 1e15
    # Not compared before its type is known: arrays, and other classes of the user's, make no bool of that.
    nothing = value is None or (isinstance(value, str) and not value)
    return repr(value) if plain or nothing else f"{type(value).__name__}"
