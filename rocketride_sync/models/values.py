"""The values in decoded documents that JSON does not have: enumerations that are open to unknown numbers, and read-only maps
and sequences.
"""

from __future__ import annotations

import enum
from typing import Any, Iterable, Mapping, NoReturn, Optional, Tuple

_LARGEST = 2**63 - 1


class OpenIntEnum(enum.IntEnum):
    """An `IntEnum` whose unknown values, of servers newer than this library, become members too: ``UNKNOWN_9``.

    Text is the same on every Python: ``str()`` and f-strings give the number, ``repr()`` name and number.
    An unknown member equals its number and other members made from it; only known members are singletons.
    Values beyond 64 bits raise `ValueError`.
    """

    @classmethod
    def _missing_(cls, value: object) -> Optional[OpenIntEnum]:
        if type(value) is not int or abs(value) > _LARGEST:
            return None
        # Not cached: a hostile server could fill the memory with members.
        member = int.__new__(cls, value)
        member._name_ = f"UNKNOWN_{value}"
        member._value_ = value
        return member

    def __str__(self) -> str:
        return int.__repr__(self)

    def __format__(self, spec: str) -> str:
        return int.__format__(self, spec)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}.{self._name_}: {int.__repr__(self)}>"


class ReadOnlyDict(dict):  # type: ignore[type-arg]  # typing.Dict[...] would cost time before Python 3.9
    """A dict without the methods that change it; they raise `TypeError`.

    A subclass of dict, so that it costs nothing to read, compares equal to a plain dict, pickles, copies and
    goes through `json.dumps`. ``dict(mapping)`` makes one that can be changed.
    """

    __slots__ = ()

    def _refuse(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise TypeError("this mapping is read-only; change a copy: dict(mapping)")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> Tuple[Any, ...]:
        return type(self), (dict(self),)

    def __copy__(self) -> ReadOnlyDict:
        return self


EMPTY = ReadOnlyDict()


# The converters of the generated classes. They are functions, because attrs is slow to read the signature of a builtin
# class, and typed with Any, because the mypy plugin for attrs does not solve type variables.


def read_only(mapping: Mapping[Any, Any]) -> Mapping[Any, Any]:
    return ReadOnlyDict(mapping)


def as_tuple(items: Iterable[Any]) -> Tuple[Any, ...]:
    return tuple(items)
