"""Many tasks over one WebSocket connection: what a lost connection or answer costs whom."""

import time

import pytest

from rocketride_sync import (
    AuthenticationError,
    ProtocolError,
    RetryPolicy,
    RocketRideClient,
    TransportError,
    WaitTimeoutError,
)

from ..dap_peer import KEY, Gone, dap, frame, refusing_credentials, serve
from ..either_transport import STATUS
from ..loopback import Server
from ..polled_tasks import LONG, MONITOR, ROOM, Tasks, prompt_client_of, take, tokens


def test_a_lost_connection_is_replaced_once_for_all():
    tasks = Tasks()

    def script(peer):
        if peer.peer._server.connections == 1:
            for request in take(peer, 50)[:20]:
                tasks.reply(peer, request)
            peer.peer.reset()
            return
        tasks.done = True
        while True:
            tasks.reply(peer, peer.request())

    with Server(dap(script)) as server, prompt_client_of(server) as client:
        results = client.wait_all(tokens(50), timeout=LONG, interval=0.2)
        assert server.connections == 2
    assert all(result.succeeded for result in results)


def test_after_a_connection_was_lost_between_polls_all_are_polled_and_subscribed_to_again():
    tasks = Tasks()

    def script(peer):
        seen = sum(tasks.polls.values())
        while sum(tasks.polls.values()) < seen + 3:
            tasks.reply(peer, peer.request())
        if peer.peer._server.connections == 1:
            tasks.done = True
            peer.peer.reset()
        while True:
            tasks.reply(peer, peer.request())

    with Server(dap(script)) as server, prompt_client_of(server) as client:
        began = time.monotonic()
        results = client.wait_all(tokens(3), timeout=LONG, interval=LONG)
        # Nobody waited for the interval: the end may have been told meanwhile.
        assert time.monotonic() - began < ROOM
        client.get_task_status("tk_other")  # its answer comes after all that was asked before
        assert server.connections == 2
    assert all(result.succeeded for result in results)
    assert [types for _, types in tasks.subscriptions] == [["TASK"]] * 6 + [[]] * 3


def test_a_poll_that_breaks_every_connection_is_the_only_one_to_fail():
    tasks = Tasks(done=True)
    poison = tokens(20)[7]

    def reply(peer, request):
        if request["command"] == STATUS and request["arguments"]["token"] == poison:
            peer.peer.reset()
            raise Gone
        tasks.reply(peer, request)

    retry = RetryPolicy(initial_delay=0.05, max_delay=0.1, max_outage=1.0)
    with Server(serve(reply)) as server, prompt_client_of(server, retry=retry) as client:
        results = client.wait_all(tokens(20), timeout=LONG, interval=0.1)
    assert [result.token for result in results if not result.succeeded] == [poison]
    assert isinstance(results[7].error, TransportError)


def test_an_answer_that_is_too_large_is_its_own_tasks_error_alone():
    tasks = Tasks(done=True)
    huge = tokens(20)[7]

    def reply(peer, request):
        if request["command"] == STATUS and request["arguments"]["token"] == huge:
            peer.raw(frame(b"", announced=2**40))
            raise Gone
        tasks.reply(peer, request)

    with Server(serve(reply)) as server, prompt_client_of(server) as client:
        results = client.wait_all(tokens(20), timeout=LONG, interval=0.1)
    assert [result.token for result in results if not result.succeeded] == [huge]
    assert type(results[7].error) is ProtocolError


def test_a_single_answer_that_is_too_large_is_asked_for_once():
    asked = []

    def reply(peer, request):
        if request["command"] == STATUS:
            asked.append(request)
            peer.raw(frame(b"", announced=2**40))
            raise Gone

    with Server(serve(reply)) as server, prompt_client_of(server) as client:
        (result,) = client.wait_all(tokens(1), timeout=LONG)
    assert type(result.error) is ProtocolError
    assert len(asked) == 1


def test_an_answer_that_never_comes_holds_up_nobody_else():
    tasks = Tasks(done=True)
    mute = tokens(200)[7]

    def reply(peer, request):
        if request["arguments"]["token"] != mute:
            tasks.reply(peer, request)

    with Server(serve(reply)) as server, prompt_client_of(server, timeout=LONG) as client:
        began = time.monotonic()
        results = client.as_completed(tokens(200), timeout=LONG)
        others = [next(results) for _ in range(199)]
        assert time.monotonic() - began < 20
        results.close()
    assert all(result.succeeded for result in others)


def test_an_answer_that_never_comes_does_not_cost_the_connection():
    tasks = Tasks()
    mute = tokens(5)[3]

    def reply(peer, request):
        if request["arguments"]["token"] != mute:
            tasks.reply(peer, request)

    with Server(serve(reply)) as server, prompt_client_of(server, timeout=2.0) as client:
        results = client.wait_all(tokens(5), timeout=5.0, interval=0.1)
        assert server.connections == 1
    assert {type(result.error) for result in results} == {WaitTimeoutError}
    assert [result.token for result in results if result.status is None] == [mute]


def test_an_answer_that_never_comes_keeps_no_end_untold():
    tasks = Tasks()
    target, mute = tokens(2)

    def script(peer):
        while True:
            request = peer.request()
            if request["arguments"]["token"] != mute:
                tasks.reply(peer, request)
            elif request["command"] == STATUS:
                tasks.done = True
                tasks.end_of(peer, target)

    with Server(dap(script)) as server, prompt_client_of(server) as client:
        began = time.monotonic()
        result = next(client.as_completed([target, mute], timeout=LONG, interval=LONG))
        assert time.monotonic() - began < 15
    assert (result.token, result.succeeded) == (target, True)


def test_a_dead_connection_is_replaced():
    tasks = Tasks(done=True)

    def script(peer):
        if peer.peer._server.connections == 1:
            take(peer, 20)
            peer.peer.stall()
        while True:
            tasks.reply(peer, peer.request())

    with Server(dap(script)) as server, prompt_client_of(server, timeout=0.5) as client:
        assert all(result.succeeded for result in client.wait_all(tokens(20), timeout=LONG))


def test_a_server_that_always_hangs_up_is_not_hammered():
    def script(peer):
        take(peer, 1)
        peer.close(1012)

    with Server(dap(script)) as server, prompt_client_of(server, retry=RetryPolicy()) as client:
        results = client.wait_all(tokens(50), timeout=2.0, interval=0.1)
        assert server.connections <= 12
    assert {type(result.error) for result in results} == {WaitTimeoutError}
    assert all(result.error.last_status is None for result in results)


def test_an_outage_of_the_server_ends_all_waits_and_not_before_its_time():
    with Server(serve(Tasks().reply)) as server:
        url = server.url
    retry = RetryPolicy(initial_delay=0.05, max_delay=0.2, max_outage=1.0)
    with RocketRideClient(url, KEY, transport="websocket", retry=retry) as client:
        began = time.monotonic()
        results = client.wait_all(tokens(100), timeout=LONG)
        assert 0.8 < time.monotonic() - began < 20
    assert all(isinstance(result.error, TransportError) for result in results)


def test_a_refused_key_is_raised():
    with Server(refusing_credentials("Invalid API key")) as server, prompt_client_of(
        server
    ) as client, pytest.raises(AuthenticationError):
        client.wait_all(tokens(5), timeout=LONG)


@pytest.mark.parametrize("count", [3, 40])
def test_no_poll_depends_on_the_subscriptions(count):
    """Some gateways close the connection on `rrext_monitor`: what `get_task_status` finds, a wait finds too."""
    tasks = Tasks()
    asked = []

    def reply(peer, request):
        if request["command"] == MONITOR:
            asked.append(request)
            peer.peer.reset()
            raise Gone
        tasks.done = sum(tasks.polls.values()) >= 3 * count
        tasks.reply(peer, request)

    with Server(serve(reply)) as server, prompt_client_of(server) as client:
        results = client.wait_all(tokens(count), timeout=LONG, interval=0.05)
        assert server.connections == 3
    assert all(result.succeeded for result in results)
    assert len(asked) == 2
