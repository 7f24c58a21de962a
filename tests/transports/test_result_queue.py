"""What worker threads hand on is taken in order, and awaited for no longer than was said."""

import queue
import signal
import threading
import time

import pytest

from rocketride_sync.deadline import Deadline
from rocketride_sync.transports.result_queue import ResultQueue
from rocketride_sync.transports.thread_poller import ThreadPoller

PATIENCE = 30.0


@pytest.fixture
def slow_handler():
    """Soon a signal comes, whose handler takes longer than what it interrupts."""
    came = []

    def handler(signum, frame):
        came.append(signum)
        time.sleep(0.4)

    before = signal.signal(signal.SIGUSR1, handler)
    main = threading.main_thread().ident
    sender = threading.Timer(0.05, lambda: signal.pthread_kill(main, signal.SIGUSR1))
    sender.start()
    yield came
    sender.join()
    signal.signal(signal.SIGUSR1, before)


needs_signals = pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs POSIX signals")


def test_what_was_put_is_taken_in_order():
    results = ResultQueue()
    assert results.empty()
    for number in range(3):
        results.put(number)
    assert not results.empty()
    assert [results.get(timeout=0.0) for _ in range(3)] == [0, 1, 2]
    assert results.empty()
    for timeout in (0.0, 0.01):
        with pytest.raises(queue.Empty):
            results.get(timeout=timeout)


def test_what_comes_while_it_is_awaited_is_taken_at_once():
    results, taken = ResultQueue(), []
    for number in range(200):
        threading.Thread(target=results.put, args=[number]).start()
        taken.append(results.get(timeout=PATIENCE))
    assert taken == list(range(200))


def test_one_that_waits_is_woken():
    results, began = ResultQueue(), time.monotonic()
    threading.Timer(0.05, results.put, ["it"]).start()
    assert results.get(timeout=PATIENCE) == "it"
    assert time.monotonic() - began < PATIENCE


def test_many_threads_put_and_nothing_is_lost():
    results = ResultQueue()

    def put():
        for number in range(500):
            results.put(number)

    threads = [threading.Thread(target=put) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert sorted(results.get(timeout=PATIENCE) for _ in range(2000)) == sorted([*range(500)] * 4)
    assert results.empty()


@needs_signals
def test_a_handler_that_outlasts_the_timeout_is_the_end_of_it(slow_handler):
    """Before Python 3.13, `queue.SimpleQueue.get` waits for ever then."""
    results, began = ResultQueue(), time.monotonic()
    with pytest.raises(queue.Empty):
        results.get(timeout=0.2)
    assert slow_handler
    assert time.monotonic() - began < PATIENCE


@needs_signals
def test_so_it_is_of_a_poller_that_awaits_nothing(slow_handler):
    """As between two polls of the tasks of one wait over HTTP."""
    poller = ThreadPoller(None, 4)
    assert poller.next(Deadline(0.2)) is None
    assert slow_handler
    poller.close()
