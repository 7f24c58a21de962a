"""The read-only maps and sequences of decoded documents."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, NoReturn, Tuple


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
