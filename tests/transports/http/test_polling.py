"""Many tasks over HTTP: how many are polled at a time, and by how many threads."""

import threading
import time

from ..dap_peer import DONE
from ..either_transport import either
from ..loopback import Server, answer
from ..polled_tasks import LONG, Tasks, prompt_client_of, tokens


def polling_threads():
    return [thread for thread in threading.enumerate() if thread.name == "rocketride-poll"]


def test_over_http_four_are_polled_at_a_time():
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

    with Server(handler) as server, prompt_client_of(server, "http") as client:
        assert all(result.succeeded for result in client.wait_all(tokens(40), timeout=LONG))
        assert not polling_threads()
    assert max(seen) == 4


def test_few_polls_take_few_threads():
    tasks = Tasks()
    most = []

    def callback(token, status):
        most.append(len(polling_threads()))
        tasks.done = len(most) > 8

    with Server(either(tasks.poll, tasks.reply)) as server, prompt_client_of(server, "http") as client:
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

    with Server(handler) as server, prompt_client_of(server, "http") as client:
        began = time.monotonic()
        for _ in client.as_completed(tokens(40), timeout=LONG):
            break
        assert time.monotonic() - began < 20
        assert not polling_threads()
