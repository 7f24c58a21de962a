"""Model classes that become attrs classes only when attrs is asked about them.

Loading attrs and making the classes of a status with it would take a quarter of the time of a process that reads one
status. So the classes are made here; they behave like those of ``attrs.frozen(kw_only=True)``. attrs is loaded when
somebody asks for their fields, as `attrs.has`, `attrs.fields`, `attrs.asdict`, `attrs.evolve` and cattrs do. For type
checkers they are attrs classes.
"""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Any, Callable, Dict, NoReturn, Optional, Tuple

from ..import_lock import import_lock

if TYPE_CHECKING:
    from inspect import Signature

_set = object.__setattr__


class _Field:
    """The arguments of `attrs.field`."""

    def __init__(
        self,
        default: Any = None,
        factory: Optional[Callable[[], Any]] = None,
        converter: Optional[Callable[[Any], Any]] = None,
    ) -> None:
        self.default = default
        self.factory = factory
        self.converter = converter

    def value(self, given: Dict[str, Any], name: str) -> Any:
        if name not in given:
            return self.factory() if self.factory else self.default
        value = given.pop(name)
        return self.converter(value) if self.converter else value


class LazyAttrs(abc.ABCMeta):
    """The metaclass of these classes. It makes what attrs and `inspect` ask for when they ask."""

    _lazy_fields: Dict[str, _Field]

    @property
    def __attrs_attrs__(cls) -> Tuple[Any, ...]:
        if "_lazy_attributes" not in cls.__dict__:
            cls._lazy_attributes = _attrs_twin(cls).__attrs_attrs__
        made: Tuple[Any, ...] = cls._lazy_attributes
        return made

    @property
    def __signature__(cls) -> Signature:
        with import_lock:
            from inspect import signature

        return signature(_attrs_twin(cls))


def _attrs_twin(cls: LazyAttrs) -> Any:
    """A class with the same fields, made by attrs."""
    if "_lazy_fields" not in cls.__dict__:
        raise AttributeError(f"{cls.__name__} has no fields")
    with import_lock:
        import attr  # `attrs.field` takes no type before attrs 23.1

    # Facts (`Document._facts`) are declared by a base class.
    annotations = {
        name: annotation
        for base in reversed(cls.__mro__)
        for name, annotation in getattr(base, "__annotations__", {}).items()
    }
    fields = {
        name: attr.ib(
            type=annotations[name],
            converter=field.converter,
            **({"factory": field.factory} if field.factory else {"default": field.default}),
        )
        for name, field in cls._lazy_fields.items()
    }
    return attr.make_class(cls.__name__, fields, kw_only=True, frozen=True, eq=False, repr=False)


def _frozen(**_: Any) -> Callable[[LazyAttrs], LazyAttrs]:
    return _make_lazy


def _make_lazy(cls: LazyAttrs) -> LazyAttrs:
    """The decorated class. Its fields are removed from the class body, where they would hide the slots of its base."""
    cls._lazy_fields = {}
    for name, annotation in cls.__annotations__.items():
        if not annotation.startswith("ClassVar"):
            default = cls.__dict__[name]
            cls._lazy_fields[name] = default if type(default) is _Field else _Field(default)
            delattr(cls, name)
    for name, default in getattr(cls, "_facts", {}).items():
        cls._lazy_fields[name] = _Field(default)
    for name, method in (("__init__", _init), ("__setattr__", _refuse), ("__delattr__", _refuse)):
        setattr(cls, name, method)
    return cls


def _init(self: Any, **values: Any) -> None:
    for name, field in type(self)._lazy_fields.items():
        _set(self, name, field.value(values, name))
    if values:
        raise TypeError(f"{type(self).__name__}() got an unexpected keyword argument {next(iter(values))!r}")


def _refuse(self: Any, name: str, value: Any = None) -> NoReturn:  # noqa: ARG001 - for both methods
    with import_lock:
        from attrs.exceptions import FrozenInstanceError

    raise FrozenInstanceError


if TYPE_CHECKING:
    from attrs import field as field
    from attrs import frozen as frozen
else:
    field, frozen = _Field, _frozen
