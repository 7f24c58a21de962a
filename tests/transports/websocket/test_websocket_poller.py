"""Many tasks over one WebSocket connection: how polls share it, and which events end a pause."""

import contextlib
import logging
import time

from rocketride_sync import (
    TaskNotFoundError,
    TaskVanishedError,
)

from ..dap_peer import DONE, RUNNING, dap, serve
from ..either_transport import STATUS
from ..loopback import Server
from ..polled_tasks import LONG, Tasks, prompt_client_of, take, tokens


def test_all_polls_go_over_one_connection_without_awaiting_each_other_and_answers_may_come_in_any_order():
    def script(peer):
        for request in reversed(take(peer, 60)):
            token = request["arguments"]["token"]
            peer.answer(request, {**DONE, "name": token})
        take(peer, 1)

    with Server(dap(script)) as server, prompt_client_of(server) as client:
        results = client.wait_all(tokens(60), timeout=LONG)
        assert server.connections == 1
    assert [result.status.name for result in results] == tokens(60)


def test_the_number_of_polls_in_flight_is_bounded():
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

    with Server(dap(script)) as server, prompt_client_of(server) as client:
        assert all(result.succeeded for result in client.wait_all(tokens(200), timeout=LONG))
    assert ahead == []


def test_afterwards_the_connection_is_used_for_other_calls():
    tasks = Tasks(done=True)
    with Server(serve(tasks.reply)) as server, prompt_client_of(server) as client:
        client.wait_all(tokens(3), timeout=LONG)
        client.get_task_status(tokens(1)[0])
        assert server.connections == 1


def test_leaving_early_closes_a_connection_on_which_an_answer_may_come():
    tasks = Tasks(done=True)
    *others, mute = tokens(5)

    def reply(peer, request):
        if request["arguments"]["token"] != mute:
            tasks.reply(peer, request)

    with Server(serve(reply)) as server, prompt_client_of(server) as client:
        results = client.as_completed(tokens(5), timeout=LONG)
        assert [next(results).token for _ in others] == others
        assert server.connections == 1
        results.close()
        assert client.get_task_status(others[0]).succeeded
        assert server.connections == 2


def test_few_tasks_are_subscribed_to_by_token_and_left_in_the_end():
    tasks = Tasks(done=True)
    with Server(serve(tasks.reply)) as server, prompt_client_of(server) as client:
        client.wait_all(tokens(32), timeout=LONG)
        client.get_task_status("tk_other")
    assert tasks.subscriptions == [
        *((token, ["TASK"]) for token in tokens(32)),
        *((token, []) for token in tokens(32)),
    ]


def test_the_end_of_a_task_is_seen_long_before_the_interval(caplog):
    caplog.set_level(logging.DEBUG, "rocketride_sync")
    tasks = Tasks()
    target = tokens(5)[3]

    def script(peer):
        while len(tasks.polls) < 5:
            tasks.reply(peer, peer.request())
        tasks.status = lambda token: {
            **(DONE if token == target else RUNNING),
            "project_id": f"project of {token}",
        }
        tasks.end_of(peer, target)
        while True:
            tasks.reply(peer, peer.request())

    with Server(dap(script)) as server, prompt_client_of(server) as client:
        began = time.monotonic()
        result = next(client.as_completed(tokens(5), timeout=LONG, interval=LONG))
        assert time.monotonic() - began < 20
    assert (result.token, result.succeeded) == (target, True)
    assert tasks.polls[target] == 2
    told = [record.getMessage() for record in caplog.records]
    assert "told of task tk_0000…: end" in told
    assert any(line.startswith("task tk_0000…: ") and "COMPLETED" in line for line in told)


def test_vanished_and_unknown_tasks_are_told_apart():
    tasks = Tasks()

    def reply(peer, request):
        token = request["arguments"].get("token")
        if token is None:
            peer.refuse(request, f"Invalid command: {request['command']}")
        elif request["command"] == STATUS and (token == tokens(2)[1] or tasks.polls[token]):
            peer.refuse(request, "Your pipeline is not running")
        else:
            tasks.reply(peer, request)

    with Server(serve(reply)) as server, prompt_client_of(server) as client:
        vanished, unknown = client.wait_all(tokens(2), timeout=LONG, interval=0.1)
    assert type(vanished.error) is TaskVanishedError
    assert type(unknown.error) is TaskNotFoundError
