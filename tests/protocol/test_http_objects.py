"""One object in one HTTP request: its headers and its result."""

from email.message import Message

import pytest
from cases import each

from rocketride_sync import ProtocolError, ServerError, TaskNotFoundError
from rocketride_sync.protocol import http_objects, object_operations
from rocketride_sync.transports.chunks import Bytes

TOKEN = "tk_560d04a8eac4abb1b4af0d8878dc856c"


def operation(info, data=b"abc", mime_type="text/plain", **options):
    return object_operations.send("send", TOKEN, info, mime_type, data=Bytes(data), **options)


def test_type_and_size_are_headers():
    assert http_objects.headers(operation({})) == {"Content-Type": "text/plain", "Content-Length": "3"}
    assert http_objects.headers(operation({}, b""))["Content-Length"] == "0"


@pytest.mark.parametrize(
    "name", ["a.txt", "a b.txt", "naïve.txt", "日本.txt", 'a"b.txt', "a\\b;c.txt", "a\r\nX: y"]
)
def test_every_name_comes_through(name):
    header = http_objects.headers(operation({"name": name}))["Content-Disposition"]
    assert header.isascii()
    assert header.isprintable()
    message = Message()
    message["Content-Disposition"] = header
    assert message.get_filename() == name


def test_plain_names_stay_readable():
    assert (
        http_objects.headers(operation({"name": "a b.txt"}))["Content-Disposition"]
        == 'attachment; filename="a b.txt"'
    )


@pytest.mark.parametrize("name", ["", None, 5])
def test_without_a_name_there_is_no_header_for_it(name):
    assert "Content-Disposition" not in http_objects.headers(operation({"name": name}))


def test_what_http_cannot_carry_is_named():
    assert operation({"name": "a", "size": 3}).http_lacks == ()
    assert operation({"category": "x"}, provider="webhook").http_lacks == ("objinfo['category']", "provider")
    assert operation({}, mime_type="multipart/form-data; boundary=x").http_lacks


def test_a_pipe_announces_the_size_and_never_none():
    assert operation({"name": "a"}).arguments["object"] == {"name": "a", "size": 3}
    assert operation({}, b"").arguments["object"] == {"size": 1}
    assert object_operations.send("pipe", TOKEN, {"name": "a"}, "x/y").arguments["object"] == {"name": "a"}


def envelope(document, **fields):
    return {
        "objectsRequested": 1,
        "objectsCompleted": 1,
        "resultTypes": {},
        "objects": {"body": document},
        **fields,
    }


def result(data):
    return http_objects.result(operation({}), data, "key")


def test_a_result_is_that_of_the_one_object():
    document = {"name": "a", "objectId": "1", "text": ["x"], "status": "OK"}
    assert result(envelope(document)) == {"name": "a", "objectId": "1", "text": ["x"]}
    with_types = result(envelope(document, resultTypes={"text": "text"}))
    assert with_types["result_types"] == {"text": "text"}


@pytest.mark.parametrize(
    ("error", "kind"),
    [({"message": "no room"}, ServerError), ({"message": "Your pipeline is not running"}, TaskNotFoundError)],
)
def test_a_failed_object_is_an_error(error, kind):
    with pytest.raises(kind, match=error["message"]) as caught:
        result(envelope({"status": "Error", "error": error}, objectsCompleted=0))
    assert type(caught.value) is kind


@each("data", [None, [], {}, {"objects": {}}, {"objects": []}, envelope(None), {"objects": {1: {}, 2: {}}}])
def test_an_answer_without_a_result_is_an_error(data):
    with pytest.raises(ProtocolError, match="what became"):
        result(data)


def test_no_secret_is_repeated():
    with pytest.raises(ServerError) as caught:
        result(envelope({"status": "Error", "error": {"message": f"{TOKEN} failed, as did key-1234567"}}))
    assert TOKEN not in str(caught.value)


def test_an_entry_that_tells_nothing_is_a_refused_object():
    with pytest.raises(ServerError, match="the pipeline refused the object"):
        result(envelope({"status": "OK"}))
