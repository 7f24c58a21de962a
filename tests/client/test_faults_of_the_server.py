"""Faults inside the server, of which it tells in an error answer: one of them ends no wait that has seen its task."""

import contextlib
import json

import pytest
from cases import each
from transports.dap_peer import DONE, KEY, RUNNING, TOKEN, DapPeer, Gone
from transports.loopback import Server, answer

from rocketride_sync import AuthenticationError, RetryPolicy, RocketRideClient

QUICK = RetryPolicy(initial_delay=0.01, max_delay=0.05)
PATIENCE = 30.0
FAULT = "'NoneType' object has no attribute 'get'"


def wait(client):
    return client.wait_until_complete(TOKEN, PATIENCE, 0.02)


def wait_for_many(client):
    (result,) = client.wait_all([TOKEN], PATIENCE, 0.02)
    return result.result()


ways = pytest.mark.parametrize("way", [wait, wait_for_many])


def lost_connection(message):
    """What a server answers over HTTP whose connection to itself was lost."""
    error = {"message": message, "file": "transport_websocket.py", "lineno": 411}
    return answer(json.dumps({"status": "Error", "error": error}).encode(), "400 Bad Request")


@ways
@each(
    "fault",
    [
        lost_connection("received 1012 (service restart); then sent 1012 (service restart)"),
        lost_connection("timed out during opening handshake"),
        lost_connection("[Errno 111] Connect call failed ('127.0.0.1', 5565)"),
        answer(b'{"detail": "Not Found"}', "404 Not Found"),
        answer(b"<html>Not Found</html>", "404 Not Found"),
        answer(b'{"detail": "Method Not Allowed"}', "405 Method Not Allowed"),
    ],
)
def test_one_over_http(way, fault):
    answers = iter([answer(RUNNING), fault])

    def handler(peer):
        while peer.read_request():
            peer.send(next(answers, answer(DONE)))

    with Server(handler) as server:
        with RocketRideClient(server.url, KEY, transport="http", retry=QUICK) as client:
            assert way(client).is_terminal


class Door:
    """Lets the first connection in, for one poll. Refuses the `refusals` next ones, then lets all in, to a task that has ended."""

    def __init__(self, message, refusals, **fields):
        self.message = message
        self.refusals = refusals
        self.fields = fields
        self.keys = []
        self.on_key = lambda: None

    def __call__(self, peer):
        it = DapPeer(peer)
        it.upgrade()
        with contextlib.suppress(Gone):
            self.talk(it)

    def talk(self, peer):
        request = peer.request()
        self.keys.append(request["arguments"]["auth"])
        self.on_key()
        if 1 < len(self.keys) <= 1 + self.refusals:
            peer.refuse(request, self.message, **self.fields)
            peer.close(1000)
            return
        peer.answer(request, {})
        while True:
            request = peer.request()
            peer.answer(request, RUNNING if len(self.keys) == 1 else DONE)
            if len(self.keys) == 1 and request["command"] == "rrext_get_task_status":
                return


@ways
@each(
    ("message", "fields"),
    [
        (FAULT, {}),
        (FAULT, {"trace": {"file": "server.py", "lineno": 651}}),
        ("Bad request", {"trace": {"file": "task_conn.py", "lineno": 311}}),
    ],
)
def test_one_while_a_key_is_checked_that_was_accepted_before(way, message, fields):
    door = Door(message, 2, **fields)
    with Server(door) as server, client_of(server) as client:
        assert way(client).is_terminal
    assert len(door.keys) == 4


@ways
@each(
    ("message", "fields"),
    [
        ("Invalid API key", {}),
        ("Invalid API key", {"trace": {"file": "elsewhere.py", "lineno": 1}}),
        ("No authorization provided", {}),
        ("Authentication failed", {}),
        ("Invalid authorization provided", {}),
        ("Too many authentication attempts", {}),
        ("Your account is closed", {"trace": {"file": "task_conn.py", "lineno": 311}}),
    ],
)
def test_a_key_that_is_refused_ends_a_wait_at_once(way, message, fields):
    door = Door(message, 9, **fields)
    with Server(door) as server, client_of(server) as client:
        with pytest.raises(AuthenticationError, match=rf"{message}\. Check the API key"):
            way(client)
    assert len(door.keys) == 2


@ways
def test_a_fault_that_lasts_ends_a_wait_with_its_text(way, leaping):
    outage = 10.0
    door = Door(FAULT, 10**6)
    door.on_key = lambda: leaping.leap(outage if len(door.keys) > 3 else 0.0)
    with Server(door) as server:
        with client_of(server, retry=RetryPolicy(initial_delay=0.01, max_outage=outage)) as client:
            with pytest.raises(AuthenticationError, match=r"NoneType.*If it lasts, check the API key"):
                way(client)
    assert len(door.keys) > 3


def test_a_key_that_was_never_accepted_is_not_tried_again():
    door = Door(FAULT, 10**6)
    door.keys.append("")  # as if somebody else had come first
    with Server(door) as server, client_of(server) as client:
        with pytest.raises(
            AuthenticationError, match=r"NoneType.*has no attribute 'get'\. Check the API key"
        ):
            wait(client)
    assert len(door.keys) == 2


@ways
def test_another_key_is_not_asked_for_because_of_a_fault_that_says_nothing_about_the_key(way):
    door, made = Door(FAULT, 2), []

    def another_key():
        made.append(f"key-{len(made)}")
        return made[-1]

    with Server(door) as server:
        with RocketRideClient(
            server.url, another_key, transport="websocket", retry=QUICK, timeout=PATIENCE
        ) as client:
            assert way(client).is_terminal
    assert set(door.keys) == {made[0]}
    assert len(door.keys) == 4


def test_nor_is_another_one_than_was_accepted():
    class TwoRefusals(Door):
        @property
        def message(self):
            return "Invalid API key" if self.keys[-1] == KEY else FAULT

        @message.setter
        def message(self, _):
            pass

    door = TwoRefusals(FAULT, 10**6)
    keys = iter([KEY, "another-key", "yet-another-key"])
    with Server(door) as server:
        with RocketRideClient(
            server.url, lambda: next(keys), transport="websocket", retry=QUICK, timeout=PATIENCE
        ) as client:
            with pytest.raises(AuthenticationError, match=r"has no attribute 'get'\. Check the API key"):
                wait(client)
    assert door.keys == [KEY, KEY, "another-key"]


def test_a_call_raises_at_once():
    door = Door(FAULT, 10**6)
    with Server(door) as server, client_of(server) as client:
        client.get_task_status(TOKEN)
        with pytest.raises(AuthenticationError):
            client.get_task_status(TOKEN)
    assert len(door.keys) == 2


def client_of(server, **options):
    return RocketRideClient(
        server.url, KEY, transport="websocket", **{"retry": QUICK, "timeout": PATIENCE, **options}
    )
