"""What every transport promises, whichever library moves the bytes."""

import contextlib
import json
import threading

import pytest

from rocketride_sync import errors
from rocketride_sync.address import Address
from rocketride_sync.config import Settings
from rocketride_sync.deadline import Deadline
from rocketride_sync.protocol.operations import get_task_status
from rocketride_sync.transports import Transport
from rocketride_sync.transports.http import HttpTransport
from rocketride_sync.transports.memory import MemoryTransport

from .loopback import Server, always, answer

TOKEN = "tk_560d04a8eac4abb1b4af0d8878dc856c"
STATUS = get_task_status(TOKEN)
RUNNING = {"state": 3, "errors": ["a*b*c"], "metrics": {"cpu_percent": 1.5}, "name": "µ\u2028"}
DONE = {"state": 5, "completed": True}

# Each answer of the scripts below, as each transport gets it.
FAULTS = {
    "unknown": errors.TaskNotFoundError("unknown"),
    "overload": errors.OverloadedError("no slots"),
    "forbidden": errors.PermissionDeniedError("no permission"),
    "refused": errors.AuthenticationError("wrong key"),
    "busy": errors.TransientError("busy"),
    "nonsense": errors.ProtocolError("nonsense"),
}


def _refusal(message, status="400 Bad Request"):
    return answer(json.dumps({"status": "Error", "error": {"message": message}}).encode(), status)


HTTP_FAULTS = {
    "unknown": _refusal("Your pipeline is not running"),
    "overload": _refusal("server rejected WebSocket connection: HTTP 403"),
    "forbidden": _refusal("Permission 'task.monitor' denied"),
    "refused": _refusal("Access denied", "401 Unauthorized"),
    "busy": _refusal("", "503 Service Unavailable"),
    "nonsense": answer(b"<html>hello</html>"),
}


@contextlib.contextmanager
def http(script):
    answers = [HTTP_FAULTS[item] if isinstance(item, str) else answer(item) for item in script]
    with Server(always(*answers)) as server:
        transport = HttpTransport(Settings(address=Address.parse(server.url), auth="key"))
        try:
            yield transport
        finally:
            transport.close()


@contextlib.contextmanager
def memory(script):
    yield MemoryTransport([FAULTS[item] if isinstance(item, str) else item for item in script])


@pytest.fixture(params=[http, memory], ids=lambda transport: transport.__name__)
def scripted(request):
    """Makes a transport to a server that gives these answers in order."""
    return request.param


def call(transport, seconds=20.0):
    return transport.call(STATUS, Deadline(seconds))


def test_call_returns_the_documents_in_order(scripted):
    with scripted([RUNNING, DONE, RUNNING]) as transport:
        assert [call(transport) for _ in range(3)] == [RUNNING, DONE, RUNNING]


def test_call_returns_none_for_an_answer_without_a_document(scripted):
    with scripted([None]) as transport:
        assert call(transport) is None


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_call_raises_our_error_and_goes_on(scripted, fault):
    with scripted([fault, DONE]) as transport:
        with pytest.raises(errors.RocketRideError) as caught:
            call(transport)
        assert type(caught.value) is type(FAULTS[fault])
        assert caught.value.__context__ is None
        assert call(transport) == DONE


def test_call_keeps_a_deadline_that_has_passed(scripted):
    with scripted([DONE]) as transport, pytest.raises(errors.TransportTimeoutError):
        call(transport, seconds=0.0)


def test_call_takes_an_unlimited_deadline(scripted):
    with scripted([DONE]) as transport:
        assert call(transport, seconds=None) == DONE


def test_close_may_come_twice_and_calls_after_it(scripted):
    with scripted([RUNNING, DONE]) as transport:
        transport.close()
        assert call(transport) == RUNNING
        transport.close()
        transport.close()
        assert call(transport) == DONE


def test_watch_asks_and_pauses(scripted):
    with scripted([RUNNING, "unknown", DONE]) as transport:
        watch = transport.watch(STATUS)
        assert watch.call(STATUS, Deadline(20.0)) == RUNNING
        with pytest.raises(errors.TaskNotFoundError):
            watch.call(STATUS, Deadline(20.0))
        watch.pause(0.0)
        watch.close()
        assert call(transport) == DONE


def test_threads_may_share_it(scripted):
    seen = []
    with scripted([RUNNING] * 100) as transport:
        threads = [
            threading.Thread(target=lambda: seen.extend(call(transport) for _ in range(10))) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert seen == [RUNNING] * 80


def test_repr_and_annotations_fit_the_interface(scripted):
    with scripted([DONE]) as transport:
        as_transport: Transport = transport
        assert TOKEN not in repr(as_transport)
        assert all(callable(getattr(transport, name)) for name in ("call", "watch", "close"))
