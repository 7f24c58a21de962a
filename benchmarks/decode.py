"""How long a decoded JSON document takes to become a typed status, beside `json.loads` and other libraries."""

from __future__ import annotations

import contextlib
import json
import time
import typing
from typing import Any, Callable, Dict, List, Mapping

import attr
import attrs

from rocketride_sync.models import TaskStatus, converter

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
    if installed({"pydantic": None}, {"pydantic": "rocketride"}):
        from rocketride.types.task import TASK_STATUS

        found["pydantic, official model"] = _timed(TASK_STATUS.model_validate, values)
    return found


def _timed(decode: Callable[[Any], Any], inputs: Mapping[str, List[Any]]) -> Contender:
    def one(values: List[Any]) -> float:
        began = time.perf_counter()
        for value in values:
            decode(value)
        return (time.perf_counter() - began) / len(values) * 1e6

    def turn() -> Figures:
        return {f"{size} µs": one(values) for size, values in inputs.items()}

    return turn


def _plain_cattrs() -> Callable[[Any], Any]:
    """cattrs as it comes, on attrs classes of the same fields."""
    import cattrs

    twins: Dict[str, Any] = {}

    def twin(model: Any) -> Any:
        if model.__name__ not in twins:
            hints = typing.get_type_hints(model)
            wire = {attribute: name for name, attribute in model._attributes.items()}
            fields = {
                name: attr.ib(default=None, type=replaced(hints[attribute]))
                for attribute, name in wire.items()
            }
            twins[model.__name__] = attrs.make_class(model.__name__, fields, frozen=True, slots=True)
        return twins[model.__name__]

    def replaced(hint: Any) -> Any:
        if isinstance(hint, type) and attrs.has(hint):
            return twin(hint)
        if hint is typing.get_type_hints(TaskStatus)["notes"]:
            return List[Any]
        arguments = typing.get_args(hint)
        if typing.get_origin(hint) is tuple:
            return List[replaced(arguments[0])]  # type: ignore[misc]
        if arguments and len(arguments) == 2 and type(None) not in arguments:
            return Dict[arguments[0], replaced(arguments[1])]  # type: ignore[misc]
        return hint

    structure, target = cattrs.Converter(detailed_validation=False).structure, twin(TaskStatus)
    return lambda value: structure(value, target)


SUITE = Suite(
    about="a decoded document becomes a typed status (json.loads: the same documents from text)",
    base="json.loads",
    rounds=40,
    targets=[
        Target("rocketride_sync", "2 KB µs", 1.0, "json.loads", goal=0.75),
        Target("rocketride_sync", "200 KB µs", 1.0, "json.loads", goal=0.45),
        Target("rocketride_sync", "2 KB µs", 1.0, "cattrs"),
        Target("rocketride_sync", "200 KB µs", 1.0, "cattrs"),
    ],
    contenders=_contenders,
)
