"""Mappings of the user's that raise when they are read: always an error of ours, with the place and the cause."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from cases import each

from rocketride_sync import ConfigurationError, MemoryTransport, RocketRideClient

PIPELINE = {"project_id": "p", "source": "s", "components": [{"id": "s", "provider": "webhook"}]}


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("not even its text")


class Reading(Mapping):
    """A mapping whose values cannot be read."""

    def __init__(self, error):
        self.error = error

    def __len__(self):
        return 1

    def __iter__(self):
        return iter(["a"])

    def __getitem__(self, key):
        raise self.error


class Listing(Reading):
    """A mapping whose keys cannot be read."""

    def __iter__(self):
        raise self.error
        yield


class Unfinished(dict):
    """A dict of a class of its own."""

    def __init__(self, error):
        super().__init__(a=1)
        self.error = error

    def items(self):
        raise self.error

    keys = __iter__ = values = items


KINDS = [Reading, Listing, Unfinished]
ERRORS = [
    KeyError("a"),
    AttributeError("a"),
    RuntimeError("a"),
    ValueError("a"),
    TypeError("a"),
    OSError("a"),
]
ERRORS += [UnicodeError("a"), ZeroDivisionError(), Unprintable(), StopIteration("a")]


@pytest.fixture
def client():
    return RocketRideClient("localhost", "k" * 20, transport=MemoryTransport([]))


WAYS = {
    "use": lambda client, odd: client.use(pipeline={**PIPELINE, "x": {"y": [1, odd]}}),
    "run": lambda client, odd: client.run(pipeline={**PIPELINE, "x": {"y": [1, odd]}}, data="x"),
    "validate": lambda client, odd: client.validate(pipeline={**PIPELINE, "x": {"y": [1, odd]}}),
    "send": lambda client, odd: client.send("tk_1", "x", {"x": {"y": [1, odd]}}),
    "pipe": lambda client, odd: client.pipe("tk_1", {"x": {"y": [1, odd]}}).__enter__(),
    "files": lambda client, odd: client.send_files([(__file__, {"x": {"y": [1, odd]}})], "tk_1"),
    "call": lambda client, odd: client.call("rrext_ping", x={"y": [1, odd]}),
}


@each("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_a_mapping_raises_is_told_with_its_place(client, way, kind):
    for error in ERRORS:
        with pytest.raises(ConfigurationError) as caught:
            way(client, kind(error))
        assert "at ['x']['y'][1]: " in str(caught.value)
        assert type(error) in (TypeError, ValueError) or type(error).__name__ in str(caught.value)
        assert caught.value.__context__ is None
        cause = caught.value.__cause__  # a StopIteration in a generator is a RuntimeError
        assert cause is error or cause.__cause__ is error


def made_with(name, mapping):
    options = {} if name == "env" else {name: mapping}
    return RocketRideClient("localhost", "k" * 20, transport=MemoryTransport([]), **options)


@each("kind", KINDS)
@each("name", ["env", "headers", "proxies"])
def test_the_error_of_a_mapping_of_secrets_is_not_repeated(name, kind):
    for error in ERRORS:
        with pytest.raises(ConfigurationError) as caught:
            made_with(name, kind(error)).use(pipeline=PIPELINE, env=kind(error))
        assert str(caught.value).startswith(f"{name} cannot be read: its items raise ")
        assert caught.value.__cause__ is error or caught.value.__cause__.__cause__ is error


def test_a_key_that_a_mapping_names_and_lacks(client):
    with pytest.raises(ConfigurationError, match=r"pipeline must hold only values of JSON: KeyError: 'a'"):
        client.use(pipeline=Reading(KeyError("a")))


def test_what_stops_a_program_passes(client):
    for way in WAYS.values():
        with pytest.raises(KeyboardInterrupt):
            way(client, Reading(KeyboardInterrupt()))


def test_a_place_is_bounded(client):
    itself = {"x" * 1000: set()}
    itself["me"] = itself
    deep = set()
    for _ in range(200):
        deep = [deep]
    for odd in (itself, deep, {("a", "b"): 1}, {"caf\udce9": [set()]}):
        with pytest.raises(ConfigurationError) as caught:
            client.use(pipeline={**PIPELINE, "x": odd})
        assert "at ['x']" in str(caught.value)
        assert len(str(caught.value)) < 500
