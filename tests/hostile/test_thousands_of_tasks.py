"""Thousands of tasks on a server that answers nothing: the wait for all ends in time."""

import time

import pytest
from transports.dap_peer import dap
from transports.loopback import Server, after_request

from rocketride_sync import RocketRideClient, WaitTimeoutError

from .servers import KEY

COUNT = 10_000


@pytest.mark.parametrize("transport", ["websocket", "http", "auto"])
@pytest.mark.parametrize("answers", ["never", "nobody listens"])
def test_the_wait_for_thousands_ends_in_time(transport, answers):
    def mute(peer):
        after_request(lambda it: it.stall())(peer)

    tokens = [f"tk_{number:032x}" for number in range(COUNT)]
    server = Server(dap(lambda it: it.peer.stall()) if transport != "http" else mute)
    with server:
        if answers == "nobody listens":
            server.refuse()
        with RocketRideClient(server.url, KEY, transport=transport) as client:
            began, worked = time.monotonic(), time.thread_time()
            results = client.wait_all(tokens, timeout=1.0)
            assert time.thread_time() - worked < 10.0
            assert time.monotonic() - began < 60.0  # another's work on the machine is in this one
    assert [result.token for result in results] == tokens
    assert {type(result.error) for result in results} == {WaitTimeoutError}
