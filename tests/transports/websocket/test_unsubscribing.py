"""A connection is kept only if no subscription can be left on it: servers work on requests at the same time."""

import pytest

from ..dap_peer import DONE, TOKEN, dap
from ..loopback import Server
from ..polled_tasks import MONITOR, client_of, tokens

WAITS = {
    "one": lambda client, timeout: client.wait_until_complete(TOKEN, timeout=timeout),
    "many": lambda client, timeout: client.wait_all(tokens(2), timeout=timeout),
}


class Served:
    """A server that acts on subscriptions late: `when`, after the status, never, or once it is asked for more."""

    def __init__(self, when):
        self.when = when
        self.told = []  # by connection: what it was told of subscriptions, in the order of its answers

    def serve(self, peer):
        held, told = [], []
        self.told.append(told)
        while True:
            request = peer.request()
            if request["command"] == MONITOR and self.when != "first":
                held.append(request)
                continue
            if request["command"] == MONITOR:
                self._act(peer, request, told)
            else:
                peer.answer(request, DONE)
            if self.when == "after":
                while held:
                    self._act(peer, held.pop(0), told)

    @staticmethod
    def _act(peer, request, told):
        told.append("on" if request["arguments"]["types"] else "off")
        peer.answer(request)


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
def test_a_subscription_that_is_answered_after_the_status_is_ended_and_the_connection_kept(wait):
    served = Served("after")
    with Server(dap(served.serve)) as server, client_of(server) as client:
        wait(client, 20.0)
        client.get_task_status(TOKEN)  # after which the server answers the end of the subscription
        client.get_task_status(TOKEN)
    (told,) = served.told
    assert told.index("off") >= told.count("on") > 0


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
def test_a_connection_is_not_kept_if_the_server_may_yet_subscribe_it(wait):
    served = Served("never")
    with Server(dap(served.serve)) as server, client_of(server) as client:
        wait(client, 20.0)
        client.get_task_status(TOKEN)
    assert len(served.told) == 2


def test_the_next_wait_subscribes_after_the_end_of_the_last_subscription():
    order = []

    def serve(peer):
        late = None
        while True:
            request = peer.request()
            order.append((request["command"], bool(request["arguments"].get("types"))))
            if request["command"] == MONITOR and not request["arguments"]["types"]:
                late = request
                peer.peer.sock.settimeout(0.05)
                try:  # nothing may come before the answer
                    order.append(("too early", peer.request()["command"]))
                except OSError:
                    peer.peer.sock.settimeout(20.0)
                peer.answer(late)
            else:
                peer.answer(request, None if request["command"] == MONITOR else DONE)

    with Server(dap(serve)) as server, client_of(server) as client:
        client.wait_until_complete(TOKEN, timeout=20.0)
        client.wait_until_complete(TOKEN, timeout=20.0)
    assert "too early" not in [what for what, _ in order]
