"""From the intermediate representation to the texts of files. Pure: same input, same text.

Schema text reaches Python source only through `literal` (a `repr`) and `prose`, names only after `naming` allowed them. The
text is written the way ``ruff format`` leaves it.
"""

from __future__ import annotations

import re
from typing import Dict, Iterable, Iterator, List, Sequence, Union

from . import ir
from .naming import snake
from .reference import reference
from .source import MARK, WIDTH, Enums, annotation, docstring, literal, member, shown_default

MODULES = "rocketride_sync/models"
REFERENCE = "docs/fields.md"

_BASES = {"TaskStatus": "StatusBehaviour"}
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
_EXTRA = "extra: Keys that the schema does not know, with their JSON values."

_HEADER = '''\
"""The models of a document on the wire. {mark}: do not edit.

Change the schema and run that again. Made from {file},
sha256 {sha256}
"""

from __future__ import annotations

{imports}

# Each class is frozen, and gets its slots from a base class that is not: a decoder fills an object of the
# base and then makes it one of the real class, in a tenth of the time of `__init__` (a fifth on Python 3.8).
# Calling the descriptors of the slots would take five times as long (twice on Python 3.8).
# Defaults are filled in when a document is too short, or else when a key turns out to be missing: after that, a
# document of another length than the schema's holds unknown keys. Locals begin with v_, so that no field can
# hide a name.
'''


def render(schemas: Sequence[ir.Schema]) -> Dict[str, str]:
    """Every output file: path below the repository's root → text."""
    return {**{path(schema): module(schema) for schema in schemas}, REFERENCE: reference(schemas)}


def path(schema: ir.Schema) -> str:
    """The module of a schema. Each has its own, for making attrs classes takes time: most processes need one."""
    name = schema.file.rpartition("/")[2].partition(".")[0]
    return f"{MODULES}/_{name}.py"


def module(schema: ir.Schema) -> str:
    """The Python module of a schema."""
    enums = {enum.name: enum for enum in schema.enums}
    models = schema.models
    blocks: List[List[str]] = []
    blocks += [block for enum in enums.values() for block in _enum(enum)]
    for model in models:
        blocks += [
            _slots(model),
            _model(model, enums),
            _defaults(model),
            _decoder(model, enums),
        ]
    aliases = [f"{item.alias} = {item.name}" for item in ir.definitions(enums.values(), models) if item.alias]
    blocks += [
        [
            *aliases,
            *_registry("MODELS", "Document", models),
            *_registry("ENUMS", "OpenIntEnum", list(enums.values())),
        ]
    ]
    body = "\n\n\n".join("\n".join(block) for block in blocks)
    header = _HEADER.format(mark=MARK, file=schema.file, sha256=schema.sha256, imports=_imports(body))
    return header + "\n\n" + body + "\n"


def _registry(name: str, base: str, items: Sequence[ir.Definition]) -> List[str]:
    head = f"{name}: Tuple[Type[{base}], ...] = ("
    if len(items) < 2:
        return [head + "".join(f"{item.name}," for item in items) + ")"]
    return [head, *(f"    {item.name}," for item in items), ")"]


def _imports(body: str) -> str:
    """The imports that `body` needs."""

    def line(module: str, *names: str) -> List[str]:
        used = [name for name in names if re.search(rf"\b{name}\b", body)]
        return [f"from {module} import {', '.join(used)}"] if used else []

    return "\n".join(
        [
            *line("typing", "Any", "ClassVar", "Mapping", "Optional", "Tuple", "Type", "Union"),
            "",
            "from . import checks as _checks",
            *line(".behaviour", "StatusBehaviour"),
            *line(".checks", "ROOT", "Place"),
            *line(".document", "Document"),
            *line(".enums", "OpenIntEnum"),
            *line(".lazy_attrs", "field", "frozen"),
            *line(".readonly", "EMPTY", "as_tuple", "read_only"),
        ]
    )


def _enum(enum: ir.Enum) -> Iterator[List[str]]:
    body = []
    for named in enum.members:
        body += ["", f"    {named.name} = {named.value!r}", *docstring(named.description, "    ")]
    yield [f"class {enum.name}(OpenIntEnum):", *docstring(enum.description, "    "), *body]
    values = f"_{snake(enum.name).upper()}_VALUES"
    yield [f"{values}: Mapping[int, {enum.name}] = {{int(member): member for member in {enum.name}}}"]
    yield [
        f"def _decode_{snake(enum.name)}(value: Any, place: Place) -> {enum.name}:",
        f"    known = {values}.get(value) if type(value) is int else None",
        f"    return _checks.member({enum.name}, value, place) if known is None else known",
    ]


def _model(model: ir.Model, enums: Enums) -> List[str]:
    attributes = [_attribute(field, enums) for field in model.fields]
    return [
        "@frozen(kw_only=True, repr=False, eq=False, weakref_slot=False)",
        f"class {model.name}(_{model.name}Slots):",
        *docstring(model.description, "    ", [*attributes, _EXTRA]),
        "",
        "    __slots__ = ()",
        "",
        *_fitted(
            f"    {field.attribute}: {annotation(field)} = {_value(field, enums)}" for field in model.fields
        ),
        "    extra: Mapping[str, Any] = field(default=EMPTY, converter=read_only)",
        "",
        "    _attributes: ClassVar[Mapping[str, str]] = {",
        *(f'        "{field.wire}": "{field.attribute}",' for field in model.fields),
        "    }",
        "",
        "    @classmethod",
        f"    def from_dict(cls, document: Any) -> {model.name}:",
        f"        return _decode_{snake(model.name)}(document, ROOT)",
    ]


def _attribute(field: ir.Field, enums: Enums) -> str:
    unit = f" Unit: {field.unit}." if field.unit else ""
    return f"{field.attribute}: {field.description}{unit} Default: {shown_default(field, enums)}."


def _value(field: ir.Field, enums: Enums) -> str:
    """What stands behind the equals sign in the class."""
    if isinstance(field.type, ir.Array):
        return "field(default=(), converter=as_tuple)"
    if isinstance(field.type, ir.Map):
        return "field(default=EMPTY, converter=read_only)"
    if isinstance(field.type, ir.Scalar):
        return literal(field.default)
    if field.type.name in enums:
        return f"field(default={member(field, enums)}, converter={field.type.name})"
    return f"field(factory={field.type.name})"


def _slots(model: ir.Model) -> List[str]:
    names = (f'        "{name}",' for name in sorted([*(field.attribute for field in model.fields), "extra"]))
    base = _BASES.get(model.name, "Document")
    return [f"class _{model.name}Slots({base}):", "    __slots__ = (", *names, "    )"]


def _defaults(model: ir.Model) -> List[str]:
    values = (f'    "{field.wire}": {literal(field.default)},' for field in model.fields)
    return [f"{_constant(model)}: Mapping[str, Any] = {{", *values, "}"]


def _constant(model: ir.Model) -> str:
    return f"_{snake(model.name).upper()}_DEFAULTS"


def _decoder(model: ir.Model, enums: Enums) -> List[str]:
    return [
        f"def _decode_{snake(model.name)}(document: Any, place: Place) -> {model.name}:",
        "    if type(document) is not dict:",
        "        document = _checks.json_object(document, place)",
        f"    if len(document) < {len(model.fields)}:",
        f"        document = {{**{_constant(model)}, **document}}",
        "    while True:",
        "        try:",
        *(f'            v_{field.attribute} = document["{field.wire}"]' for field in model.fields),
        "            break",
        "        except KeyError:",
        f"            document = {{**{_constant(model)}, **document}}",
        f"    draft: Any = _{model.name}Slots()",
        *_fitted(f"    {line}" for field in model.fields for line in _check(field, enums)),
        f"    known = len(document) == {len(model.fields)}",
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


def _fitted(lines: Iterable[str]) -> Iterator[str]:
    """Calls that are too long for a line, with their arguments on a line of their own."""
    for line in lines:
        if len(line) <= WIDTH:
            yield line
        else:
            indent = line[: len(line) - len(line.lstrip())]
            head, arguments = line[:-1].split("(", 1)
            yield from (head + "(", f"{indent}    {arguments}", f"{indent})")
