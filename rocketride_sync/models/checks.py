"""The checks and conversions that generated decoders call for containers, and for values of unexpected types.

Each function takes a value and where it stands, and returns the value in the declared type or raises
`DecodeError`. A place is a pair (place of the container, key or index): it costs next to nothing for valid
values, and becomes a JSON path only in an error. A key that is no name of the schema stands in a tuple of its own.
"""

from __future__ import annotations

import json
import math
from typing import Any, Callable, Dict, List, Mapping, Tuple, Type, TypeVar

from ..errors import DecodeError
from ..handler_exceptions import pass_on
from ..redact import SHORTEST_SECRET
from .values import EMPTY, OpenIntEnum, ReadOnlyDict

T = TypeVar("T")
E = TypeVar("E", bound=OpenIntEnum)
Place = Tuple[Any, ...]

ROOT: Place = ()
DEEPEST = 100
_FEW = 16  # elements, of which a loop knows sooner whether they are all texts than a count of their types
_SHOWN_OF_NAME = 4
_LONGEST_PATH = 300
_REQUIRED: Any = object()
_PLAIN = frozenset((type(None), str, int, bool))
_SMALL = {str(number): number for number in range(64)}
_NAMES: Mapping[type, str] = {str: "a string", list: "an array", dict: "an object"}


def text(value: Any, place: Place, default: Any = _REQUIRED) -> Any:
    if value is None and default is not _REQUIRED:
        return default
    if issubclass(type(value), str):
        return str.__str__(value)
    raise _mismatch("a string", value, place)


def boolean(value: Any, place: Place, default: Any = _REQUIRED) -> Any:
    if value is None and default is not _REQUIRED:
        return default
    if type(value) is bool:
        return value
    raise _mismatch("true or false", value, place)


def integer(value: Any, place: Place, default: Any = _REQUIRED) -> Any:
    if value is None and default is not _REQUIRED:
        return default
    kind = type(value)
    if issubclass(kind, int) and kind is not bool:
        return int.__pos__(value)
    if issubclass(kind, float) and float.is_integer(value):
        return float.__int__(value)
    raise _mismatch("an integer", value, place)


def number(value: Any, place: Place, default: Any = _REQUIRED) -> Any:
    if value is None and default is not _REQUIRED:
        return default
    kind = type(value)
    if issubclass(kind, float) and math.isfinite(value):
        return float.__pos__(value)
    if issubclass(kind, int) and kind is not bool:
        try:
            return int.__float__(value)
        except OverflowError:
            pass
    raise _mismatch("a finite number", value, place)


def member(enum: Type[E], value: Any, place: Place) -> E:
    number = integer(value, place)
    try:
        return enum(number)
    except ValueError as error:
        pass_on(error)
    raise _mismatch("an integer of at most 64 bits", value, place)


def json_object(value: Any, place: Place) -> Dict[Any, Any]:
    """A plain dict of the same content: subclasses of dict may return other content."""
    if issubclass(type(value), dict):
        return dict(dict.items(value))
    raise _mismatch("an object", value, place)


def json_value(value: Any, place: Place, depth: int = DEEPEST) -> Any:
    """A copy of any JSON value, checked to be one; at most 100 levels deep."""
    kind = type(value)
    if kind in _PLAIN or (kind is float and math.isfinite(value)):
        return value
    if depth == 0:
        raise _mismatch(f"at most {DEEPEST} levels of nesting", value, place)
    if issubclass(kind, list):
        return [json_value(item, (place, i), depth - 1) for i, item in enumerate(list.copy(value))]
    if issubclass(kind, dict):
        items = dict.items(value)
        return {
            key if type(key) is str else text(key, (place, (key,))): (
                item if type(item) in _PLAIN else json_value(item, (place, (key,)), depth - 1)
            )
            for key, item in items
        }
    raise _mismatch("a JSON value", value, place)


def text_or_object(value: Any, place: Place) -> Any:
    if type(value) is str:
        return value
    if issubclass(type(value), dict):
        return ReadOnlyDict(json_value(value, place))
    if issubclass(type(value), str):
        return str.__str__(value)
    raise _mismatch("a string or an object", value, place)


def texts(value: Any, place: Place) -> Tuple[str, ...]:
    """An array of strings: as `array` of `text`, with fast paths for the usual case."""
    if type(value) is list:
        elements = tuple(value)
        if len(elements) > _FEW:
            # Counted in C: the loop takes half as long again.
            if list(map(type, elements)).count(str) == len(elements):
                return elements
        else:
            for element in elements:
                if type(element) is not str:
                    break
            else:
                return elements
    return array(value, place, text)


def array(value: Any, place: Place, item: Callable[[Any, Place], T]) -> Tuple[T, ...]:
    if value is None:
        return ()
    if not issubclass(type(value), list):
        raise _mismatch("an array", value, place)
    elements = list.copy(value)
    try:
        return tuple([item(element, place) for element in elements])
    except DecodeError as error:
        # Decoded again below with places, to name the wrong element: making all places takes a tenth of the time.
        pass_on(error)
    return tuple([item(element, (place, i)) for i, element in enumerate(elements)])


def mapping(value: Any, place: Place, item: Callable[[Any, Place], T]) -> Mapping[str, T]:
    """An object as a map from its names."""
    if not value and (value is None or type(value) is dict):
        return EMPTY
    if type(value) is not dict:
        value = json_object(value, place)
    try:
        return ReadOnlyDict(
            {
                key if type(key) is str else text(key, place): item(element, place)
                for key, element in value.items()
            }
        )
    except DecodeError as error:
        pass_on(error)  # as in `array`
    return ReadOnlyDict(
        {text(key, (place, (key,))): item(element, (place, (key,))) for key, element in value.items()}
    )


def numbered(value: Any, place: Place, item: Callable[[Any, Place], T]) -> Mapping[int, T]:
    """An object as a map from integers: JSON has only strings for keys, here decimal ones."""
    if not value and (value is None or type(value) is dict):
        return EMPTY
    if type(value) is not dict:
        value = json_object(value, place)
    try:
        return ReadOnlyDict(
            {
                _SMALL[key] if key in _SMALL else _decimal(key, place): item(element, place)
                for key, element in value.items()
            }
        )
    except DecodeError as error:
        pass_on(error)  # as in `array`
    return ReadOnlyDict(
        {_decimal(key, (place, (key,))): item(element, (place, (key,))) for key, element in value.items()}
    )


def unknown(document: Mapping[Any, Any], known: Mapping[str, Any], place: Place) -> Mapping[str, Any]:
    """What `document` holds beyond the known keys."""
    strange = {key: value for key, value in document.items() if key not in known}
    return ReadOnlyDict(json_value(strange, place)) if strange else EMPTY


def _decimal(key: Any, place: Place) -> int:
    """An integer key; only in canonical form, because ``"1"`` and ``"01"`` must not become the same key."""
    if type(key) is int:
        return key
    if type(key) is str and len(key) < 20 and key.lstrip("-").isdecimal():
        try:
            number = int(key)
        except ValueError as error:
            pass_on(error)
            number = 0
        if str(number) == key:
            return number
    raise _mismatch("a decimal number as key", key, place)


def _mismatch(expected: str, value: Any, place: Place) -> DecodeError:
    return DecodeError(json_path(place), expected, _described(value))


def json_path(place: Place) -> str:
    """A place as a JSON path: ``$.pipeflow.byPipe.0[2]``."""
    steps: List[str] = []
    while place:
        place, key = place
        steps.append(_step(key))
    path = "$" + "".join(reversed(steps))
    half = _LONGEST_PATH // 2
    return path if len(path) <= _LONGEST_PATH else f"{path[:half]}…{path[-half:]}"


def _step(key: Any) -> str:
    cut = False
    if type(key) is tuple:
        # A name from outside. It can be a secret, and here nobody knows what the secrets are.
        (key,) = key
        cut = type(key) is str and len(key) >= SHORTEST_SECRET
    if type(key) is int:
        return f"[{key}]"
    if type(key) is not str:
        return f"[{type(key).__name__}]"
    if cut:
        return f"[{json.dumps(key[:_SHOWN_OF_NAME])}…]"
    return "." + key if key.replace("_", "a").isalnum() and key.isascii() else f"[{json.dumps(key)}]"


def _described(value: Any) -> str:
    """The value in terms of JSON. Short numbers are shown; texts are not, as they may be secrets."""
    kind = type(value)
    if value is None:
        return "null"
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return (
            f"the integer {value}" if value.bit_length() <= 64 else f"an integer of {value.bit_length()} bits"
        )
    if kind is float:
        return f"the number {value!r}"
    return _NAMES.get(kind) or f"a Python {kind.__name__}"
