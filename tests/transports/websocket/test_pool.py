"""The pool of idle WebSocket connections, under threads that meet at the worst moment."""

import contextlib
import logging
import os
import socket
import sys
import threading
import time
import warnings
from collections import deque

import pytest
from handlers import that_raises
from moments import met_at_each_line

from rocketride_sync import RocketRideWarning, TransportError, TransportTimeoutError
from rocketride_sync.deadline import Deadline
from rocketride_sync.transports.websocket import pool as _pool
from rocketride_sync.transports.websocket.pool import Pool


class Connection:
    """Alive, and silent."""

    broken = False
    generation: object = 0
    socket_class = socket.socket

    def __init__(self):
        self.pid = os.getpid()
        self.idle_since = time.monotonic()
        self.closed = self.abandoned = False

    def drain(self):
        pass

    def close(self):
        self.closed = True

    def abandon(self):
        self.abandoned = True


@pytest.fixture
def pool():
    return Pool(lambda *_: Connection())


@pytest.fixture
def fork(monkeypatch):
    """As if this were a forked child from then on: the process id is all that a pool looks at."""
    parent = os.getpid()
    return lambda: monkeypatch.setattr(os, "getpid", lambda: parent + 1)


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


@pytest.mark.parametrize("step", ["look", "take out"])
def test_giving_back_goes_on_when_another_thread_is_faster_to_empty_the_pool(pool, step):
    class Contended(deque):
        def __getitem__(self, place):
            if step == "look":
                meanwhile(pool.close)
            return super().__getitem__(place)

        def popleft(self):
            meanwhile(pool.close)
            return super().popleft()

    old, latest = Connection(), Connection()
    pool.give_back(old)
    old.idle_since -= 60.0
    pool._idle = Contended(pool._idle)
    pool.give_back(latest)
    assert old.closed
    assert latest.closed
    assert not pool.is_open


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


def test_of_two_the_one_that_was_idle_for_long_is_closed(pool):
    old, latest = Connection(), Connection()
    pool.give_back(old)
    old.idle_since -= 60.0
    pool.give_back(latest)
    assert old.closed
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


@pytest.mark.parametrize("used", [0.0, 300.0])
def test_a_connection_that_was_idle_for_over_half_a_minute_is_not_used_again(pool, clock, used):
    """However long it was used before."""
    kept = Connection()
    kept.idle_since = clock.now - used
    pool.give_back(kept)
    clock.now += 30.0
    assert pool.take() is kept
    pool.give_back(kept)
    clock.now += 30.1
    assert pool.take() is None
    assert kept.closed


def test_a_connection_that_is_broken_is_not_kept(pool):
    broken = Connection()
    broken.broken = True
    pool.give_back(broken)
    assert pool.take() is None
    assert not pool.is_open


def refuse(connection):
    raise TransportError("lost")


@pytest.mark.parametrize("where", ["held", "idle"])
def test_a_step_over_a_connection_that_is_lost_is_repeated_over_a_new_one_if_it_may_be(pool, where):
    lost, tried = Connection(), []
    if where == "idle":
        pool.give_back(lost)

    def step(connection):
        tried.append(connection)
        return refuse(connection) if connection is lost else "the answer"

    held = lost if where == "held" else None
    with pytest.raises(TransportError, match="lost"):
        pool.attempt(step, Deadline(30.0), repeatable=False, held=held or pool.take())
    assert tried == [lost]
    assert pool.attempt(step, Deadline(30.0), repeatable=True, held=lost) == "the answer"
    assert tried[:2] == [lost, lost]
    assert tried[2] is not lost


def test_a_step_that_is_lost_over_a_new_connection_is_not_repeated(pool):
    tried = []
    with pytest.raises(TransportError, match="lost"):
        pool.attempt(lambda each: refuse(tried.append(each)), Deadline(30.0), repeatable=True)
    assert len(tried) == 1


def test_a_step_whose_time_is_up_is_not_repeated(pool):
    tried = []

    def late(connection):
        tried.append(connection)
        raise TransportTimeoutError("late")

    with pytest.raises(TransportTimeoutError):
        pool.attempt(late, Deadline(30.0), repeatable=True, held=Connection())
    assert len(tried) == 1


def test_a_connection_that_is_held_is_used_before_one_that_is_idle(pool):
    held, idle = Connection(), Connection()
    pool.give_back(idle)
    assert pool.attempt(lambda connection: connection, Deadline(30.0), repeatable=True, held=held) is held
    assert pool.attempt(lambda connection: connection, Deadline(30.0), repeatable=True) is idle


def test_why_there_is_no_connection_is_logged(caplog):
    caplog.set_level(logging.DEBUG, "rocketride_sync")
    with pytest.raises(TransportError, match="lost"):
        Pool(lambda *_: refuse(None)).connect(Deadline(30.0))
    assert caplog.messages == ["no WebSocket connection: lost"]


@pytest.mark.parametrize("gevent", [True, False])
def test_a_connection_made_before_gevent_replaced_the_sockets_is_not_used(pool, monkeypatch, gevent):
    """It would block all greenlets, and a warning says so. What else replaces `socket.socket` is warned of by nobody."""
    if gevent:
        monkeypatch.setitem(sys.modules, "gevent.monkey", None)
    else:
        monkeypatch.delitem(sys.modules, "gevent.monkey", raising=False)
    before = Connection()
    pool.give_back(before)

    class Replaced(socket.socket):
        pass

    monkeypatch.setattr(socket, "socket", Replaced)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert pool.take() is None
    assert before.closed
    assert [each.category for each in told] == [RocketRideWarning] * gevent


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


def test_a_connection_of_the_parents_is_passed_over_wherever_it_comes_from(pool):
    pool.take()
    inherited = Connection()
    inherited.pid = os.getppid()
    pool._idle.append(inherited)
    assert pool.take() is None


@pytest.mark.parametrize("step", ["take", "close", "connect"])
def test_a_forked_child_lets_the_parents_connections_be_whatever_it_does_first(pool, fork, step):
    """Neither closed, which would end them for the parent, nor kept open, which would keep them when it closes them."""
    inherited = [Connection(), Connection()]
    for connection in inherited:
        pool.give_back(connection)
    assert pool.is_open
    fork()
    assert not pool.is_open
    getattr(pool, step)(*[Deadline(30.0)] * (step == "connect"))
    assert [connection.abandoned for connection in inherited] == [True, True]
    assert [connection.closed for connection in inherited] == [False, False]


def test_a_forked_child_gives_nothing_of_the_parents_back(pool, fork):
    in_use = pool.connect(Deadline(30.0))
    fork()
    pool.give_back(in_use)
    assert in_use.abandoned
    assert not in_use.closed
    assert pool.take() is None


def test_a_forked_child_asks_for_nothing_over_a_connection_of_the_parents(pool, fork):
    held = Connection()
    fork()
    used = pool.attempt(lambda connection: connection, Deadline(30.0), repeatable=True, held=held)
    assert used.pid == os.getpid()
    assert held.abandoned


def test_a_forked_child_does_not_wait_for_threads_of_the_parent_that_were_connecting(pool, fork):
    for number in range(4):
        pool._turns._queue[-number - 1] = threading.Lock()
    fork()
    assert pool.connect(Deadline(0.0)).pid == os.getpid()


def test_what_was_in_use_when_the_pool_was_closed_is_closed_when_it_is_given_back(pool):
    in_use = pool.connect(Deadline(30.0))
    pool.close()
    pool.give_back(in_use)
    assert in_use.closed
    assert not pool.is_open


def test_what_was_being_made_when_the_pool_was_closed_is_closed_when_it_is_given_back():
    def connect(*_):
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


def test_what_is_in_use_is_closed_when_it_is_given_back_however_many_threads_close_the_pool():
    """Two others close it, whichever step another one has come to that closes it."""

    def begin():
        pool, in_use = Pool(lambda *_: Connection()), []

        def others():
            pool.close()
            in_use.append(pool.connect(Deadline(30.0)))
            pool.close()

        def is_closed_when_given_back():
            (connection,) = in_use
            pool.give_back(connection)
            return connection.closed

        return pool.close, others, is_closed_when_given_back

    found = met_at_each_line(begin, _pool, opcodes=True)
    assert len(found) > 3
    assert all(found)


def test_a_pool_that_was_closed_keeps_what_is_made_later(pool):
    pool.close()
    later = pool.connect(Deadline(30.0))
    pool.give_back(later)
    assert pool.take() is later


class Connecting:
    """Connections that are made when the test says so, and the threads that want one; threads are woken up by others alone."""

    def __init__(self, monkeypatch):
        monkeypatch.setattr(_pool, "SLICE", 30.0)
        self.pool = Pool(self._connect)
        self.began = []
        self.may_end = []
        self._over = False
        self._changed = threading.Condition()
        self._threads = []

    def _connect(self, *_):
        may_end = threading.Event()
        with self._changed:
            self.began.append(threading.current_thread().name)
            self.may_end.append(may_end)
            self._changed.notify_all()
        assert self._over or may_end.wait(20)
        return Connection()

    def start(self, name, deadline=None):
        """A thread that wants a connection. It is waiting, or connecting, afterwards."""
        thread = threading.Thread(target=self.pool.connect, args=(deadline or Deadline(30.0),), name=name)
        thread.start()
        self._threads.append(thread)
        while thread.ident not in self.pool._turns._queue:
            time.sleep(0.001)

    def wait_for(self, count):
        """Until so many have begun to connect; who they are."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.began) >= count, 10)
        return self.began

    def end(self):
        self._over = True
        for may_end in self.may_end:
            may_end.set()
        end = time.monotonic() + 10.0
        while any(thread.is_alive() for thread in self._threads) and time.monotonic() < end:
            for turn in list(self.pool._turns._queue.values()):
                with contextlib.suppress(RuntimeError):
                    turn.release()
            time.sleep(0.001)


@pytest.fixture
def connecting(monkeypatch):
    made = Connecting(monkeypatch)
    yield made
    made.end()


def test_four_threads_connect_at_a_time_and_the_others_in_the_order_in_which_they_came(connecting):
    """A thread that waits sleeps until it is woken up."""
    looks = []

    def counted():
        looks.append(None)
        return time.monotonic()

    for name in "abcd":
        connecting.start(name)
    assert sorted(connecting.wait_for(4)) == ["a", "b", "c", "d"]
    connecting.start("e", Deadline(30.0, counted))
    connecting.start("f")
    with pytest.raises(TransportTimeoutError, match="too many threads are connecting"):
        connecting.pool.connect(Deadline(0.1))
    assert len(connecting.began) == 4
    assert len(looks) < 20
    connecting.may_end[2].set()
    assert connecting.wait_for(5)[4:] == ["e"]
    connecting.may_end[0].set()
    assert connecting.wait_for(6)[5:] == ["f"]


def test_a_thread_that_has_no_time_left_does_not_wait_in_vain(connecting):
    for name in "abcd":
        connecting.start(name)
    connecting.wait_for(4)
    with pytest.raises(TransportTimeoutError):
        connecting.pool.connect(Deadline(0.0))
    connecting.start("e")
    connecting.may_end[0].set()
    assert connecting.wait_for(5)[4:] == ["e"]


def test_a_thread_whose_signal_handler_connects_while_it_waits_gets_its_turn_later(connecting):
    for name in "abcd":
        connecting.start(name)
    connecting.wait_for(4)
    begun, done = threading.Event(), threading.Event()

    def signalled():
        if not begun.is_set():
            begun.set()
            with pytest.raises(TransportTimeoutError):
                connecting.pool.connect(Deadline(0.0))
            done.set()
        return time.monotonic()

    deadline = Deadline(30.0)
    deadline._clock = signalled
    connecting.start("e", deadline)
    assert done.wait(10)
    connecting.may_end[0].set()
    assert connecting.wait_for(5)[4:] == ["e"]


class DeadlinePassedError(RuntimeError):
    pass


def test_an_exception_of_a_handler_that_comes_as_the_next_thread_gets_its_turn_comes_out():
    error = DeadlinePassedError("alarm")

    class Turn:
        release = staticmethod(that_raises(error))

    turns = _pool._Turns(1)
    turns._queue = {0: Turn, 1: threading.Lock()}
    with pytest.raises(DeadlinePassedError) as raised:
        turns._wake_first()
    assert raised.value is error


def test_a_turn_that_has_come_already_is_no_trouble():
    turns = _pool._Turns(2)
    turns._queue = {0: threading.Lock(), 1: threading.Lock()}
    turns._queue[1].acquire()
    turns._wake_first()
    assert not turns._queue[1].locked()


@pytest.mark.parametrize("options", [{}, {"replaceable": True}, {"replaceable": False}], ids=str)
def test_a_connection_is_made_for_what_another_transport_can_carry_unless_it_is_said(options):
    made_for = []

    def connect(_deadline, replaceable):
        made_for.append(replaceable)
        return Connection()

    pool = Pool(connect)
    pool.connect(Deadline(5.0), **options)
    pool.attempt(lambda _: None, Deadline(5.0), repeatable=True, **options)
    assert made_for == [options.get("replaceable", True)] * 2
