"""The scripted transport, as a user's own tests would use it."""

import itertools
import threading

import pytest

from rocketride_sync import (
    MemoryTransport,
    RocketRideClient,
    TaskNotFoundError,
    TaskStatus,
    TransportError,
    WaitTimeoutError,
)
from rocketride_sync.deadline import Deadline
from rocketride_sync.errors import ConfigurationError, TransportTimeoutError
from rocketride_sync.protocol.operations import get_task_status

TOKEN = "tk_560d04a8eac4abb1b4af0d8878dc856c"
RUNNING = {"state": 3, "completedCount": 1, "totalCount": 2}
DONE = {"state": 5, "completed": True, "completedCount": 2, "totalCount": 2}


def client_of(transport):
    return RocketRideClient("localhost", "key", transport=transport)


def test_a_wait_runs_through_the_script_without_sleeping():
    transport = MemoryTransport([RUNNING, RUNNING, DONE])
    seen = []
    with client_of(transport) as client:
        status = client.wait_until_complete(TOKEN, interval=300.0, on_progress=seen.append)
    assert status.succeeded
    assert [one.completed_count for one in seen] == [1, 1, 2]
    assert len(transport.pauses) == 2
    assert 200.0 < transport.pauses[0] <= 300.0


def test_faults_in_the_script_are_raised():
    transport = MemoryTransport([TransportError("broken"), RUNNING, TaskNotFoundError("gone")])
    client = client_of(transport)
    with pytest.raises(TransportError, match="broken"):
        client.get_task_status(TOKEN)
    assert client.get_task_status(TOKEN).completed_count == 1
    with pytest.raises(TaskNotFoundError):
        client.get_task_status(TOKEN)


def test_exceptions_of_any_kind_are_raised_as_they_are():
    with pytest.raises(KeyboardInterrupt):
        client_of(MemoryTransport([RUNNING, KeyboardInterrupt()])).wait_until_complete(TOKEN)


def test_a_status_object_is_an_answer():
    status = TaskStatus.from_dict(RUNNING)
    assert client_of(MemoryTransport([status])).get_task_status(TOKEN) == status


def test_scripts_by_token():
    client = client_of(MemoryTransport({"a": [RUNNING], "b": [DONE, RUNNING]}))
    assert client.get_task_status("b").completed
    assert not client.get_task_status("a").completed
    assert not client.get_task_status("b").completed
    with pytest.raises(ConfigurationError, match="no answer left"):
        client.get_task_status("c")


def test_a_script_that_runs_out_says_so_and_ends_a_wait():
    transport = MemoryTransport([RUNNING])
    with pytest.raises(ConfigurationError, match="no answer left for tk_560d…; get_task_status was call 2"):
        client_of(transport).wait_until_complete(TOKEN)


def test_an_endless_script():
    client = client_of(MemoryTransport(itertools.repeat(RUNNING)))
    assert {client.get_task_status(TOKEN).completed_count for _ in range(5)} == {1}
    with pytest.raises(WaitTimeoutError):
        client.wait_until_complete(TOKEN, timeout=0)


def test_a_generator_may_act_between_answers():
    events = []

    def script():
        yield RUNNING
        events.append("polled once")
        yield DONE

    client_of(MemoryTransport(script())).wait_until_complete(TOKEN)
    assert events == ["polled once"]


def test_calls_are_recorded_and_show_no_secret():
    transport = MemoryTransport([RUNNING])
    client_of(transport).get_task_status(TOKEN)
    assert [call.name for call in transport.calls] == ["get_task_status"]
    assert transport.calls[0].arguments["token"] == TOKEN
    assert TOKEN not in repr(transport) + repr(transport.calls)
    assert repr(transport) == "<MemoryTransport: 1 calls, 0 pauses>"


def test_a_changed_document_does_not_change_the_script():
    document = {"state": 3, "errors": ["one"]}
    transport = MemoryTransport(itertools.repeat(document))
    transport.call(get_task_status(TOKEN), Deadline(1.0))["errors"].append("two")
    assert document == {"state": 3, "errors": ["one"]}


def test_a_passed_deadline_is_a_timeout():
    with pytest.raises(TransportTimeoutError):
        MemoryTransport([RUNNING]).call(get_task_status(TOKEN), Deadline(0.0))


def test_threads_share_a_script():
    transport = MemoryTransport({"state": 3, "completedCount": count} for count in range(400))
    seen = []

    def work():
        for _ in range(100):
            seen.append(transport.call(get_task_status(TOKEN), Deadline(30.0))["completedCount"])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(seen) == list(range(400))


def test_each_call_tells_its_method_command_and_token():
    transport = MemoryTransport([{"token": "tk_1"}, {}, {}, {"state": 3}, None, {"pong": True}])
    client = RocketRideClient("test", "key", transport=transport)
    client.use(pipeline={"components": []})
    client.send("tk_2", "x")
    client.terminate("tk_3")
    client.ping()
    assert [(call.name, call.command, call.token) for call in transport.calls] == [
        ("use", "execute", None),
        ("get_task_status", "rrext_get_task_status", "tk_1"),
        ("send", "rrext_process", "tk_2"),
        ("get_task_status", "rrext_get_task_status", "tk_3"),
        ("terminate", "terminate", "tk_3"),
        ("ping", "rrext_ping", None),
    ]
