"""The base class of frozen values, in plain Python: attrs takes up to a millisecond for each class at every import."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Tuple, TypeVar

__all__ = ["Frozen"]

if TYPE_CHECKING:
    F = TypeVar("F", bound="Frozen")


class Frozen:
    """An immutable value. It equals another of the same class if all compared fields are equal.

    A subclass names its fields in `__slots__`. Its `__init__` takes them by keyword, and sets them with `_set`.
    """

    __slots__: ClassVar[Tuple[str, ...]] = ()

    _secret: ClassVar[Tuple[str, ...]] = ()
    """The fields that the repr does not show."""

    _not_compared: ClassVar[Tuple[str, ...]] = ()
    """The fields that take no part in equality."""

    def _set(self, **fields: Any) -> None:
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    def _replace(self: F, **changes: Any) -> F:
        """A copy with other values of some fields, which are checked as those of any."""
        return type(self)(**{**dict(zip(self.__slots__, self._fields())), **changes})

    def _refuse(self, *_: object) -> NoReturn:
        raise AttributeError(f"a {type(self).__name__} cannot be changed: make another one")

    __setattr__ = __delattr__ = _refuse

    def _fields(self) -> Tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def _compared(self) -> Tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.__slots__ if name not in self._not_compared)

    def __eq__(self, other: object) -> bool:
        return self._compared() == other._compared() if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._compared())

    def __repr__(self) -> str:
        shown = (f"{name}={getattr(self, name)!r}" for name in self.__slots__ if name not in self._secret)
        return f"{type(self).__name__}({', '.join(shown)})"

    def __reduce__(self) -> Tuple[Any, ...]:
        return _rebuild, (type(self), dict(zip(self.__slots__, self._fields())))


def _rebuild(cls: Any, fields: Any) -> Any:
    return cls(**fields)
