"""The source of the decoders: for each model one function without loops over fields, and the defaults it fills in."""

from __future__ import annotations

from typing import List, Union

from . import ir
from .naming import snake
from .source import Enums, fitted, literal

_CHECKS = {
    "string": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "text_or_object": "text_or_object",
}
_WRONG = {
    "string": "type({0}) is not str",
    "integer": "type({0}) is not int",
    "number": "type({0}) is not float or {0} - {0} != 0.0",
    "boolean": "type({0}) is not bool",
}


def defaults(model: ir.Model) -> List[str]:
    """The lines of a model's defaults, by their names on the wire."""
    values = (f'    "{field.wire}": {literal(field.default)},' for field in model.fields)
    return [f"{_constant(model)}: Mapping[str, Any] = {{", *values, "}"]


def _constant(model: ir.Model) -> str:
    return f"_{snake(model.name).upper()}_DEFAULTS"


def decoder(model: ir.Model, enums: Enums) -> List[str]:
    """The lines of the function that makes a model of a document."""
    return [
        f"def _decode_{snake(model.name)}(document: Any, place: Place) -> {model.name}:",
        "    if type(document) is not dict:",
        "        document = _checks.json_object(document, place)",
        "    size = len(document)",
        f"    if size < {len(model.fields)}:",
        f"        document = {{**{_constant(model)}, **document}}",
        "        size = len(document)",
        "    while True:",
        "        try:",
        *(f'            v_{field.attribute} = document["{field.wire}"]' for field in model.fields),
        "            break",
        "        except KeyError:",
        f"            document = {{**{_constant(model)}, **document}}",
        "            size = len(document)",
        f"    draft: Any = _{model.name}Slots()",
        *fitted(f"    {line}" for field in model.fields for line in _check(field, enums)),
        f"    known = size == {len(model.fields)}",
        f"    draft.extra = EMPTY if known else _checks.unknown(document, {_constant(model)}, place)",
        f"    draft.__class__ = {model.name}",
        "    return draft  # type: ignore[no-any-return]",
    ]


def _check(field: ir.Field, enums: Enums) -> List[str]:
    """The lines that check one value and store it."""
    value, place = f"v_{field.attribute}", f'(place, "{field.wire}")'
    target = f"draft.{field.attribute}"
    if isinstance(field.type, ir.Scalar):
        wrong = _WRONG[field.type.kind].format(value)
        call = f"_checks.{_CHECKS[field.type.kind]}({value}, {place}, {_null(field)})"
        return [f"if {wrong}:", f"    {value} = {call}", f"{target} = {value}"]
    if isinstance(field.type, ir.Ref) and field.type.name in enums:
        decoded = f"{_item(field.type)}({value}, {place})"
        return [f"if {value} is None:", f"    {value} = {literal(field.default)}", f"{target} = {decoded}"]
    if isinstance(field.type, ir.Ref):
        return [
            f"if {value} is None:",
            f"    {target} = {field.type.name}()",
            "else:",
            f"    {target} = {_item(field.type)}({value}, {place})",
        ]
    return [f"{target} = {_container(field.type, value, place)}"]


def _null(field: ir.Field) -> str:
    """What null stands for: itself where it is allowed, else the default."""
    return "None" if field.nullable else literal(field.default)


def _container(type_: Union[ir.Array, ir.Map], value: str, place: str) -> str:
    if isinstance(type_, ir.Map):
        function = "numbered" if type_.numbered else "mapping"
        return f"_checks.{function}({value}, {place}, {_item(type_.values)})"
    if _item(type_) == "_checks.texts":
        return f"_checks.texts({value}, {place})"
    return f"_checks.array({value}, {place}, {_item(type_.items)})"


def _item(type_: ir.Type) -> str:
    """The function that decodes one value of this type."""
    if isinstance(type_, ir.Scalar):
        return f"_checks.{_CHECKS[type_.kind]}"
    if isinstance(type_, ir.Ref):
        return f"_decode_{snake(type_.name)}"
    return "_checks.texts" if type_ == ir.Array(ir.Scalar("string")) else ""
