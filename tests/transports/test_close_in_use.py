"""`close()` while other threads use the transport: what they give back afterwards is closed."""

import threading

import pytest
from cases import each
from moments import met_at_each_line

from rocketride_sync import RocketRideClient
from rocketride_sync.transports.http import session
from rocketride_sync.transports.http import transport as http_transport
from rocketride_sync.transports.http.session import Session
from rocketride_sync.transports.websocket import connection

from .dap_peer import KEY, RUNNING, TOKEN, dap
from .loopback import Server, answer
from .object_peers import RESULT, next_request


class Meeting:
    """A server that answers nothing until the test says so."""

    def __init__(self):
        self.asked = threading.Event()
        self.may_answer = threading.Event()

    def wait(self):
        self.asked.set()
        assert self.may_answer.wait(20)

    def over_websocket(self, peer):
        while True:
            request = next_request(peer)[1]
            if request["command"] != "rrext_monitor":
                self.wait()
            step = request["arguments"].get("subcommand")
            peer.answer(request, {"open": {"pipe_id": 1}, "close": RESULT}.get(step, RUNNING))

    def over_http(self, peer):
        while peer.read_request() is not None:
            self.wait()
            peer.send(answer(RUNNING))


def in_pieces(client):
    with client.pipe(TOKEN) as pipe:
        pipe.write(b"x")


def first_status(client):
    statuses = client.iter_task_status(TOKEN, interval=0.01)
    next(statuses)
    statuses.close()


CALLS = {
    "call": lambda client: client.get_task_status(TOKEN),
    "wait": first_status,
    "many": lambda client: client.wait_all([TOKEN], timeout=0),
    "send": lambda client: client.send(TOKEN, b"x"),
    "pipe": in_pieces,
}
# Objects over HTTP are calls as any other.
CASES = [(transport, call) for transport in ("websocket", "auto") for call in CALLS]
CASES += [("http", call) for call in ("call", "wait", "many")]


@each(("transport", "call"), CASES)
def test_what_comes_back_after_close_is_closed(transport, call):
    meeting = Meeting()
    handler = meeting.over_http if transport == "http" else dap(meeting.over_websocket)
    with Server(handler) as server:
        client = RocketRideClient(server.url, KEY, transport=transport, timeout=20)
        thread = threading.Thread(target=CALLS[call], args=(client,))
        thread.start()
        assert meeting.asked.wait(20)
        client.close()
        meeting.may_answer.set()
        thread.join(20)
        assert not client._is_open()
        client.close()


@pytest.mark.parametrize("transport", ["websocket", "http"])
@pytest.mark.parametrize("when", ["before anything is loaded", "before the request"])
def test_a_call_that_began_before_close_leaves_nothing_open(transport, when, monkeypatch):
    """Also if it has no connection yet, because it still loads what it needs."""
    meeting = Meeting()
    meeting.may_answer.set()
    handler = meeting.over_http if transport == "http" else dap(meeting.over_websocket)
    with Server(handler) as server:
        client = RocketRideClient(server.url, KEY, transport=transport, timeout=20)
        place = _PLACES[transport, when](client._transport)
        real = getattr(*place)

        def closed_before(*args, **kwargs):
            client.close()
            return real(*args, **kwargs)

        monkeypatch.setattr(*place, closed_before)
        client.get_task_status(TOKEN)
        assert not client._is_open()
        monkeypatch.setattr(*place, real)
        client.get_task_status(TOKEN)
        assert client._is_open()
        client.close()
        assert not client._is_open()


_PLACES = {
    ("http", "before anything is loaded"): lambda transport: (session, "Session"),
    ("http", "before the request"): lambda transport: (session.Session, "call"),
    ("websocket", "before anything is loaded"): lambda transport: (transport.pool, "_connect"),
    ("websocket", "before the request"): lambda transport: (connection.Connection, "ask"),
}


def test_a_session_that_is_made_while_several_threads_close_is_not_kept(monkeypatch):
    """Whichever step the slowest of them has come to, when the others close and a call begins."""

    def begin():
        client = RocketRideClient("localhost", KEY, transport="http")
        transport, threads = client._transport, []
        made, may_go_on = threading.Event(), threading.Event()

        def slow_session(settings):
            transport.close()
            made.set()
            assert may_go_on.wait(20)
            return Session(settings)

        def others():
            transport.close()
            threads.append(threading.Thread(target=transport._session))
            threads[0].start()
            assert made.wait(20)

        def is_kept():
            may_go_on.set()
            threads[0].join(20)
            return bool(transport._sessions)

        monkeypatch.setattr(session, "Session", slow_session)
        return transport.close, others, is_kept

    found = met_at_each_line(begin, http_transport, opcodes=True)
    assert len(found) > 3
    assert not any(found)
