"""Ctrl-C between any two lines: it comes out, no lock stays held, no connection stays open, the client works on.

A signal handler of Python runs between two lines, or as a function returns. So each of these moments in turn, or every
thirty-first, gets a KeyboardInterrupt.
"""

import contextlib
import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from unittest import mock

import pytest
from transports.either_transport import either
from transports.loopback import Server

from rocketride_sync import MemoryTransport, RocketRideClient
from rocketride_sync.cli.pipeline_run import PipelineRun
from rocketride_sync.cli.run_task import RunTask
from rocketride_sync.deadline import Deadline
from rocketride_sync.transports import memory
from rocketride_sync.transports.thread_poller import ThreadPoller
from rocketride_sync.transports.websocket.pool import Pool

from .moments import each_moment, interrupted
from .peers import status_of, wait_until

PIPELINE = {"project_id": "p", "source": "s", "components": [{"id": "s", "provider": "webhook"}]}
TOKEN = "tk_5f3a0123456789abcdef0123456789ab"
STRIDE = 31
CALLS = {
    "status": lambda client: client.get_task_status(TOKEN, timeout=20),
    "wait": lambda client: client.wait_until_complete(TOKEN, timeout=20, interval=0.001),
}


@pytest.mark.parametrize("kept", [False, True], ids=["new connection", "kept connection"])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("transport", ["websocket", "http"])
def test_ctrl_c_at_any_moment(transport, call, kept):
    answers = itertools.cycle([status_of(TOKEN), status_of(TOKEN), status_of(TOKEN, state=5, completed=True)])

    def survives(number):
        """Whether there was such a moment; if so, the client works on."""
        client = RocketRideClient(server.url, "key", transport=transport)
        if kept:
            call(client)
        was_interrupted, _ = interrupted(lambda: call(client), number)
        call(client)
        client.close()
        wait_until(lambda: server.open == 0, "the end of the connections")
        return was_interrupted

    with Server(either(lambda _: next(answers))) as server:
        with RocketRideClient(server.url, "key", transport=transport) as first:
            call(first)  # imports what there is to import
        assert each_moment(survives, STRIDE) > 50


def test_ctrl_c_at_any_moment_takes_no_turn_to_connect_away():
    """A thread that is interrupted again and again leaves the others theirs."""
    pool = Pool(lambda deadline: SimpleNamespace())

    def survives(number):
        was_interrupted, _ = interrupted(lambda: pool.connect(Deadline(5.0)), number)
        return was_interrupted

    with ThreadPoolExecutor(1) as executor:
        for number in itertools.count(1):
            if not executor.submit(survives, number).result():
                break
        assert number > 10
        with ThreadPoolExecutor(8) as others:
            made = [others.submit(pool.connect, Deadline(5.0)) for _ in range(8)]
            assert all(connection.result() for connection in made)


def test_ctrl_c_at_any_moment_of_a_start_loses_no_task_without_a_word():
    silent = []

    def survives(number):
        answers = iter([{"token": TOKEN}, *itertools.repeat(status_of(TOKEN, state=6, completed=True), 9)])
        transport = MemoryTransport({"None": answers, TOKEN: answers})
        client = RocketRideClient("test", "key", transport=transport)
        started = []
        # Not in the transport of tests: a tracer can come between a `with` and the release of its lock.
        was_interrupted, told = interrupted(
            lambda: started.append(client.use(pipeline=PIPELINE)), number, [__file__, memory.__file__]
        )
        if transport.calls and told is not None and not started:
            silent.append(not ("unknown" in str(told) or "was ended" in str(told)))
        return was_interrupted

    RocketRideClient("test", "key", transport=MemoryTransport([{"token": TOKEN}, {}])).use(pipeline=PIPELINE)
    assert each_moment(survives) > 50
    # But for the very last moment, in which `use` returns.
    assert sum(silent) <= 1 < len(silent)


class _Poll:
    operation = "status"
    until = Deadline(None)

    def begin(self):
        return Deadline(30.0)

    def mark_answered(self):
        pass


class _Answers:
    def call(self, operation, deadline):
        return {}


def polling_threads():
    return [thread for thread in threading.enumerate() if thread.name == "rocketride-poll"]


def test_ctrl_c_at_any_moment_leaves_no_polling_thread():
    def poll_four():
        with contextlib.closing(ThreadPoller(_Answers(), 4)) as poller:
            for _ in range(4):
                poller.submit(_Poll())
            poller.next(Deadline(5.0))

    def survives(number):
        # Not in the library of threads: a tracer can come between a `with` and the release of its lock.
        was_interrupted, _ = interrupted(poll_four, number, [threading.__file__])
        wait_until(lambda: not polling_threads(), "the end of the threads")
        return was_interrupted

    assert each_moment(survives) > 50


def test_ctrl_c_at_any_moment_makes_no_run_one_that_this_client_ended():
    """Else its end, whatever it was, would be told as cancelled."""
    running = status_of(TOKEN)
    ended = {**running, "state": 6, "completed": True, "exitCode": 1, "exitMessage": "Failed"}
    RocketRideClient("h", "key", transport=MemoryTransport([running, None])).terminate(
        TOKEN
    )  # loads what it needs

    def survives(number):
        transport = MemoryTransport([running, None, *[ended] * 3])
        client = RocketRideClient("h", "key", transport=transport)
        was_interrupted, _ = interrupted(lambda: client.terminate(TOKEN), number, {memory.__file__})
        asked = "terminate" in [call.name for call in transport.calls]
        if not asked:
            transport = client._transport = client._caller.transport = MemoryTransport([ended])
            assert not client.get_task_status(TOKEN).terminated_by_client
        return was_interrupted

    assert each_moment(survives) > 50


def test_ctrl_c_at_any_moment_of_a_run_of_the_command_line_leaves_no_task_behind():
    def survives(number):
        task = SimpleNamespace(token=TOKEN, ended=False, started=False)

        def use():
            task.started = True
            return task

        def end(*_, **__):
            task.ended = True
            return True

        task.end = end
        run = object.__new__(PipelineRun)
        run._args = SimpleNamespace(keep=False, json=False)
        run._task = RunTask(None, SimpleNamespace(end=end))
        run._start, run._follow = use, lambda task: None
        was_interrupted, _ = interrupted(run.run, number, {__file__})
        assert task.ended or not task.started
        return was_interrupted

    with mock.patch("sys.stderr"):
        assert each_moment(survives) > 10
