"""Waiting over WebSocket: the end is learnt at once, and never missed when the push fails."""

import threading
import time

import pytest

from rocketride_sync import (
    RetryPolicy,
    RocketRideClient,
    WaitTimeoutError,
)
from rocketride_sync.address import Address
from rocketride_sync.config import Settings
from rocketride_sync.transports.websocket import WebSocketTransport

from ..dap_peer import DONE, KEY, RUNNING, TOKEN, Gone, dap
from ..loopback import Server

LONG = 60.0  # an interval that no test waits out
STOPPING = {**RUNNING, "state": 4, "completed": True}


class Task:
    """A task whose life the test decides; answers polls and notes what else is asked."""

    def __init__(self, *statuses):
        self.statuses = list(statuses)
        self.polls = 0
        self.subscriptions = []
        self.polled = threading.Condition()

    def status(self):
        with self.polled:
            self.polls += 1
            self.polled.notify_all()
            return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]

    def reply(self, peer, request):
        if request["command"] == "rrext_monitor":
            self.subscriptions.append(request["arguments"])
            peer.answer(request)
        else:
            peer.answer(request, self.status())

    def serve_until(self, peer, polls):
        """Answer requests until there were so many polls."""
        while self.polls < polls:
            self.reply(peer, peer.request())

    def telling(self, *actions):
        """A script: after the first poll come events with these actions."""

        def script(peer):
            self.serve_until(peer, 1)
            for action in actions:
                peer.event(action)
            self.serve_on(peer)

        return script

    def serve_on(self, peer):
        while True:
            self.reply(peer, peer.request())


def client_of(server, dead_after=45.0, **options):
    settings = Settings(address=Address.parse(server.url), auth=KEY)
    transport = WebSocketTransport(settings, dead_after=dead_after)
    retry = RetryPolicy(initial_delay=0.01, max_delay=0.05)
    return RocketRideClient(server.url, KEY, transport=transport, retry=retry, **options)


def wait(server, interval=LONG, timeout=40.0, **options):
    with client_of(server, **options) as client:
        began = time.monotonic()
        status = client.wait_until_complete(TOKEN, timeout=timeout, interval=interval)
        assert time.monotonic() - began < 20
        return status


@pytest.fixture
def closing_on_subscription():
    def script_of(task):
        def script(peer):
            while True:
                request = peer.request()
                if request["command"] == "rrext_monitor":
                    peer.peer.reset()
                    raise Gone
                task.reply(peer, request)

        return script

    return script_of


def test_it_subscribes_to_task_by_name_and_unsubscribes_when_it_leaves():
    task = Task(RUNNING, DONE)

    with Server(dap(task.telling("end"))) as server:
        assert wait(server).succeeded
    assert task.subscriptions == [{"token": TOKEN, "types": ["TASK"]}, {"token": TOKEN, "types": []}]


def test_the_first_poll_does_not_wait_for_the_subscription():
    """A server that never answers rrext_monitor delays nothing."""
    task = Task(DONE)

    def action(peer):
        while True:
            request = peer.request()
            if request["command"] != "rrext_monitor":
                task.reply(peer, request)

    with Server(dap(action)) as server:
        assert wait(server).succeeded


def test_a_refused_subscription_changes_nothing_but_the_latency():
    task = Task(RUNNING, RUNNING, DONE)

    def action(peer):
        while True:
            request = peer.request()
            if request["command"] == "rrext_monitor":
                peer.refuse(request, "no")
            else:
                task.reply(peer, request)

    with Server(dap(action)) as server:
        assert wait(server, interval=0.05).succeeded


@pytest.mark.parametrize("action", ["end", "begin", "restart"])
def test_an_event_of_the_task_ends_the_pause(action):
    task = Task(RUNNING, DONE)

    with Server(dap(task.telling(action))) as server:
        assert wait(server).succeeded
    assert task.polls == 2


def test_after_the_end_event_it_polls_quickly_until_the_status_is_terminal():
    task = Task(RUNNING, STOPPING, STOPPING, STOPPING, DONE)

    with Server(dap(task.telling("end"))) as server:
        assert wait(server).succeeded
    assert task.polls == 5


def test_an_end_that_is_a_twins_costs_a_few_polls_and_no_more():
    task = Task(RUNNING)

    with Server(dap(task.telling("end"))) as server, client_of(server) as client, pytest.raises(
        WaitTimeoutError
    ):
        client.wait_until_complete(TOKEN, timeout=3.0, interval=LONG)
    assert 5 <= task.polls <= 14


@pytest.mark.parametrize(
    "foreign",
    [
        {"projectId": "another"},
        {"source": "another"},
        {"action": "running", "tasks": [{"projectId": "p", "source": "s"}]},
        {"action": 7},
    ],
)
def test_foreign_events_wake_nobody(foreign):
    task = Task(RUNNING)

    def script(peer):
        task.serve_until(peer, 1)
        peer.event(**{"action": "end", **foreign})
        task.serve_on(peer)

    with Server(dap(script)) as server, client_of(server) as client, pytest.raises(WaitTimeoutError):
        client.wait_until_complete(TOKEN, timeout=1.0, interval=LONG)
    # The first, and the last before the deadline, which a slow first one may place too early for the only last one.
    assert task.polls <= 4


def test_without_any_event_the_end_is_seen_at_the_interval():
    task = Task(RUNNING, RUNNING, RUNNING, DONE)
    with Server(dap(task.serve_on)) as server:
        assert wait(server, interval=0.05).succeeded
    assert task.polls == 4


def test_a_doubled_end_is_harmless():
    task = Task(RUNNING, STOPPING, DONE)

    with Server(dap(task.telling("end", "end"))) as server:
        assert wait(server).succeeded


def test_after_a_lost_connection_it_connects_subscribes_and_polls_at_once():
    task = Task(RUNNING, DONE)

    def script(peer):
        task.serve_until(peer, task.polls + 1)
        if task.polls == 1:
            peer.peer.reset()
        task.serve_on(peer)

    with Server(dap(script)) as server:
        assert wait(server).succeeded
        assert server.connections == 2
    assert [s["types"] for s in task.subscriptions] == [["TASK"], ["TASK"], []]


def test_a_server_that_always_hangs_up_is_not_hammered():
    task = Task(RUNNING)

    def script(peer):
        task.serve_until(peer, task.polls + 1)
        peer.close(1012)

    with Server(dap(script)) as server, client_of(server) as client, pytest.raises(WaitTimeoutError):
        client.wait_until_complete(TOKEN, timeout=2.0, interval=LONG)
    assert task.polls <= 14


def test_a_silent_server_is_noticed_while_waiting():
    """Not even a ping: the connection is dead, and the next one tells the end."""
    task = Task(RUNNING, DONE)

    def script(peer):
        task.serve_until(peer, task.polls + 1)
        if task.polls == 1:
            peer.peer.stall()
        task.serve_on(peer)

    with Server(dap(script)) as server:
        assert wait(server, dead_after=1.0).succeeded


def test_a_server_that_pings_is_not_dead():
    task = Task(RUNNING, DONE)

    def script(peer):
        task.serve_until(peer, 1)
        for _ in range(30):
            peer.raw(b"\x89\x00")
            assert peer.receive()[0] == 10
            peer.peer._server.stopped.wait(0.1)
        peer.event("end")
        task.serve_on(peer)

    with Server(dap(script)) as server:
        assert wait(server, dead_after=2.0).succeeded
        assert server.connections == 1


def test_a_callback_that_sleeps_misses_nothing():
    task = Task(RUNNING, DONE)

    with Server(dap(task.telling("end"))) as server, client_of(server) as client:
        seen = []

        def callback(status):
            seen.append(status.state)
            time.sleep(0.3)

        client.wait_until_complete(TOKEN, timeout=40, interval=LONG, on_progress=callback)
    assert seen == [3, 5]


def test_what_a_callback_raises_comes_out_and_the_connection_is_kept():
    task = Task(RUNNING)
    with Server(dap(task.serve_on)) as server, client_of(server) as client:
        boom = ValueError("boom")

        def callback(_status):
            raise boom

        with pytest.raises(ValueError, match="boom") as caught:
            client.wait_until_complete(TOKEN, on_progress=callback)
        assert caught.value is boom
        client.get_task_status(TOKEN)
        assert server.connections == 1


def test_leaving_the_iterator_gives_the_connection_back():
    task = Task(RUNNING)
    with Server(dap(task.serve_on)) as server, client_of(server) as client:
        for _ in client.iter_task_status(TOKEN):
            break
        client.get_task_status(TOKEN)
        assert server.connections == 1
        assert task.subscriptions[-1]["types"] == []


def test_waits_of_several_threads_have_a_connection_each():
    task = Task(*[RUNNING] * 4, DONE)
    with Server(dap(task.serve_on)) as server, client_of(server) as client:
        ends = []
        threads = [
            threading.Thread(target=lambda: ends.append(client.wait_until_complete(TOKEN, 40, 0.05)))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(ends) == 4


def test_no_poll_depends_on_the_subscription(closing_on_subscription):
    """Some gateways close the connection on `rrext_monitor`: what `get_task_status` finds, a wait finds too."""
    task = Task(RUNNING, RUNNING, DONE)

    with Server(dap(closing_on_subscription(task))) as server:
        assert wait(server, interval=0.05).succeeded
        assert server.connections == 3
    assert task.polls == 3


def test_one_poll_does_not_depend_on_the_subscription(closing_on_subscription):
    with Server(dap(closing_on_subscription(Task(DONE)))) as server:
        assert wait(server, timeout=0).succeeded


def test_after_one_loss_a_connection_that_has_answered_is_subscribed(closing_on_subscription):
    task = Task(RUNNING, RUNNING, DONE)

    def action(peer):
        if peer.peer._server.connections == 1:
            closing_on_subscription(task)(peer)
        task.serve_until(peer, 2)
        peer.event("end")
        task.serve_on(peer)

    with Server(dap(action)) as server:
        assert wait(server, interval=0.05).succeeded
        assert server.connections == 2
    assert [each["types"] for each in task.subscriptions] == [["TASK"], []]
