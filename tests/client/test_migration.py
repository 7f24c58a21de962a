"""What a user of the asynchronous client is told of the names that are not here: compared with that client."""

import inspect
import re
import runpy
import sys
import warnings
from pathlib import Path

import pytest
from cases import each

from rocketride_sync import MemoryTransport, RocketRideClient
from rocketride_sync.client.migration import NAMES, OPTIONS, PAGE

ROOT = Path(__file__).resolve().parents[2]
CALLS = re.compile(r"`(?:RocketRideClient\.)?(\w+)\(")
ARGUMENTS = re.compile(r"`(?:(\w+)\()?(\w+)=")


@pytest.fixture(scope="module")
def official():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("rocketride", reason="needs the extra `conformance`")


@pytest.fixture
def client():
    return RocketRideClient("h", "key", transport=MemoryTransport([]))


def public(cls):
    return {name for name in dir(cls) if not name.startswith("_")}


def test_every_name_that_is_not_here_is_in_the_table(official):
    assert set(NAMES) == public(official.RocketRideClient) - public(RocketRideClient)


def test_every_argument_that_is_not_here_is_in_the_table(official):
    for name in sorted(public(official.RocketRideClient) & public(RocketRideClient) - {"call"}):
        theirs = getattr(official.RocketRideClient, name)
        if inspect.isfunction(theirs):
            ours = inspect.signature(getattr(RocketRideClient, name)).parameters
            missing = set(inspect.signature(theirs).parameters) - set(ours)
            assert missing == set(OPTIONS.get(name, {})), name


def test_every_option_that_is_not_here_is_in_the_table(official):
    """The asynchronous client takes them as `**kwargs`: from its source, and from the type of its options."""
    known = set(official.RocketRideClientConfig.__annotations__)
    for part in official.RocketRideClient.__mro__[:-1]:
        known |= set(re.findall(r"kwargs\.(?:get|pop)\('(\w+)'", inspect.getsource(part.__init__)))
    ours = set(inspect.signature(RocketRideClient).parameters)
    assert known - ours - {"transport"} <= set(OPTIONS["__init__"])
    assert not ours & set(OPTIONS["__init__"])


def plain(text):
    return text.replace("`", "")


@each("name", NAMES)
def test_a_name_says_what_takes_its_place(client, name):
    for owner in (client, RocketRideClient):
        with pytest.raises(AttributeError) as raised:
            getattr(owner, name)
        assert f"'RocketRideClient' object has no attribute {name!r}; in its place" in str(raised.value)
        assert plain(NAMES[name]) in str(raised.value)
        assert not hasattr(owner, name)


@each(("method", "name"), [(method, name) for method, names in OPTIONS.items() for name in names])
def test_an_argument_says_what_takes_its_place(client, method, name):
    call = RocketRideClient if method == "__init__" else getattr(client, method)
    with pytest.raises(TypeError) as raised:
        call(**{name: "x"})
    assert str(raised.value).startswith("RocketRideClient")
    assert f"got an unexpected keyword argument {name!r}; in its place" in str(raised.value)
    assert plain(OPTIONS[method][name]) in str(raised.value)


def test_what_takes_the_place_is_there():
    texts = [*NAMES.values(), *(text for arguments in OPTIONS.values() for text in arguments.values())]
    methods = {name for text in texts for name in CALLS.findall(text)}
    assert methods >= {"close", "call", "get_task_runs"}
    assert all(hasattr(RocketRideClient, name) for name in methods)
    for text in texts:
        for method, argument in ARGUMENTS.findall(text):
            owner = getattr(RocketRideClient, method) if method else RocketRideClient
            known = set(inspect.signature(owner).parameters) | set(
                inspect.signature(RocketRideClient.use).parameters
            )
            assert argument in known | {"name"}, text


def test_other_names_get_pythons_own_error(client):
    for owner in (client, RocketRideClient):
        with pytest.raises(AttributeError, match=r"has no attribute 'nonsense'$"):
            _ = owner.nonsense
        with pytest.raises(AttributeError, match=r"has no attribute '_nonsense'$"):
            _ = owner._nonsense


@pytest.mark.skipif(sys.version_info < (3, 10), reason="earlier messages name no class")
def test_a_type_error_names_the_class_that_users_know(client):
    for name in sorted(public(RocketRideClient) - {"call"}):
        with pytest.raises(TypeError, match=rf"^RocketRideClient\.{name}\(\) "):
            getattr(client, name)(nonsense=1)
    with pytest.raises(TypeError, match=r"^RocketRideClient\.call\(\) "):
        client.call()
    with pytest.raises(TypeError, match=r"^RocketRideClient"):
        RocketRideClient(nonsense=1)


def test_signatures_are_those_of_the_methods():
    assert list(inspect.signature(RocketRideClient).parameters)[:3] == ["uri", "auth", "transport"]
    assert list(inspect.signature(RocketRideClient.use).parameters)[:3] == ["self", "filepath", "pipeline"]
    assert RocketRideClient.use.__doc__.startswith("Start a pipeline")


def test_the_page_has_the_table():
    tool = runpy.run_path(str(ROOT / "tools" / "migration_table.py"))
    text = (ROOT / "docs" / "migrating.md").read_text("utf-8")
    assert list(tool["_problems"](text)) == []


def test_the_page_has_the_title_that_errors_name():
    title = (ROOT / "docs" / "migrating.md").read_text("utf-8").splitlines()[0]
    assert f"the page '{title[2:]}' of the documentation" == PAGE


def test_async_with_is_explained():
    """As `connect` is. Each version of Python has its own error where there is no such method."""

    async def enter(client):
        async with client:
            pass

    with RocketRideClient("h", "key", transport=MemoryTransport([])) as client, pytest.raises(
        TypeError,
        match=r"'RocketRideClient' .*async with; in its place there is with \(see the page 'Coming from",
    ):
        enter(client).send(None)
