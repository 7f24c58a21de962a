"""Sending an object piece by piece, over each transport."""

import threading

import pytest
from cases import each
from counting_tasks import FAST, GENEROUS, KEY, counting, pipeline, words
from needing import needs

from rocketride_sync import (
    ConfigurationError,
    MemoryTransport,
    Pipe,
    RocketRideClient,
    RocketRideError,
    ServerError,
    TaskNotFoundError,
    TransportError,
    UnsupportedOperationError,
)
from rocketride_sync.emulator import Emulator

needs("fastapi", reason="needs the extra `emulator`")

MIB = 1024 * 1024


def block(pipe, *steps):
    with pipe:
        for step in steps:
            step()


def counts(task):
    status = task.get_status()
    return status.completed_count, status.failed_count


def test_an_object_is_sent_piece_by_piece(client, task):
    with client.pipe(task.token, {"name": "ä.txt"}, "text/plain") as pipe:
        assert isinstance(pipe, Pipe)
        for piece in (b"one tw", bytearray(b"o thr"), memoryview(b"ee"), b"", b" four " * MIB):
            pipe.write(piece)
        assert pipe.result is None
    assert pipe.result["name"] == "ä.txt"
    assert words(pipe.result) == 3 + MIB
    assert counts(task) == (1, 0)
    assert task.get_status().completed_size == len(b"one two three") + 6 * MIB


def test_it_can_be_opened_and_closed_without_a_block(task):
    pipe = task.pipe().open()
    pipe.write(b"a b")
    result = pipe.close()
    assert words(result) == 2
    assert pipe.close() is pipe.result is result
    assert counts(task) == (1, 0)


def test_closing_within_the_block_is_closing(task):
    with task.pipe() as pipe:
        pipe.write(b"a b")
        assert words(pipe.close()) == 2
    assert counts(task) == (1, 0)


def test_an_empty_object(task):
    with task.pipe():
        pass
    assert counts(task) == (1, 0)


def test_half_an_object_never_passes_for_a_whole_one(client, task):
    pipe = task.pipe()
    with pytest.raises(ZeroDivisionError):
        block(pipe, lambda: pipe.write(b"half an"), lambda: 1 / 0)
    assert pipe.result is None
    with pytest.raises(ConfigurationError, match="closed"):
        pipe.close()
    assert words(task.send("still works")) == 2
    assert task.get_status().completed_count == 1
    assert task.get_status().words_count == 2


def test_over_websocket_it_counts_as_failed(server):
    with RocketRideClient(server.uri, KEY, transport="websocket") as client, counting(client) as task:
        pipe = task.pipe().open()
        pipe.write(b"half an")
        pipe.abandon()
        pipe.abandon()
        task.send("still works")
        assert counts(task) == (1, 1)


def test_what_is_no_bytes_leaves_the_pipe_as_it_is(task):
    with task.pipe() as pipe:
        for wrong in ("text", None, 5):
            with pytest.raises(ConfigurationError, match="must be bytes"):
                pipe.write(wrong)
        pipe.write(b"a b c")
    assert words(pipe.result) == 3


def test_a_pipe_is_for_one_object():
    client = RocketRideClient("localhost", KEY, transport=MemoryTransport([{}]))
    pipe = client.pipe("tk_1")
    assert repr(pipe) == "<Pipe: new>"
    for call in (pipe.close, lambda: pipe.write(b"x")):
        with pytest.raises(ConfigurationError, match="not open yet"):
            call()
    with pipe:
        with pytest.raises(ConfigurationError, match="opened before"):
            pipe.open()
        assert repr(pipe) == "<Pipe: open>"
    for call in (pipe.open, pipe.__enter__):
        with pytest.raises(ConfigurationError, match="opened before"):
            call()
    with pytest.raises(ConfigurationError, match="closed"):
        pipe.write(b"x")
    assert repr(pipe) == "<Pipe: closed>"


class FailingPipe:
    """A transport's pipe, one step of which fails."""

    def __init__(self, failing, fault):
        self.failing, self.fault, self.abandoned = failing, fault, False

    def _step(self, name):
        if name == self.failing:
            raise self.fault
        return {"name": "x"}

    def write(self, _data, _deadline):
        self._step("write")

    def close(self, _deadline):
        return self._step("close")

    def abandon(self):
        self.abandoned = True


def piped(pipe):
    return Pipe(lambda _deadline: pipe, lambda attempt, _deadline: attempt(), None)


@each("step", ["write", "close"])
@each(
    ("fault", "raised"),
    [
        (TransportError("broke", http_status=502), TransportError),
        (ServerError("refused", code="TASK_STOPPED"), ServerError),
        (KeyboardInterrupt(), RocketRideError),
        (MemoryError(), RocketRideError),
    ],
)
def test_a_block_whose_pipe_failed_does_not_end_as_if_the_object_were_complete(step, fault, raised):
    """Also if the block caught the failure: whoever reads no result would not know."""
    failing = FailingPipe(step, fault)
    pipe = piped(failing)
    caught_within = []

    def catching():
        with pytest.raises(type(fault)) as within:
            pipe.write(b"x") if step == "write" else pipe.close()
        caught_within.append(within.value)
        assert failing.abandoned
        with pytest.raises(ConfigurationError, match="closed"):
            pipe.write(b"y")

    with pytest.raises(RocketRideError) as caught:
        block(pipe, catching)
    assert caught_within == [fault]
    assert type(caught.value) is raised
    assert caught.value is not fault
    assert (caught.value.__context__, pipe.result) == (None, None)
    if isinstance(fault, RocketRideError):
        assert str(caught.value) == str(fault)
        assert vars(caught.value) == vars(fault)
    else:
        assert str(caught.value).startswith(
            f"the pipe was broken off by {type(fault).__name__}; it has no result"
        )


def written_in_vain(pipe):
    with pytest.raises(TransportError):
        pipe.write(b"x")


def test_an_error_that_leaves_the_block_is_the_one_that_counts():
    pipe = piped(FailingPipe("write", TransportError("broke")))
    with pytest.raises(ZeroDivisionError):
        block(pipe, lambda: written_in_vain(pipe), lambda: 1 / 0)


def test_a_pipe_that_the_block_gave_up_itself_is_no_error(task):
    with task.pipe() as pipe:
        pipe.write(b"half an")
        pipe.abandon()
    assert pipe.result is None


def test_nor_is_one_that_it_gave_up_after_a_failure():
    pipe = piped(FailingPipe("write", TransportError("broke")))
    block(pipe, lambda: written_in_vain(pipe), pipe.abandon)
    assert pipe.result is None


def test_a_scripted_transport_gets_the_whole_object():
    transport = MemoryTransport([{"text": ["a"]}])
    client = RocketRideClient("localhost", KEY, transport=transport)
    with client.pipe("tk_1", {"name": "a"}, "text/plain") as pipe:
        pipe.write(b"one ")
        assert transport.calls == []
        pipe.write(b"two")
    assert pipe.result == {"text": ["a"]}
    assert transport.sent == [b"one two"]
    assert transport.calls[0].name == "pipe"


def test_an_unknown_task_is_told(client):
    with pytest.raises(TaskNotFoundError, match=r"^pipe failed"):
        with client.pipe("tk_00000000000000000000000000000000") as pipe:
            pipe.write(b"x")


def test_a_task_that_ends_meanwhile_is_told(client):
    with client.use(pipeline=pipeline()) as task:
        pipe = task.pipe()
        with pytest.raises(ServerError):
            block(pipe, lambda: pipe.write(b"x"), task.terminate, lambda: pipe.write(b"y"))
        assert pipe.result is None


def test_the_source_can_be_named(server):
    with RocketRideClient(server.uri, KEY, transport="websocket") as client, counting(client) as task:
        with task.pipe(provider="webhook") as pipe:
            pipe.write(b"x")
        with pytest.raises(ServerError, match="dropper"):
            task.pipe(provider="dropper").open()
        assert counts(task) == (1, 0)
    with RocketRideClient(server.uri, KEY, transport="http") as client:
        with pytest.raises(UnsupportedOperationError, match="provider"):
            client.pipe("tk_1", provider="webhook").open()


def test_a_pipe_waits_for_a_free_one(server):
    with RocketRideClient(server.uri, KEY, transport="websocket") as client, counting(
        client, threads=1
    ) as task:
        first = task.pipe().open()
        results = []
        thread = threading.Thread(target=lambda: results.append(task.send("after the first")))
        thread.start()
        first.write(b"x")
        assert results == []
        assert words(first.close()) == 1
        thread.join(GENEROUS)
        assert words(results[0]) == 3


def test_a_lost_server_is_told_and_nothing_is_repeated():
    with Emulator(api_key=KEY, **FAST) as server:
        with RocketRideClient(server.uri, KEY, transport="websocket", timeout=GENEROUS) as client:
            task = client.use(pipeline=pipeline())
            pipe = task.pipe()
            with pytest.raises(TransportError) as caught:
                block(pipe, lambda: pipe.write(b"x"), server.restart, lambda: pipe.write(b"y"))
            assert caught.value.request_sent
            with pytest.raises(ConfigurationError, match="closed"):
                pipe.write(b"z")
            with pytest.raises(TaskNotFoundError):
                client.get_task_status(task.token)


def test_connections_are_used_again(server):
    with RocketRideClient(server.uri, KEY, transport="websocket") as client, counting(client) as task:
        for _ in range(3):
            with task.pipe() as pipe:
                pipe.write(b"x")
            task.send("x")
        assert len(client._transport.pool._idle) == 1
        with pytest.raises(RocketRideError):
            client.send("tk_0", "x")
        assert len(client._transport.pool._idle) == 1
