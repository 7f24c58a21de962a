"""The nodes of a schema's JSON: read strictly, and required to have the shape that is supported."""

from __future__ import annotations

import json
from typing import Any, Dict, FrozenSet, List, NoReturn, Sequence, Set, Tuple

from .errors import SchemaError


def load(text: str) -> Dict[str, Any]:
    """The root of a schema: an object, without doubled keys and without constants that JSON lacks."""
    try:
        return mapping(json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_refuse), "")
    except json.JSONDecodeError as error:
        problem = f"not JSON: {error}"
    raise SchemaError("", problem)


def _without_duplicates(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise SchemaError("", f"the key {name!r} occurs twice in one object")
    return dict(pairs)


def _refuse(constant: str) -> NoReturn:
    raise SchemaError("", f"{constant} is not JSON")


def need(node: Dict[str, Any], key: str, pointer: str) -> Any:
    """The value of a key that must be there."""
    if key not in node:
        raise SchemaError(pointer, f"{key!r} is missing")
    return node[key]


def text(node: Dict[str, Any], key: str, pointer: str) -> str:
    """The value of a key that must be a text, and not a blank one."""
    value = need(node, key, pointer)
    if not isinstance(value, str) or not value.strip():
        raise SchemaError(at(pointer, key), "expected a text")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise SchemaError(at(pointer, key), "half a surrogate pair is not text")
    return value


def only(node: Dict[str, Any], allowed: FrozenSet[str], pointer: str) -> None:
    """Require that a node has no other keys."""
    for key in node:
        if key not in allowed:
            raise SchemaError(at(pointer, key), "this keyword is not supported here")


def mapping(node: Any, pointer: str) -> Dict[str, Any]:
    """Require that a node is an object."""
    if not isinstance(node, dict):
        raise SchemaError(pointer, "expected an object")
    return node


def require_unique(names: Sequence[str], pointer: str) -> None:
    """Require that no name occurs twice."""
    seen: Set[str] = set()
    for name in names:
        if name in seen:
            raise SchemaError(pointer, f"{name!r} occurs twice")
        seen.add(name)


def at(pointer: str, key: object) -> str:
    """The JSON pointer of a node's child."""
    return pointer + "/" + str(key).replace("~", "~0").replace("/", "~1")
