"""The base class of the generated models: a JSON document of the wire, read by attribute or by its documented names."""

from __future__ import annotations

import collections.abc
import enum
from typing import TYPE_CHECKING, Any, ClassVar, Dict, Iterator, Mapping, Optional, Tuple, Type, TypeVar

from ..import_lock import import_lock
from ..redact import excerpt, shorten
from .lazy_attrs import LazyAttrs

# At runtime without `typing.Generic`: before Python 3.9 it makes creating an object ten times as slow.
if TYPE_CHECKING:
    D = TypeVar("D", bound="Document")
    _Mapping = Mapping[str, Any]
else:
    _Mapping = collections.abc.Mapping

_LINE = 79
_TEXT_SHOWN = 20
_LARGEST = 2**63


class Document(_Mapping, metaclass=LazyAttrs):
    """A decoded document: immutable, and a mapping by the names of the wire.

    ``status.completed_count`` and ``status["completedCount"]`` are the same value. Iteration gives the
    documented names, present in the document or not, and then the unknown ones of `extra`.

    Of JSON values of no known form, such as those in `extra`, it has copies of its own. What lies within them are dicts and
    lists, which Python does not protect: do not change them.
    """

    __slots__ = ()

    _attributes: ClassVar[Mapping[str, str]] = {}
    """Wire name to attribute name, in the order of the schema."""

    _shown: ClassVar[Mapping[str, str]] = {}
    """The texts that the repr shows, by attribute: ``text``, or ``secret`` for a token, which is shortened."""

    _facts: ClassVar[Mapping[str, Any]] = {}
    """Attributes that are known besides the document, with their defaults: see `_with_facts`."""

    extra: Mapping[str, Any]

    @classmethod
    def from_dict(cls: Type[D], document: Any) -> D:
        """Decode a document as `json.loads` gives it. Missing keys, and null where none is allowed, give defaults.

        Raises:
            DecodeError: a value has a wrong type; the error says where, what was expected and what came.
        """
        raise NotImplementedError

    def to_dict(self) -> Dict[str, Any]:
        """The wire document, made anew from plain JSON types; it holds every documented key and those of `extra`."""
        return {name: _plain(self[name]) for name in self}

    def to_json(self, *, indent: Optional[int] = None) -> str:
        """The wire document as JSON text, in ASCII; ``from_dict(json.loads(text))`` restores it.

        Args:
            indent: as in `json.dumps`; None is one line.
        """
        with import_lock:
            import json  # most processes write none

        return json.dumps(self.to_dict(), indent=indent)

    def __getitem__(self, name: str) -> Any:
        attribute = self._attributes.get(name)
        if attribute is not None:
            return getattr(self, attribute)
        if name in self.extra:
            return self.extra[name]
        raise KeyError(_missing(type(self), name))

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            # Called for facts that nobody has set, which decoders leave out, and for unknown names.
            if name in self._facts:
                return self._facts[name]
            # The hint is for those who used the documented name.
            hint = self._attributes.get(name)
            hint = f"; the attribute is {hint!r}" if hint else ""
            raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}{hint}")

    def _with_facts(self: D, **facts: Any) -> D:
        """A copy that carries these facts too; this very document if it does already."""
        if all(getattr(self, name) == value for name, value in facts.items()):
            return self
        copy = object.__new__(type(self))
        for name in (*self._attributes.values(), "extra", *self._facts):
            object.__setattr__(copy, name, facts[name] if name in facts else getattr(self, name))
        return copy

    # Defined here and not by attrs, which would compile a function for each class, in each process.
    def __eq__(self, other: object) -> bool:
        return self._values() == other._values() if type(other) is type(self) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def _values(self) -> Tuple[Any, ...]:
        return tuple(getattr(self, name) for name in (*self._attributes.values(), "extra"))

    def __iter__(self) -> Iterator[str]:
        yield from self._attributes
        yield from (name for name in self.extra if name not in self._attributes)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        """Type, numbers and the texts of `_shown`, on one line. Other text is left out: it may be long, or hold a secret."""
        values = ((attribute, getattr(self, attribute)) for attribute in self._attributes.values())
        parts = (self._part_of_repr(attribute, value) for attribute, value in values if value)
        return fit(" ".join((type(self).__name__, *filter(None, parts))))

    def _part_of_repr(self, attribute: str, value: Any) -> str:
        if isinstance(value, (int, float)):
            return f"{attribute}={_number(value)}"
        how = self._shown.get(attribute)
        if how is None:
            return ""
        shown = shorten(value) if how == "secret" else excerpt(value, _TEXT_SHOWN)
        return f"{attribute}='{shown}'"

    def __reduce__(self) -> Tuple[Any, ...]:
        # As the wire document, so that a pickle can be read after changes of the class and of attrs.
        facts = {name: getattr(self, name) for name in self._facts}
        told = {name: value for name, value in facts.items() if value != self._facts[name]}
        # Without facts, versions before there were any can read it too.
        return _restored, (type(self), self.to_dict(), *([told] if told else []))

    def __copy__(self: D) -> D:
        return self


def _missing(cls: Type[Document], name: Any) -> Any:
    """What the KeyError for `name` says; just the name, as of a dict, if it is no attribute either."""
    if not isinstance(name, str) or name.startswith("_"):
        return name
    wire = next((wire for wire, attribute in cls._attributes.items() if attribute == name), None)
    if wire is not None:
        return f"{name!r} is an attribute; its name in the document is {wire!r}"
    return f"{name!r} is not in the document: it is an attribute, .{name}" if hasattr(cls, name) else name


def fit(line: str) -> str:
    """`line` as a repr that fits a terminal line."""
    return f"<{line}>" if len(line) <= _LINE - 2 else f"<{line[: _LINE - 3]}…>"


def _restored(cls: Type[D], document: Dict[str, Any], facts: Optional[Dict[str, Any]] = None) -> D:
    # Pickles of earlier versions have no facts; those of later ones may have some that are not known here.
    known = {name: value for name, value in (facts or {}).items() if name in cls._facts}
    return cls.from_dict(document)._with_facts(**known)


def _number(value: float) -> str:
    # Python refuses to print integers of thousands of digits.
    return repr(value) if abs(value) <= _LARGEST else "huge"


def _plain(value: Any) -> Any:
    if isinstance(value, Document):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, enum.IntEnum) else value
