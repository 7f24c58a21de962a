"""`Task` as a context manager: what it ends when the block is left, and what it leaves alone."""

import contextlib
import copy
import json
import math
import os
import traceback

import pytest
from cases import each
from counting_tasks import GENEROUS, KEY, words
from counting_tasks import pipeline as counted
from moments import each_moment, interrupted
from needing import needs
from simulated_tasks import forever, new_project, pipeline

from rocketride_sync import (
    ConfigurationError,
    MemoryTransport,
    Outcome,
    PermissionDeniedError,
    RocketRideClient,
    ServerError,
    TaskNotFoundError,
    TransportError,
    TransportTimeoutError,
    WaitTimeoutError,
)
from rocketride_sync.redact import shorten
from rocketride_sync.task_fate import task_fate_of

needs("fastapi", reason="needs the extra `emulator`")


def test_it_terminates_what_it_started(either):
    with either.use(pipeline=forever()) as task:
        pass
    assert task.get_status().outcome is Outcome.CANCELLED


def test_it_leaves_a_joined_run_alone(websocket_client):
    document = forever()
    websocket_client.use(pipeline=document)
    with websocket_client.use(pipeline=document, use_existing=True) as task:
        pass
    assert not task.get_status().is_terminal


def test_it_leaves_an_ended_task_as_it_is(either):
    with either.use(pipeline=pipeline(seconds=0.1)) as task:
        assert task.wait_until_complete(GENEROUS, 0.05).succeeded
    assert task.get_status().succeeded


def test_it_leaves_another_run_under_the_same_token_alone(websocket_client):
    project = new_project()
    with websocket_client.use(pipeline=forever(project)) as task:
        task.terminate()
        successor = websocket_client.use(pipeline=forever(project))
        assert successor.token == task.token
    assert not successor.get_status().is_terminal
    status = task.get_status()  # of the run log
    assert (status.from_run_log, status.start_time) == (True, task.status.start_time)


def test_what_goes_wrong_in_the_block_comes_out(websocket_client):
    with pytest.raises(ZeroDivisionError), websocket_client.use(pipeline=forever()) as task:
        raise ZeroDivisionError
    assert task.get_status().outcome is Outcome.CANCELLED


def test_an_error_on_the_way_out_hides_no_other(caplog):
    started = {"token": "tk_5f3a0123456789abcdef"}
    running = {"state": 3, "startTime": 1.0}

    def client():
        faults = [TransportError("reset")] * 2  # of the status, and of the end itself
        return RocketRideClient("h", KEY, transport=MemoryTransport([started, running, *faults]))

    with pytest.raises(ZeroDivisionError), client().use(pipeline=forever()):
        raise ZeroDivisionError
    assert "may run on" in caplog.text
    assert started["token"] not in caplog.text
    with pytest.raises(TransportError), client().use(pipeline=forever()):
        pass


def test_a_first_status_that_cannot_be_read_does_not_lose_the_token(caplog):
    transport = MemoryTransport([{"token": "tk_5f3a0123456789abcdef"}, TransportError("reset")])
    task = RocketRideClient("h", KEY, transport=transport).use(pipeline=forever())
    assert task.token == "tk_5f3a0123456789abcdef"
    assert task.status is None
    assert "could not be read" in caplog.text


def interrupt(_status):
    raise KeyboardInterrupt


def test_ctrl_c_in_a_block_says_that_the_task_was_ended(either):
    with pytest.raises(KeyboardInterrupt, match=r"task tk_....… was ended") as raised:
        with either.use(pipeline=forever()) as task:
            task.wait_until_complete(GENEROUS, 0.1, interrupt)
    assert task_fate_of(raised.value) == ("the task was ended", True)


def test_ctrl_c_in_a_block_says_that_the_task_had_ended(server, either):
    def end_elsewhere(token):
        with RocketRideClient(server.uri, KEY) as another:
            another.terminate(token)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match=r"task tk_....… had ended") as raised:
        with either.use(pipeline=forever()) as task:
            end_elsewhere(task.token)
    assert task_fate_of(raised.value) == ("the task had ended", False)


def leave_block(task, error):
    with task:
        if error is not None:
            raise error


INTERRUPTED_AT = {"the look": [], "the request": [{"state": 3, "startTime": 1.0}]}


class Alarm(Exception):
    """What a signal handler may raise, as Celery's does at a time limit."""


@each("begun", INTERRUPTED_AT.values(), ids=INTERRUPTED_AT)
@each("error", [None, ZeroDivisionError()], ids=repr)
@each(
    ("stop", "said"),
    [
        (KeyboardInterrupt, "interrupted; task tk_5f3a… was ended"),
        (SystemExit, ""),
        (Alarm, ""),
        (OSError, ""),
    ],
)
def test_the_first_signal_does_not_leave_a_task_behind_that_is_just_being_ended(stop, said, error, begun):
    started, running = {"token": "tk_5f3a0123456789abcdef"}, {"state": 3, "startTime": 1.0}
    transport = MemoryTransport([started, running, *begun, stop(), running, None])
    task = RocketRideClient("h", KEY, transport=transport).use(pipeline=forever())
    with pytest.raises(stop) as raised:
        leave_block(task, error)
    assert task.ended
    assert str(raised.value) == said
    assert task_fate_of(raised.value) == ("the task was ended", True)


OF_LEAVING = ("__exit__", "_end_after", "_end", "_is_left_alone", "_is_inherited")


class AnsweringRunning(MemoryTransport):
    def call(self, operation, deadline):
        self.calls.append(operation)
        return STARTED if operation.name == "use" else RUNNING


@each("error", [None, ZeroDivisionError()], ids=repr)
def test_no_moment_of_ctrl_c_leaves_a_task_behind_whose_block_is_left(error):
    """But for the lines of its two `try`, at which Python handles no signal."""

    def survives(number):
        transport = AnsweringRunning([])
        task = RocketRideClient("h", KEY, transport=transport).use(pipeline=forever())

        def step():
            with contextlib.suppress(ZeroDivisionError):
                leave_block(task, copy.copy(error))

        more, _ = interrupted(step, number, only_in=OF_LEAVING)
        assert number in (1, 2) or transport.calls[-1].name == "terminate", number
        return more

    assert each_moment(survives) > 15


@each("handle", ["joined", "inherited"])
def test_ctrl_c_as_the_block_of_a_task_is_left_ends_none_that_is_to_be_left_alone(handle):
    def survives(number):
        transport = AnsweringRunning([])
        client = RocketRideClient("h", KEY, transport=transport)
        task = client.task(TOKEN) if handle == "joined" else client.use(pipeline=forever())
        task._pid += handle == "inherited"
        more, _ = interrupted(lambda: leave_block(task, None), number, only_in=OF_LEAVING)
        assert [call.name for call in transport.calls if call.name == "terminate"] == []
        return more

    assert each_moment(survives) > 3


@pytest.mark.parametrize("error", [None, KeyboardInterrupt()], ids=repr)
def test_the_second_ctrl_c_leaves_at_once(error):
    started, running = {"token": "tk_5f3a0123456789abcdef"}, {"state": 3, "startTime": 1.0}
    interrupts = [KeyboardInterrupt()] * (2 if error is None else 1)
    transport = MemoryTransport([started, running, *interrupts, running, None])
    task = RocketRideClient("h", KEY, transport=transport).use(pipeline=forever())
    with pytest.raises(KeyboardInterrupt):
        leave_block(task, error)
    assert not task.ended


TOKEN = "tk_5f3a0123456789abcdef"
STARTED = {"token": TOKEN}
RUNNING = {"state": 3, "startTime": 1.0}
DONE = {**RUNNING, "state": 5, "completed": True, "exitCode": 0}


def left(error, *answers):
    """What comes out of a block that is left with `error`, while the end of its task is answered so."""
    transport = MemoryTransport([STARTED, RUNNING, *map(copy.copy, answers)])
    with pytest.raises(BaseException) as raised:
        with RocketRideClient("h", KEY, transport=transport).use(pipeline=forever()):
            raise error
    assert TOKEN not in str(raised.value)
    return raised.value


def of_a_wait(token=TOKEN):
    """A wait's own words hold until somebody ends the task after it."""
    return KeyboardInterrupt(f"interrupted; task {shorten(token)}: it runs on")


NOT_ENDED = {
    "refused": ([RUNNING, PermissionDeniedError("denied")], "could not be terminated and may run on: denied"),
    "unanswered": (
        [RUNNING, TransportTimeoutError("no answer")],
        "could not be terminated and may run on: no answer",
    ),
    "out of reach": ([TransportError("reset")] * 2, "could not be terminated and may run on: reset"),
    "interrupted": ([RUNNING, KeyboardInterrupt()], "may run on"),
    "interrupted in the look": ([KeyboardInterrupt()], "may run on"),
}


@each(("answers", "words"), NOT_ENDED.values(), ids=NOT_ENDED)
@each("error", [KeyboardInterrupt(), of_a_wait()])
def test_ctrl_c_in_a_block_says_that_the_task_may_run_on(error, answers, words):
    """Also a second one, which breaks the end off."""
    stop = left(copy.copy(error), *answers)
    assert isinstance(stop, KeyboardInterrupt)
    assert str(stop) == f"interrupted; task tk_5f3a… {words}"
    assert task_fate_of(stop) == ("the task may run on", False)


def test_the_second_ctrl_c_at_the_end_of_a_block_says_that_the_task_may_run_on():
    transport = MemoryTransport([STARTED, RUNNING, RUNNING, KeyboardInterrupt(), KeyboardInterrupt()])
    with pytest.raises(KeyboardInterrupt, match=r"^interrupted; task tk_5f3a… may run on$"):
        with RocketRideClient("h", KEY, transport=transport).use(pipeline=forever()):
            pass


def test_the_first_ctrl_c_at_the_end_of_a_block_says_so_if_the_task_cannot_be_ended():
    answers = [RUNNING, KeyboardInterrupt(), RUNNING, PermissionDeniedError("denied")]
    transport = MemoryTransport([STARTED, RUNNING, *answers])
    with pytest.raises(KeyboardInterrupt, match=r"could not be terminated and may run on: denied$"):
        with RocketRideClient("h", KEY, transport=transport).use(pipeline=forever()):
            pass


def test_whatever_breaks_the_end_off_carries_that_the_task_may_run_on():
    for error, *stops in (
        (KeyboardInterrupt(), SystemExit(143)),
        (KeyboardInterrupt(), Alarm()),
        (ZeroDivisionError(), KeyboardInterrupt(), Alarm()),
        (Alarm(), Alarm(), OSError()),
    ):
        stop = left(error, RUNNING, *stops)
        assert isinstance(stop, type(stops[-1]))
        assert task_fate_of(stop) == ("the task may run on", False)


def test_what_an_interrupt_says_of_another_task_is_kept():
    """Of a block within this one, for example."""
    for said in (
        "interrupted; task tk_0123… could not be terminated and may run on: no",
        "interrupted; task tk_0123…: it runs on",
    ):
        assert str(left(KeyboardInterrupt(said), RUNNING, None)) == f"{said}; task tk_5f3a… was ended"
    assert str(left(KeyboardInterrupt("of the shutdown"), RUNNING, None)) == "of the shutdown"


ENDINGS = {
    "ended": ([RUNNING, None], "it was ended"),
    "had ended": ([DONE], "it had ended"),
    "refused": (
        [RUNNING, PermissionDeniedError("denied")],
        "it could not be terminated and may run on: denied",
    ),
}


@each(("answers", "words"), ENDINGS.values(), ids=ENDINGS)
def test_a_timeout_of_its_wait_in_a_block_says_what_became_of_the_task(answers, words):
    transport = MemoryTransport([STARTED, RUNNING, RUNNING, *answers])
    with pytest.raises(WaitTimeoutError) as raised:
        with RocketRideClient("h", KEY, transport=transport).use(pipeline=forever()) as task:
            task.wait_until_complete(0)
    assert str(raised.value).endswith(f"(last seen as RUNNING); {words}")


def test_a_timeout_of_a_wait_that_could_not_end_the_task_says_that_the_block_has_ended_it():
    refused = [RUNNING, RUNNING, PermissionDeniedError("denied")]
    transport = MemoryTransport([STARTED, RUNNING, *refused, RUNNING, None])
    with pytest.raises(WaitTimeoutError) as raised:
        with RocketRideClient("h", KEY, transport=transport).use(pipeline=forever()) as task:
            task.wait_until_complete(0, cancel_on_timeout=True)
    assert str(raised.value).endswith("(last seen as RUNNING); it was ended")


def test_a_timeout_of_another_tasks_wait_stays_as_it_is():
    error = WaitTimeoutError("task tk_0123… has not ended; it runs on", token="tk_0123…")
    assert str(left(error, RUNNING, None)) == "task tk_0123… has not ended; it runs on"


def test_a_timeout_that_says_something_else_of_its_task_stays_as_it_is():
    said = "task tk_5f3a… has not ended; the last poll failed: it says that it runs on"
    assert str(left(WaitTimeoutError(said, token="tk_5f3a…"), RUNNING, None)) == said


def test_a_task_that_is_forgotten_as_it_is_terminated_had_ended():
    stop = left(KeyboardInterrupt(), RUNNING, TaskNotFoundError("gone"))
    assert str(stop) == "interrupted; task tk_5f3a… had ended"
    assert task_fate_of(stop) == ("the task had ended", False)


def test_a_notebook_shows_the_run_without_asking_the_server(either, websocket_client):
    task = either.use(pipeline=forever())
    websocket_client.terminate(task.token)
    shown = task._repr_html_()
    assert "running" in shown
    assert "Task tk_" in shown
    assert task.token not in shown
    task.status = None
    assert "no status was read" in task._repr_html_()
    assert task.token not in task._repr_html_()


def test_what_a_notebook_shows_holds_no_chosen_token_and_no_key():
    token, key = "nightly-own-token-0001", "own-key-0123456789"
    status = {"state": 3, "status": f"of {token}", "errors": [f"bad*{key}*x.py:1"], "currentObject": token}
    transport = MemoryTransport([{"token": token}, status])
    shown = RocketRideClient("h", key, transport=transport).use(pipeline=forever())._repr_html_()
    assert "bad" in shown
    assert not [secret for secret in (token, key) if secret in shown]


def in_forked_child(step):
    """Run `step` in a forked child, to its end; it must not raise."""
    child = os.fork()
    if child == 0:
        try:
            step()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


forking = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@forking
@pytest.mark.parametrize("error", [None, SystemExit(), KeyboardInterrupt()], ids=repr)
def test_a_forked_child_that_leaves_the_block_does_not_end_its_parents_task(either, error):
    with either.use(pipeline=forever()) as task:
        in_forked_child(lambda: task.__exit__(error and type(error), error, None))
        assert not task.get_status().is_terminal
    assert task.get_status().outcome is Outcome.CANCELLED


@forking
def test_a_forked_child_is_told_that_its_parents_task_is_not_its_own_to_end(either):
    with either.use(pipeline=forever()) as task:

        def child():
            with pytest.raises(ConfigurationError, match=r"another process.*terminate it"):
                task.end()

        in_forked_child(child)
        assert not task.ended
        assert not task.get_status().is_terminal
        in_forked_child(task.terminate)
        assert task.get_status().outcome is Outcome.CANCELLED


@forking
def test_a_forked_child_that_leaves_the_block_of_a_pipe_does_not_complete_the_object(either):
    with either.use(pipeline=counted()) as task:
        with task.pipe({"name": "a.txt"}, "text/plain") as pipe:
            pipe.write(b"one ")

            def child():
                with pytest.raises(ConfigurationError, match="forked"):
                    pipe.write(b"of the child ")
                pipe.__exit__(None, None, None)

            in_forked_child(child)
            pipe.write(b"two")
    assert words(pipe.result) == 2


def test_a_handle_of_a_task_that_was_started_elsewhere(either):
    with either.use(pipeline=forever()) as started:
        handle = either.task(started.token)
        assert handle.joined
        with handle:
            assert handle.get_status().state == 3
        assert not handle.done()
        assert (handle["token"], handle.get("token")) == (started.token, started.token)
        assert (handle.get("nothing"), handle.get("nothing", 5)) == (None, 5)
        handle.terminate()
        assert handle.done()
        assert started.done()


def test_a_handle_with_an_earlier_status_is_of_that_run():
    older, newer = {"state": 3, "startTime": 1.0}, {"state": 3, "startTime": 2.0}
    client = RocketRideClient("h", KEY, transport=MemoryTransport([older, newer, newer]))
    previous = client.get_task_status("tk_1")
    assert client.task("tk_1", previous=previous).done(), "the run was replaced, so it has ended"
    assert not client.task("tk_1").done()


def test_a_task_that_nobody_knows_is_not_done(either):
    with pytest.raises(TaskNotFoundError):
        either.task("tk_unknown").done()


@pytest.mark.parametrize("wrong", [{"token": ""}, {"token": "tk_5f3a…"}, {"token": "t", "previous": {}}])
def test_a_handle_of_nothing_is_refused(wrong):
    with pytest.raises(ConfigurationError):
        RocketRideClient("h", KEY, transport=MemoryTransport([])).task(**wrong)


def test_use_takes_the_file_by_position(either, tmp_path):
    path = tmp_path / "job.pipe"
    path.write_text(json.dumps(forever()))
    with either.use(path) as task:
        assert task.get_status().state == 3
    with pytest.raises(ConfigurationError, match="filepath="):
        either.use()


@each(
    "fault",
    [PermissionDeniedError("Permission 'task.monitor' denied"), ServerError("internal error")],
    ids=repr,
)
@each("seen", [True, False])
def test_a_task_whose_status_cannot_be_read_is_ended_all_the_same(fault, seen):
    transport = MemoryTransport(
        [{"token": "tk_1"}, {"state": 3, "startTime": 1.0} if seen else fault, fault, None]
    )
    with RocketRideClient("h", KEY, transport=transport).use(pipeline=forever()):
        pass
    assert transport.calls[-1].name == "terminate"


@pytest.mark.parametrize("timeout", [20.0, None])
def test_the_end_takes_the_timeout_at_most_and_the_look_before_it_half(timeout):
    left = {}

    class Timed(MemoryTransport):
        def call(self, operation, deadline):
            left[operation.name] = deadline.remaining()
            if operation.name == "get_task_status":
                raise TransportTimeoutError("silence")
            return super().call(operation, deadline)

    RocketRideClient("h", KEY, transport=Timed([None]), timeout=timeout).task("tk_1").end()
    expected = [math.inf, math.inf] if timeout is None else [10.0, 20.0]
    assert list(left) == ["get_task_status", "terminate"]
    assert list(left.values()) == pytest.approx(expected, abs=5.0)
    assert left["terminate"] <= (timeout or math.inf)


def test_it_reads_as_the_dict_that_the_asynchronous_client_returns():
    answer = {"token": "tk_5f3a0123456789", "projectId": "p", "new": 1}
    transport = MemoryTransport([answer, {"state": 3}])
    task = RocketRideClient("h", KEY, transport=transport).use(pipeline=forever())
    assert list(task) == list(task.keys()) == list(task.start)
    assert dict(task) == task.start.to_dict()
    assert {**task}["new"] == 1
    assert ("token" in task, "new" in task, "tokens" in task, 0 in task) == (True, True, False, False)
    assert task
