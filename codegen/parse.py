"""From the text of a JSON Schema to the intermediate representation. Whatever is not supported is an error."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any, Callable, Dict, FrozenSet, List, NoReturn, Optional, Sequence, Set, Tuple

from . import ir
from .errors import SchemaError
from .naming import attribute_name, class_name, constant_name

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NUMBERED = "^(0|-?[1-9][0-9]*)$"

_DEFINITION = frozenset({"title", "description", "type", "x-alias"})
_MODEL = _DEFINITION | {"properties"}
_ENUM = _DEFINITION | {"x-enum"}
_ROOT = _MODEL | {"$schema", "$defs"}
_MEMBER = frozenset({"name", "value", "description"})
_FIELD = frozenset({"description", "default", "x-unit", "x-source"})
_TYPE_KEYWORDS = {"array": {"type", "items"}, "object": {"type", "additionalProperties", "propertyNames"}}
_SCALARS: Dict[str, Callable[[Any], bool]] = {
    "string": lambda value: type(value) is str,
    "boolean": lambda value: type(value) is bool,
    "integer": lambda value: type(value) is int,
    "number": lambda value: type(value) is float and math.isfinite(value),
}


def parse(text: str, file: str) -> ir.Schema:
    """Read one schema.

    Raises:
        SchemaError: with the JSON pointer of what is wrong or not supported.
    """
    root = _load(text)
    if root.get("$schema") != DIALECT:
        raise SchemaError("/$schema", f"expected {DIALECT!r}")
    definitions = _mapping(root.get("$defs", {}), "/$defs")
    enums: List[ir.Enum] = []
    models: List[ir.Model] = []
    for name, node in definitions.items():
        pointer = _at("/$defs", name)
        if "x-enum" in _mapping(node, pointer):
            enums.append(_enum(name, node, pointer))
        else:
            models.append(_model(name, node, pointer, _MODEL, definitions))
    models.append(_model(root.get("title"), root, "", _ROOT, definitions))
    names = [name for item in ir.definitions(enums, models) for name in (item.name, item.alias) if name]
    _require_unique(names, "/$defs")
    return ir.Schema(file, hashlib.sha256(text.encode()).hexdigest(), tuple(enums), _ordered(models))


def _load(text: str) -> Dict[str, Any]:
    try:
        return _mapping(json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_refuse), "")
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


def _model(
    name: object, node: Dict[str, Any], pointer: str, allowed: FrozenSet[str], definitions: Dict[str, Any]
) -> ir.Model:
    name = _head(name, node, pointer, allowed, "object")
    properties = _mapping(_need(node, "properties", pointer), pointer + "/properties")
    if not properties:
        raise SchemaError(pointer + "/properties", "a model needs at least one property")
    fields = [
        _field(name, wire, child, _at(pointer + "/properties", wire), definitions)
        for wire, child in properties.items()
    ]
    _require_unique([field.attribute for field in fields], pointer + "/properties")
    return ir.Model(name, _alias(node, pointer), _text(node, "description", pointer), tuple(fields))


def _enum(name: object, node: Dict[str, Any], pointer: str) -> ir.Enum:
    name = _head(name, node, pointer, _ENUM, "integer")
    here = pointer + "/x-enum"
    nodes = node["x-enum"]
    if not isinstance(nodes, list) or not nodes:
        raise SchemaError(here, "expected an array of members")
    members = tuple(_member(child, _at(here, i)) for i, child in enumerate(nodes))
    _require_unique([member.name for member in members], here)
    _require_unique([str(member.value) for member in members], here)
    return ir.Enum(name, _alias(node, pointer), _text(node, "description", pointer), members)


def _member(node: Any, pointer: str) -> ir.Member:
    _only(_mapping(node, pointer), _MEMBER, pointer)
    name = constant_name(_need(node, "name", pointer), pointer + "/name")
    value = _need(node, "value", pointer)
    if not _SCALARS["integer"](value):
        raise SchemaError(pointer + "/value", "expected an integer")
    return ir.Member(name, value, _text(node, "description", pointer))


def _head(name: object, node: Dict[str, Any], pointer: str, allowed: FrozenSet[str], kind: str) -> str:
    """What models and enumerations have in common."""
    _only(node, allowed, pointer)
    if _need(node, "type", pointer) != kind:
        raise SchemaError(pointer + "/type", f"expected {kind!r}")
    if node.get("title", name) != name:
        raise SchemaError(pointer + "/title", f"expected {name!r}, the name of the definition")
    return class_name(name, pointer + "/title" if "title" in node else pointer)


def _field(model: str, wire: str, node: Any, pointer: str, definitions: Dict[str, Any]) -> ir.Field:
    attribute = attribute_name(wire, model, pointer)
    shape = {key: value for key, value in _mapping(node, pointer).items() if key not in _FIELD}
    kind, nullable = _nullable(shape, pointer)
    type_ = _type(kind, pointer, definitions)
    default = _default(type_, nullable, _need(node, "default", pointer), pointer + "/default", definitions)
    unit = _text(node, "x-unit", pointer) if "x-unit" in node else None
    description, source = _text(node, "description", pointer), _text(node, "x-source", pointer)
    return ir.Field(wire, attribute, type_, default, nullable, unit, description, source)


def _nullable(shape: Dict[str, Any], pointer: str) -> Tuple[Dict[str, Any], bool]:
    """Take ``"null"`` out of a pair of types; only plain values may be null."""
    types = shape.get("type")
    if isinstance(types, list) and len(types) == 2 and types[1] == "null":
        if types[0] not in _SCALARS:
            raise SchemaError(pointer + "/type", f"{types[0]!r} cannot be nullable")
        return {**shape, "type": types[0]}, True
    return shape, False


def _type(node: Any, pointer: str, definitions: Dict[str, Any]) -> ir.Type:
    if "$ref" in _mapping(node, pointer):
        _only(node, frozenset({"$ref"}), pointer)
        return _ref(node["$ref"], pointer + "/$ref", definitions)
    kind = _need(node, "type", pointer)
    scalar = "text_or_object" if kind == ["string", "object"] else kind
    if not isinstance(scalar, str) or scalar not in {*_SCALARS, *_TYPE_KEYWORDS, "text_or_object"}:
        raise SchemaError(pointer + "/type", f"{kind!r} is not supported")
    _only(node, frozenset(_TYPE_KEYWORDS.get(scalar, {"type"})), pointer)
    if scalar == "array":
        here = pointer + "/items"
        return ir.Array(_element(_need(node, "items", pointer), here, definitions))
    if scalar == "object":
        here = pointer + "/additionalProperties"
        values = _need(node, "additionalProperties", pointer)
        return ir.Map(_element(values, here, definitions), _numbered(node, pointer))
    return ir.Scalar(scalar)


def _element(node: Any, pointer: str, definitions: Dict[str, Any]) -> ir.Type:
    """What a container may hold: plain values, models, and arrays of strings."""
    type_ = _type(node, pointer, definitions)
    if isinstance(type_, (ir.Scalar, ir.Ref)) or type_ == ir.Array(ir.Scalar("string")):
        return type_
    raise SchemaError(pointer, "containers may hold plain values, models or arrays of strings")


def _numbered(node: Dict[str, Any], pointer: str) -> bool:
    if "propertyNames" not in node:
        return False
    if node["propertyNames"] != {"pattern": NUMBERED}:
        raise SchemaError(pointer + "/propertyNames", f"only the pattern {NUMBERED!r} is supported")
    return True


def _ref(target: object, pointer: str, definitions: Dict[str, Any]) -> ir.Ref:
    name = target[len("#/$defs/") :] if isinstance(target, str) and target.startswith("#/$defs/") else None
    if name not in definitions:
        raise SchemaError(pointer, f"{target!r} is not one of this schema's definitions")
    return ir.Ref(class_name(name, pointer))


def _default(type_: ir.Type, nullable: bool, value: Any, pointer: str, definitions: Dict[str, Any]) -> Any:
    if isinstance(type_, ir.Scalar) and type_.kind in _SCALARS:
        if (nullable and value is None) or _SCALARS[type_.kind](value):
            return value
        raise SchemaError(
            pointer, f"expected a {type_.kind}, as the type says (a number with a decimal point)"
        )
    if isinstance(type_, ir.Ref) and "x-enum" in definitions[type_.name]:
        if value in [member.get("value") for member in definitions[type_.name]["x-enum"]]:
            return value
        raise SchemaError(pointer, f"expected a value of {type_.name}")
    if isinstance(type_, ir.Scalar):
        raise SchemaError(pointer, "a string or object is supported in arrays and maps only")
    empty: Any = [] if isinstance(type_, ir.Array) else {}
    if value != empty:
        raise SchemaError(pointer, f"only {empty!r} is supported")
    return None


def _ordered(models: Sequence[ir.Model]) -> Tuple[ir.Model, ...]:
    """Those that are used before those that use them, else as they stand in the schema."""
    by_name = {model.name: model for model in models}
    done: Dict[str, ir.Model] = {}

    def visit(model: ir.Model, users: Tuple[str, ...]) -> None:
        if model.name in users:
            raise SchemaError("/$defs", f"{model.name!r} contains itself")
        for name in [used for field in model.fields for used in _used(field.type)]:
            if name in by_name and name not in done:
                visit(by_name[name], (*users, model.name))
        done.setdefault(model.name, model)

    for model in models:
        visit(model, ())
    return tuple(done.values())


def _used(type_: ir.Type) -> List[str]:
    if isinstance(type_, ir.Ref):
        return [type_.name]
    if isinstance(type_, ir.Array):
        return _used(type_.items)
    return _used(type_.values) if isinstance(type_, ir.Map) else []


def _alias(node: Dict[str, Any], pointer: str) -> Optional[str]:
    return constant_name(node["x-alias"], pointer + "/x-alias") if "x-alias" in node else None


def _need(node: Dict[str, Any], key: str, pointer: str) -> Any:
    if key not in node:
        raise SchemaError(pointer, f"{key!r} is missing")
    return node[key]


def _text(node: Dict[str, Any], key: str, pointer: str) -> str:
    value = _need(node, key, pointer)
    if not isinstance(value, str) or not value.strip():
        raise SchemaError(_at(pointer, key), "expected a text")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise SchemaError(_at(pointer, key), "half a surrogate pair is not text")
    return value


def _only(node: Dict[str, Any], allowed: FrozenSet[str], pointer: str) -> None:
    for key in node:
        if key not in allowed:
            raise SchemaError(_at(pointer, key), "this keyword is not supported here")


def _mapping(node: Any, pointer: str) -> Dict[str, Any]:
    if not isinstance(node, dict):
        raise SchemaError(pointer, "expected an object")
    return node


def _require_unique(names: Sequence[str], pointer: str) -> None:
    seen: Set[str] = set()
    for name in names:
        if name in seen:
            raise SchemaError(pointer, f"{name!r} occurs twice")
        seen.add(name)


def _at(pointer: str, key: object) -> str:
    return pointer + "/" + str(key).replace("~", "~0").replace("/", "~1")
