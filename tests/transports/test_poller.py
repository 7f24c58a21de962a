"""Many tasks over real sockets: what goes over the wire, and what a lost connection or answer costs whom."""

import contextlib
import json
import logging
import os
import socket
import threading
import time
from collections import Counter

import pytest

from rocketride_sync import (
    AuthenticationError,
    ProtocolError,
    RetryPolicy,
    RocketRideClient,
    TaskNotFoundError,
    TaskVanishedError,
    TransportError,
    TransportTimeoutError,
    WaitTimeoutError,
)

from .dap_peer import DONE, KEY, RUNNING, DapPeer, Gone, dap, frame, serve
from .loopback import Server, answer

LONG = 60.0  # an interval, or a timeout, that no test waits out
STATUS = "rrext_get_task_status"
MONITOR = "rrext_monitor"
UPGRADE = "GET /task/service"


def tokens(count):
    return [f"tk_{number:032x}" for number in range(count)]


def client_of(server, transport="websocket", **options):
    retry = options.pop("retry", RetryPolicy(initial_delay=0.01, max_delay=0.05))
    return RocketRideClient(server.url, KEY, transport=transport, retry=retry, **options)


class Tasks:
    """Tasks that run until `done`; notes polls and subscriptions."""

    def __init__(self, done=False):
        self.poller = Counter()
        self.subscriptions = []
        self.done = done
        self.commands = []

    def reply(self, peer, request):
        token = request["arguments"]["token"]
        self.commands.append((request["command"], token))
        if request["command"] == MONITOR:
            self.subscriptions.append((token, request["arguments"]["types"]))
            peer.answer(request)
        else:
            self.poller[token] += 1
            peer.answer(request, self.status(token))

    def status(self, token):
        return {**(DONE if self.done else RUNNING), "project_id": f"project of {token}"}

    def end_of(self, peer, token):
        peer.event("end", projectId=f"project of {token}")


def take(peer, count):
    """So many requests for a status, answered by nobody; subscriptions are accepted."""
    found = []
    while len(found) < count:
        request = peer.request()
        if request["command"] == STATUS:
            found.append(request)
        else:
            peer.answer(request)
    return found


def either(tasks):
    """A handler for both transports."""

    def handler(peer):
        if b"/task/service" in peer.sock.recv(4096, socket.MSG_PEEK):
            serve(tasks.reply)(peer)
            return
        request = peer.read_request()
        while request is not None:
            token = request.split("token=")[1].split()[0]
            tasks.poller[token] += 1
            peer.send(answer(tasks.status(token)))
            request = peer.read_request()

    return handler


# --- one connection


def test_all_looks_go_over_one_connection_without_awaiting_each_other_and_answers_may_come_in_any_order():
    def script(peer):
        for request in reversed(take(peer, 60)):
            token = request["arguments"]["token"]
            peer.answer(request, {**DONE, "name": token})
        take(peer, 1)

    with Server(dap(script)) as server, client_of(server) as client:
        results = client.wait_all(tokens(60), timeout=LONG)
        assert server.connections == 1
    assert [result.status.name for result in results] == tokens(60)


def test_the_number_of_looks_on_their_way_is_bounded():
    ahead = []

    def script(peer):
        first = take(peer, 64)
        peer.peer.sock.settimeout(0.3)
        with contextlib.suppress(OSError):
            ahead.append(peer.request())
        peer.peer.sock.settimeout(None)
        for request in first:
            peer.answer(request, DONE)
        for _ in range(136):
            peer.answer(take(peer, 1)[0], DONE)
        take(peer, 1)

    with Server(dap(script)) as server, client_of(server) as client:
        assert all(result.succeeded for result in client.wait_all(tokens(200), timeout=LONG))
    assert ahead == []


def test_afterwards_the_connection_is_used_for_other_calls():
    tasks = Tasks(done=True)
    with Server(serve(tasks.reply)) as server, client_of(server) as client:
        client.wait_all(tokens(3), timeout=LONG)
        client.get_task_status(tokens(1)[0])
        assert server.connections == 1


def test_leaving_early_closes_a_connection_on_which_an_answer_may_come():
    tasks = Tasks(done=True)
    *others, mute = tokens(5)

    def reply(peer, request):
        if request["arguments"]["token"] != mute:
            tasks.reply(peer, request)

    with Server(serve(reply)) as server, client_of(server) as client:
        results = client.as_completed(tokens(5), timeout=LONG)
        assert [next(results).token for _ in others] == others
        assert server.connections == 1
        results.close()
        assert client.get_task_status(others[0]).succeeded
        assert server.connections == 2


# --- being told


def test_few_tasks_are_subscribed_to_by_token_and_left_in_the_end():
    tasks = Tasks(done=True)
    with Server(serve(tasks.reply)) as server, client_of(server) as client:
        client.wait_all(tokens(32), timeout=LONG)
        client.get_task_status("tk_other")
    assert tasks.subscriptions == [
        *((token, ["TASK"]) for token in tokens(32)),
        *((token, []) for token in tokens(32)),
    ]


def test_many_tasks_are_not_subscribed_to_until_few_are_left():
    tasks = Tasks()
    ended = set(tokens(40)[:10])
    tasks.status = lambda token: DONE if token in ended or tasks.poller[token] > 2 else RUNNING
    with Server(serve(tasks.reply)) as server, client_of(server) as client:
        client.wait_all(tokens(40), timeout=LONG, interval=0.2)
    assert {types[0] for _, types in tasks.subscriptions if types} == {"TASK"}
    assert {token for token, _ in tasks.subscriptions} == set(tokens(40)) - ended
    first_round = tasks.commands[:40]
    assert {command for command, _ in first_round} == {STATUS}


def test_the_end_of_a_task_is_seen_long_before_the_interval(caplog):
    caplog.set_level(logging.DEBUG, "rocketride_sync")
    tasks = Tasks()
    target = tokens(5)[3]

    def script(peer):
        while len(tasks.poller) < 5:
            tasks.reply(peer, peer.request())
        tasks.status = lambda token: {
            **(DONE if token == target else RUNNING),
            "project_id": f"project of {token}",
        }
        tasks.end_of(peer, target)
        while True:
            tasks.reply(peer, peer.request())

    with Server(dap(script)) as server, client_of(server) as client:
        began = time.monotonic()
        result = next(client.as_completed(tokens(5), timeout=LONG, interval=LONG))
        assert time.monotonic() - began < 20
    assert (result.token, result.succeeded) == (target, True)
    assert tasks.poller[target] == 2
    told = [record.getMessage() for record in caplog.records]
    assert "told of task tk_0000…: end" in told
    assert any(line.startswith("task tk_0000…: <TaskStatus") and "COMPLETED" in line for line in told)


def test_nothing_is_on_its_way_while_the_callers_code_runs():
    """A large answer that is not read could hold up the events of others."""
    tasks = Tasks()
    busy = threading.Event()
    during = []

    def script(peer):
        while True:
            request = peer.request()
            if busy.is_set():
                during.append(request["command"])
            tasks.reply(peer, request)

    def callback(token, status):
        busy.set()
        time.sleep(0.02)
        tasks.done = len(tasks.poller) == 20
        busy.clear()

    with Server(dap(script)) as server, client_of(server) as client:
        assert all(result.succeeded for result in client.wait_all(tokens(20), LONG, 0.1, callback))
    assert during == []


# --- losing


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

    with Server(dap(script)) as server, client_of(server) as client:
        results = client.wait_all(tokens(50), timeout=LONG, interval=0.2)
        assert server.connections == 2
    assert all(result.succeeded for result in results)


def test_after_a_connection_was_lost_between_looks_all_are_looked_at_and_subscribed_to_again():
    tasks = Tasks()

    def script(peer):
        seen = sum(tasks.poller.values())
        while sum(tasks.poller.values()) < seen + 3:
            tasks.reply(peer, peer.request())
        if peer.peer._server.connections == 1:
            tasks.done = True
            peer.peer.reset()
        while True:
            tasks.reply(peer, peer.request())

    with Server(dap(script)) as server, client_of(server) as client:
        results = client.wait_all(tokens(3), timeout=LONG, interval=LONG)
        client.get_task_status("tk_other")  # its answer comes after all that was asked before
        assert server.connections == 2
    assert all(result.succeeded for result in results)
    assert [types for _, types in tasks.subscriptions] == [["TASK"]] * 6 + [[]] * 3


def test_a_look_that_breaks_every_connection_is_the_only_one_to_fail():
    tasks = Tasks(done=True)
    poison = tokens(20)[7]

    def reply(peer, request):
        if request["command"] == STATUS and request["arguments"]["token"] == poison:
            peer.peer.reset()
            raise Gone
        tasks.reply(peer, request)

    retry = RetryPolicy(initial_delay=0.05, max_delay=0.1, max_outage=1.0)
    with Server(serve(reply)) as server, client_of(server, retry=retry) as client:
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

    with Server(serve(reply)) as server, client_of(server) as client:
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

    with Server(serve(reply)) as server, client_of(server) as client:
        (result,) = client.wait_all(tokens(1), timeout=LONG)
    assert type(result.error) is ProtocolError
    assert len(asked) == 1


def test_an_answer_that_never_comes_holds_up_nobody_else():
    tasks = Tasks(done=True)
    mute = tokens(200)[7]

    def reply(peer, request):
        if request["arguments"]["token"] != mute:
            tasks.reply(peer, request)

    with Server(serve(reply)) as server, client_of(server, timeout=LONG) as client:
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

    with Server(serve(reply)) as server, client_of(server, timeout=2.0) as client:
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

    with Server(dap(script)) as server, client_of(server) as client:
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

    with Server(dap(script)) as server, client_of(server, timeout=0.5) as client:
        assert all(result.succeeded for result in client.wait_all(tokens(20), timeout=LONG))


def test_a_server_that_always_hangs_up_is_not_hammered():
    def script(peer):
        take(peer, 1)
        peer.close(1012)

    with Server(dap(script)) as server, client_of(server, retry=RetryPolicy()) as client:
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


@pytest.mark.parametrize("transport", ["websocket", "http"])
def test_a_server_that_says_nothing_does_not_outlive_the_timeout(transport):
    with Server(lambda peer: peer.stall()) as server, client_of(server, transport) as client:
        began = time.monotonic()
        results = client.wait_all(tokens(30), timeout=1.0)
        assert time.monotonic() - began < 10
    assert {type(result.error) for result in results} == {WaitTimeoutError}


@pytest.mark.parametrize("transport", ["websocket", "http", "auto"])
def test_a_long_retry_after_does_not_outlive_the_timeout(transport):
    busy = answer(b"later", "503 Service Unavailable", Retry_After=3600)

    def handler(peer):
        while peer.read_request() is not None:
            peer.send(busy)

    with Server(handler) as server, client_of(server, transport) as client:
        began = time.monotonic()
        results = client.wait_all(tokens(5), timeout=1.0)
        assert time.monotonic() - began < 10
    assert {type(result.error) for result in results} == {WaitTimeoutError}


def test_a_refused_key_is_raised():
    def handler(peer):
        it = DapPeer(peer)
        try:
            it.upgrade()
            it.refuse(it.request(), "Invalid API key")
            it.close()
        except Gone:
            pass

    with Server(handler) as server, client_of(server) as client, pytest.raises(AuthenticationError):
        client.wait_all(tokens(5), timeout=LONG)


def test_vanished_and_unknown_tasks_are_told_apart():
    tasks = Tasks()

    def reply(peer, request):
        token = request["arguments"]["token"]
        if request["command"] == STATUS and (token == tokens(2)[1] or tasks.poller[token]):
            peer.refuse(request, "Your pipeline is not running")
        else:
            tasks.reply(peer, request)

    with Server(serve(reply)) as server, client_of(server) as client:
        vanished, unknown = client.wait_all(tokens(2), timeout=LONG, interval=0.1)
    assert type(vanished.error) is TaskVanishedError
    assert type(unknown.error) is TaskNotFoundError


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings(
    "ignore:This process:DeprecationWarning"
)  # Python 3.12 and later: there are threads
@pytest.mark.parametrize("transport", ["websocket", "http"])
def test_a_wait_goes_on_in_a_forked_child_and_in_its_parent(transport):
    tasks = Tasks()
    first = tokens(5)[0]
    tasks.status = lambda token: DONE if tasks.done or token == first else RUNNING
    with Server(either(tasks)) as server, client_of(server, transport) as client:
        results = client.as_completed(tokens(5), 40, 0.1)
        assert next(results).token == first
        child = os.fork()
        if child == 0:
            try:
                os._exit(0 if [result.succeeded for result in results] == [True] * 4 else 1)
            finally:
                os._exit(2)
        tasks.done = True
        assert [result.succeeded for result in results] == [True] * 4
        assert os.waitpid(child, 0)[1] == 0


# --- HTTP, and falling back to it


def looking_threads():
    return [thread for thread in threading.enumerate() if thread.name == "rocketride-poll"]


def test_over_http_four_are_looked_at_a_time():
    lock = threading.Lock()
    four = threading.Event()
    under_way, seen = set(), []

    def handler(peer):
        request = peer.read_request()
        while request is not None:
            with lock:
                under_way.add(request)
                seen.append(len(under_way))
                if len(under_way) == 4:
                    four.set()
            assert four.wait(30)
            with lock:
                under_way.remove(request)
            peer.send(answer(DONE))
            request = peer.read_request()

    with Server(handler) as server, client_of(server, "http") as client:
        assert all(result.succeeded for result in client.wait_all(tokens(40), timeout=LONG))
        assert not looking_threads()
    assert max(seen) == 4


def test_few_looks_take_few_threads():
    tasks = Tasks()
    most = []

    def callback(token, status):
        most.append(len(looking_threads()))
        tasks.done = len(most) > 8

    with Server(either(tasks)) as server, client_of(server, "http") as client:
        client.wait_all(tokens(1), LONG, 0.02, callback)
    assert set(most) == {1}


def test_leaving_early_cuts_off_what_is_under_way_over_http():
    first = threading.Event()

    def handler(peer):
        while peer.read_request() is not None:
            if first.is_set():
                peer.stall()
            first.set()
            peer.send(answer(DONE))

    with Server(handler) as server, client_of(server, "http") as client:
        began = time.monotonic()
        for _ in client.as_completed(tokens(40), timeout=LONG):
            break
        assert time.monotonic() - began < 20
        assert not looking_threads()


class Refusing:
    """A server that refuses so many upgrades with `status`; counts them in `refused`."""

    def __init__(self, status, tasks, refusals=10**9):
        self._status = status
        self._tasks = tasks
        self.refused = 0
        self._refusals = refusals

    def __call__(self, peer):
        if b"/task/service" in peer.sock.recv(4096, socket.MSG_PEEK) and self.refused < self._refusals:
            self.refused += 1
            peer.read_request()
            peer.send(answer(b"no", self._status))
            return
        either(self._tasks)(peer)


@pytest.mark.parametrize("status", ["404 Not Found", "403 Forbidden"])
def test_where_websocket_is_refused_all_go_over_http(status):
    """At once, and as long as the next try over WebSocket has to wait."""
    tasks = Tasks()
    tasks.status = lambda token: DONE if tasks.poller[token] > 3 else RUNNING
    handler = Refusing(status, tasks)
    retry = RetryPolicy(initial_delay=2 * LONG, max_delay=2 * LONG, jitter=0)
    with Server(handler) as server, client_of(server, "auto", retry=retry) as client:
        results = client.wait_all(tokens(20), timeout=LONG, interval=0.1)
    assert all(result.succeeded for result in results)
    assert handler.refused == 1


def test_http_is_remembered_after_a_refusal_for_good():
    tasks = Tasks(done=True)
    handler = Refusing("404 Not Found", tasks)
    with Server(handler) as server, client_of(server, "auto") as client:
        for _ in range(3):
            client.wait_all(tokens(3), timeout=LONG)
        client.get_task_status(tokens(1)[0])
    assert handler.refused == 1


def test_after_a_while_a_websocket_is_tried_again_where_there_was_no_slot():
    tasks = Tasks()
    handler = Refusing("403 Forbidden", tasks, refusals=2)
    tasks.status = lambda token: DONE if tasks.subscriptions else RUNNING
    with Server(handler) as server, client_of(server, "auto") as client:
        results = client.wait_all(tokens(20), timeout=LONG, interval=0.2)
    assert all(result.succeeded for result in results)
    assert handler.refused == 2


def test_a_server_that_went_down_is_asked_over_websocket_again():
    """The upgrade is cut, and HTTP has no answer either."""
    tasks = Tasks(done=True)
    cut = []

    def handler(peer):
        upgrade = b"/task/service" in peer.sock.recv(4096, socket.MSG_PEEK)
        if upgrade and cut:
            either(tasks)(peer)
        elif upgrade:
            cut.append(peer)
        else:
            while peer.read_request() is not None:
                peer.send(answer(b"down", "503 Service Unavailable"))

    with Server(handler) as server, client_of(server, "auto") as client:
        assert all(result.succeeded for result in client.wait_all(tokens(5), timeout=LONG))
    assert len(cut) == 1


def test_a_transport_without_a_way_of_its_own_is_asked_for_one_after_the_other():
    class Plain:
        def __init__(self):
            self.asked = []

        def call(self, operation, deadline):
            assert 0 < deadline.remaining() <= 30
            self.asked.append(operation.arguments["token"])
            if operation.arguments["token"] == "tk_unknown":
                raise TaskNotFoundError("no")
            if self.asked.count("tk_slow") < 3 and operation.arguments["token"] == "tk_slow":
                raise TransportTimeoutError("late")
            return json.loads(json.dumps(DONE))

        def watch(self, operation):
            raise NotImplementedError

        def close(self):
            pass

    transport = Plain()
    retry = RetryPolicy(initial_delay=0.01)
    client = RocketRideClient("localhost", KEY, transport=transport, retry=retry)
    results = client.wait_all(["tk_1", "tk_unknown", "tk_slow"], timeout=LONG)
    assert [type(result.error) for result in results] == [type(None), TaskNotFoundError, type(None)]
    assert transport.asked == ["tk_1", "tk_unknown", "tk_slow", "tk_slow", "tk_slow"]
