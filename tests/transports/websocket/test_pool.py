"""The pool of idle WebSocket connections, under threads that meet at the worst moment."""

import os
import socket
import sys
import threading
import time
from collections import deque

import pytest

from rocketride_sync import TransportError
from rocketride_sync.deadline import Deadline
from rocketride_sync.transports.websocket import pool as _pool
from rocketride_sync.transports.websocket.pool import Pool


class Connection:
    """Alive, and silent."""

    broken = False
    generation = 0
    socket_class = socket.socket

    def __init__(self):
        self.pid = os.getpid()
        self.idle_since = time.monotonic()
        self.closed = False

    def drain(self):
        pass

    def close(self):
        self.closed = True

    def abandon(self):
        pass


@pytest.fixture
def pool():
    return Pool(lambda _deadline: Connection())


def meanwhile(step, *args):
    """`step` in another thread, to its end."""
    results = []
    thread = threading.Thread(target=lambda: results.append(step(*args)))
    thread.start()
    thread.join(30)
    return results


def test_what_a_step_returned_is_not_lost_if_another_thread_takes_its_connection_as_it_is_given_back(pool):
    class Contended(deque):
        def append(self, connection):
            super().append(connection)
            assert meanwhile(pool.take) == [connection]

    def step(connection):
        pool.give_back(connection)
        return "the answer"

    pool._idle = Contended()
    assert pool.attempt(step, Deadline(30.0), repeatable=False) == "the answer"


def test_closing_goes_on_when_another_thread_takes_the_last_connection(pool):
    class Contended(deque):
        def __bool__(self):
            meanwhile(self.clear)
            return True

    pool._idle = Contended([Connection()])
    pool.close()
    assert len(pool._idle) == 0


def test_many_threads_take_give_and_close(pool):
    faults = []
    end = time.monotonic() + 0.5

    def step(connection):
        pool.give_back(connection)

    def work():
        try:
            while time.monotonic() < end:
                pool.attempt(step, Deadline(30.0), repeatable=True)
                pool.close()
        except Exception as fault:
            faults.append(fault)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    finally:
        sys.setswitchinterval(interval)
    assert faults == []


def test_of_many_the_latest_are_kept_and_those_idle_for_long_closed(pool):
    connections = [Connection() for _ in range(12)]
    for connection in connections:
        pool.give_back(connection)
    assert [connection.closed for connection in connections] == [True] * 4 + [False] * 8
    for connection in connections[4:]:
        connection.idle_since -= 60.0
    latest = Connection()
    pool.give_back(latest)
    assert all(connection.closed for connection in connections)
    assert pool.take() is latest
    assert not latest.closed


@pytest.mark.parametrize("idle", [0.0, 29.0])
def test_a_connection_is_looked_at_before_it_is_used_again_however_short_it_was_idle(pool, idle):
    looked_at = []
    kept = Connection()
    kept.drain = lambda: looked_at.append(kept)
    pool.give_back(kept)
    kept.idle_since -= idle
    assert pool.take() is kept
    assert looked_at == [kept]

    def lost():
        raise TransportError("the server closed it")

    pool.give_back(kept)
    kept.drain = lost
    kept.idle_since -= idle
    assert pool.take() is None
    assert kept.closed


def test_a_connection_that_was_idle_for_over_half_a_minute_is_not_used_again(pool):
    kept = Connection()
    pool.give_back(kept)
    kept.idle_since -= 31.0
    assert pool.take() is None
    assert kept.closed


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_no_thread_of_a_forked_child_gets_a_connection_of_the_parents(pool, monkeypatch):
    """Not even one that asks while another is starting the pool anew."""
    pool.give_back(Connection())
    child = os.fork()
    if child == 0:
        found = ["nobody asked"]
        real = _pool.deque

        def contended(*args):
            monkeypatch.setattr(_pool, "deque", real)
            found[:] = meanwhile(pool.take)
            return real(*args)

        monkeypatch.setattr(_pool, "deque", contended)
        found.append(pool.take())
        os._exit(0 if found == [None, None] else 1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_connection_of_the_parents_is_passed_over_wherever_it_comes_from(pool):
    pool.take()
    inherited = Connection()
    inherited.pid = os.getppid()
    pool._idle.append(inherited)
    assert pool.take() is None


def test_what_was_in_use_when_the_pool_was_closed_is_closed_when_it_is_given_back(pool):
    in_use = pool.connect(Deadline(30.0))
    pool.close()
    pool.give_back(in_use)
    assert in_use.closed
    assert not pool.is_open


def test_what_was_being_made_when_the_pool_was_closed_is_closed_when_it_is_given_back():
    def connect(_deadline):
        pool.close()
        return Connection()

    pool = Pool(connect)
    made = pool.connect(Deadline(30.0))
    pool.give_back(made)
    assert made.closed


def test_what_is_given_back_while_another_thread_closes_the_pool_is_closed(pool):
    """Whichever of the two is first."""

    class Contended(deque):
        def append(self, connection):
            meanwhile(pool.close)
            super().append(connection)

    in_use = pool.connect(Deadline(30.0))
    pool._idle = Contended()
    pool.give_back(in_use)
    assert in_use.closed
    assert not pool.is_open


def test_a_pool_that_was_closed_keeps_what_is_made_later(pool):
    pool.close()
    later = pool.connect(Deadline(30.0))
    pool.give_back(later)
    assert pool.take() is later
