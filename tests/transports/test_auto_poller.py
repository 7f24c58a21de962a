"""Many tasks with `transport="auto"`: HTTP where WebSocket is refused, and WebSocket again."""

import pytest

from rocketride_sync import (
    RetryPolicy,
)

from .dap_peer import DONE, RUNNING
from .either_transport import either, is_upgrade
from .loopback import Server, answer
from .polled_tasks import LONG, Tasks, prompt_client_of, tokens


class Refusing:
    """A server that refuses so many upgrades with `status`; counts them in `refused`."""

    def __init__(self, status, tasks, refusals=10**9):
        self._status = status
        self._tasks = tasks
        self.refused = 0
        self._refusals = refusals

    def __call__(self, peer):
        if is_upgrade(peer) and self.refused < self._refusals:
            self.refused += 1
            peer.read_request()
            peer.send(answer(b"no", self._status))
            return
        either(self._tasks.poll, self._tasks.reply)(peer)


@pytest.mark.parametrize("status", ["404 Not Found", "403 Forbidden"])
def test_where_websocket_is_refused_all_go_over_http(status):
    """At once, and as long as the next try over WebSocket has to wait."""
    tasks = Tasks()
    tasks.status = lambda token: DONE if tasks.polls[token] > 3 else RUNNING
    handler = Refusing(status, tasks)
    retry = RetryPolicy(initial_delay=2 * LONG, max_delay=2 * LONG, jitter=0)
    with Server(handler) as server, prompt_client_of(server, "auto", retry=retry) as client:
        results = client.wait_all(tokens(20), timeout=LONG, interval=0.1)
    assert all(result.succeeded for result in results)
    assert handler.refused == 1


def test_http_is_remembered_after_a_refusal_for_good():
    tasks = Tasks(done=True)
    handler = Refusing("404 Not Found", tasks)
    with Server(handler) as server, prompt_client_of(server, "auto") as client:
        for _ in range(3):
            client.wait_all(tokens(3), timeout=LONG)
        client.get_task_status(tokens(1)[0])
    assert handler.refused == 1


def test_after_a_while_a_websocket_is_tried_again_where_there_was_no_slot():
    tasks = Tasks()
    handler = Refusing("403 Forbidden", tasks, refusals=2)
    tasks.status = lambda token: DONE if tasks.subscriptions else RUNNING
    with Server(handler) as server, prompt_client_of(server, "auto") as client:
        results = client.wait_all(tokens(20), timeout=LONG, interval=0.2)
    assert all(result.succeeded for result in results)
    assert handler.refused == 2


def test_a_server_that_went_down_is_asked_over_websocket_again():
    """The upgrade is cut, and HTTP has no answer either."""
    tasks = Tasks(done=True)
    cut = []

    def handler(peer):
        upgrade = is_upgrade(peer)
        if upgrade and cut:
            either(tasks.poll, tasks.reply)(peer)
        elif upgrade:
            cut.append(peer)
        else:
            while peer.read_request() is not None:
                peer.send(answer(b"down", "503 Service Unavailable"))

    with Server(handler) as server, prompt_client_of(server, "auto") as client:
        assert all(result.succeeded for result in client.wait_all(tokens(5), timeout=LONG))
    assert len(cut) == 1
