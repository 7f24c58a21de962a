"""How long a decoded JSON document takes to become a typed status, beside `json.loads` and other libraries."""

from __future__ import annotations

import contextlib
import enum
import json
import time
import typing
from typing import Any, Callable, Dict, List, Mapping, Tuple

import attr
import attrs

from rocketride_sync import converter
from rocketride_sync.models import TaskStatus

from . import documents
from .harness import Contender, Figures, Suite, Target, installed

_SIZES = {"2 KB": (documents.small, 40, 4), "200 KB": (documents.large, 4, 1)}  # maker, variants, repetitions


def _contenders(stack: contextlib.ExitStack, quick: bool) -> Mapping[str, Contender]:
    values = {
        size: [make(seed) for seed in range(1, 2 if quick else variants + 1)] * repetitions
        for size, (make, variants, repetitions) in _SIZES.items()
    }
    texts = {size: [json.dumps(value) for value in several] for size, several in values.items()}
    structure = converter().structure
    decoders: Dict[str, Callable[[Any], Any]] = {
        "rocketride_sync": TaskStatus.from_dict,
        "rocketride_sync, converter()": lambda value: structure(value, TaskStatus),
        "cattrs": _plain_cattrs(),
    }
    found = {name: _timed(decode, values) for name, decode in decoders.items()}
    found["json.loads"] = _timed(json.loads, texts)
    if installed({"msgspec": None}, {"msgspec": "msgspec"}):
        convert, from_text = _msgspec()
        found["msgspec.convert"] = _timed(convert, values)
        found["msgspec, from text"] = _timed(from_text, texts)
    if installed({"pydantic": None}, {"pydantic": "rocketride"}):
        from rocketride.types.task import TASK_STATUS

        found["pydantic, official model"] = _timed(TASK_STATUS.model_validate, values)
    return found


def _timed(decode: Callable[[Any], Any], inputs: Mapping[str, List[Any]]) -> Contender:
    def one(values: List[Any]) -> float:
        began = time.process_time()
        for value in values:
            decode(value)
        return (time.process_time() - began) / len(values) * 1e6

    def turn() -> Figures:
        return {f"{size} µs": one(values) for size, values in inputs.items()}

    return turn


def _plain_cattrs() -> Callable[[Any], Any]:
    """cattrs as it comes, on attrs classes of the same fields."""
    import cattrs

    def make(name: str, fields: Mapping[str, Any]) -> Any:
        members = {wire: attr.ib(default=None, type=hint) for wire, hint in fields.items()}
        return attrs.make_class(name, members, frozen=True, slots=True)

    structure, target = cattrs.Converter(detailed_validation=False).structure, _twin(TaskStatus, make)
    return lambda value: structure(value, target)


def _msgspec() -> Tuple[Any, Any]:
    """A function that makes a msgspec struct of a document, and one that makes it of JSON text."""
    import msgspec

    def make(name: str, fields: Mapping[str, Any]) -> Any:
        members = [(wire, hint, None) for wire, hint in fields.items()]
        return msgspec.defstruct(name, members, frozen=True)

    target = _twin(TaskStatus, make)
    return (lambda value: msgspec.convert(value, target, str_keys=True)), msgspec.json.Decoder(target).decode


def _twin(model: Any, make: Callable[[str, Mapping[str, Any]], Any]) -> Any:
    """A class of another library with the fields of `model`, by their names on the wire; its parts too."""
    twins: Dict[Any, Any] = {}

    def of_class(model: Any) -> Any:
        if model not in twins:
            hints = typing.get_type_hints(model)
            fields = {wire: replaced(hints[name]) for wire, name in model._attributes.items()}
            twins[model] = make(model.__name__, fields)
        return twins[model]

    def replaced(hint: Any) -> Any:
        if isinstance(hint, type) and attrs.has(hint):
            return of_class(hint)
        if isinstance(hint, type) and issubclass(hint, enum.IntEnum):
            return enum.IntEnum(hint.__name__, {member.name: member.value for member in hint})
        if hint is typing.get_type_hints(TaskStatus)["notes"]:
            return List[Any]
        arguments = typing.get_args(hint)
        if typing.get_origin(hint) is tuple:
            return List[replaced(arguments[0])]  # type: ignore[misc]
        if arguments and len(arguments) == 2 and type(None) not in arguments:
            return Dict[arguments[0], replaced(arguments[1])]  # type: ignore[misc]
        return hint

    return of_class(model)


SUITE = Suite(
    about="a decoded document becomes a typed status (json.loads, and msgspec once: from the same as text)",
    base="json.loads",
    rounds=40,
    targets=[
        Target("rocketride_sync", "2 KB µs", 0.8, "json.loads"),
        Target("rocketride_sync", "200 KB µs", 0.45, "json.loads"),
        Target("rocketride_sync", "2 KB µs", 1.0, "cattrs"),
        Target("rocketride_sync", "200 KB µs", 1.0, "cattrs"),
    ],
    contenders=_contenders,
)
