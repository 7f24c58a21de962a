"""Waits for many tasks over either transport: slow callers and outages cost no task an end that could still be seen."""

import threading
import time
from collections import Counter

import pytest

from rocketride_sync import (
    RetryPolicy,
    RocketRideClient,
    TransientError,
)

from .dap_peer import DONE, KEY, RUNNING, serve
from .either_transport import either, is_upgrade, over_http, replying
from .loopback import Server, answer, refusing_address
from .polled_tasks import ROOM, Clock, client_of, tokens


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
    polls = Counter()

    def status(token):
        polls[token] += 1
        if token == failing and polls[token] == 1:
            time.sleep(0.2)
            return answer(b"busy", "503 Service Unavailable")
        return DONE

    retry = RetryPolicy(max_outage=1.5)
    with Server(either(status)) as server, client_of(server, "http", retry=retry) as client:
        for result in client.as_completed([ended, failing], timeout=ROOM, interval=0.5):
            assert result.succeeded
            if result.token == ended:
                time.sleep(2)
    assert polls[failing] == 2


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
    retry = RetryPolicy(max_outage=0.1)
    with refusing_address() as address, RocketRideClient(
        address, KEY, transport="websocket", retry=retry
    ) as client:
        results = client.wait_all(tokens(3), timeout=ROOM)
    assert len({id(result.error) for result in results}) == 3
    for _ in range(3):
        with pytest.raises(TransientError) as caught:
            results[0].result()
    assert len(caught.traceback) == 2


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
        # Not between a cut upgrade and the answer to what is asked over HTTP instead: the client would take it for a proxy.
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
