"""What becomes of a task when the wait for it is given up: `cancel_on_timeout` and `cancel_on_interrupt`."""

import http.client
import socket
import time

import pytest
from cases import each
from counting_tasks import GENEROUS, KEY
from needing import needs
from simulated_tasks import forever, new_project
from timed_calls import TimedCalls

from rocketride_sync import (
    MemoryTransport,
    Outcome,
    RocketRideClient,
    TaskCancelledError,
    TaskNotFoundError,
    TaskVanishedError,
    TransportError,
    WaitTimeoutError,
)

needs("fastapi", reason="needs the extra `emulator`")


def test_a_timeout_leaves_the_task_running(either):
    task = either.use(pipeline=forever())
    with pytest.raises(WaitTimeoutError, match="has not ended"):
        task.wait_until_complete(2.0, 0.1)
    assert not task.get_status().is_terminal


def test_a_timeout_may_cancel_the_task_and_report_its_outcome(either):
    task = either.use(pipeline=forever())
    seen = []
    status = task.wait_until_complete(0.3, 0.1, seen.append, cancel_on_timeout=True)
    assert status.outcome is Outcome.CANCELLED
    assert seen[-1] is status
    task = either.use(pipeline=forever())
    with pytest.raises(TaskCancelledError):
        task.wait_until_complete(0.3, 0.1, check=True, cancel_on_timeout=True)


def interrupt(_status):
    raise KeyboardInterrupt


def test_an_interrupt_leaves_the_task_running_or_cancels_it(either):
    task = either.use(pipeline=forever())
    with pytest.raises(KeyboardInterrupt, match=r"interrupted; task tk_....…: it runs on"):
        task.wait_until_complete(GENEROUS, 0.1, interrupt)
    assert not task.get_status().is_terminal
    with pytest.raises(KeyboardInterrupt, match="it was ended: cancelled"):
        task.wait_until_complete(GENEROUS, 0.1, interrupt, cancel_on_interrupt=True)
    assert task.get_status().outcome is Outcome.CANCELLED


def test_cancelling_leaves_another_run_alone(websocket_client, server):
    """The run that was watched ended and was replaced just before the timeout."""
    project = new_project()
    task = websocket_client.use(pipeline=forever(project))

    def replace(_status):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=GENEROUS)
        connection.request("DELETE", f"/task?token={task.token}", headers={"Authorization": f"Bearer {KEY}"})
        connection.getresponse().read()
        connection.close()
        websocket_client.use(pipeline=forever(project))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="it was ended: cancelled"):
        task.wait_until_complete(GENEROUS, 0.1, replace, cancel_on_interrupt=True)
    assert not websocket_client.get_task_status(task.token).is_terminal


RUNNING = {"token": "tk_1", "state": 3, "startTime": 5.0}


def test_a_task_that_is_forgotten_while_it_is_cancelled_has_vanished():
    script = [RUNNING, RUNNING, TaskNotFoundError("gone")]
    with RocketRideClient("h", KEY, transport=MemoryTransport(script)) as client:
        with pytest.raises(TaskVanishedError):
            client.wait_until_complete("tk_1", 0, cancel_on_timeout=True)


DONE = {**RUNNING, "state": 5, "completed": True, "exitCode": 0}


def test_a_task_that_ended_before_it_could_be_cancelled_is_not_terminated():
    """Nor polled again: the token may be that of another run by then."""
    transport = MemoryTransport([RUNNING, DONE])
    with RocketRideClient("h", KEY, transport=transport) as client:
        assert client.wait_until_complete("tk_1", 0, cancel_on_timeout=True).succeeded
    assert [call.name for call in transport.calls] == ["get_task_status"] * 2


ENDED = {**DONE, "state": 6, "endTime": 7.0}
INTERRUPTED_AT = {
    "the look": lambda: [KeyboardInterrupt(), RUNNING, None, ENDED],
    "the request": lambda: [RUNNING, KeyboardInterrupt(), RUNNING, None, ENDED],
    "the wait for the end": lambda: [RUNNING, None, KeyboardInterrupt(), ENDED],
}


@pytest.mark.parametrize("answers", INTERRUPTED_AT.values(), ids=INTERRUPTED_AT)
@pytest.mark.parametrize("both", [False, True])
def test_the_first_ctrl_c_does_not_leave_a_task_behind_that_is_just_being_cancelled(answers, both):
    transport = MemoryTransport([RUNNING, *answers()])
    client = RocketRideClient("h", KEY, transport=transport)
    with pytest.raises(KeyboardInterrupt, match=r"^interrupted; task tk_5f3a…: it was ended: cancelled$"):
        client.wait_until_complete(
            "tk_5f3a0123456789abcdef", 0, cancel_on_timeout=True, cancel_on_interrupt=both
        )
    assert "terminate" in [call.name for call in transport.calls]


class Alarm(Exception):
    """What a signal handler may raise, as Celery's does at a time limit."""


@each("begun", INTERRUPTED_AT.values(), ids=INTERRUPTED_AT)
@each("stop", [Alarm, OSError, SystemExit], ids=repr)
def test_nor_does_what_else_a_signal_handler_raises(begun, stop):
    answers = [stop() if isinstance(answer, KeyboardInterrupt) else answer for answer in begun()]
    transport = MemoryTransport([RUNNING, *answers])
    client = RocketRideClient("h", KEY, transport=transport)
    with pytest.raises(stop):
        client.wait_until_complete("tk_5f3a0123456789abcdef", 0, cancel_on_timeout=True)
    assert "terminate" in [call.name for call in transport.calls]
    assert len(transport.calls) == len(answers) + 1


def test_an_error_in_the_last_call_of_the_callback_is_no_reason_to_end_the_task_again():
    def fail_at_end(status):
        if status.is_terminal:
            raise ZeroDivisionError

    transport = MemoryTransport([RUNNING, RUNNING, None, ENDED])
    client = RocketRideClient("h", KEY, transport=transport)
    with pytest.raises(ZeroDivisionError):
        client.wait_until_complete("tk_5f3a", 0, on_progress=fail_at_end, cancel_on_timeout=True)
    assert len(transport.calls) == 4


def test_ctrl_c_in_the_last_call_of_the_callback_says_how_the_task_ended():
    def stop_at_end(status):
        if status.is_terminal:
            raise KeyboardInterrupt

    client = RocketRideClient("h", KEY, transport=MemoryTransport([RUNNING, RUNNING, None, ENDED, ENDED]))
    with pytest.raises(KeyboardInterrupt, match=r"it was ended: cancelled$"):
        client.wait_until_complete(
            "tk_5f3a0123456789abcdef", 0, on_progress=stop_at_end, cancel_on_timeout=True
        )


@pytest.mark.parametrize(("timeout", "limit"), [(None, 30.0), (600.0, 30.0), (5.0, 5.0)])
def test_cancelling_takes_the_clients_timeout_and_thirty_seconds_at_most(timeout, limit):
    transport = TimedCalls([RUNNING, RUNNING, {}, {**RUNNING, "state": 4}, {**DONE, "state": 6}])
    with RocketRideClient("h", KEY, transport=transport, timeout=timeout) as client:
        assert client.wait_until_complete("tk_1", 0, cancel_on_timeout=True).is_terminal
    assert [call.name for call in transport.calls[1:3]] == ["get_task_status", "terminate"]
    assert transport.limits[1:] == pytest.approx([limit] * 4, abs=min(limit / 2, 10.0))
    assert max(transport.limits[1:]) <= limit
    assert transport.pauses == pytest.approx([0.1], abs=0.1)


def late():
    """As the wait for the end raises it, after the request."""
    error = WaitTimeoutError("it has not ended after 30.0 s")
    error._tell_fate("it runs on")
    return error


def lost():
    error = TransportError("the connection broke")
    error.request_sent = True
    return error


NOT_ENDED = {
    "late": (late, "it has not ended after 30.0 s"),
    "lost": (
        lost,
        "the connection broke; whether the server carried it out is unknown; the task's status tells",
    ),
}


@each(("fault", "reason"), NOT_ENDED.values(), ids=NOT_ENDED)
def test_what_is_known_of_the_task_is_said_once(fault, reason):
    client = RocketRideClient("h", KEY, transport=MemoryTransport([RUNNING, RUNNING, fault()]))
    with pytest.raises(WaitTimeoutError) as caught:
        client.wait_until_complete("tk_1", 0, cancel_on_timeout=True)
    said = f"(last seen as RUNNING); it could not be terminated and may run on: {reason}"
    assert str(caught.value).endswith(said)


def test_cancelling_a_task_out_of_reach_takes_no_longer_than_its_own_time():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        uri = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with RocketRideClient(uri, KEY, timeout=1.0, transport="websocket") as client:
            began = time.monotonic()
            with pytest.raises(WaitTimeoutError, match="could not be terminated"):
                client.wait_until_complete("tk_1", 0.5, 0.1, cancel_on_timeout=True)
    assert time.monotonic() - began < 6.0
