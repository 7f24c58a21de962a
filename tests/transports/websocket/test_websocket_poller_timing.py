"""Waits for many tasks over WebSocket: slow callers, slow connections, mute tasks and lost connections cost no other task its end."""

import time

import pytest

from rocketride_sync import (
    RetryPolicy,
    RocketRideClient,
    WaitTimeoutError,
)
from rocketride_sync.address import Address
from rocketride_sync.config import Settings
from rocketride_sync.transports.websocket.transport import WebSocketTransport

from ..dap_peer import DONE, KEY, RUNNING, dap, serve
from ..either_transport import STATUS, replying
from ..loopback import Server
from ..polled_tasks import LONG, ROOM, Clock, client_of, take, tokens


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


def test_callbacks_do_not_outlive_the_timeout_but_for_ends(leaping):
    """All statuses come at once, and are told one after the other."""
    told = []

    def callback(token, status):
        told.append(token)
        leaping.leap(12.0)

    def script(peer):
        requests = take(peer, 64)
        with peer.together():
            for request in requests:
                peer.answer(request, DONE if request["arguments"]["token"] == tokens(64)[-1] else RUNNING)
        take(peer, 1)

    with Server(dap(script)) as server, client_of(server) as client:
        results = client.wait_all(tokens(64), timeout=60, on_progress=callback)
    assert results[-1].succeeded
    assert told == [*tokens(5), tokens(64)[-1]]  # five take the minute
    assert {type(result.error) for result in results[:-1]} == {WaitTimeoutError}


@pytest.mark.parametrize("size", [0, 20_000])
def test_a_poll_that_is_due_after_the_end_costs_no_answer_that_came_in_time(size, leaping):
    """How long a longer one may take to read is tested in simulated time: a busy machine needs more than that."""
    first, late, slow = tokens(3)
    ended = {**DONE, "warnings": ["x" * size]}
    held = []

    def reply(peer, request):
        if request["command"] == STATUS and request["arguments"]["token"] == late:
            held.append((peer, request))
        else:
            replying(lambda token: RUNNING)(peer, request)

    def callback(token, status):
        """The answer comes while this goes on, and then the time is up."""
        if token == slow and held:
            peer, request = held.pop()
            peer.answer(request, ended)
            peer.peer.await_delivery()
            leaping.leap(30.0)

    with Server(serve(reply)) as server, client_of(server) as client:
        results = client.wait_all([first, late, slow], timeout=20, interval=9, on_progress=callback)
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


def wait_until_all_but(count, client, asked, leaping):
    """The results of a wait whose time is up as soon as all but so many of the tasks have ended."""
    found = {}
    for result in client.as_completed(asked, timeout=LONG, interval=0.5):
        found[result.token] = result
        if sum(each.succeeded for each in found.values()) == len(asked) - count:
            leaping.leap(LONG)
    return [found[token] for token in asked]


def test_a_mute_task_and_a_lost_connection_cost_nobody_else_its_end(leaping):
    mute = tokens(5)[3]
    connections = []

    def script(peer):
        connections.append(peer)
        polls = 0
        while True:
            request = peer.request()
            polls += request["command"] == STATUS
            if request["arguments"]["token"] != mute or request["command"] != STATUS:
                replying(lambda token: RUNNING if len(connections) == 1 else DONE)(peer, request)
            if len(connections) == 1 and polls == 8:
                peer.peer.reset()
                return

    with Server(dap(script)) as server, client_of(server) as client:
        results = wait_until_all_but(1, client, tokens(5), leaping)
    assert [result.succeeded for result in results] == [True, True, True, False, True]
    assert isinstance(results[3].error, WaitTimeoutError)
    assert len(connections) == 2


def test_a_mute_task_and_one_that_breaks_connections_cost_nobody_else_its_end(leaping):
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
        results = wait_until_all_but(2, client, tokens(20), leaping)
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


def test_the_last_poll_is_made_however_long_connections_are_put_off():
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


def test_when_the_first_has_ended_all_that_are_known_to_have_are_told():
    with Server(serve(replying(lambda token: DONE))) as server, client_of(server) as client:
        results = client.wait_all(tokens(4), timeout=ROOM, return_when="FIRST_COMPLETED")
    assert all(result.succeeded for result in results)
