"""How the schemas differ from the official client's models. Needs the ``conformance`` extra.

Models and enumerations are matched by their ``x-alias``, documents that are typed dicts there by the table below. Only
what is narrower here counts as a difference of types: an enumeration is an integer there, and null may be allowed here
where it is not there.
"""

from __future__ import annotations

import importlib
from typing import (
    Any,
    Iterator,
    List,
    Mapping,
    Sequence,
    Set,
    Tuple,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from . import ir

OFFICIAL = "rocketride.types.task"
OFFICIAL_LOG = "rocketride.types.log"
_TYPED_DICTS = {"TaskRun": "LogChapter"}  # in `OFFICIAL_LOG`
_KINDS = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null", dict: "object"}


def drift(schemas: Sequence[ir.Schema], official: Any = None, official_log: Any = None) -> List[str]:
    """One line for each thing that one side has and the other lacks, or has differently.

    Raises:
        ImportError: the official client is not installed.
    """
    official = official or importlib.import_module(OFFICIAL)
    official_log = official_log or importlib.import_module(OFFICIAL_LOG)
    enums = {enum.name for schema in schemas for enum in schema.enums}
    found: List[str] = []
    known = set()
    for schema in schemas:
        for item in ir.definitions(schema.enums, schema.models):
            if item.alias is None:
                # The others are documents that the official client has no model of.
                if isinstance(item, ir.Model) and item.name in _TYPED_DICTS:
                    theirs = getattr(official_log, _TYPED_DICTS[item.name], None)
                    found += _compared_with_typed_dict(item, theirs)
                continue
            known.add(item.alias)
            theirs = getattr(official, item.alias, None)
            if theirs is None:
                found.append(f"{item.name}: the client lacks {item.alias}")
            elif isinstance(item, ir.Enum):
                found += _compared(item.name, _members(item), {m.name: m.value for m in theirs})
            else:
                found += _compared(item.name, _fields(item, enums), _official_fields(theirs))
    return found + [f"the schema lacks {name}" for name in sorted(_official_names(official) - known)]


def _compared(name: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    for key in theirs:
        if key not in ours:
            yield f"{name}: the schema lacks {key}"
        elif not _agree(ours[key], theirs[key]):
            yield f"{name}.{key}: the schema has {ours[key]}, the client {theirs[key]}"
    yield from (f"{name}: the client lacks {key}" for key in ours if key not in theirs)


def _compared_with_typed_dict(model: ir.Model, theirs: Any) -> Iterator[str]:
    """As `_compared`. A typed dict has no defaults, and need not have what is not from the client."""
    if theirs is None:
        yield f"{model.name}: the client lacks {_TYPED_DICTS[model.name]}"
        return
    hints = {name: _shape(annotation) for name, annotation in get_type_hints(theirs).items()}
    shapes = _fields(model, set())
    known = {field.wire for field in model.fields if field.source.startswith("client")} | set(hints)
    yield from _compared(model.name, {k: shape for k, (shape, _) in shapes.items() if k in known}, hints)


def _agree(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, str):
        return ours in (theirs, f"{theirs} or null")
    if not isinstance(ours, tuple):
        return bool(ours == theirs)
    (our_type, our_default), (their_type, their_default) = ours, theirs
    return our_type in (their_type, f"{their_type} or null") and our_default == their_default


def _members(enum: ir.Enum) -> Mapping[str, int]:
    return {member.name: member.value for member in enum.members}


def _fields(model: ir.Model, enums: Set[str]) -> Mapping[str, Tuple[str, Any]]:
    def shape(type_: ir.Type) -> str:
        if isinstance(type_, ir.Array):
            return f"array of {shape(type_.items)}"
        if isinstance(type_, ir.Map):
            return f"map of {'integer' if type_.numbered else 'string'} to {shape(type_.values)}"
        if isinstance(type_, ir.Ref):
            return "integer" if type_.name in enums else "model"
        return "string or object" if type_.kind == "text_or_object" else type_.kind

    null = {True: " or null", False: ""}
    return {field.wire: (shape(field.type) + null[field.nullable], field.default) for field in model.fields}


def _official_fields(model: Any) -> Mapping[str, Tuple[str, Any]]:
    return {
        name: (_shape(field.annotation), None if field.default_factory else field.default)
        for name, field in model.model_fields.items()
    }


def _shape(annotation: Any) -> str:
    """An annotation of the official models in the words of `_fields`."""
    arguments = get_args(annotation)
    if get_origin(annotation) is list:
        return f"array of {_shape(arguments[0])}"
    if get_origin(annotation) is dict:
        return f"map of {_shape(arguments[0])} to {_shape(arguments[1])}"
    if get_origin(annotation) is Union:
        return " or ".join(_shape(argument) for argument in arguments)
    return _KINDS.get(annotation, "model")


def _official_names(official: Any) -> Set[str]:
    return {
        name for name, value in vars(official).items() if name.startswith("TASK_") and isinstance(value, type)
    }
