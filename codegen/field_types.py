"""The types and the defaults of a model's fields."""

from __future__ import annotations

import math
from typing import Any, Callable, Dict, Tuple

from . import ir, nodes
from .errors import SchemaError
from .naming import class_name

NUMBERED = "^(0|-?[1-9][0-9]*)$"
_TYPE_KEYWORDS = {"array": {"type", "items"}, "object": {"type", "additionalProperties", "propertyNames"}}
SCALARS: Dict[str, Callable[[Any], bool]] = {
    "string": lambda value: type(value) is str,
    "boolean": lambda value: type(value) is bool,
    "integer": lambda value: type(value) is int,
    "number": lambda value: type(value) is float and math.isfinite(value),
}


def nullable(shape: Dict[str, Any], pointer: str) -> Tuple[Dict[str, Any], bool]:
    """Take ``"null"`` out of a pair of types; only plain values may be null."""
    types = shape.get("type")
    if isinstance(types, list) and len(types) == 2 and types[1] == "null":
        if types[0] not in SCALARS:
            raise SchemaError(pointer + "/type", f"{types[0]!r} cannot be nullable")
        return {**shape, "type": types[0]}, True
    return shape, False


def field_type(node: Any, pointer: str, definitions: Dict[str, Any]) -> ir.Type:
    """The type that a schema gives to a field, to the items of an array or to the values of a map."""
    if "$ref" in nodes.mapping(node, pointer):
        nodes.only(node, frozenset({"$ref"}), pointer)
        return _ref(node["$ref"], pointer + "/$ref", definitions)
    kind = nodes.need(node, "type", pointer)
    scalar = "text_or_object" if kind == ["string", "object"] else kind
    if not isinstance(scalar, str) or scalar not in {*SCALARS, *_TYPE_KEYWORDS, "text_or_object"}:
        raise SchemaError(pointer + "/type", f"{kind!r} is not supported")
    nodes.only(node, frozenset(_TYPE_KEYWORDS.get(scalar, {"type"})), pointer)
    if scalar == "array":
        here = pointer + "/items"
        return ir.Array(_element(nodes.need(node, "items", pointer), here, definitions))
    if scalar == "object":
        here = pointer + "/additionalProperties"
        values = nodes.need(node, "additionalProperties", pointer)
        return ir.Map(_element(values, here, definitions), _numbered(node, pointer))
    return ir.Scalar(scalar)


def _element(node: Any, pointer: str, definitions: Dict[str, Any]) -> ir.Type:
    """What a container may hold: plain values, models, and arrays of strings."""
    type_ = field_type(node, pointer, definitions)
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


def default(type_: ir.Type, nullable: bool, value: Any, pointer: str, definitions: Dict[str, Any]) -> Any:
    """The default of a field: a value of its type; None for arrays and maps, whose default is always the empty one."""
    if isinstance(type_, ir.Scalar) and type_.kind in SCALARS:
        if (nullable and value is None) or SCALARS[type_.kind](value):
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
