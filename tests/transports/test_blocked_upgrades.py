"""Proxies that swallow or cut the upgrade to WebSocket, or let it pass and nothing after it, and let HTTP pass.

What HTTP can carry goes over HTTP, in time. What is swallowed lets time leap: everything else has more than it needs.
"""

import re
import socket
import time

import pytest
from cases import each
from command_call import call_command
from leaping import leap

from rocketride_sync import (
    AuthenticationError,
    MemoryTransport,
    ProtocolError,
    RocketRideClient,
    TransportError,
    TransportTimeoutError,
    UnsupportedOperationError,
)
from rocketride_sync.client.lost_start import LostStart
from rocketride_sync.deadline import Deadline
from rocketride_sync.transports import tcp
from rocketride_sync.transports.fallback import Fallback
from rocketride_sync.transports.websocket import steady_socket

from .dap_peer import DONE, KEY, TOKEN, DapPeer, Gone, always, frame, refusing_credentials
from .loopback import Server, answer
from .object_peers import ENVELOPE, next_request
from .polled_tasks import tokens

PIPELINE = {"project_id": "p", "source": "s", "components": [{"id": "s"}]}
DROPPER = {**PIPELINE, "components": [{"id": "s", "provider": "dropper"}]}
CONNECTING = 10.0  # seconds that a connection may take
SWALLOWED = 20.0  # after which what was swallowed has been given up, and so has a call that may take as long
GENEROUS = 60.0  # a call with time for HTTP after that
_LENGTH = re.compile(r"content-length: *(\d+)", re.IGNORECASE)


@pytest.fixture(autouse=True)
def _a_leap_is_noticed_soon(monkeypatch):
    for module in (tcp, steady_socket):
        monkeypatch.setattr(module, "SLICE", 0.1)


class Blocked:
    """A server over HTTP; `upgrade(peer, request)` deals with upgrades."""

    def __init__(self, upgrade):
        self._upgrade = upgrade

    def __call__(self, peer):
        while True:
            request = peer.read_request()
            if request is None:
                return
            if "websocket" in request.lower():
                self._upgrade(peer, request)
                return
            length = _LENGTH.search(request)
            self._skip(peer, int(length.group(1)) if length else 0)
            answers = {"POST /task": {"token": TOKEN}, "POST /task/data": ENVELOPE}
            peer.send(answer(answers.get(re.split("[? ]H|[?]", request)[0], DONE)))

    @staticmethod
    def _skip(peer, size):
        while len(peer._received) < size:
            peer._received += peer.sock.recv(65536)
        peer._received = peer._received[size:]


def stall(peer):
    leap(SWALLOWED)
    peer.stall()


def swallow(peer, request):
    stall(peer)


def cut(peer, request):
    pass


def after_upgrade(action):
    """Let the upgrade pass, read what comes next, and do `action(peer)`."""

    def upgrade(peer, request):
        it = DapPeer(peer)
        try:
            it.upgrade(request)
            it.receive()
            action(it)
        except Gone:
            pass

    return upgrade


swallow_frames = after_upgrade(lambda it: stall(it.peer))
cut_at_first_frame = after_upgrade(lambda it: None)
reset_at_first_frame = after_upgrade(lambda it: it.peer.reset())
close_with_a_frame = after_upgrade(lambda it: it.close(1008))
JUNK = {
    "a page": b"HTTP/1.1 502 Bad Gateway\r\n\r\n" + b"x" * 200,
    "no JSON": frame("hello"),
    "too much": frame("x", announced=1 << 40),
}


def send(junk):
    return after_upgrade(lambda it: it.raw(junk))


def count(server, start):
    return sum(request.startswith(start) for request in server.requests)


def upgrades(server):
    return count(server, "GET /task/service")


@pytest.fixture(params=["swallow", "cut", "swallow_frames", "cut_at_first_frame"])
def blocked(request):
    with Server(Blocked(globals()[request.param])) as server:
        server.swallows = request.param.startswith("swallow")
        yield server


def client_of(server, **options):
    return RocketRideClient(
        server.url, KEY, **{"connect_timeout": CONNECTING, "timeout": GENEROUS, **options}
    )


CARRIED = {
    "use": lambda client: client.use(pipeline=PIPELINE),
    "status": lambda client: client.get_task_status(TOKEN),
    "wait": lambda client: client.wait_until_complete(TOKEN, timeout=GENEROUS),
    "wait for many": lambda client: client.wait_all(tokens(3), timeout=GENEROUS),
    "run": lambda client: client.run(pipeline=PIPELINE),
    "run with an object": lambda client: client.run(pipeline=DROPPER, data="x", timeout=GENEROUS),
    "send": lambda client: client.send(TOKEN, b"x"),
}


@each("call", CARRIED.values(), ids=CARRIED)
def test_what_http_can_carry_goes_over_http(blocked, call):
    with client_of(blocked) as client:
        call(client)


def test_a_run_says_what_http_costs_it(blocked, caplog):
    with client_of(blocked) as client:
        assert client.run(pipeline=PIPELINE).succeeded
    assert "over HTTP the server ends the task when 15 minutes" in caplog.text
    assert count(blocked, "POST /task") == 1


def test_the_command_runs_there_too(blocked, tmp_path):
    path = tmp_path / "job.pipe"
    path.write_text('{"project_id": "p", "source": "s", "components": [{"id": "s"}]}')
    arguments = ["run", str(path), "--uri", blocked.url, "--connect-timeout", str(CONNECTING)]
    done = call_command(arguments, {"ROCKETRIDE_APIKEY": KEY})
    assert (done.returncode, "over HTTP" in done.stderr) == (0, True)


def test_a_start_asks_for_one_upgrade(blocked):
    """What has just failed is not tried again, to start the task without what HTTP cannot carry."""
    with client_of(blocked) as client:
        client.run(pipeline=PIPELINE)
    before = blocked.requests[: [each[:4] for each in blocked.requests].index("POST")]
    assert len(before) == 1


WEBSOCKET_ONLY = {
    "ping": lambda client: client.ping(),
    "validate": lambda client: client.validate(PIPELINE),
    "get_tasks": lambda client: client.get_tasks(),
    "use with ttl": lambda client: client.use(pipeline=PIPELINE, ttl=60, timeout=SWALLOWED),
    "pipe": lambda client: client.pipe(TOKEN, provider="webhook").open(),
}


@each("what", WEBSOCKET_ONLY)
def test_what_takes_websocket_says_so_and_may_be_tried_again(blocked, what):
    """A server that restarts cuts upgrades too: the fault is one that may pass."""
    with client_of(blocked, timeout=SWALLOWED) as client:
        for _ in range(2):
            with pytest.raises(
                TransportError, match=r"takes WebSocket, but .* the WebSocket upgrade"
            ) as caught:
                WEBSOCKET_ONLY[what](client)
            assert isinstance(caught.value, TransportTimeoutError) is blocked.swallows
            assert not isinstance(caught.value, UnsupportedOperationError)
            assert not caught.value.request_sent
    assert len(blocked.requests) == upgrades(blocked)


SLOW = 20.0


def answering_the_key_late(and_then=0.0):
    """A server that takes `SLOW` seconds to answer the key, over WebSocket, and has whatever is asked for.

    The time leaps, and then the server sleeps for so many seconds.
    """

    def upgrade(peer, request):
        it = DapPeer(peer)
        try:
            it.upgrade(request)
            key = it.request()
            leap(SLOW)
            time.sleep(and_then)
            it.answer(key, {})
            while True:
                _, asked, _ = next_request(it)
                it.answer(asked, {**DONE, "tasks": [], "errors": [], "token": TOKEN, "pipe_id": 1})
        except Gone:
            pass

    return Blocked(upgrade)


ANSWERED_LATE = {
    **{name: WEBSOCKET_ONLY[name] for name in ("get_tasks", "pipe")},
    "send": lambda client: client.send(TOKEN, b"x", {"name": "x", "parent": "/"}),
    "use for ever": lambda client: client.use(pipeline=PIPELINE, ttl=0),
}


@pytest.mark.parametrize(
    "limits", [{"connect_timeout": SLOW / 2}, {"timeout": 1.9 * SLOW, "connect_timeout": 100.0}], ids=str
)
@pytest.mark.parametrize("what", ANSWERED_LATE)
def test_what_takes_websocket_gives_the_answer_to_the_key_all_its_time(what, limits):
    """Nothing could take its place."""
    with Server(answering_the_key_late()) as server, client_of(server, **limits) as client:
        ANSWERED_LATE[what](client)
        assert len(server.requests) == upgrades(server) == 1


def test_what_http_can_carry_does_not_wait_for_a_late_answer_to_the_key():
    with Server(answering_the_key_late(1.5)) as server, client_of(server) as client:
        client.get_task_status(TOKEN)
        assert (upgrades(server), count(server, "GET /task?")) == (1, 1)


@pytest.mark.parametrize("upgrade", ["swallow", "swallow_frames"])
@each("pipeline", [PIPELINE, {key: value for key, value in PIPELINE.items() if key != "project_id"}])
def test_a_run_goes_over_http_as_soon_as_any_other_call(upgrade, pipeline):
    """Also the look and the start that take WebSocket: `run` goes on over HTTP in their place.

    Each lets time leap once; to wait for half of the time of the call would take longer.
    """
    with Server(Blocked(globals()[upgrade])) as server, client_of(server) as client:
        began = time.monotonic()
        client.run(pipeline=pipeline)
        assert time.monotonic() - began < 2 * SWALLOWED + 15


def test_a_start_that_is_lost_there_is_looked_for_more_than_once_and_says_why_it_was_not_found(blocked):
    """The upgrade may pass the next time."""
    lost = LostStart("p", "s")
    lost.look_before(RocketRideClient("h", KEY, transport=MemoryTransport([{"token": ""}])), Deadline(None))

    def clock():
        """Each look takes long."""
        return time.monotonic() + 100.0 * upgrades(blocked)

    with client_of(blocked) as client:
        assert not lost.end(client, Deadline(250.0, clock))
    assert upgrades(blocked) > 1
    assert "it can be looked up over WebSocket only" in str(lost)


def test_a_websocket_transport_does_not_go_over_http(blocked):
    with client_of(blocked, transport="websocket") as client, pytest.raises(TransportError):
        client.get_task_status(TOKEN, timeout=SWALLOWED)
    assert len(blocked.requests) == upgrades(blocked)


ENDS = {"reset": reset_at_first_frame, "close frame": close_with_a_frame}


@each("name", ENDS)
def test_whatever_ends_a_connection_before_the_key_is_answered_is_an_upgrade_that_was_cut(name):
    with Server(Blocked(ENDS[name])) as server, client_of(server) as client:
        for call in CARRIED.values():
            call(client)
        with pytest.raises(TransportError, match="just after the WebSocket upgrade") as caught:
            client.ping()
        assert not caught.value.request_sent


@each("name", JUNK)
def test_junk_in_place_of_the_answer_to_the_key_is_an_upgrade_answered_by_a_page(name):
    """It says nothing about the next time."""
    clock = Clock()
    with Server(Blocked(send(JUNK[name]))) as server, client_of(server) as client:
        client._transport.fallback = Fallback(clock)
        for carried in ("status", "wait", "wait for many", "use"):
            CARRIED[carried](client)
            clock.now += 2
        with pytest.raises(ProtocolError, match="just after the WebSocket upgrade") as caught:
            client.ping()
        assert not caught.value.request_sent
        before = upgrades(server)
        client.get_task_status(TOKEN)
        assert upgrades(server) == before + 1


def test_an_answer_to_the_key_that_is_too_large_ends_a_wait_over_websocket_at_once():
    """As any answer that would be as large the next time."""
    with Server(Blocked(send(JUNK["too much"]))) as server, client_of(
        server, transport="websocket"
    ) as client:
        with pytest.raises(ProtocolError, match="max_response_bytes"):
            client.wait_until_complete(TOKEN, timeout=GENEROUS)
        assert upgrades(server) == 1


@pytest.mark.parametrize("name", ["status", "wait", "wait for many", "use"])
def test_a_key_that_the_server_refuses_is_told_and_not_tried_over_http(name):
    with Server(refusing_credentials("Invalid API key")) as server, client_of(server) as client:
        with pytest.raises(AuthenticationError):
            CARRIED[name](client)
        assert len(server.requests) == upgrades(server)


def test_one_connection_that_is_cut_before_the_key_is_answered_is_not_remembered():
    """So does a server that restarts; the next call goes over WebSocket."""
    cuts = [cut_at_first_frame]

    def upgrade(peer, request):
        if cuts:
            cuts.pop()(peer, request)
            return
        it = DapPeer(peer)
        it.upgrade(request)
        try:
            it.answer(it.request(), {})
            while True:
                always(DONE)(it, it.request())
        except Gone:
            pass

    with Server(Blocked(upgrade)) as server, client_of(server) as client:
        for _ in range(3):
            client.get_task_status(TOKEN)
        assert (upgrades(server), count(server, "GET /task?")) == (2, 1)


def test_a_connection_that_is_lost_after_the_key_was_answered_is_no_refusal():
    def upgrade(peer, request):
        it = DapPeer(peer)
        it.upgrade(request)
        it.answer(it.request(), {})
        it.request()

    with Server(Blocked(upgrade)) as server, client_of(server) as client:
        for _ in range(2):
            with pytest.raises(TransportError):
                client.get_task_status(TOKEN)
        assert len(server.requests) == upgrades(server) == 2


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def swallow_while_time_flies(peer):
    """A tenth of a second is one, until the client gives up."""
    peer.sock.settimeout(0.1)
    while not peer._server.stopped.is_set():
        try:
            if not peer.sock.recv(65536):
                return
        except socket.timeout:
            leap(0.9)


FLYING = {
    "swallow": lambda peer, request: swallow_while_time_flies(peer),
    "swallow_frames": after_upgrade(lambda it: swallow_while_time_flies(it.peer)),
}


@pytest.mark.parametrize("upgrade", FLYING)
@pytest.mark.parametrize(
    ("name", "timeout"),
    [
        ("status", 24.0),
        ("status", 60.0),
        ("use", 32.0),
        ("run", 24.0),
        ("run with an object", 16.0),
        ("wait", 32.0),
        ("wait for many", 32.0),
        ("send", 32.0),
    ],
)
def test_a_swallowed_upgrade_leaves_http_its_time(name, timeout, upgrade):
    """Also if the whole call may take less than `connect_timeout`."""
    with Server(Blocked(FLYING[upgrade])) as server:
        with client_of(server, timeout=timeout, connect_timeout=80.0) as client:
            client._transport._http.load()  # which is not what takes time here
            limited = {
                "use": lambda: client.use(pipeline=PIPELINE, timeout=timeout),
                "run": lambda: client.run(pipeline=PIPELINE, timeout=2 * timeout),
                "run with an object": lambda: client.run(pipeline=DROPPER, data="x", timeout=4 * timeout),
                "wait": lambda: client.wait_until_complete(TOKEN, timeout=timeout),
                "wait for many": lambda: client.wait_all(tokens(3), timeout=timeout),
            }
            limited.get(name, lambda: CARRIED[name](client))()


CALLS = {
    "statuses": lambda client: client.get_task_status(TOKEN),
    "objects": lambda client: client.send(TOKEN, b"x"),
    "waits": lambda client: client.wait_until_complete(TOKEN, timeout=GENEROUS),
    "waits for many": lambda client: client.wait_all(tokens(3), timeout=GENEROUS),
}


def in_pieces(client):
    with client.pipe(TOKEN) as pipe:
        pipe.write(b"x")


def files(client, folder):
    path = folder / "a.txt"
    path.write_text("x")
    assert client.send_files([path], TOKEN)[0]["action"] == "complete"


@pytest.mark.parametrize("name", [*CALLS, "pieces", "files"])
def test_what_was_learned_holds_for_later_calls(blocked, name, tmp_path):
    clock = Clock()
    with client_of(blocked) as client:
        client._transport.fallback = Fallback(clock)
        more = {"pieces": in_pieces, "files": lambda client: files(client, tmp_path)}
        call = CALLS.get(name) or more[name]
        for _ in range(6):
            call(client)
            clock.now += 2
        assert upgrades(blocked) == 2


@pytest.mark.parametrize("name", [*CALLS, "pieces", "files"])
def test_a_success_of_http_counts_for_the_refusal_that_a_caller_was_just_told_of(blocked, name, tmp_path):
    clock = Clock()
    call = {**CALLS, "pieces": in_pieces, "files": lambda client: files(client, tmp_path)}[name]
    with client_of(blocked) as client:
        client._transport.fallback = Fallback(clock)
        with pytest.raises(TransportError):
            client.ping(timeout=SWALLOWED)
        for _ in range(3):
            call(client)
            clock.now += 2
        assert upgrades(blocked) == 2


def test_the_message_tells_the_time_that_it_took():
    with Server(Blocked(swallow)) as server:
        began = time.monotonic()
        with client_of(server, timeout=2 * SWALLOWED, connect_timeout=10 * SWALLOWED) as client:
            with pytest.raises(TransportTimeoutError) as caught:
                client.ping()
        took = time.monotonic() - began
    told = re.search(r"WebSocket upgrade within (\d+\.\d+|\d+) s", str(caught.value))
    assert told is not None, caught.value
    assert SWALLOWED <= float(told.group(1)) <= took + 0.1 < 2 * SWALLOWED
