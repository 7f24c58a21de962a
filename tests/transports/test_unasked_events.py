"""Events that nobody asked for, or that nobody knows, as newer servers send them: they are passed over."""

import time

import pytest

from rocketride_sync import RocketRideClient

from .dap_peer import DONE, KEY, RUNNING, TOKEN, serve
from .loopback import Server

STAMPS = {"eventTime": 150.0, "logSeq": 7, "runKind": "dev", "teamId": "t", "userId": "u"}
IDENTITY = {"projectId": "p", "source": "s", "__id": "5f3a0123.s"}
STATUS = {**DONE, **STAMPS, "__id": "5f3a0123.s", "final": True}
UNKNOWN = [
    {"event": "apaext_account", "body": {"credits": 5}},
    {"event": "apaevt_dashboard", "body": {"action": "connection_added"}},
    {"event": "apaevt_deploy", "body": {"action": "end", **IDENTITY}},
    {"event": "apaevt_status_update", "body": STATUS},
    {"event": "apaevt_log_lifecycle", "body": {"action": "run-end", **IDENTITY}},
    {"event": "apaevt_task", "body": {"action": "archived", **IDENTITY}},
    {"event": "apaevt_task", "body": {"action": ["end"], **IDENTITY}},
    {
        "event": "apaevt_task",
        "body": {"action": "running", "tasks": [{**IDENTITY, **STAMPS, "id": "5f3a0123.s"}]},
    },
    {"event": "apaevt_task", "body": {"action": "running", "tasks": {"odd": 1}}},
    {"event": "apaevt_task", "body": ["end"]},
    {"event": "apaevt_task"},
    {"event": None, "body": None},
    {"body": {"action": "end", **IDENTITY}},
    {},
]


def send_unknown(peer):
    for event in UNKNOWN:
        peer.send({"type": "event", "seq": 3, **event})
    peer.send({"type": "notice", "event": "apaevt_task", "body": {"action": "end", **IDENTITY}})


def wait(client):
    return client.wait_until_complete(TOKEN, 20.0, 0.3)


def wait_for_many(client):
    return client.wait_all([TOKEN], 20.0, 0.3)[0].result()


def read(client):
    return [client.get_task_status(TOKEN) for _ in range(3)][-1]


@pytest.mark.parametrize(("way", "polls"), [(wait, 3), (wait_for_many, 3), (read, 3)])
def test_they_end_no_pause_and_no_wait(way, polls):
    """They come before each answer and after it, and the next poll comes at the interval all the same."""
    asked = []

    def reply(peer, request):
        send_unknown(peer)
        if request["command"] == "rrext_get_task_status":
            asked.append(time.monotonic())
            peer.answer(request, DONE if len(asked) == polls else RUNNING)
        else:
            peer.answer(request)
        send_unknown(peer)

    with Server(serve(reply)) as server, RocketRideClient(server.url, KEY) as client:
        assert way(client).succeeded
    assert len(asked) == polls
    if way is not read:
        assert asked[-1] - asked[0] > 0.4


@pytest.mark.parametrize("way", [wait, wait_for_many])
def test_an_event_with_the_stamps_of_newer_servers_is_one_of_the_task(way):
    """It ends the pause at once."""
    asked = []

    def reply(peer, request):
        if request["command"] == "rrext_get_task_status":
            asked.append(request)
            peer.answer(request, DONE if len(asked) == 2 else RUNNING)
            peer.event("end", **STAMPS, reason=None)
        else:
            peer.answer(request)

    with Server(serve(reply)) as server, RocketRideClient(server.url, KEY) as client:
        began = time.monotonic()
        if way is wait:
            assert client.wait_until_complete(TOKEN, 30.0, 20.0).succeeded
        else:
            assert client.wait_all([TOKEN], 30.0, 20.0)[0].succeeded
        assert time.monotonic() - began < 15.0
