"""The base class of the generated enumerations: an `IntEnum` that also accepts numbers it does not know."""

from __future__ import annotations

import enum
from typing import Optional

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
