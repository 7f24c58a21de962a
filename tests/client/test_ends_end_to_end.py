"""How tasks end on the emulator, which plays older and newer servers, and what a client says of it over each transport."""

import threading
import time

import pytest

from rocketride_sync import RocketRideClient
from rocketride_sync.emulator import Emulator
from rocketride_sync.emulator.scripted import ScriptedTasks

KEY = "a-key"
PROMPT = {"timeout": 60, "interval": 0.1}
WELL, WELL_PERHAPS = ("succeeded", True), ("succeeded", False)
BAD, BAD_PERHAPS = ("failed", True), ("failed", False)
STOPPED = ("cancelled", True)


@pytest.fixture(scope="module", params=["older", "newer"])
def generation(request):
    return request.param


@pytest.fixture(scope="module")
def server(generation):
    with Emulator(api_key=KEY, generation=generation, early_end=0) as running:
        yield running


@pytest.fixture(scope="module")
def start(server):
    with ScriptedTasks(server.uri, KEY) as start:
        yield start


@pytest.fixture(params=["websocket", "http"])
def client(request, server):
    with RocketRideClient(server.uri, KEY, transport=request.param) as client:
        client.heard = request.param == "websocket"
        yield client


class Delayed:
    """A callback that sets an event, once the wait has gone on for so many seconds."""

    def __init__(self, seconds, event):
        self.seconds = seconds
        self.event = event
        self.first = None

    def __call__(self, *_):
        self.first = self.first or time.monotonic()
        if time.monotonic() - self.first >= self.seconds:
            self.event.set()


def said(status):
    return status.outcome.value, status.outcome_certain


@pytest.mark.parametrize(
    ("script", "older", "newer"),
    [
        ({}, WELL_PERHAPS, WELL),
        ({"exit_line": False}, WELL, WELL),
        ({"exit_code": 2, "exit_message": "text"}, BAD, BAD),
        ({"exit_code": 2, "exit_line": True, "failed": 1}, BAD_PERHAPS, BAD_PERHAPS),
        ({"exit_code": 3, "exit_line": False}, WELL, BAD),
        ({"killed": True}, WELL_PERHAPS, BAD),
    ],
    ids=str,
)
def test_a_task_that_ends_by_itself(start, client, generation, script, older, newer):
    task = start(seconds=0.3, **script)
    status = client.wait_until_complete(task.token, **PROMPT)
    (result,) = client.wait_all([task.token], **PROMPT)
    expected = older if generation == "older" else newer
    assert said(status) == said(result.status) == expected
    assert status.end_reason is result.status.end_reason is None


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("line", ["text", None])
def test_a_task_that_somebody_else_stops(start, client, generation, many, line):
    task = start(forever=True, stop_line=line)
    seen = threading.Event()

    def stop_it():
        seen.wait(60)
        task.terminate()

    # A while after the first poll, so that the events are subscribed to.
    stop = threading.Thread(target=stop_it)
    stop.start()
    try:
        wait = {**PROMPT, "on_progress": Delayed(0.3, seen)}
        if many:
            status = client.wait_all([task.token], **wait)[0].result()
        else:
            status = client.wait_until_complete(task.token, **wait)
    finally:
        seen.set()
        stop.join()
    told = client.heard and generation == "newer"
    assert said(status) == (BAD if line and not told else STOPPED)
    if told and line:
        assert status.end_reason == "user"


def test_a_task_that_the_client_stops_itself(start, client):
    task = start(forever=True, stop_line="text")
    client.terminate(task.token)
    for status in (client.get_task_status(task.token), client.wait_until_complete(task.token, **PROMPT)):
        assert said(status) == STOPPED
        assert status.terminated_by_client
