"""What slow callers, slow connections, mute tasks and outages cost the waits for many tasks: no end that could be seen."""

import socket
import threading
import time
from collections import Counter

import pytest

from rocketride_sync import (
    RetryPolicy,
    RocketRideClient,
    TransientError,
    WaitTimeoutError,
)
from rocketride_sync.config import Address, Settings
from rocketride_sync.transports.websocket.transport import WebSocketTransport

from .dap_peer import DONE, KEY, RUNNING, dap, serve
from .loopback import Server, answer

STATUS = "rrext_get_task_status"
ROOM = 20.0  # seconds, where nothing should take so long


def tokens(count):
    return [f"tk_{number:032x}" for number in range(count)]


def client_of(server, transport="websocket", **options):
    return RocketRideClient(server.url, KEY, transport=transport, **options)


def is_upgrade(peer):
    return b"/task/service" in peer.sock.recv(4096, socket.MSG_PEEK)


def replying(status):
    """A reply: `status(token)` for each poll, subscriptions are accepted."""

    def reply(peer, request):
        is_look = request["command"] == STATUS
        peer.answer(request, status(request["arguments"]["token"]) if is_look else None)

    return reply


def over_http(peer, status):
    """Answer looks over HTTP; `status(token)` may be a whole answer too."""
    request = peer.read_request()
    while request is not None:
        found = status(request.split("token=")[1].split()[0])
        peer.send(found if isinstance(found, bytes) else answer(found))
        request = peer.read_request()


def either(status):
    """A handler for both transports."""
    return lambda peer: serve(replying(status))(peer) if is_upgrade(peer) else over_http(peer, status)


class Clock:
    """Seconds since it was made."""

    def __init__(self):
        self._began = time.monotonic()

    @property
    def now(self):
        return time.monotonic() - self._began


# --- time that is not the server's


@pytest.mark.parametrize("transport", ["websocket", "http"])
def test_time_in_the_callers_loop_is_no_round_trip(transport):
    ended, slow = tokens(2)
    clock = Clock()

    def status(token):
        if token == ended:
            return DONE
        time.sleep(0.2)  # answered while the caller is busy
        return RUNNING if clock.now < 5 else DONE

    with Server(either(status)) as server, client_of(server, transport) as client:
        found = []
        for result in client.as_completed([ended, slow], timeout=9, interval=0.5):
            found.append(result)
            if result.token == ended:
                time.sleep(3)
    assert [result.succeeded for result in found] == [True, True]


def test_time_in_the_callers_loop_is_no_outage():
    ended, failing = tokens(2)
    poller = Counter()

    def status(token):
        poller[token] += 1
        if token == failing and poller[token] == 1:
            time.sleep(0.2)
            return answer(b"busy", "503 Service Unavailable")
        return DONE

    retry = RetryPolicy(max_outage=1.5)
    with Server(either(status)) as server, client_of(server, "http", retry=retry) as client:
        for result in client.as_completed([ended, failing], timeout=ROOM, interval=0.5):
            assert result.succeeded
            if result.token == ended:
                time.sleep(2)
    assert poller[failing] == 2


def test_what_came_in_time_counts_though_the_caller_was_busy_until_after_the_timeout():
    ended, late = tokens(2)

    def status(token):
        if token == late:
            time.sleep(0.8)  # longer than what has come is held back for
        return DONE

    with Server(serve(replying(status))) as server, client_of(server) as client:
        found = []
        for result in client.as_completed([ended, late], timeout=2, interval=1):
            found.append(result)
            if len(found) == 1:
                time.sleep(3)
    assert [result.succeeded for result in found] == [True, True]


def test_callbacks_do_not_outlive_the_timeout_but_for_ends():
    """All statuses come at once, and are told one after the other."""
    clock = Clock()
    told = []

    def callback(token, status):
        told.append(token)
        time.sleep(0.2)

    def status(token):
        return DONE if token == tokens(64)[-1] else RUNNING

    with Server(serve(replying(status))) as server, client_of(server) as client:
        results = client.wait_all(tokens(64), timeout=1, on_progress=callback)
    assert clock.now < 10  # all of them take 12.8 s
    assert results[-1].succeeded
    assert told[-1] == tokens(64)[-1]
    assert {type(result.error) for result in results[:-1]} == {WaitTimeoutError}


def test_a_look_that_is_due_after_the_end_costs_no_answer_that_came_in_time():
    first, late, slow = tokens(3)
    answers = []

    def reply(peer, request):
        if request["command"] == STATUS and request["arguments"]["token"] == late:
            timer = threading.Timer(0.8, peer.answer, (request, DONE))
            answers.append(timer)
            timer.start()
        else:
            replying(lambda token: RUNNING)(peer, request)

    def callback(token, status):
        if token == slow:
            time.sleep(3)

    with Server(serve(reply)) as server, client_of(server) as client:
        results = client.wait_all([first, late, slow], timeout=2, interval=0.9, on_progress=callback)
    for timer in answers:
        timer.join()
    assert [result.succeeded for result in results] == [False, True, False]


def test_time_to_connect_is_nobodys_turn():
    """A handshake of two seconds, once, is not to be reserved before the end for each task but the first."""
    clock = Clock()

    def handler(peer):
        time.sleep(2)
        serve(replying(lambda token: RUNNING if clock.now < 7.2 else DONE))(peer)

    with Server(handler) as server, client_of(server) as client:
        results = client.wait_all(tokens(3), timeout=8.5, interval=0.5)
    assert all(result.succeeded for result in results)


# --- mute tasks and lost connections


def test_a_lost_connection_does_not_make_a_slow_server_answer_one_by_one():
    """What was on its way is asked for again together: one by one, 64 answers take 64 times as long."""
    connections = []

    def script(peer):
        connections.append(peer)
        requests = []
        while len(requests) < 64:
            requests += [request for request in [peer.request()] if request["command"] == STATUS]
        if len(connections) == 1:
            peer.peer.reset()
            return
        for request in requests:
            peer.answer(request, DONE)
        peer.request()

    with Server(dap(script)) as server, client_of(server) as client:
        results = client.wait_all(tokens(64), timeout=ROOM)
    assert all(result.succeeded for result in results)
    assert len(connections) == 2


def test_a_mute_task_and_a_lost_connection_cost_nobody_else_its_end():
    mute = tokens(5)[3]
    clock = Clock()
    connections = []

    def script(peer):
        connections.append(peer)
        poller = 0
        while True:
            request = peer.request()
            poller += request["command"] == STATUS
            if request["arguments"]["token"] != mute or request["command"] != STATUS:
                replying(lambda token: RUNNING if clock.now < 2 else DONE)(peer, request)
            if len(connections) == 1 and poller == 8:
                peer.peer.reset()
                return

    with Server(dap(script)) as server, client_of(server) as client:
        results = client.wait_all(tokens(5), timeout=8, interval=0.5)
    assert [result.succeeded for result in results] == [True, True, True, False, True]
    assert isinstance(results[3].error, WaitTimeoutError)
    assert len(connections) == 2


def test_a_mute_task_and_one_that_breaks_connections_cost_nobody_else_its_end():
    mute, breaking = tokens(20)[7], tokens(20)[12]

    def reply(peer, request):
        if request["command"] != STATUS:
            peer.answer(request)
        elif request["arguments"]["token"] == breaking:
            peer.peer.reset()
        elif request["arguments"]["token"] != mute:
            peer.answer(request, DONE)

    retry = RetryPolicy(initial_delay=0.01, max_delay=0.05)
    with Server(serve(reply)) as server, client_of(server, retry=retry) as client:
        results = client.wait_all(tokens(20), timeout=8, interval=0.5)
    assert [result.token for result in results if not result.succeeded] == [mute, breaking]


def test_a_silent_server_is_given_up_without_any_timeout():
    connections = []

    def script(peer):
        connections.append(peer)
        if len(connections) == 1:
            peer.request()
            peer.peer.stall()
        while True:
            replying(lambda token: DONE)(peer, peer.request())

    with Server(dap(script)) as server:
        settings = Settings(address=Address.parse(server.url), auth=KEY)
        transport = WebSocketTransport(settings, dead_after=1.0)
        with RocketRideClient(server.url, KEY, transport=transport, timeout=None) as client:
            (result,) = client.wait_all(tokens(1), timeout=ROOM)
    assert result.succeeded
    assert len(connections) == 2


# --- outages


def test_the_last_look_is_made_however_long_connections_are_put_off():
    """As in the wait for one task."""
    clock = Clock()
    connections = []

    def lost(peer):
        replying(lambda token: RUNNING)(peer, peer.request())
        replying(lambda token: RUNNING)(peer, peer.request())
        peer.peer.reset()

    def handler(peer):
        connections.append(peer)
        if len(connections) == 1:
            dap(lost)(peer)
        elif clock.now > 2:
            serve(replying(lambda token: DONE))(peer)
        # Else the upgrade is cut: the server restarts.

    retry = RetryPolicy(initial_delay=0.1, max_delay=ROOM, multiplier=10, jitter=0)
    with Server(handler) as server, client_of(server, retry=retry) as client:
        (result,) = client.wait_all(tokens(1), timeout=8, interval=0.5)
    assert result.succeeded


def test_no_retry_after_of_an_upgrade_makes_an_outage_longer():
    busy = answer(b"later", "503 Service Unavailable", Retry_After=3600)

    def handler(peer):
        while peer.read_request() is not None:
            peer.send(busy)

    clock = Clock()
    with Server(handler) as server, client_of(server, retry=RetryPolicy(max_outage=1)) as client:
        results = client.wait_all(tokens(2), timeout=ROOM)
    assert clock.now < ROOM / 2
    assert {type(result.error) for result in results} == {TransientError}
    assert all("503" in str(result.error) for result in results)


def test_each_task_has_an_error_of_its_own_that_does_not_grow():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    retry = RetryPolicy(max_outage=0.1)
    with RocketRideClient(f"127.0.0.1:{port}", KEY, transport="websocket", retry=retry) as client:
        results = client.wait_all(tokens(3), timeout=ROOM)
    assert len({id(result.error) for result in results}) == 3
    for _ in range(3):
        with pytest.raises(TransientError) as caught:
            results[0].result()
    assert len(caught.traceback) == 2


# --- auto


def test_a_server_that_restarted_is_used_over_websocket_afterwards():
    """The upgrade is cut and HTTP says that it is down; then both work again."""
    clock = Clock()
    upgrades = []
    told = set()
    up = threading.Event()

    def handler(peer):
        if not is_upgrade(peer):
            over_http(peer, lambda token: status(token) if up.is_set() else down(token))
            return
        upgrades.append(peer)
        # Not between a cut upgrade and the answer to what is asked over HTTP instead: that would look like a proxy.
        if told == set(tokens(8)):
            up.set()
        told.clear()
        if up.is_set():
            serve(replying(status))(peer)

    def down(token):
        told.add(token)
        return answer(b"no", "503 Down")

    def status(token):
        return RUNNING if clock.now < 3 else DONE

    with Server(handler) as server, client_of(server, "auto") as client:
        results = client.wait_all(tokens(8), timeout=ROOM, interval=0.3)
        assert all(result.succeeded for result in results)
        client.close()
        before = len(upgrades)
        client.get_task_status(tokens(1)[0])
        assert len(upgrades) == before + 1


# --- the rest


def test_over_http_too_the_first_end_is_enough_whatever_is_due():
    def status(token):
        return DONE if token == tokens(1)[0] else RUNNING

    with Server(either(status)) as server, client_of(server, "http") as client:
        for _ in range(5):
            results = client.wait_all(
                tokens(6),
                timeout=ROOM,
                interval=0.05,
                on_progress=lambda *_: time.sleep(0.1),
                return_when="FIRST_COMPLETED",
            )
            assert results[0].succeeded


def test_when_the_first_has_ended_all_that_are_known_to_have_are_told():
    with Server(serve(replying(lambda token: DONE))) as server, client_of(server) as client:
        results = client.wait_all(tokens(4), timeout=ROOM, return_when="FIRST_COMPLETED")
    assert all(result.succeeded for result in results)
