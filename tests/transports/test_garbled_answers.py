"""Answers that are garbled on their way: the connection is lost, and a wait goes on over a new one."""

import json

import pytest
from cases import each

from rocketride_sync import ProtocolError, RetryPolicy, RocketRideClient

from .dap_peer import DONE, KEY, RUNNING, frame, serve
from .either_transport import is_upgrade
from .loopback import Server, answer
from .polled_tasks import tokens

PROMPT = RetryPolicy(initial_delay=0.01, max_delay=0.02, max_outage=20)
FRAMES = {
    "no JSON": frame(b'{"type": "resp'),
    "no object": frame(b"[1, 2]"),
    "no UTF-8": frame(b"\xff\xfe\xfd"),
    "reserved bits": b"\xf1\x02{}",
    "unknown opcode": b"\x83\x02{}",
    "masked": b"\x81\x82abcd{}",
    "noise": bytes(range(256)),
    "a page": b"HTTP/1.1 408 Request Time-out\r\n" + b"Cache-Control: no-cache\r\n" * 10 + b"\r\n",
}
ANSWERS = {
    "no JSON": answer(b'{"status": "OK", "da'),
    "no envelope": answer(b'{"state": 5}'),
    "a page": answer(b"<html>please log in</html>"),
    "a page that forbids": answer(b"<html>Blocked for a moment</html>", "403 Forbidden"),
    "a gateway that forbids": answer(b'{"message": "Forbidden"}', "403 Forbidden"),
    "a wrong type": answer({"state": "five"}),
    "noise": bytes(range(256)),
    "a redirect": answer(b"", "302 Found", Location="https://portal.example/"),
}


class Garbling:
    """Garbles the first so many answers to polls; each task has ended by its next one."""

    def __init__(self, garbled, times):
        self._garbled = garbled
        self._left = times
        self._seen = set()

    def __call__(self, peer):
        if is_upgrade(peer):
            serve(self._reply)(peer)
            return
        request = peer.read_request()
        while request is not None:
            found = self._document(request.split("token=")[1].split()[0])
            peer.send(self._garbled if found is None else answer(found))
            request = peer.read_request()

    def _reply(self, peer, request):
        if request["command"] != "rrext_get_task_status":
            peer.answer(request)
            return
        found = self._document(request["arguments"]["token"])
        if found is None:
            peer.raw(self._garbled)
        else:
            peer.answer(request, found)

    def _document(self, token):
        """The status of a task; None: to be garbled."""
        if token in self._seen and self._left:
            self._left -= 1
            return None
        found = DONE if token in self._seen else RUNNING
        self._seen.add(token)
        return found


CASES = [("websocket", name, data) for name, data in FRAMES.items()]
CASES += [("http", name, data) for name, data in ANSWERS.items()]
cases = pytest.mark.parametrize(
    ("transport", "garbled"), [case[::2] for case in CASES], ids=[f"{c[0]}-{c[1]}" for c in CASES]
)


def client_of(server, transport):
    return RocketRideClient(server.url, KEY, transport=transport, timeout=20, retry=PROMPT)


@cases
@each("times", [1, 2])
def test_they_end_no_wait(transport, garbled, times):
    with Server(Garbling(garbled, times)) as server, client_of(server, transport) as client:
        assert client.wait_until_complete(tokens(1)[0], timeout=20, interval=0.05).succeeded


@cases
def test_three_in_a_row_are_a_protocol_error(transport, garbled):
    with Server(Garbling(garbled, 10**9)) as server, client_of(server, transport) as client:
        with pytest.raises(ProtocolError):
            client.wait_until_complete(tokens(1)[0], timeout=20, interval=0.05)


@cases
@each("times", [1, 3])
def test_they_end_no_wait_for_many(transport, garbled, times):
    with Server(Garbling(garbled, times)) as server, client_of(server, transport) as client:
        results = client.wait_all(tokens(6), timeout=20, interval=0.05)
    assert all(result.succeeded for result in results), results


@pytest.mark.parametrize(
    ("transport", "garbled"), [("websocket", FRAMES["no JSON"]), ("http", ANSWERS["a page"])]
)
def test_three_in_a_row_are_a_protocol_error_for_each_of_many(transport, garbled):
    """Each task has its own three. A connection that one poll has broken is replaced for the others at once."""
    retry = RetryPolicy(initial_delay=0.01, max_delay=20, jitter=0)
    with Server(Garbling(garbled, 10**9)) as server:
        with RocketRideClient(server.url, KEY, transport=transport, timeout=20, retry=retry) as client:
            results = client.wait_all(tokens(6), timeout=60, interval=0.05)
    assert all(isinstance(result.error, ProtocolError) for result in results), results


@each("garbled", FRAMES.values(), ids=FRAMES)
def test_the_connection_they_came_over_is_not_used_again(garbled):
    with Server(Garbling(garbled, 1)) as server, client_of(server, "websocket") as client:
        client.wait_until_complete(tokens(1)[0], timeout=20, interval=0.05)
        assert server.connections == 2


def test_garbled_events_end_no_wait_either():
    def reply(peer, request):
        if request["command"] == "rrext_monitor":
            peer.answer(request)
            return
        first = peer.peer._server.connections == 1
        peer.answer(request, RUNNING if first else DONE)
        if first:
            peer.raw(frame(json.dumps(["no", "event"])))

    with Server(serve(reply)) as server, client_of(server, "websocket") as client:
        assert client.wait_until_complete(tokens(1)[0], timeout=20, interval=5).succeeded
