"""The base classes of frozen values."""

from __future__ import annotations

import pickle
from typing import List, Optional

import pytest

from rocketride_sync.frozen import Record


class Place(Record):
    """Where something is."""

    name: str
    tags: Optional[List[str]] = None
    depth: int = 0

    @property
    def shown(self) -> str:
        return f"{self.name}/{self.depth}"

    @classmethod
    def root(cls) -> Place:
        return cls("root")

    def __str__(self) -> str:
        return self.shown


def test_a_record_is_a_named_tuple():
    place = Place("a", depth=2)
    assert place == ("a", None, 2)
    assert repr(place) == "Place(name='a', tags=None, depth=2)"
    assert place._replace(name="b") == Place("b", depth=2)
    assert Place._fields == ("name", "tags", "depth")


def test_it_has_what_its_class_body_defines():
    assert Place.__doc__ == "Where something is."
    assert (Place.root().shown, str(Place.root())) == ("root/0", "root/0")


def test_it_can_be_pickled():
    assert pickle.loads(pickle.dumps(Place("a"))) == Place("a")
    assert Place.__module__ == __name__


def test_it_cannot_be_changed_nor_made_without_its_fields():
    with pytest.raises(AttributeError):
        Place("a").name = "b"
    with pytest.raises(TypeError, match="name"):
        Place()


def test_its_annotations_are_not_looked_at():
    """To compile them, as `typing.NamedTuple` does, takes longer than to make the class."""
    body = {"__module__": __name__, "__annotations__": {"x": "no annotation at all"}}
    assert type(Record)("Odd", (Record,), body)(x=1).x == 1
