"""What a schema says, as frozen records: the only thing the renderer sees."""

from __future__ import annotations

from typing import Iterable, List, Optional, Tuple, Union

import attrs


@attrs.frozen
class Scalar:
    """A value of one JSON type.

    Attributes:
        kind: string, integer, number, boolean or text_or_object.
    """

    kind: str


@attrs.frozen
class Ref:
    """A use of a model or an enumeration of the same schema."""

    name: str


@attrs.frozen
class Array:
    """An array; a tuple in Python."""

    items: Type


@attrs.frozen
class Map:
    """An object used as a map.

    Attributes:
        numbered: the keys are decimal numbers, and integers in Python.
    """

    values: Type
    numbered: bool


Type = Union[Scalar, Ref, Array, Map]


@attrs.frozen
class Field:
    """One property of a model.

    Attributes:
        default: what a missing key stands for; of arrays, maps and models always the empty one.
        source: which document the field is known from.
        shown: how the repr of the model shows it, as a text or as a secret; None if it does not. Numbers always are.
    """

    wire: str
    attribute: str
    type: Type
    default: Union[str, int, float, bool, None]
    nullable: bool
    unit: Optional[str]
    description: str
    source: str
    shown: Optional[str] = None


@attrs.frozen
class Model:
    """An object with named properties; a class in Python."""

    name: str
    alias: Optional[str]
    description: str
    fields: Tuple[Field, ...]


@attrs.frozen
class Member:
    """One named value of an enumeration."""

    name: str
    value: int
    description: str


@attrs.frozen
class Enum:
    """Named integers, open to unknown ones."""

    name: str
    alias: Optional[str]
    description: str
    members: Tuple[Member, ...]


Definition = Union[Enum, Model]


def definitions(enums: Iterable[Enum], models: Iterable[Model]) -> List[Definition]:
    """Both kinds in one list."""
    return [*enums, *models]


@attrs.frozen
class Schema:
    """One schema file.

    Attributes:
        models: in such an order that each uses only earlier ones; the schema's root comes last.
    """

    file: str
    sha256: str
    enums: Tuple[Enum, ...]
    models: Tuple[Model, ...]
