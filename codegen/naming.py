"""Names: from the wire's spelling to Python's, and which are allowed."""

from __future__ import annotations

import keyword
import re

from .errors import SchemaError

_WIRE = re.compile(r"_*[A-Za-z][A-Za-z0-9_]*")
_CLASS = re.compile(r"[A-Z][A-Za-z0-9]*")
_CONSTANT = re.compile(r"[A-Z][A-Z0-9_]*")
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

# What the hand-written base classes define, for all models and for single ones; a test compares this with them.
# The last ones are names that the body of a generated class uses.
RESERVED_ATTRIBUTES = frozenset(
    {
        "extra",
        "from_dict",
        "get",
        "items",
        "keys",
        "to_dict",
        "to_json",
        "values",
        "attrs",
        "classmethod",
        "as_tuple",
        "read_only",
    }
)
RESERVED_ATTRIBUTES_OF = {
    "TaskStatus": frozenset(
        {
            *(
                "elapsed",
                "end_reason",
                "ended_at",
                "from_run_log",
                "has_failures",
                "is_terminal",
                "new_errors",
            ),
            *("new_warnings", "outcome", "outcome_certain", "progress", "raise_for_outcome", "started_at"),
            *("succeeded", "terminated_by_client"),
        }
    )
}
# What the generated module imports or defines.
RESERVED_CLASSES = frozenset(
    {
        *("Any", "ClassVar", "Mapping", "Optional", "Tuple", "Type", "Union"),
        *(
            "Document",
            "EMPTY",
            "ENUMS",
            "MODELS",
            "OpenIntEnum",
            "Place",
            "ROOT",
            "StatusBehaviour",
        ),
    }
)
# Names an enumeration cannot give to a member.
_RESERVED_MEMBERS = re.compile(r"UNKNOWN_.*")


def snake(name: str) -> str:
    """``completedCount`` → ``completed_count``, ``TaskStatus`` → ``task_status``."""
    return _WORD_START.sub("_", name).lower()


def attribute_name(wire: str, model: str, pointer: str) -> str:
    if not _WIRE.fullmatch(wire):
        raise SchemaError(pointer, f"{wire!r} cannot become a Python attribute")
    name = snake(wire.lstrip("_")).rstrip("_")
    if name in RESERVED_ATTRIBUTES | RESERVED_ATTRIBUTES_OF.get(model, frozenset()):
        raise SchemaError(pointer, f"{wire!r} becomes {name!r}, which the base classes define")
    return name + "_" if keyword.iskeyword(name) else name


def class_name(name: object, pointer: str) -> str:
    if not isinstance(name, str) or not _CLASS.fullmatch(name) or keyword.iskeyword(name):
        raise SchemaError(pointer, f"{name!r} cannot become the name of a class: use CamelCase")
    if name in RESERVED_CLASSES:
        raise SchemaError(pointer, f"{name!r} is a name the generated module imports")
    return name


def constant_name(name: object, pointer: str) -> str:
    if not isinstance(name, str) or not _CONSTANT.fullmatch(name):
        raise SchemaError(pointer, f"{name!r} cannot become a constant: use CAPITALS")
    if _RESERVED_MEMBERS.fullmatch(name) or name in RESERVED_CLASSES:
        raise SchemaError(pointer, f"{name!r} is kept for other use")
    return name
