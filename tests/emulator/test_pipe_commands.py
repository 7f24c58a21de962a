"""`rrext_process`: sending objects to a running task through pipes, over a WebSocket."""

import json
import time
from contextlib import closing

import pytest
from cases import each
from data_helpers import ODD, TEXT, amounts, begin, counted, wordcount
from emulator_helpers import KEY, pipeline, read_status, request_json, wait_until
from websocket_client import connect

from rocketride_sync.emulator import Emulator


class PipeClient:
    """A connection that sends data to one task."""

    def __init__(self, server, token):
        self.client = connect(server)
        self.token = token

    def close(self):
        self.client.__exit__()

    def request_open(self, mimeType="text/plain", **info):
        return self.client.send_request(
            "rrext_process", subcommand="open", object=info, mimeType=mimeType, token=self.token
        )

    def open(self, **info):
        answer = self.client.wait_for_response(self.request_open(**info))
        assert answer["success"], answer
        return answer["body"]["pipe_id"]

    def write(self, pipe, data):
        return self.client.wait_for_response(self.client.write(data, pipe_id=pipe, token=self.token))

    def close_pipe(self, pipe):
        return self.client.call("rrext_process", subcommand="close", pipe_id=pipe, token=self.token)

    def send(self, *pieces, **info):
        pipe = self.open(**info)
        for piece in pieces:
            answer = self.write(pipe, piece)
            assert answer["success"], answer
            assert "body" not in answer
        return self.close_pipe(pipe)["body"]


@pytest.fixture
def token(server):
    token = begin(server)
    yield token
    request_json(server, "DELETE", f"/task?token={token}")


@pytest.fixture
def sender(server, token):
    with closing(PipeClient(server, token)) as sender:
        yield sender


@pytest.mark.parametrize("text", [TEXT, ODD, b"", b" \n", b"x" * 3_000_000, b"a b " * 700_000])
def test_the_words_of_an_object_are_counted_however_it_is_cut(sender, text):
    for cut in (1, 5, len(text) // 2):
        result = sender.send(text[:cut], text[cut:], name="a.txt", size=len(text))
        assert result["wordcount"] == wordcount(text)


def test_a_result_has_the_documented_shape(sender):
    result = sender.send(TEXT, name="a.txt", path="texts/a.txt", objectId="object-1")
    assert result == {
        "name": "a.txt",
        "path": "texts/a.txt",
        "objectId": "object-1",
        "result_types": {"wordcount": "json"},
        "wordcount": wordcount(TEXT),
    }
    unnamed = sender.send(TEXT)
    assert unnamed["name"] == unnamed["objectId"]
    assert unnamed["path"] == ""


def test_without_a_wordcount_component_the_result_has_no_further_fields(server):
    with closing(PipeClient(server, begin(server, pipeline("dropper")))) as sender:
        assert set(sender.send(TEXT)) == {"name", "path", "objectId"}
        assert read_status(server, sender.token)["wordsCount"] == 0


def test_the_status_is_updated_with_each_object(server, sender):
    """Announced sizes count until the true sizes are known."""
    sender.send(TEXT, name="first.txt", size=len(TEXT))
    pipe = sender.open(name="second.txt", size=1000)
    sender.write(pipe, ODD)
    status = read_status(server, sender.token)
    assert (status["totalCount"], status["completedCount"]) == (2, 1)
    assert (status["totalSize"], status["completedSize"]) == (len(TEXT) + 1000, len(TEXT))
    assert (status["currentObject"], status["currentSize"]) == ("webhook://second.txt", 1000)
    assert status["pipeflow"] == {"totalPipes": 1, "byPipe": {"0": ["second.txt", "src_1", "count_1"]}}
    sender.close_pipe(pipe)
    status = read_status(server, sender.token)
    assert (status["totalCount"], status["completedCount"], status["failedCount"]) == (2, 2, 0)
    assert status["totalSize"] == status["completedSize"] == len(TEXT) + len(ODD)
    assert {key: status[key] for key in ("wordsCount", "wordsSize")} == wordcount(TEXT, ODD)
    assert status["pipeflow"]["byPipe"] == {"0": []}
    assert status["rateCount"] > 0
    assert status["rateSize"] > status["rateCount"]
    assert status["state"] == 3


def test_parallel_pipes_are_counted_separately(server, sender):
    first, second = sender.open(name="1"), sender.open(name="2")
    for _ in range(3):
        sender.write(first, b"one ")
        sender.write(second, b"word")
    flow = read_status(server, sender.token)["pipeflow"]
    assert (flow["totalPipes"], flow["byPipe"]["1"][0]) == (2, "2")
    assert sender.close_pipe(first)["body"]["wordcount"]["wordsCount"] == 3
    assert sender.close_pipe(second)["body"]["wordcount"]["wordsCount"] == 1


def test_writes_that_are_not_awaited_keep_their_order(sender):
    pipe = sender.open()
    seqs = [sender.client.write(piece, pipe_id=pipe, token=sender.token) for piece in (b"a", b" ") * 50]
    assert all(sender.client.wait_for_response(seq)["success"] for seq in seqs)
    assert sender.close_pipe(pipe)["body"]["wordcount"]["wordsCount"] == 50


def test_a_pipe_can_be_used_from_another_connection(server, sender):
    pipe = sender.open()
    with closing(PipeClient(server, sender.token)) as other:
        other.write(pipe, TEXT)
        assert other.close_pipe(pipe)["body"]["wordcount"] == wordcount(TEXT)


def test_a_task_token_and_a_public_key_may_send(server):
    with connect(server) as owner:
        body = owner.call("execute", pipeline=counted())["body"]
        for credential in (body["token"], body["publicToken"]):
            with connect(server, key=credential) as guest:
                opened = guest.call("rrext_process", subcommand="open", object={}, mimeType="text/plain")
                assert opened["success"]


def test_pipes_beyond_threads_wait(server):
    with connect(server) as owner:
        token = owner.call("execute", pipeline=counted(), threads=2)["body"]["token"]
    with closing(PipeClient(server, token)) as sender:
        first, second = sender.open(), sender.open()
        waiting = [sender.request_open(name=f"{number}") for number in range(3)]
        assert sender.client.call("rrext_ping")["success"]
        assert sender.client.unclaimed == [], "no third pipe yet"
        assert read_status(server, token)["totalCount"] == 2
        sender.close_pipe(second)
        third = sender.client.wait_for_response(waiting[0])["body"]["pipe_id"]
        assert len({first, second, third}) == 3
        assert read_status(server, token)["currentObject"] == "webhook://0"
        request_json(server, "DELETE", f"/task?token={token}")
        for seq in waiting[1:]:
            assert "ended before there was room" in sender.client.wait_for_response(seq)["message"]


def test_a_connection_lost_while_waiting_for_a_pipe_holds_none(server):
    with connect(server) as owner:
        token = owner.call("execute", pipeline=counted(), threads=1)["body"]["token"]
    with closing(PipeClient(server, token)) as sender:
        pipe = sender.open(name="mine")
        lost = PipeClient(server, token)
        lost.request_open(name="lost")
        assert lost.client.call("rrext_ping")["success"]
        lost.client.socket.shutdown()
        sender.close_pipe(pipe)
        wait_until(lambda: read_status(server, token)["failedCount"] == 1)
        assert sender.send(TEXT)["wordcount"] == wordcount(TEXT)


def test_incomplete_objects_of_a_lost_connection_fail(server, token):
    lost = PipeClient(server, token)
    lost.send(TEXT, name="whole")
    pipe = lost.open(name="half", size=100)
    lost.write(pipe, b"only a part")
    lost.client.socket.shutdown()
    status = wait_until(lambda: next((s for s in [read_status(server, token)] if s["failedCount"]), None))
    assert amounts(status) == {
        "totalCount": 2,
        "completedCount": 1,
        "failedCount": 1,
        "totalSize": len(TEXT) + 11,
    }
    assert status["failedSize"] == 11
    assert status["errors"] == ["Failed*the connection was lost before it was complete*half"]
    assert status["wordsCount"] == wordcount(TEXT)["wordsCount"]
    with closing(PipeClient(server, token)) as sender:
        assert "not found" in sender.write(pipe, b"the rest")["message"]


def test_open_pipes_are_aborted_when_the_task_ends(server, sender):
    pipe = sender.open(name="half")
    sender.write(pipe, TEXT)
    request_json(server, "DELETE", f"/task?token={sender.token}")
    status = read_status(server, sender.token)
    assert (status["state"], status["totalCount"], status["failedCount"]) == (6, 1, 1)
    assert status["errors"] == ["Failed*the task ended before it was complete*half"]
    for answer in (sender.write(pipe, TEXT), sender.close_pipe(pipe)):
        assert answer["message"] == "Task was stopped"


def test_a_pipe_can_be_closed_once(server, sender):
    pipe = sender.open()
    assert sender.close_pipe(pipe)["success"]
    for answer in (sender.close_pipe(pipe), sender.write(pipe, TEXT)):
        assert f"ipe with id {pipe} not found" in answer["message"]
    assert sender.open() != pipe
    assert read_status(server, sender.token)["completedCount"] == 1


INFO = {"subcommand": "open", "object": {}, "mimeType": "text/plain"}


@each(
    ("arguments", "message"),
    [
        ({}, "Invalid subcommand None"),
        ({"subcommand": ["open"]}, "Invalid subcommand"),
        ({**INFO, "object": None}, "No object info specified"),
        ({**INFO, "object": "a.txt"}, "'object' must be an object"),
        ({**INFO, "object": {"name": 5}}, "object: 'name' must be a string"),
        ({**INFO, "object": {"name": "\ud800"}}, "object: 'name' must be a string"),
        ({**INFO, "object": {"size": -1}}, "object: 'size' must be a whole number"),
        ({**INFO, "object": {"size": 1e9}}, "object: 'size' must be a whole number"),
        ({**INFO, "mimeType": None}, "No mimeType specified"),
        ({**INFO, "mimeType": 5}, "'mimeType' must be a string"),
        ({**INFO, "provider": "chat"}, "You are looking for a 'chat', but this pipeline isn't it"),
        ({"subcommand": "write"}, "No pipe_id specified"),
        ({"subcommand": "write", "pipe_id": 99}, "ipe with id 99 not found"),
        ({"subcommand": "write", "pipe_id": "1"}, "ipe with id 1 not found"),
        ({"subcommand": "write", "pipe_id": [1]}, "ipe with id [1] not found"),
        ({"subcommand": "close", "pipe_id": -1}, "ipe with id -1 not found"),
    ],
)
def test_wrong_requests_are_refused_with_the_reason(sender, arguments, message):
    answer = sender.client.call("rrext_process", token=sender.token, **arguments)
    assert not answer["success"]
    assert message in answer["message"]


def test_data_must_be_bytes(sender):
    pipe = sender.open()
    for data, message in (({}, "No data specified"), ({"data": "text"}, "'data' must be the bytes")):
        answer = sender.client.call(
            "rrext_process", subcommand="write", pipe_id=pipe, token=sender.token, **data
        )
        assert message in answer["message"]
    assert sender.close_pipe(pipe)["body"]["wordcount"]["wordsCount"] == 0


@pytest.mark.parametrize(
    ("wrong", "message"), [("tk_0", "Your pipeline is not running"), ("", "Task token is required")]
)
def test_a_wrong_token_is_refused(sender, wrong, message):
    assert sender.client.call("rrext_process", token=wrong, **INFO)["message"] == message


def test_sources_that_take_no_data_refuse_pipes(server):
    with connect(server) as client:
        token = client.call("execute", pipeline=pipeline("simulate", forever=True))["body"]["token"]
        message = client.call("rrext_process", token=token, **INFO)["message"]
        assert message == "The source 'simulate' takes no data; the sources webhook, dropper and chat do"


def test_data_for_a_task_that_is_starting_waits_until_it_runs():
    with Emulator(api_key=KEY, init_seconds=1.0) as server, connect(server) as owner:
        starting = owner.send_request("execute", pipeline=counted(), token="tk_starting")
        wait_until(lambda: owner.call("rrext_get_task_status", token="tk_starting")["success"])
        with closing(PipeClient(server, "tk_starting")) as sender:
            assert sender.send(TEXT)["wordcount"] == wordcount(TEXT)
        assert owner.wait_for_response(starting)["success"]


def test_sending_is_activity_and_polling_is_not():
    with Emulator(api_key=KEY, ttl=2.0, scan_interval=0.05) as server:
        token = begin(server)
        with closing(PipeClient(server, token)) as sender:
            pipe = sender.open()
            until = time.monotonic() + 4.0
            while time.monotonic() < until:
                assert sender.write(pipe, b"word ")["success"]
                time.sleep(0.1)
            assert sender.close_pipe(pipe)["success"]
        wait_until(lambda: read_status(server, token)["state"] == 6)


def test_a_restart_aborts_open_pipes_and_resets_the_status(server):
    document = counted()
    with closing(PipeClient(server, begin(server, document))) as sender:
        check_restart(server, sender, document)


def check_restart(server, sender, document):
    pipe = sender.open(name="half")
    sender.send(TEXT)
    assert sender.client.call("restart", token=sender.token, pipeline=document)["success"]
    assert amounts(read_status(server, sender.token)) == dict.fromkeys(
        ("totalCount", "completedCount", "failedCount", "totalSize"), 0
    )
    assert "not found" in sender.write(pipe, b"the rest")["message"]
    assert sender.send(TEXT)["wordcount"] == wordcount(TEXT)


def test_a_large_object_is_not_held_in_memory():
    with Emulator(api_key=KEY, metrics_interval=0.02) as server:
        with closing(PipeClient(server, begin(server))) as sender:
            piece = b"word " * 200_000
            sender.send(piece)
            before = read_status(server, sender.token)["metrics"]["peak_cpu_memory_mb"]
            result = sender.send(*[piece] * 60)
            after = read_status(server, sender.token)["metrics"]["peak_cpu_memory_mb"]
        assert result["wordcount"]["wordsCount"] == 60 * 200_000
        assert after - before < 20


def test_a_binary_header_that_is_no_object_is_ignored(sender):
    sender.client.send_binary(json.dumps([1]).encode() + b"\ndata")
    assert sender.client.call("rrext_ping")["success"]
