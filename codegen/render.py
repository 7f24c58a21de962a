"""From the intermediate representation to the texts of files. Pure: same input, same text.

Schema text reaches Python source only through `literal` (a `repr`) and `prose`, names only after `naming` allowed them. The
text is written the way ``ruff format`` leaves it.
"""

from __future__ import annotations

import re
from typing import Dict, Iterator, List, Sequence

from . import decoders, ir
from .naming import snake
from .reference import reference
from .source import MARK, Enums, annotation, docstring, fitted, literal, member, shown_default

MODULES = "rocketride_sync/models"
REFERENCE = "docs/fields.md"

_BASES = {"TaskStatus": "StatusBehaviour"}
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
            decoders.defaults(model),
            decoders.decoder(model, enums),
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
            *line(".lazy_attrs", "field", "frozen"),
            *line(".values", "EMPTY", "OpenIntEnum", "as_tuple", "read_only"),
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
        *fitted(
            f"    {field.attribute}: {annotation(field)} = {_value(field, enums)}" for field in model.fields
        ),
        "    extra: Mapping[str, Any] = field(default=EMPTY, converter=read_only)",
        "",
        "    _attributes: ClassVar[Mapping[str, str]] = {",
        *(f'        "{field.wire}": "{field.attribute}",' for field in model.fields),
        "    }",
        *_shown(model),
        "",
        "    @classmethod",
        f"    def from_dict(cls, document: Any) -> {model.name}:",
        f"        return _decode_{snake(model.name)}(document, ROOT)",
    ]


def _shown(model: ir.Model) -> List[str]:
    """Which texts the repr shows."""
    shown = {field.attribute: field.shown for field in model.fields if field.shown}
    if not shown:
        return []
    rows = [f'        "{attribute}": "{how}",' for attribute, how in shown.items()]
    return ["", "    _shown: ClassVar[Mapping[str, str]] = {", *rows, "    }"]


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
