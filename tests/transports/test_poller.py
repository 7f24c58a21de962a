"""Many tasks over whichever transport there is: timeouts and forks."""

import os
import time

import pytest

from rocketride_sync import (
    WaitTimeoutError,
)

from .dap_peer import DONE, RUNNING
from .either_transport import either
from .loopback import Server, answer
from .polled_tasks import Tasks, prompt_client_of, tokens


@pytest.mark.parametrize("transport", ["websocket", "http"])
def test_a_server_that_says_nothing_does_not_outlive_the_timeout(transport):
    with Server(lambda peer: peer.stall()) as server, prompt_client_of(server, transport) as client:
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

    with Server(handler) as server, prompt_client_of(server, transport) as client:
        began = time.monotonic()
        results = client.wait_all(tokens(5), timeout=1.0)
        assert time.monotonic() - began < 10
    assert {type(result.error) for result in results} == {WaitTimeoutError}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
# Python 3.12 and later: there are threads.
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("transport", ["websocket", "http"])
def test_a_wait_goes_on_in_a_forked_child_and_in_its_parent(transport):
    tasks = Tasks()
    first = tokens(5)[0]
    tasks.status = lambda token: DONE if tasks.done or token == first else RUNNING
    with Server(either(tasks.poll, tasks.reply)) as server, prompt_client_of(server, transport) as client:
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
