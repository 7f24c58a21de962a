"""A signal handler may use a client itself, as one that terminates a task. The error of this library that it raises then says
nothing of what the signal interrupted: it comes out as it is, and the task is treated as after any other signal.
"""

import contextlib

import pytest
from cases import each
from handlers import Signalled, that_raises

from rocketride_sync import (
    AuthenticationError,
    ConfigurationError,
    DecodeError,
    OverloadedError,
    ProtocolError,
    RetryPolicy,
    RocketRideClient,
    RocketRideError,
    ServerError,
    TaskNotFoundError,
    TaskVanishedError,
    TransportError,
    TransportTimeoutError,
    UnsupportedOperationError,
    WaitTimeoutError,
)
from rocketride_sync.deadline import Deadline
from rocketride_sync.protocol import operations
from rocketride_sync.task_fate import task_fate_of
from rocketride_sync.transports.thread_poller import ThreadPoller

TOKEN = "tk_5f3a0123456789abcdef"
STARTED = {"token": TOKEN}
RUNNING = {"state": 3, "startTime": 1.0, "project_id": "p", "source": "s"}
ENDED = {"state": 5, "completed": True, "startTime": 1.0}
OBJECT = {"result_types": {}}
PIPELINE = {"project_id": "p", "source": "s", "components": [{"id": "s", "provider": "timer"}]}
NO_RUN = TaskNotFoundError("no run")

KINDS = [
    AuthenticationError,
    ConfigurationError,
    DecodeError,
    OverloadedError,
    ProtocolError,
    ServerError,
    TaskNotFoundError,
    TaskVanishedError,
    TransportError,
    TransportTimeoutError,
    UnsupportedOperationError,
    WaitTimeoutError,
]
OF_LIFECYCLES = [TaskNotFoundError, TaskVanishedError, TransportError, WaitTimeoutError]


def client_of(*script, stop):
    transport = Signalled(script, stop)
    retry = RetryPolicy(initial_delay=0.001)
    return RocketRideClient("h", "key", transport=transport, retry=retry), transport


def comes_out(step, stop):
    with pytest.raises(RocketRideError) as caught:
        step()
    assert caught.value is stop, repr(caught.value)


def names_of(transport):
    return [call.name for call in transport.calls]


def loop(client):
    for _ in client.iter_task_status(TOKEN):
        pass


CALLS = {
    "a call": ([], lambda client: client.get_task_status(TOKEN), OBJECT),
    "a call about a run": ([RUNNING], lambda client: about_a_run(client), OBJECT),
    "a first poll": ([], lambda client: client.wait_until_complete(TOKEN), ENDED),
    "a poll": ([RUNNING], lambda client: client.wait_until_complete(TOKEN), ENDED),
    "a poll in a loop": ([RUNNING], loop, ENDED),
    "a poll of many": ([RUNNING, RUNNING], lambda client: client.wait_all([TOKEN, "tk_2"]), ENDED),
    "an object": ([], lambda client: client.send(TOKEN, b"x"), OBJECT),
    "files": ([], lambda client: client.send_files([__file__, __file__], TOKEN), OBJECT),
    "files after the first": (
        [OBJECT],
        lambda client: client.send_files([__file__, __file__], TOKEN),
        OBJECT,
    ),
    "the latest token": ([], lambda client: client.get_task_token("p", "s"), STARTED),
    "the search in the run log": (
        [RUNNING, TaskNotFoundError("gone")],
        lambda client: client.wait_until_complete(TOKEN),
        {"runs": []},
    ),
}


def about_a_run(client):
    client.get_task_status(TOKEN, previous=client.get_task_status(TOKEN))


def without_threads(patch):
    """The files are sent in the thread in which signals are handled."""
    patch.setattr("rocketride_sync.sending.upload_threads.start_thread", lambda *_: False)


@each(("name", "kind"), [(name, kind) for name in CALLS for kind in KINDS])
def test_it_comes_out_of(name, kind):
    before, step, answer = CALLS[name]
    stop = kind("of another client")
    client, transport = client_of(*before, stop, *[answer] * 4, stop=stop)
    with pytest.MonkeyPatch.context() as patch:
        without_threads(patch)
        comes_out(lambda: step(client), stop)
    assert len(transport.calls) == len(before) + 1
    assert stop.args == kind("of another client").args


@each("kind", KINDS)
def test_it_comes_out_while_threads_send_files(kind):
    """The handler runs in the thread that waits for their events."""
    stop = kind("of another client")
    client, _ = client_of(*[OBJECT] * 2, stop=stop)
    with pytest.MonkeyPatch.context() as patch:
        threads = "rocketride_sync.sending.upload_threads.UploadThreads"
        patch.setattr(f"{threads}._send_waiting", lambda _: None)
        patch.setattr(f"{threads}._take_event", that_raises(stop))
        comes_out(lambda: client.send_files([__file__, __file__], TOKEN), stop)


class APoll:
    operation = operations.get_task_status(TOKEN)
    until = Deadline(None)

    def begin(self):
        return Deadline(None)

    def mark_answered(self):
        pass


@each("kind", OF_LIFECYCLES)
def test_it_comes_out_of_a_poll_in_the_thread_of_the_caller(kind):
    stop = kind("of another client")
    transport = Signalled([stop], stop)
    poller = ThreadPoller(transport, 1)
    with pytest.MonkeyPatch.context() as patch, contextlib.closing(poller):
        patch.setattr("rocketride_sync.transports.thread_poller.start_thread", lambda *_: False)
        poller.submit(APoll())
        comes_out(lambda: poller.next(Deadline(None)), stop)


@each("kind", OF_LIFECYCLES)
def test_in_the_first_poll_of_use_it_ends_the_task_whose_token_nobody_gets(kind):
    stop = kind("of another client")
    client, transport = client_of(STARTED, stop, None, stop=stop)
    comes_out(lambda: client.use(pipeline=PIPELINE), stop)
    assert names_of(transport) == ["use", "get_task_status", "terminate"]


@each("begun", [[], [RUNNING]])
@each("error", [None, ZeroDivisionError()], ids=repr)
@each("kind", OF_LIFECYCLES)
def test_it_leaves_no_task_behind_whose_block_is_left(kind, error, begun):
    stop = kind("of another client")
    client, _ = client_of(STARTED, RUNNING, *begun, stop, RUNNING, None, stop=stop)
    task = client.use(pipeline=PIPELINE)

    def leave():
        with task:
            if error is not None:
                raise error

    comes_out(leave, stop)
    assert task.ended
    assert task_fate_of(stop) == ("the task was ended", True)


@each("begun", [[], [RUNNING], [RUNNING, None]])
@each("kind", OF_LIFECYCLES)
def test_it_leaves_no_task_behind_that_is_cancelled_at_the_timeout(kind, begun):
    stop = kind("of another client")
    script = [RUNNING, *begun, stop, RUNNING, None, ENDED]
    client, transport = client_of(*script, stop=stop)
    comes_out(lambda: client.wait_until_complete(TOKEN, 0, cancel_on_timeout=True), stop)
    assert "terminate" in names_of(transport)[1 + len(begun) :]


@each("kind", OF_LIFECYCLES)
def test_a_run_looks_for_the_task_whose_start_it_broke_off(kind):
    stop = kind("of another client")
    found = [STARTED, RUNNING, RUNNING, None]
    client, transport = client_of(NO_RUN, stop, *found, stop=stop)
    comes_out(lambda: client.run(pipeline=PIPELINE), stop)
    assert names_of(transport)[-1] == "terminate"
    assert task_fate_of(stop) == ("the task was ended", True)


@each("kind", OF_LIFECYCLES)
def test_a_run_ends_the_task_whose_end_it_broke_off(kind):
    stop = kind("of another client")
    client, transport = client_of(NO_RUN, STARTED, RUNNING, ENDED, stop, RUNNING, None, stop=stop)
    comes_out(lambda: client.run(pipeline=PIPELINE), stop)
    assert names_of(transport)[-1] == "terminate"
