"""From the text of a JSON Schema to the intermediate representation. Whatever is not supported is an error."""

from __future__ import annotations

import hashlib
from typing import Any, Dict, FrozenSet, List, Optional, Sequence, Tuple

from . import field_types, ir, nodes
from .errors import SchemaError
from .naming import attribute_name, class_name, constant_name

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_DEFINITION = frozenset({"title", "description", "type", "x-alias"})
_MODEL = _DEFINITION | {"properties"}
_ENUM = _DEFINITION | {"x-enum"}
_ROOT = _MODEL | {"$schema", "$defs"}
_MEMBER = frozenset({"name", "value", "description"})
_FIELD = frozenset({"description", "default", "x-unit", "x-source", "x-shown"})
_SHOWN = ("text", "secret")


def parse(text: str, file: str) -> ir.Schema:
    """Read one schema.

    Raises:
        SchemaError: with the JSON pointer of what is wrong or not supported.
    """
    root = nodes.load(text)
    if root.get("$schema") != DIALECT:
        raise SchemaError("/$schema", f"expected {DIALECT!r}")
    definitions = nodes.mapping(root.get("$defs", {}), "/$defs")
    enums: List[ir.Enum] = []
    models: List[ir.Model] = []
    for name, node in definitions.items():
        pointer = nodes.at("/$defs", name)
        if "x-enum" in nodes.mapping(node, pointer):
            enums.append(_enum(name, node, pointer))
        else:
            models.append(_model(name, node, pointer, _MODEL, definitions))
    models.append(_model(root.get("title"), root, "", _ROOT, definitions))
    names = [name for item in ir.definitions(enums, models) for name in (item.name, item.alias) if name]
    nodes.require_unique(names, "/$defs")
    return ir.Schema(file, hashlib.sha256(text.encode()).hexdigest(), tuple(enums), _ordered(models))


def _model(
    name: object, node: Dict[str, Any], pointer: str, allowed: FrozenSet[str], definitions: Dict[str, Any]
) -> ir.Model:
    name = _head(name, node, pointer, allowed, "object")
    properties = nodes.mapping(nodes.need(node, "properties", pointer), pointer + "/properties")
    if not properties:
        raise SchemaError(pointer + "/properties", "a model needs at least one property")
    fields = [
        _field(name, wire, child, nodes.at(pointer + "/properties", wire), definitions)
        for wire, child in properties.items()
    ]
    nodes.require_unique([field.attribute for field in fields], pointer + "/properties")
    return ir.Model(name, _alias(node, pointer), nodes.text(node, "description", pointer), tuple(fields))


def _enum(name: object, node: Dict[str, Any], pointer: str) -> ir.Enum:
    name = _head(name, node, pointer, _ENUM, "integer")
    here = pointer + "/x-enum"
    listed = node["x-enum"]
    if not isinstance(listed, list) or not listed:
        raise SchemaError(here, "expected an array of members")
    members = tuple(_member(child, nodes.at(here, i)) for i, child in enumerate(listed))
    nodes.require_unique([member.name for member in members], here)
    nodes.require_unique([str(member.value) for member in members], here)
    return ir.Enum(name, _alias(node, pointer), nodes.text(node, "description", pointer), members)


def _member(node: Any, pointer: str) -> ir.Member:
    nodes.only(nodes.mapping(node, pointer), _MEMBER, pointer)
    name = constant_name(nodes.need(node, "name", pointer), pointer + "/name")
    value = nodes.need(node, "value", pointer)
    if not field_types.SCALARS["integer"](value):
        raise SchemaError(pointer + "/value", "expected an integer")
    return ir.Member(name, value, nodes.text(node, "description", pointer))


def _head(name: object, node: Dict[str, Any], pointer: str, allowed: FrozenSet[str], kind: str) -> str:
    """What models and enumerations have in common."""
    nodes.only(node, allowed, pointer)
    if nodes.need(node, "type", pointer) != kind:
        raise SchemaError(pointer + "/type", f"expected {kind!r}")
    if node.get("title", name) != name:
        raise SchemaError(pointer + "/title", f"expected {name!r}, the name of the definition")
    return class_name(name, pointer + "/title" if "title" in node else pointer)


def _field(model: str, wire: str, node: Any, pointer: str, definitions: Dict[str, Any]) -> ir.Field:
    attribute = attribute_name(wire, model, pointer)
    shape = {key: value for key, value in nodes.mapping(node, pointer).items() if key not in _FIELD}
    kind, nullable = field_types.nullable(shape, pointer)
    type_ = field_types.field_type(kind, pointer, definitions)
    default = field_types.default(
        type_, nullable, nodes.need(node, "default", pointer), pointer + "/default", definitions
    )
    unit = nodes.text(node, "x-unit", pointer) if "x-unit" in node else None
    description, source = nodes.text(node, "description", pointer), nodes.text(node, "x-source", pointer)
    shown = _shown(node, kind, pointer)
    return ir.Field(wire, attribute, type_, default, nullable, unit, description, source, shown)


def _shown(node: Dict[str, Any], shape: Dict[str, Any], pointer: str) -> Optional[str]:
    shown = node.get("x-shown")
    if shown is None:
        return None
    if shown not in _SHOWN or shape.get("type") != "string":
        raise SchemaError(pointer + "/x-shown", f"expected one of {', '.join(_SHOWN)}, of a string")
    return str(shown)


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
