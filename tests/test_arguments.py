"""Arguments of classes of the user's: texts and numbers that are members of an enum, and what makes no bool of ==."""

import enum
import os

import pytest
from cases import each
from transports.loopback import Server, answer

from rocketride_sync import (
    ConfigurationError,
    MemoryTransport,
    RocketRideClient,
    arguments,
    connection_arguments,
)

TOKEN = "tk_5f3a0123456789abcdef0123456789ab"
PIPELINE = {"project_id": "p", "source": "s", "components": [{"id": "s", "provider": "webhook"}]}
STARTED = b'{"status": "OK", "data": {"token": "tk_5f3a0123456789abcdef0123456789ab", "state": 3}}'


class Text(str, enum.Enum):
    KEY = "the-key-itself"
    TOKEN = TOKEN
    LEVEL = "full"
    TYPE = "text/plain"
    FILE = __file__
    NAME = "X-Name"


class Number(enum.IntEnum):
    FOUR = 4


class Array:
    """As an array of several numbers: compared, it is an array again, and that is neither true nor false."""

    __hash__ = None

    def __eq__(self, other):
        raise ValueError("the truth value of an array with more than one element is ambiguous")


class Path(os.PathLike):
    """A path whose text is of a class of its own, too."""

    def __fspath__(self):
        return Text.FILE


CHECKS = {
    "text": lambda: arguments.text("name", Text.NAME),
    "optional_text": lambda: arguments.optional_text("name", Text.NAME),
    "texts": lambda: arguments.texts("args", [Text.NAME])[0],
    "a name": lambda: next(iter(arguments.text_by_name("env", {Text.NAME: "a"}))),
    "a value": lambda: arguments.text_by_name("env", {"a": Text.NAME})["a"],
    "optional_choice": lambda: arguments.optional_choice("level", Text.LEVEL, ("none", "full")),
    "mime_type": lambda: arguments.mime_type(Text.TYPE),
    "task_token": lambda: arguments.task_token(Text.TOKEN),
    "path": lambda: arguments.path("filepath", Text.FILE),
    "path of a path": lambda: arguments.path("filepath", Path()),
    "api_key": lambda: connection_arguments.api_key(Text.KEY),
    "verify": lambda: connection_arguments.verify(Text.FILE),
    "certificate": lambda: connection_arguments.certificate((Text.FILE, Text.FILE))[1],
    "proxies, a scheme": lambda: next(iter(connection_arguments.proxies({Text.NAME: "a"}))),
    "proxies, an address": lambda: connection_arguments.proxies({"http": Text.NAME})["http"],
    "headers, a name": lambda: next(iter(connection_arguments.headers({Text.NAME: "a"}))),
    "headers, a value": lambda: connection_arguments.headers({"a": Text.NAME})["a"],
}


@each("check", CHECKS.values(), ids=list(CHECKS))
def test_a_text_of_another_class_becomes_a_plain_one(check):
    found = check()
    assert type(found) is str
    assert found in {member.value for member in Text}


def test_a_count_of_another_class_becomes_a_plain_one():
    assert type(arguments.optional_count("threads", Number.FOUR, 64)) is int


def test_no_proxy_stays_none():
    assert connection_arguments.proxies({"http": None, "https": ""}) == {"http": None, "https": ""}


@pytest.mark.parametrize("auth", [Text.KEY, lambda: Text.KEY], ids=["key", "function"])
def test_over_http_the_texts_of_an_enum_are_sent_and_not_the_names_of_its_members(auth):
    requests = []

    def handler(peer):
        while True:
            request = peer.read_request()
            if request is None:
                return
            requests.append(request)
            peer.send(answer(STARTED))

    with Server(handler) as server, RocketRideClient(server.url, auth, transport="http") as client:
        client.use(pipeline=PIPELINE, token=Text.TOKEN, threads=Number.FOUR, trace_level=Text.LEVEL)
    assert requests[0].splitlines()[0] == f"POST /task?token={TOKEN}&threads=4&trace=full HTTP/1.1"
    assert "Authorization: Bearer the-key-itself" in requests[0].splitlines()


ARRAYS = {
    "a text": lambda client: client.get_task_token(Array(), "s"),
    "a count": lambda client: client.use(pipeline=PIPELINE, threads=Array()),
    "a flag": lambda client: client.use(pipeline=PIPELINE, use_existing=Array()),
    "a path": lambda client: client.use(Array()),
    "a choice": lambda client: client.use(pipeline=PIPELINE, trace_level=Array()),
    "texts": lambda client: client.use(pipeline=PIPELINE, args=Array()),
}


@pytest.mark.parametrize("call", ARRAYS.values(), ids=list(ARRAYS))
def test_what_cannot_be_compared_is_a_wrong_argument_like_any_other(call):
    with RocketRideClient("host", "key", transport=MemoryTransport([])) as client:
        with pytest.raises(ConfigurationError, match="not Array"):
            call(client)
