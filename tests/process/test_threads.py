"""One client for many: threads, greenlets, an event loop and what runs beside it."""

import asyncio
import collections
import ctypes
import importlib.util
import os
import sys
import threading
from functools import partial

import pytest
from transports.either_transport import either
from transports.loopback import Server, answer

from rocketride_sync import RocketRideClient

from .peers import SECONDS, run, status_of, until_gone, wait_until

transports = pytest.mark.parametrize("transport", ["websocket", "http"])


class AllPolledFirst:
    """The statuses of tasks that all run until so many of them have been polled."""

    def __init__(self, members):
        self._members = members
        self._seen = set()

    def status(self, token):
        self._seen.add(token)
        return (
            status_of(token, state=5, completed=True)
            if len(self._seen) >= self._members
            else status_of(token)
        )


def open_files():
    return len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0


@pytest.mark.parametrize("count", [8, 16])
@transports
def test_threads_get_the_answers_they_asked_for(transport, count):
    before, threads_before = open_files(), set(threading.enumerate())
    right = []

    def work(client, number):
        tokens = [f"tk_{number}_{step}" for step in range(25)]
        right.extend(client.get_task_status(token).project_id == f"project of {token}" for token in tokens)
        end = client.wait_until_complete(f"tk_{number}", timeout=SECONDS, interval=0.01)
        right.append(end.project_id == f"project of tk_{number}")

    with Server(either(AllPolledFirst(count * 26).status)) as server:
        with RocketRideClient(server.url, "key", transport=transport) as client:
            threads = [threading.Thread(target=work, args=(client, number)) for number in range(count)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(SECONDS)
        assert right == [True] * count * 26
        # Eight are kept while nobody uses them. Of more threads, some may find that theirs was closed as one too many.
        assert count > 8 or server.connections <= count
        wait_until(lambda: server.open == 0, "the end of the connections")
    assert set(threading.enumerate()) <= threads_before
    wait_until(lambda: open_files() <= before, "as many open files as before")


GREENLETS = """
import sys
from gevent import monkey
monkey.patch_all()
import gevent
from rocketride_sync import RocketRideClient
with RocketRideClient(sys.argv[1], "key", transport=sys.argv[2]) as client:
    waits = [gevent.spawn(client.wait_until_complete, f"tk_{n}", 60, 0.05) for n in range(50)]
    gevent.joinall(waits, raise_error=True)
    print(all(wait.value.succeeded and wait.value.project_id == f"project of tk_{n}" for n, wait in enumerate(waits)))
"""


@pytest.mark.skipif(not importlib.util.find_spec("gevent"), reason="needs gevent")
@transports
def test_fifty_greenlets_wait_at_the_same_time(transport):
    """None of the tasks ends before all are waited for: one wait after the other would never be over."""
    with Server(either(AllPolledFirst(50).status)) as server:
        assert run(GREENLETS, server.url, transport, options=[]) == "True\n"


PATCHED_LATE = """
import sys
from rocketride_sync import RocketRideClient
with RocketRideClient(sys.argv[1], "key", transport=sys.argv[2]) as client:
    client.get_task_status("tk_0")
    import warnings
    from gevent import monkey
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        monkey.patch_all()
        import gevent
        waits = [gevent.spawn(client.wait_until_complete, f"tk_{n}", 60, 0.05) for n in range(1, 5)]
        gevent.joinall(waits, raise_error=True)
    print(all(wait.value.succeeded for wait in waits))
    print(*(f"{warning.category.__name__} {warning.message}" for warning in told if "gevent" in str(warning.message)))
"""


@pytest.mark.skipif(not importlib.util.find_spec("gevent"), reason="needs gevent")
@transports
def test_gevent_that_is_patched_too_late(transport):
    """Connections from before are not used again, for they would block all greenlets; one warning says so."""
    with Server(either(AllPolledFirst(5).status)) as server:
        output = run(PATCHED_LATE, server.url, transport, options=[])
    ended, told, *more = output.splitlines()
    assert (ended, more) == ("True", [])
    if transport == "websocket":
        assert told.count("RocketRideWarning") == 1
        assert "came after a connection was made" in told


LATE_AND_SILENT = """
import sys, time, warnings
warnings.simplefilter("ignore")
from rocketride_sync import RocketRideClient, TransportTimeoutError
with RocketRideClient(sys.argv[1], "key", transport="http") as client:
    client.get_task_status("tk_0")
    from gevent import monkey
    monkey.patch_all()
    import gevent
    def ask(seconds):
        began = time.monotonic()
        try:
            client.with_options(timeout=seconds).get_task_status(f"tk_{seconds}")
        except TransportTimeoutError:
            return seconds <= time.monotonic() - began < seconds + 2.5
    calls = [gevent.spawn(ask, seconds) for seconds in (0.3, 4.0, 0.4, 2.0, 0.5)]
    gevent.joinall(calls, raise_error=True)
    print(all(call.value for call in calls))
"""


@pytest.mark.skipif(not importlib.util.find_spec("gevent"), reason="needs gevent")
def test_greenlets_of_gevent_that_is_patched_too_late_keep_their_own_deadlines():
    seen = []

    def handler(peer):
        while peer.read_request() is not None:
            seen.append(peer)
            if len(seen) > 1:
                until_gone(peer)
                return
            peer.send(answer(status_of("tk_0", state=3)))

    with Server(handler) as server:
        assert run(LATE_AND_SILENT, server.url, options=[]) == "True\n"


TIMED_OUT = """
import sys
from gevent import monkey
monkey.patch_all()
import gevent
from rocketride_sync import RocketRideClient
class Mine(Exception): pass
with RocketRideClient(sys.argv[1], "key", transport=sys.argv[2]) as client:
    for wait in (client.wait_until_complete, lambda token, **options: client.wait_all([token], **options)):
        try:
            with gevent.Timeout(0.3, Mine):
                wait("tk_1", timeout=30, interval=0.05)
        except Mine:
            print("out")
"""


@pytest.mark.skipif(not importlib.util.find_spec("gevent"), reason="needs gevent")
@transports
def test_a_timeout_of_gevent_comes_out_of_a_wait(transport):
    """As an exception of the application's own, too."""
    with Server(either(lambda token: status_of(token, state=3))) as server:
        assert run(TIMED_OUT, server.url, transport, options=[]) == "out\nout\n"


NATIVE_THREADS = """
import os, sys
from gevent import monkey
monkey.patch_all()
import gevent
from gevent.threadpool import ThreadPool
from rocketride_sync import RocketRideClient
SECONDS = 30
def right(status, token):
    return status.project_id == f"project of {token}"
def ask(token):
    return right(client.get_task_status(token), token)
def wait(token):
    return right(client.wait_until_complete(token, timeout=SECONDS, interval=0.05), token)
def wait_for_all(token):
    tokens = [f"{token}_{number}" for number in range(3)]
    return all(right(result.result(), result.token) for result in client.wait_all(tokens, timeout=SECONDS, interval=0.05))
with RocketRideClient(sys.argv[1], "key", transport=sys.argv[2]) as client:
    threads, answers = ThreadPool(3), []
    for round in range(4):
        for step in (ask, wait, wait_for_all):
            token = f"tk_{round}_{step.__name__}"
            begun = [spawn(step, f"{token}_{each}") for spawn in (gevent.spawn, threads.spawn) for each in range(3)]
            answers += [each.get(timeout=SECONDS) for each in begun]
print(answers == [True] * 72, flush=True)
os._exit(0)  # gevent may crash at the interpreter's end if any socket was used in such a thread
"""


@pytest.mark.skipif(not importlib.util.find_spec("gevent"), reason="needs gevent")
@transports
def test_threads_beside_the_one_of_the_greenlets(transport):
    """A socket of gevent serves only the thread that made it: each thread uses connections of its own."""
    polls = collections.Counter()

    def status(token):
        polls[token] += 1
        ended = {"state": 5, "completed": True} if polls[token] >= 3 else {}
        return status_of(token, **ended)

    with Server(either(status)) as server:
        assert run(NATIVE_THREADS, server.url, transport, options=[]) == "True\n"
        wait_until(lambda: server.open == 0, "the end of the connections")


class JobTimeout(Exception):
    pass


@transports
@pytest.mark.parametrize("many", [False, True])
def test_what_another_thread_throws_in_comes_out_of_a_wait(transport, many):
    polled, raised = threading.Event(), []

    def status(token):
        polled.set()
        return status_of(token, state=3)

    def work():
        wait = (
            (lambda *args: client.wait_all(["tk_1"], *args))
            if many
            else partial(client.wait_until_complete, "tk_1")
        )
        try:
            wait(SECONDS, 0.01)
        except BaseException as error:
            raised.append(type(error))

    with Server(either(status)) as server, RocketRideClient(server.url, "key", transport=transport) as client:
        thread = threading.Thread(target=work)
        thread.start()
        assert polled.wait(SECONDS)
        throw = ctypes.pythonapi.PyThreadState_SetAsyncExc
        throw(ctypes.c_ulong(thread.ident), ctypes.py_object(JobTimeout))
        thread.join(SECONDS / 2)
    assert raised == [JobTimeout]


OTHER_SOCKETS = """
import gc, socket, sys
class Other:
    _real = socket.socket
    def __init__(self, *args, **kwargs):
        self._sock = self._real(*args, **kwargs)
    def __getattr__(self, name):
        return getattr(self._sock, name)
socket.socket = Other
from rocketride_sync import RocketRideClient
with RocketRideClient(sys.argv[1], "key", transport=sys.argv[2]) as client:
    print(client.get_task_status("tk_1").project_id)
del client
gc.collect()
"""


@transports
def test_sockets_that_are_another_s_are_left_to_it(transport):
    """As with eventlet, whose class is not derived from Python's. What fails in a destructor is printed."""
    with Server(either(status_of)) as server:
        assert run(OTHER_SOCKETS, server.url, transport, options=[]) == "project of tk_1\n"


@transports
def test_inside_an_event_loop(transport):
    """A call blocks the loop, and leaves it as it was."""

    async def main(client):
        first = client.get_task_status("tk_1")
        await asyncio.sleep(0)
        return first, client.wait_until_complete("tk_2", timeout=SECONDS, interval=0.01)

    with Server(either(AllPolledFirst(2).status)) as server:
        with RocketRideClient(server.url, "key", transport=transport) as client:
            first, last = asyncio.run(main(client))
    assert (first.project_id, last.project_id) == ("project of tk_1", "project of tk_2")


@pytest.mark.skipif(sys.version_info < (3, 9), reason="asyncio.to_thread is of Python 3.9")
@transports
def test_beside_an_event_loop(transport):
    """In threads, waits leave the loop free: the task of the first ends only once the loop has started the second."""

    async def main(client):
        first = asyncio.create_task(asyncio.to_thread(client.wait_until_complete, "tk_1", SECONDS, 0.01))
        await asyncio.sleep(0.05)
        second = await asyncio.to_thread(client.wait_until_complete, "tk_2", SECONDS, 0.01)
        return await first, second

    with Server(either(AllPolledFirst(2).status)) as server:
        with RocketRideClient(server.url, "key", transport=transport) as client:
            ends = asyncio.run(main(client))
    assert [end.project_id for end in ends] == ["project of tk_1", "project of tk_2"]
