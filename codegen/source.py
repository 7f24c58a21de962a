"""Pieces of text that both the module and the reference are made of, and the way schema text gets into source."""

from __future__ import annotations

import textwrap
from typing import List, Mapping, Sequence

from . import ir

Enums = Mapping[str, ir.Enum]

WIDTH = 110
_PYTHON = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "text_or_object": "Union[str, Mapping[str, Any]]",
}


def literal(value: object) -> str:
    """`repr`, with the double quotes of the house style where that needs no escape."""
    text = repr(value)
    return f'"{text[1:-1]}"' if text.startswith("'") and '"' not in text else text


def docstring(description: str, indent: str, attributes: Sequence[str] = ()) -> List[str]:
    """The lines of a docstring: a description, and a section of attributes."""
    text = prose(description, indent, indent)
    text[0] = f'{indent}"""{text[0].lstrip()}'
    if not attributes and len(text) == 1 and not text[0].endswith('"'):
        return [text[0] + '"""']
    if attributes:
        text += ["", f"{indent}Attributes:"]
        for attribute in attributes:
            text += prose(attribute, indent + "    ", indent + "        ")
    return [*text, f'{indent}"""']


def prose(text: str, first: str, rest: str) -> List[str]:
    """Schema text, escaped so that nothing of it can end a docstring, and wrapped (with room for the quotes)."""
    escaped = " ".join(text.split()).replace("\\", "\\\\").replace('"""', r"\"\"\"")
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in escaped)
    return textwrap.wrap(
        shown,
        WIDTH - 3,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def shown_default(field: ir.Field, enums: Enums) -> str:
    if isinstance(field.type, ir.Ref):
        return member(field, enums) if field.type.name in enums else "all defaults"
    return (
        "empty"
        if isinstance(field.type, (ir.Array, ir.Map)) or field.default == ""
        else literal(field.default)
    )


def member(field: ir.Field, enums: Enums) -> str:
    assert isinstance(field.type, ir.Ref)
    enum = enums[field.type.name]
    return next(f"{enum.name}.{member.name}" for member in enum.members if member.value == field.default)


def annotation(field: ir.Field) -> str:
    return f"Optional[{python_type(field.type)}]" if field.nullable else python_type(field.type)


def python_type(type_: ir.Type) -> str:
    if isinstance(type_, ir.Scalar):
        return _PYTHON[type_.kind]
    if isinstance(type_, ir.Ref):
        return type_.name
    if isinstance(type_, ir.Array):
        return f"Tuple[{python_type(type_.items)}, ...]"
    return f"Mapping[{'int' if type_.numbered else 'str'}, {python_type(type_.values)}]"
