"""`send` and `Task.send`: one object to a real task, over each transport."""

from types import MappingProxyType

import pytest
from counting_tasks import KEY, counting, pipeline, words
from needing import needs

from rocketride_sync import (
    ConfigurationError,
    MemoryTransport,
    RocketRideClient,
    ServerError,
    TaskNotFoundError,
    UnsupportedOperationError,
    documents,
)

needs("fastapi", reason="needs the extra `emulator`")


MIB = 1024 * 1024


def test_text_is_sent_and_its_result_comes_back(client, task):
    result = client.send(task.token, "one two  thrée", {"name": "naïve; 1.txt"}, "text/plain")
    assert result["name"] == "naïve; 1.txt"
    assert result["result_types"] == {"wordcount": "json"}
    assert words(result) == 3
    assert "status" not in result
    status = task.get_status()
    assert (status.completed_count, status.total_count, status.failed_count) == (1, 1, 0)
    assert status.completed_size == len("one two  thrée".encode())


@pytest.mark.parametrize("data", [b"", b"\xff\xfe \x00 x", bytearray(b"a b"), memoryview(b"a b")])
def test_bytes_of_any_kind_are_sent(task, data):
    result = task.send(data)
    assert words(result) == len(bytes(data).split())
    assert task.get_status().completed_size == len(bytes(data))


def test_a_large_text_arrives_whole(task):
    text = "wörter über wörter " * (3 * MIB // 20)
    assert words(task.send(text)) == len(text.split())
    assert task.get_status().completed_size == len(text.encode())


def test_json_arrives_whole(task):
    assert words(task.send("[1, 2]" + " 3" * MIB, mimetype="application/json")) == MIB + 2


def test_a_task_that_takes_no_data_says_so(client):
    with client.use(pipeline=pipeline("simulate", forever=True)) as task:
        with pytest.raises(ServerError) as caught:
            task.send("x")
        assert not isinstance(caught.value, TaskNotFoundError)
        assert task.token not in str(caught.value)


@pytest.mark.parametrize("size", [1, 20 * MIB])
def test_an_unknown_task_is_told_however_much_was_sent(client, size):
    with pytest.raises(TaskNotFoundError, match=r"^send failed"):
        client.send("tk_00000000000000000000000000000000", b"x" * size)


def test_what_cannot_be_sent_is_refused_at_once():
    client = RocketRideClient("localhost", KEY, transport=MemoryTransport([]))
    for data in (None, 5, ["x"], {"a": 1}, "\ud800"):
        with pytest.raises(ConfigurationError, match="data"):
            client.send("tk_1", data)
    with pytest.raises(ConfigurationError, match="token"):
        client.send("", "x")
    with pytest.raises(ConfigurationError, match="objinfo"):
        client.send("tk_1", "x", "name")
    with pytest.raises(ConfigurationError, match="MIME"):
        client.send("tk_1", "x", None, "text")
    with pytest.raises(ConfigurationError, match="timeout"):
        client.send("tk_1", "x", timeout=0)


def test_the_information_about_an_object_may_be_mappings_of_any_kind():
    about = MappingProxyType({"name": "a.txt", "metadata": MappingProxyType({"pages": 3})})
    assert documents.object_info(about) == {"name": "a.txt", "metadata": {"pages": 3}}


def test_what_is_known_of_an_object_is_never_dropped_in_silence(server):
    with RocketRideClient(server.uri, KEY, transport="http") as client, counting(client) as task:
        with pytest.raises(UnsupportedOperationError, match="category"):
            task.send("x", {"name": "a", "category": "b"})
        assert task.get_status().total_count == 0


def test_an_answer_that_is_no_result_is_an_error():
    from rocketride_sync import ProtocolError

    client = RocketRideClient("localhost", KEY, transport=MemoryTransport([["a list"]]))
    with pytest.raises(ProtocolError, match="no result"):
        client.send("tk_1", "x")
