"""A cattrs converter for the models. The library itself decodes without cattrs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Type

from ..import_lock import import_lock
from . import checks

if TYPE_CHECKING:
    import cattrs

    from .document import Document
    from .values import OpenIntEnum


def converter() -> cattrs.Converter:
    """A new `cattrs.Converter` that structures and unstructures the models, alone or inside other types.

    It agrees with `from_dict` and `to_dict`, and raises the same `DecodeError`, whose path begins at the model.
    Made with ``detailed_validation=False``, so that errors inside containers come out as they are.
    """
    with import_lock:
        import cattrs

        from . import _task_info, _task_run, _task_start, _task_status

    result = cattrs.Converter(detailed_validation=False)
    for generated in (_task_info, _task_run, _task_start, _task_status):
        for model in generated.MODELS:
            result.register_structure_hook(model, _structure)
            result.register_unstructure_hook(model, _unstructure)
        for enum in generated.ENUMS:
            result.register_structure_hook(enum, _structure_member)
            result.register_unstructure_hook(enum, int)
    return result


def _structure(document: Any, model: Type[Document]) -> Document:
    return model.from_dict(document)


def _structure_member(value: Any, enum: Type[OpenIntEnum]) -> OpenIntEnum:
    return checks.member(enum, value, checks.ROOT)


def _unstructure(instance: Document) -> Any:
    return instance.to_dict()
