"""Processes that inherit a client which was used already."""

import os
import sys

import pytest
from transports.either_transport import either
from transports.loopback import Server

from .peers import run_loaded, status_of

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

transports = pytest.mark.parametrize("transport", ["auto", "websocket", "http"])
START = """
import os, sys, threading, multiprocessing
from rocketride_sync import RocketRideClient
client = RocketRideClient(sys.argv[1], "key", transport=sys.argv[2])

def ask(token):
    assert client.get_task_status(token).project_id == f"project of {token}"

def work(number):
    for _ in range(10):
        ask(f"tk_{number}")
    assert client.wait_until_complete(f"tk_end_{number}", 60).project_id == f"project of tk_end_{number}"

def forked(number):
    child = os.fork()
    if child == 0:
        work(number)
        sys.exit()
    return child

def reap(children):
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * len(children)

ask("tk_parent")
"""


def status(token):
    return status_of(token, state=5, completed=True) if "end" in token else status_of(token)


def in_parent_and_children(script, transport):
    """How many connections there were."""
    with Server(either(status)) as server:
        run_loaded(START + script, server.url, transport)
        return server.connections


@transports
def test_workers_that_were_forked_after_the_client_was_used(transport):
    """As a web server does that loads the application first. The parent goes on using its own connection."""
    script = """
children = [forked(number) for number in range(4)]
for _ in range(50):
    ask("tk_parent")
reap(children)
ask("tk_parent")
client.close()
"""
    assert in_parent_and_children(script, transport) == 5


@transports
def test_workers_that_were_forked_in_the_middle_of_a_wait(transport):
    script = """
statuses = client.iter_task_status("tk_parent", interval=0.01)
next(statuses)
children = [forked(number) for number in range(4)]
for _ in range(50):
    next(statuses)
reap(children)
next(statuses)
statuses.close()
client.close()
"""
    assert in_parent_and_children(script, transport) == 5


@transports
def test_multiprocessing(transport):
    script = """
context = multiprocessing.get_context("fork")
processes = [context.Process(target=work, args=(number,)) for number in range(4)]
for process in processes:
    process.start()
for process in processes:
    process.join()
assert [process.exitcode for process in processes] == [0] * 4
ask("tk_parent")
client.close()
"""
    assert in_parent_and_children(script, transport) == 5


@transports
def test_a_child_that_closes_the_client_closes_its_own_connections_only(transport):
    script = """
child = os.fork()
if child == 0:
    ask("tk_child")
    client.close()
    client.close()
    sys.exit()
reap([child])
ask("tk_parent")
client.close()
"""
    assert in_parent_and_children(script, transport) == 2


# Free-threaded Python 3.13: where other threads were just stopping all threads, to collect garbage or to set a `__class__`, a
# forked child waits for ever when it does that itself.
@pytest.mark.skipif(
    not getattr(sys, "_is_gil_enabled", lambda: True)(), reason="such a fork hangs without Python's lock"
)
@transports
def test_a_child_of_a_process_whose_threads_use_the_client(transport):
    """What a thread held when the process was forked, no one gives back in the child."""
    script = """
import warnings
warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 and later warn of such forks
going_on = threading.Event()
def thread():
    while not going_on.is_set():
        with RocketRideClient(sys.argv[1], "key", transport=sys.argv[2]) as other:
            ask("tk_thread")
            other.get_task_status("tk_other")
threads = [threading.Thread(target=thread) for _ in range(6)]
for each in threads:
    each.start()
for number in range(10):
    child = os.fork()
    if child == 0:
        ask(f"tk_{number}")
        assert client.wait_until_complete(f"tk_end_{number}", 60).succeeded
        os._exit(0)
    reap([child])
going_on.set()
for each in threads:
    each.join()
client.close()
"""
    assert in_parent_and_children(script, transport) >= 11
