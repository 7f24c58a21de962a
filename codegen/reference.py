"""The field reference in ``docs/``, as Markdown."""

from __future__ import annotations

from typing import List, Optional, Sequence

from . import ir
from .source import MARK, Enums, annotation, shown_default

_INTRODUCTION = f"""\
<!-- {MARK} from `schema/`: do not edit. -->

# Fields

For people who look up what a field of a status, or of another document, means.

The tables list every field of every document, with its name on the wire and the attribute that holds it. If a server leaves a field out, or sends null
where the type is not Optional, the attribute has its default. "Known from" says where a field is named:

* `page`: on the server's reference page;
* `client 1.5.0`: in the model of the official client;
* `wire`: in documents that a server sent;
* `server`: in the sources of newer servers.
"""


def reference(schemas: Sequence[ir.Schema]) -> str:
    """One page for all schemas, the roots first."""
    enums = {enum.name: enum for schema in schemas for enum in schema.enums}
    lines = [_INTRODUCTION]
    for schema in schemas:
        for model in reversed(schema.models):
            lines += [*_model(model, enums), ""]
        for enum in schema.enums:
            lines += [*_enum(enum), ""]
    return "\n".join(lines).rstrip() + "\n"


def _model(model: ir.Model, enums: Enums) -> List[str]:
    return [
        *_head(model.name, model.alias, model.description),
        "| On the wire | Attribute | Type | Unit | Default | Known from | Meaning |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *(_row(field, enums) for field in model.fields),
    ]


def _row(field: ir.Field, enums: Enums) -> str:
    return _cells(
        f"`{field.wire}`",
        f"`{field.attribute}`",
        f"`{annotation(field)}`",
        _text(field.unit or ""),
        _text(shown_default(field, enums)),
        _text(field.source),
        _text(field.description),
    )


def _enum(enum: ir.Enum) -> List[str]:
    members = (_cells(f"`{m.name}`", str(m.value), _text(m.description)) for m in enum.members)
    table = ["| Name | Value | Meaning |", "| --- | --- | --- |"]
    return [*_head(enum.name, enum.alias, enum.description), *table, *members]


def _head(name: str, alias: Optional[str], description: str) -> List[str]:
    also = f" Also importable as `{alias}`." if alias else ""
    return [f"## {name}", "", _text(description) + also, ""]


def _cells(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def _text(text: str) -> str:
    """On one line, and without what Markdown or HTML would take for its own."""
    return " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace("|", "&#124;")
