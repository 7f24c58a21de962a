"""The base class of frozen values."""

from __future__ import annotations

import copy
import pickle
from typing import List, Optional

import pytest

from rocketride_sync.frozen import Frozen


class Place(Frozen):
    """Where something is."""

    __slots__ = ("name", "password", "tags")
    _secret = ("password",)
    _not_compared = ("tags",)

    name: str
    password: str
    tags: Optional[List[str]]

    def __init__(self, name: str, password: str = "", tags: Optional[List[str]] = None) -> None:
        if not name:
            raise ValueError("it has no name")
        self._set(name=name, password=password, tags=tags)


def test_values_are_equal_if_all_fields_are():
    assert Place("a", "x") == Place("a", "x")
    assert hash(Place("a", "x")) == hash(Place("a", "x"))
    assert Place("a", "x") != Place("a", "y")
    assert Place("a") != ("a", "", None)


def test_a_field_may_have_no_part_in_that():
    assert Place("a", tags=["x"]) == Place("a")
    assert hash(Place("a", tags=["x"])) == hash(Place("a"))


def test_the_repr_shows_no_secret():
    assert repr(Place("a", "x", ["b"])) == "Place(name='a', tags=['b'])"


def test_it_cannot_be_changed():
    with pytest.raises(AttributeError, match="a Place cannot be changed"):
        Place("a").name = "b"
    with pytest.raises(AttributeError, match="a Place cannot be changed"):
        del Place("a").name


def test_a_copy_with_other_values_is_checked():
    place = Place("a", "x")
    assert place._replace(name="b") == Place("b", "x")
    assert place == Place("a", "x")
    with pytest.raises(ValueError, match="it has no name"):
        place._replace(name="")


def test_it_can_be_pickled_and_copied():
    assert pickle.loads(pickle.dumps(Place("a", "x"))) == copy.copy(Place("a", "x")) == Place("a", "x")
