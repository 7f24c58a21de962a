"""`RocketRideClient.run`: a whole run in one call, whose task is ended on every way out."""

import contextlib
import copy
import itertools
import json
import re
import time
import traceback
from datetime import timedelta

import pytest
from cases import each
from counting_tasks import GENEROUS, KEY, words
from counting_tasks import pipeline as counted
from handlers import of_auth
from moments import each_moment, interrupted
from needing import needs
from simulated_tasks import forever, pipeline

from rocketride_sync import (
    ConfigurationError,
    MemoryTransport,
    Outcome,
    PermissionDeniedError,
    ProtocolError,
    RocketRideClient,
    RocketRideError,
    RunResult,
    ServerError,
    TaskAlreadyRunningError,
    TaskNotFoundError,
    TaskStatus,
    TransportError,
    TransportTimeoutError,
    UnsupportedOperationError,
    WaitTimeoutError,
)
from rocketride_sync.client import pipeline_run, running_methods
from rocketride_sync.client.base_client import BaseClient
from rocketride_sync.client.lost_start import LostStart
from rocketride_sync.deadline import Deadline
from rocketride_sync.task_fate import HAD_ENDED, NOT_STARTED, WAS_ENDED, task_fate_of

needs("fastapi", reason="needs the extra `emulator`")

TOKEN = "tk_5f3a0123456789abcdef"


@pytest.fixture(autouse=True)
def _nothing_is_left_running(server):
    yield
    with RocketRideClient(server.uri, KEY) as client:
        left = client.get_tasks()
        for task in left:
            client.terminate(task.token)
        assert [task.project_id for task in left] == []


@pytest.fixture
def files(tmp_path):
    for name, text in {"a.txt": "one two three", "b.txt": "four five"}.items():
        (tmp_path / name).write_text(text)
    return [tmp_path / "a.txt", str(tmp_path / "b.txt")]


def test_files_are_sent(either, files, tmp_path):
    path = tmp_path / "words.pipe"
    path.write_text(json.dumps({"pipeline": counted()}))
    steps = []
    done = either.run(
        path, files=files, timeout=GENEROUS, on_upload=lambda event: steps.append(event["action"])
    )
    assert isinstance(done, RunResult)
    assert done.succeeded
    assert done.failed == []
    assert [words(result["result"]) for result in done.results] == [3, 2]
    assert [result["filepath"] for result in done.results] == list(map(str, files))
    assert done.status.completed_count == 2
    assert steps.count("complete") == 2


def test_one_object_is_sent(either):
    done = either.run(pipeline=counted(), data="one two", mimetype="text/plain")
    (result,) = done.results
    assert words(result) == 2
    assert done.succeeded
    assert done.status.completed_count == 1


def test_the_end_is_waited_for(either):
    seen = []
    done = either.run(pipeline=pipeline(seconds=0.1), interval=0.05, on_progress=seen.append)
    assert (done.results, done.succeeded) == ([], True)
    assert seen[-1] == done.status
    failed = either.run(pipeline=pipeline(seconds=0.1, exit_code=1, exit_message="no"), interval=0.05)
    assert not failed.succeeded
    assert failed.status.outcome is Outcome.FAILED


def test_a_file_that_fails_is_in_the_result(websocket_client, files):
    document = counted(refuse="no such model")
    done = websocket_client.run(pipeline=document, files=files)
    assert not done.succeeded
    assert len(done.failed) == 2
    assert "no such model" in done.failed[0]["error"]
    with pytest.raises(ServerError, match="no such model"):
        websocket_client.run(pipeline=document, data="text")


def raise_(error):
    raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ZeroDivisionError(), SystemExit(143)])
@pytest.mark.parametrize("what", ["files", "wait"])
def test_an_exception_in_a_callback_ends_the_task(websocket_client, files, error, what):
    arguments = {
        "files": {"pipeline": counted(), "files": files, "on_upload": lambda _: raise_(error)},
        "wait": {"pipeline": forever(), "on_progress": lambda _: raise_(error)},
    }
    with pytest.raises(type(error)) as raised:
        websocket_client.run(**arguments[what])
    assert raised.value is error
    if isinstance(error, KeyboardInterrupt):
        assert str(error) == "interrupted; the task was ended"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ZeroDivisionError(), SystemExit(143)])
def test_an_exception_carries_what_became_of_the_task(websocket_client, error):
    """For a report: `RunRecorder` has only the exception that leaves its block."""
    with pytest.raises(type(error)) as raised:
        websocket_client.run(pipeline=forever(), on_progress=lambda _: raise_(error))
    assert task_fate_of(raised.value) == ("the task was ended", True)


def test_an_exception_carries_that_the_task_may_run_on():
    client = script(NO_RUN, STARTED, RUNNING, RUNNING, RUNNING, ServerError("not now"))
    with pytest.raises(ZeroDivisionError) as raised:
        client.run(pipeline=forever("p"), on_progress=lambda _: raise_(ZeroDivisionError()))
    assert task_fate_of(raised.value) == (f"the task may run on ({NAMED})", False)


NAMED = "project 'p', source 'src_1'"
STARTED, RUNNING = {"token": TOKEN}, {"state": 3, "startTime": 1.0}
NOT_ENDED = {
    "refused": [PermissionDeniedError("denied")],
    "failed": [ServerError("Internal error")],
    "unanswered": [TransportTimeoutError("no answer")],
    "interrupted": [KeyboardInterrupt(), RUNNING, KeyboardInterrupt()],
}
WAYS_OUT = {
    "the timeout": WaitTimeoutError("not ended"),
    "Ctrl-C": KeyboardInterrupt(),
    "an outage": TransportError("the connection broke"),
    "a refusal": ServerError("no such model"),
    "another error": ZeroDivisionError(),
}


@pytest.mark.parametrize("way_out", WAYS_OUT.values(), ids=WAYS_OUT)
@pytest.mark.parametrize("not_ended", NOT_ENDED.values(), ids=NOT_ENDED)
def test_a_task_that_cannot_be_ended_is_named(caplog, way_out, not_ended):
    """In the message of the exception. One that is not ours stays as it is, and the log names the task."""
    client = script(NO_RUN, STARTED, RUNNING, RUNNING, RUNNING, *not_ended)
    second = isinstance(not_ended[0], KeyboardInterrupt)
    error = copy.copy(way_out)
    with pytest.raises(KeyboardInterrupt if second else type(error)) as raised:
        client.run(pipeline=forever("p"), on_progress=lambda _: raise_(error))
    if not isinstance(raised.value, ZeroDivisionError):
        assert str(raised.value).endswith(f"; the task may run on ({NAMED})")
    assert task_fate_of(raised.value) == (f"the task may run on ({NAMED})", False)
    assert (f"({NAMED}) could not be terminated, it may run on" in caplog.text) is not second
    assert TOKEN not in caplog.text + str(raised.value)


@each("stop", [KeyboardInterrupt(), SystemExit(143), OSError()], ids=repr)  # what signal handlers raise
@each("way_out", [WaitTimeoutError("not ended"), ZeroDivisionError(), None], ids=repr)
@each("begun", [[], [RUNNING]], ids=["at the look", "at the request"])
def test_the_first_interrupt_does_not_leave_a_task_behind_that_is_just_being_ended(stop, way_out, begun):
    ending = [*begun, copy.copy(stop), RUNNING, None]
    if way_out is None:
        client = script(NO_RUN, STARTED, RUNNING, SUCCEEDED, *ending)
    else:
        client = script(NO_RUN, STARTED, RUNNING, RUNNING, *ending)
    with pytest.raises(type(stop)) as raised:
        client.run(pipeline=forever("p"), on_progress=lambda _: way_out and raise_(copy.copy(way_out)))
    assert task_fate_of(raised.value) == (WAS_ENDED, True)
    assert [call.name for call in client._transport.calls][-1] == "terminate"


class StartedAndRunning(MemoryTransport):
    """Its one task ends when it is terminated."""

    def call(self, operation, deadline):
        self.calls.append(operation)
        if operation.name == "get_task_token":
            raise copy.copy(NO_RUN)
        return STARTED if operation.name == "use" else RUNNING


OF_THE_RUN = ("run", "_run", "_finish", "end_or_tell", "end")


def test_no_moment_of_an_interrupt_leaves_a_task_behind_after_an_error():
    def survives(number):
        transport = StartedAndRunning([])
        client = RocketRideClient("h", KEY, transport=transport)

        def step():
            with contextlib.suppress(ZeroDivisionError):
                client.run(pipeline=forever("p"), on_progress=lambda _: 1 / 0)

        more, _ = interrupted(step, number, only_in=OF_THE_RUN)
        names = [call.name for call in transport.calls]
        assert "terminate" in names or "use" not in names, number
        return more

    assert each_moment(survives) > 30


OF_TELLING = (*OF_THE_RUN, "tell", "may_run_on", "fate", "note_task_fate", "_tell_fate", "shorten")


@pytest.mark.parametrize("way_out", [WaitTimeoutError("not ended"), ServerError("no"), None], ids=repr)
def test_ctrl_c_tells_what_became_of_the_task_also_while_that_is_being_told_of_an_error(way_out):
    """Only as `run` itself hands over what came of it, nothing can be added any more."""

    def survives(number):
        transport = StartedAndRunning([])
        told = []

        def step():
            try:
                RocketRideClient("h", KEY, transport=transport).run(
                    pipeline=forever("p"),
                    on_progress=lambda _: raise_(copy.copy(way_out or ZeroDivisionError())),
                )
            except KeyboardInterrupt as stop:
                last = traceback.extract_tb(stop.__traceback__)[-2]  # before the line of the tracer
                handed_over = last.filename in (running_methods.__file__, __file__)
                if "use" in [call.name for call in transport.calls] and not handed_over:
                    told.append((str(stop), task_fate_of(stop), last))
                raise
            except (RocketRideError, ZeroDivisionError):
                pass

        more, _ = interrupted(step, number, only_in=OF_TELLING)
        assert all(
            said == f"interrupted; {WAS_ENDED}" and fate == (WAS_ENDED, True) for said, fate, _ in told
        ), told
        return more

    assert each_moment(survives) > 30


@pytest.mark.parametrize("broken_off", [[], [{"token": TOKEN}], [{"token": TOKEN}, RUNNING]], ids=len)
def test_the_first_interrupt_does_not_end_the_look_for_a_task_whose_start_was_lost(broken_off):
    lost = TransportTimeoutError("no answer")
    lost.request_sent = True
    client = script(NO_RUN, lost, *broken_off, KeyboardInterrupt(), *FOUND)
    with pytest.raises(KeyboardInterrupt, match=r"^interrupted; the task was ended$"):
        client.run(pipeline=forever("p"))


def test_a_task_that_cannot_be_ended_after_its_files_is_named(caplog):
    """What came of the run is told all the same."""
    document = {**counted(), "project_id": "p"}
    client = script(NO_RUN, STARTED, RUNNING, {}, RUNNING, RUNNING, ServerError("Internal error"))
    assert client.run(pipeline=document, data="text").results == [{}]
    source = document["source"]
    assert f"(project 'p', source '{source}') could not be terminated, it may run on" in caplog.text


SUCCEEDED = {**RUNNING, "state": 5, "completed": True, "exitCode": 0, "endTime": 2.0}
ENDS = {
    "by itself": SUCCEEDED,
    "forgotten": TaskNotFoundError("gone"),
    "replaced": {"state": 3, "startTime": 7.0},
}


@pytest.mark.parametrize("now", ENDS.values(), ids=ENDS)
def test_a_task_that_had_ended_when_the_run_was_interrupted_was_not_ended_by_it(now):
    client = script(NO_RUN, STARTED, RUNNING, RUNNING, *[now] * 3)
    with pytest.raises(KeyboardInterrupt, match=r"^interrupted; the task had ended$") as raised:
        client.run(pipeline=forever(), on_progress=lambda _: raise_(KeyboardInterrupt()))
    assert task_fate_of(raised.value) == (HAD_ENDED, False)
    assert "terminate" not in [call.name for call in client._transport.calls]


def test_a_timeout_ends_the_task(leaping, either, tmp_path):
    with pytest.raises(
        WaitTimeoutError, match=r"no end of the task had been seen after .*; the task was ended"
    ) as raised:
        either.run(
            pipeline=forever(),
            timeout=GENEROUS,
            interval=0.1,
            on_progress=lambda _: leaping.leap(GENEROUS),
        )
    assert raised.value.last_status.state == 3
    assert raised.value.token.endswith("…")
    large = tmp_path / "large"
    with open(large, "wb") as file:
        file.truncate(1 << 28)
    with pytest.raises(WaitTimeoutError, match=r"0 of 1 files were through .*; the task was ended"):
        either.run(
            pipeline=counted(),
            files=[large],
            timeout=GENEROUS,
            on_upload=lambda event: leaping.leap(GENEROUS if event["action"] == "write" else 0.0),
        )


def script(*answers):
    return RocketRideClient("h", KEY, transport=MemoryTransport(answers))


NO_RUN = TaskNotFoundError("no such task")  # what the look for the run before finds


def test_a_task_that_ended_unseen_is_not_said_to_have_gone_on(leaping):
    """As in a process that was suspended until after the timeout."""
    client = script(NO_RUN, STARTED, RUNNING, RUNNING, SUCCEEDED, SUCCEEDED)
    with pytest.raises(WaitTimeoutError) as raised:
        client.run(pipeline=forever(), timeout=GENEROUS, on_progress=lambda _: leaping.leap(GENEROUS))
    assert re.fullmatch(
        r"no end of the task had been seen after [\d.]+ s; the task has ended meanwhile", str(raised.value)
    )


def test_time_that_is_up_while_an_object_is_sent_is_told_as_such(leaping):
    late = TransportTimeoutError("send failed: no answer")
    late.request_sent = True

    def answers():
        yield NO_RUN
        yield STARTED
        yield RUNNING
        leaping.leap(GENEROUS)
        yield late
        yield RUNNING
        yield None

    client = RocketRideClient("h", KEY, transport=MemoryTransport(answers()))
    with pytest.raises(WaitTimeoutError, match=r"the data was not through after .*; the task was ended"):
        client.run(pipeline=counted(), data="text", timeout=GENEROUS)


FOUND_LATER = {
    "ended": (WAS_ENDED, [{"state": 2, "startTime": 0.0}, None]),
    "had ended": (HAD_ENDED, [SUCCEEDED]),
    "forgotten": (HAD_ENDED, [RUNNING, TaskNotFoundError("gone")]),
}


@each(("fate", "answers"), FOUND_LATER.values(), ids=FOUND_LATER)
@each("kind", [TransportTimeoutError, TransportError, ProtocolError])
def test_a_start_whose_answer_is_lost_is_looked_for_and_ended(kind, fate, answers):
    """Then it is known what came of it, and told."""
    lost = kind("no answer")
    lost.request_sent = True
    transport = MemoryTransport([NO_RUN, lost, {"token": TOKEN}, *answers])
    with pytest.raises(kind) as raised:
        RocketRideClient("h", KEY, transport=transport).run(pipeline=forever())
    assert str(raised.value) == f"no answer; {fate}"
    assert task_fate_of(raised.value).words == fate
    assert raised.value.request_sent
    assert ("terminate" in [call.name for call in transport.calls]) is (len(answers) == 2)


WITHOUT_TOKEN = [
    None,
    {},
    [],
    "tk_1",
    {"token": 5},
    {"token": ""},
    {"token": " "},
    {"token": "tk_5f3a\u2026"},
    {"token": "\ud800"},
]


@each("answer", WITHOUT_TOKEN)
@each(("fate", "answers"), FOUND_LATER.values(), ids=FOUND_LATER)
def test_a_start_that_is_answered_without_a_token_is_looked_for_and_ended(answer, fate, answers):
    """As one whose answer is lost or garbled."""
    transport = MemoryTransport([NO_RUN, answer, {"token": TOKEN}, *answers])
    with pytest.raises(ProtocolError, match=r"^use failed: .* has no usable token") as raised:
        RocketRideClient("h", KEY, transport=transport).run(pipeline=forever())
    assert str(raised.value).endswith(f"; {fate}")
    assert task_fate_of(raised.value).words == fate
    assert raised.value.request_sent
    assert ("terminate" in [call.name for call in transport.calls]) is (len(answers) == 2)


@each("answer", WITHOUT_TOKEN)
def test_one_that_cannot_be_looked_for_is_named_and_one_of_use_can_be(answer):
    with pytest.raises(ProtocolError, match=r"the task may run on \(project 'p', source 'src_1'\)") as raised:
        script(ServerError("denied"), answer).run(pipeline=forever("p"))
    assert raised.value.request_sent
    with pytest.raises(
        ProtocolError, match=r"carried it out is unknown; over WebSocket, get_task_token"
    ) as raised:
        script(answer).use(pipeline=forever("p"))
    assert raised.value.request_sent


def test_a_start_whose_answer_is_lost_and_that_cannot_be_looked_for_is_named():
    lost = TransportError("no answer")
    lost.request_sent = True
    client = script(ServerError("denied"), lost)
    with pytest.raises(
        TransportError, match=r"carried it out is unknown; .*; the task may run on \(project 'p'"
    ):
        client.run(pipeline=forever("p"))


NO_WEBSOCKET = UnsupportedOperationError("HTTP cannot carry it")
ANONYMOUS = {key: value for key, value in forever().items() if key != "project_id"}


FOUND = [{"token": TOKEN}, {"state": 2}, None]


@pytest.mark.parametrize(
    ("document", "answers", "told", "searched"),
    [
        (forever(), [NO_WEBSOCKET, KeyboardInterrupt()], "over WebSocket only", False),
        (forever(), [NO_RUN, NO_WEBSOCKET, KeyboardInterrupt(), NO_WEBSOCKET], "over WebSocket only", False),
        (forever(), [NO_RUN, NO_WEBSOCKET, KeyboardInterrupt(), *FOUND], "was ended", False),
        (forever(), [NO_RUN, KeyboardInterrupt(), NO_WEBSOCKET], "over WebSocket only", True),
        (forever(), [NO_RUN, KeyboardInterrupt(), *FOUND], "was ended", True),
        (
            forever(),
            [ServerError("denied"), KeyboardInterrupt()],
            "cannot be told from an earlier run",
            False,
        ),
        (ANONYMOUS, [KeyboardInterrupt()], r"may run on \(no project_id\)$", False),
    ],
)
def test_an_interrupted_start_is_looked_for_only_where_it_can_be(caplog, document, answers, told, searched):
    caplog.set_level("INFO", "rocketride_sync")
    with pytest.raises(KeyboardInterrupt, match=f"^interrupted; the task .*{told}"):
        script(*answers).run(pipeline=document)
    assert ("looking for it" in caplog.text) is searched


class SoftTimeLimitExceeded(Exception):
    """As Celery's."""


@each(
    "stop",
    [KeyboardInterrupt(), SystemExit(143), SoftTimeLimitExceeded(), TimeoutError(), OSError()],
    ids=repr,
)
@each("answers", [[NO_WEBSOCKET], [NO_RUN]], ids=["over HTTP", "nothing is found"])
def test_the_log_names_a_task_that_may_run_on_whatever_broke_its_start_off(monkeypatch, answers, stop):
    """An exception that is not ours cannot say it."""
    monkeypatch.setattr(pipeline_run, "ENDING_SECONDS", 0.01)
    document, logged = forever(), []
    monkeypatch.setattr(pipeline_run.log, "warning", lambda *args: logged.append(args[0] % args[1:]))
    with pytest.raises(type(stop)) as raised:
        script(*answers, stop, *[NO_RUN] * 100).run(pipeline=document)
    assert raised.value is stop
    (line,) = [line for line in logged if "may run on" in line]
    assert f"project {document['project_id']!r}, source {document['source']!r}" in line


@pytest.mark.parametrize("found", [[], [{"token": TOKEN}]], ids=["token", "status"])
def test_an_interrupt_before_the_start_is_requested_says_that_the_task_was_not_started(caplog, found):
    """There is nothing to look for."""
    client = script(*found, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt) as raised:
        client.run(pipeline=forever())
    assert str(raised.value) == "interrupted; the task was not started"
    assert task_fate_of(raised.value) == ("the task was not started", False)
    assert len(client._transport.calls) == len(found) + 1
    assert caplog.text == ""


LOOK_FAULTS = [ServerError("denied"), TransportError("broke"), "garbage", {"state": "?"}, {}]


@pytest.mark.parametrize("found", [[], [{"token": TOKEN}]], ids=["token", "status"])
@pytest.mark.parametrize("fault", LOOK_FAULTS, ids=repr)
def test_a_run_does_not_fail_because_the_run_before_it_cannot_be_looked_up(found, fault):
    client = script(*found, fault, STARTED, SUCCEEDED, SUCCEEDED, SUCCEEDED)
    assert client.run(pipeline=forever()).succeeded


@pytest.mark.parametrize(
    ("document", "answers", "call"),
    [
        (forever(), [], "get_task_token"),
        (forever(), [{"token": TOKEN}], "get_task_status"),
        (forever(), [NO_RUN], "use"),
        (ANONYMOUS, [], "use"),
    ],
)
def test_a_fault_before_a_byte_of_the_start_was_sent_is_the_cause_of_the_timeout(
    document, answers, call, leaping
):
    def given():
        yield from answers
        leaping.leap(GENEROUS)
        yield STARTED  # too late

    client = RocketRideClient("h", KEY, transport=MemoryTransport(given()))
    told = rf"the start had not been sent after \d+\.\d s: {call} failed: its deadline has passed; {NOT_STARTED}$"
    with pytest.raises(WaitTimeoutError, match=told) as raised:
        client.run(pipeline=document, timeout=GENEROUS)
    assert isinstance(raised.value.__cause__, TransportTimeoutError)
    assert not raised.value.request_sent
    assert task_fate_of(raised.value) == (NOT_STARTED, False)
    assert [made.name for made in client._transport.calls][-1] == call


def test_the_look_for_the_run_before_counts_for_the_timeout(leaping):
    """A start is not requested then, so that none is lost."""

    def answers():
        leaping.leap(GENEROUS)
        yield NO_RUN

    transport = MemoryTransport(answers())
    with pytest.raises(WaitTimeoutError, match="the start had not been sent") as raised:
        RocketRideClient("h", KEY, transport=transport).run(pipeline=forever(), timeout=GENEROUS)
    assert "may run on" not in str(raised.value)
    assert [call.name for call in transport.calls] == ["get_task_token"]


class FallsMute(MemoryTransport):
    """To a server that answers nothing after its script. Notes the seconds that each further call would wait."""

    def __init__(self, script):
        super().__init__(script)
        self.most = len(script)
        self.waits = []

    def call(self, operation, deadline):
        if len(self.calls) < self.most:
            return super().call(operation, deadline)
        self.waits.append(deadline.remaining())
        time.sleep(0.05)
        raise TransportTimeoutError("no answer")


def test_a_server_that_has_fallen_mute_holds_up_ctrl_c_for_no_longer_than_promised():
    """The look at the status and the termination share the time."""
    transport = FallsMute([NO_RUN, STARTED, RUNNING, KeyboardInterrupt()])
    with pytest.raises(KeyboardInterrupt, match="may run on"):
        RocketRideClient("h", KEY, transport=transport).run(pipeline=forever())
    look, termination = transport.waits
    assert look <= pipeline_run.ENDING_SECONDS / 2
    assert termination <= pipeline_run.ENDING_SECONDS - 0.05


def test_an_interrupted_run_leaves_another_ones_run_alone(monkeypatch):
    """The server refuses the start while that run is active, and may be slow to say so."""
    monkeypatch.setattr(pipeline_run, "ENDING_SECONDS", 0.01)
    token, another = at(time.time() + 3600, run_of(1800))
    transport = MemoryTransport(
        itertools.chain(
            [{"token": token}, another, KeyboardInterrupt()], itertools.cycle([{"token": token}, another])
        )
    )
    with pytest.raises(KeyboardInterrupt, match="the task may run on"):
        RocketRideClient("h", KEY, transport=transport).run(pipeline=forever())
    assert {call.name for call in transport.calls} == {"get_task_token", "get_task_status", "use"}


class Finding:
    """A client, as far as a lost start asks it: each look finds the next of `runs`, the last one for ever.

    A run is a token and a status, None if there is none, or an error.
    """

    def __init__(self, *runs):
        self._runs = list(runs)
        self.terminated = []

    def get_task_token(self, *_, timeout):
        self._now = self._runs.pop(0) if len(self._runs) > 1 else self._runs[0]
        if isinstance(self._now, Exception):
            raise self._now
        return self._now and self._now[0]

    def get_task_status(self, token, *, timeout):
        assert token == self._now[0]
        return TaskStatus.from_dict(self._now[1])

    _end_unless_ended = BaseClient._end_unless_ended

    def _terminate(self, token, _status, _deadline):
        self.terminated.append(token)


def run_of(ago, token=TOKEN, **status):
    """A run that started that many seconds ago; None: it has not begun yet."""
    return token, ago, {"state": 3, **status}


def at(now, run):
    """`run` as a server with that time shows it."""
    if not isinstance(run, tuple):
        return run
    token, ago, status = run
    return token, {**status, "startTime": 0.0 if ago is None else now - ago}


ENDED = {"state": 5, "completed": True, "exitCode": 0, "endTime": 9e9}
OTHER = "tk_that_somebody_chose"


@each("skew", [0.0, 3600.0, -3600.0])
@each(
    ("before", "after", "ours"),
    [
        pytest.param(None, run_of(0), True, id="none, one"),
        pytest.param(None, run_of(0, **ENDED), True, id="none, one that ended"),
        pytest.param(None, run_of(None, state=1), True, id="none, one that starts"),
        pytest.param(None, run_of(None, **ENDED), False, id="none, one that failed to start"),
        pytest.param(None, None, False, id="none, none"),
        pytest.param(run_of(9000, **ENDED), run_of(0), True, id="ended, the next"),
        pytest.param(run_of(9000, **ENDED), run_of(None, state=2), True, id="ended, the next starts"),
        pytest.param(run_of(9000, **ENDED), run_of(9000, **ENDED), False, id="ended, the same"),
        pytest.param(run_of(9000, **ENDED), run_of(9000), False, id="ended, restarted"),
        pytest.param(run_of(9000), run_of(9000), False, id="an old one runs, the same"),
        pytest.param(run_of(1), run_of(1), False, id="a young one runs, the same"),
        pytest.param(run_of(1), run_of(1, **ENDED), False, id="a young one runs, ended"),
        pytest.param(run_of(1), run_of(0), True, id="one runs, the next"),
        pytest.param(run_of(1), run_of(2), True, id="the clock was set back"),
        pytest.param(run_of(1, OTHER), run_of(0), True, id="another token, the next"),
        pytest.param(run_of(1, OTHER), run_of(2), False, id="another token, an earlier one"),
        pytest.param(ServerError("denied"), run_of(0), False, id="unknown"),
        pytest.param(run_of(None, state=2), run_of(0), False, id="one starts"),
    ],
)
def test_only_a_run_that_was_not_there_before_a_lost_start_is_ended(before, after, ours, skew):
    """Whatever the time is on the two machines."""
    now = time.time() + skew
    client = Finding(at(now, before), at(now, after))
    lost = LostStart("p", "s")
    lost.look_before(client, Deadline(None))
    ended = isinstance(after, tuple) and "completed" in after[2]
    assert lost.end(client, Deadline(0.01)) == (HAD_ENDED if ours and ended else WAS_ENDED if ours else "")
    assert client.terminated == ([TOKEN] if ours and not ended else [])
    assert str(lost).startswith("the task may run on (project 'p', source 's')")


def test_a_lost_start_is_looked_for_until_it_shows():
    ended = at(9.0, run_of(5, **ENDED))
    client = Finding(ended, ended, TransportError("broke"), at(9.0, run_of(0)))
    lost = LostStart("p", "s")
    lost.look_before(client, Deadline(None))
    assert lost.end(client, Deadline(GENEROUS))
    assert client.terminated == [TOKEN]


def test_a_lost_start_cannot_be_looked_for_without_a_key():
    """The function for it is asked once, as for any request."""
    client = Finding(at(9.0, run_of(0)), of_auth(TransportError("the vault is down")), at(9.0, run_of(1)))
    lost = LostStart("p", "s")
    lost.look_before(client, Deadline(None))
    assert lost.end(client, Deadline(GENEROUS)) == ""
    assert client.terminated == []


def test_a_run_over_http_whose_start_is_interrupted_names_what_to_look_for():
    client = RocketRideClient("127.0.0.1", KEY, transport="http")
    lost = LostStart("p", "s")
    lost.look_before(client, Deadline(10))
    assert lost.end(client, Deadline(10)) == ""
    assert (
        str(lost) == "the task may run on (project 'p', source 's'); it can be looked up over WebSocket only"
    )


def test_a_run_that_is_active_is_left_alone(websocket_client):
    document = forever()
    with websocket_client.use(pipeline=document) as task:
        with pytest.raises(TaskAlreadyRunningError):
            websocket_client.run(pipeline=document)
        assert not task.done()


@each(
    ("arguments", "match"),
    [
        ({}, "either as filepath= or as pipeline="),
        ({"pipeline": counted()}, "takes data"),
        ({"pipeline": forever(), "data": "x"}, "takes no data"),
        ({"pipeline": forever(), "files": ["setup.cfg"]}, "takes no data"),
        ({"pipeline": counted(), "data": "x", "files": ["setup.cfg"]}, "either files= or data="),
        ({"pipeline": counted(), "data": {"a": 1}}, r"a string, bytes, .*, not dict; json\.dumps\(\)"),
        ({"pipeline": counted(), "data": "\ud800"}, "surrogates"),
        ({"pipeline": counted(), "files": []}, "files is empty"),
        ({"pipeline": counted(), "files": ["no such file"]}, "no such file"),
        ({"pipeline": {"components": []}}, "where it starts"),
        ({"pipeline": forever(), "timeout": -1}, "timeout"),
        ({"pipeline": forever(), "interval": 0}, "interval"),
        ({"pipeline": forever(), "on_progress": 1}, "on_progress"),
    ],
)
def test_what_is_wrong_is_told_before_anything_starts(arguments, match):
    client = script()
    with pytest.raises(ConfigurationError, match=match):
        client.run(**arguments)
    assert client._transport.calls == []


def test_a_result_does_not_show_what_the_pipeline_made():
    done = RunResult(script(RUNNING).get_task_status("t"), [{"text": "a secret"}])
    assert "secret" not in repr(done)
    assert repr(done) == "<RunResult succeeded, 1 result>"
    assert "secret" not in done._repr_html_()


@each(
    ("document", "results", "shown"),
    [
        (SUCCEEDED, [], "succeeded"),
        ({**SUCCEEDED, "state": 6, "exitCode": 2}, [], "failed"),
        ({**SUCCEEDED, "state": 6, "exitCode": 0}, [], "cancelled"),
        (RUNNING, [], "running"),
        (RUNNING, [{}, {}], "succeeded, 2 results"),
        (RUNNING, [{}, {"error": "refused"}], "failed, 2 results, 1 with an error"),
    ],
)
def test_a_result_shows_how_the_run_ended(document, results, shown):
    """Not the state of the task, which still runs when all was sent."""
    done = RunResult(script(document).get_task_status("t"), results)
    assert repr(done) == f"<RunResult {shown}>"
    badge, _, rest = done._repr_html_().partition("</span>")
    assert badge.endswith(f">{shown.partition(',')[0]}")
    assert f"<b>Run {shown}</b>" in rest


FAULTS = [ServerError("internal error"), TransportTimeoutError("no answer"), {"state": "?"}, "garbage"]
MADE = {"name": "a.txt", "objectId": "1"}


@each("fault", FAULTS, ids=repr)
def test_what_was_made_is_not_lost_with_the_status_after_it(fault):
    """The objects must not be sent again for it. The end of the task looks at the status too."""
    client = script(NO_RUN, STARTED, RUNNING, MADE, fault, RUNNING, None)
    done = client.run(pipeline=counted(), data="text", timeout=GENEROUS)
    assert (done.results, done.succeeded, done.status.state) == ([MADE], True, 3)
    assert [call.name for call in client._transport.calls][-1] == "terminate"


def test_the_status_after_the_last_file_is_not_waited_for_long(tmp_path, monkeypatch):
    """The run has its timeout, whatever that of the client is."""
    (tmp_path / "a.txt").write_text("one")
    client = script(NO_RUN, STARTED, RUNNING, MADE, RUNNING, RUNNING, None)
    timeouts = []
    real = client.get_task_status

    def get_task_status(*args, timeout=None, **named):
        timeouts.append(timeout)
        return real(*args, timeout=timeout, **named)

    monkeypatch.setattr(client, "get_task_status", get_task_status)
    client.run(pipeline=counted(), files=[tmp_path / "a.txt"], timeout=GENEROUS)
    assert timeouts[0] == 2.0


def test_what_was_made_is_not_lost_if_the_task_cannot_be_ended(caplog):
    client = script(NO_RUN, STARTED, RUNNING, MADE, RUNNING, RUNNING, ServerError("not now"))
    assert client.run(pipeline=counted(), data="text").results == [MADE]
    assert "could not be terminated" in caplog.text


@pytest.mark.parametrize("data", [True, False], ids=["data", "files"])
def test_an_error_within_the_pipeline_is_a_failure(data, tmp_path):
    (tmp_path / "a.txt").write_text("one")
    bad = {**MADE, "error": "Conversion*cannot parse*x.cpp:3"}
    client = script(NO_RUN, STARTED, RUNNING, bad, RUNNING, RUNNING, None)
    given = {"data": "text"} if data else {"files": [tmp_path / "a.txt"]}
    done = client.run(pipeline=counted(), **given)
    assert not done.succeeded
    (failed,) = done.failed
    assert "cannot parse" in failed["error"]
    assert data or (failed["action"], failed["result"]) == ("error", bad)


@pytest.mark.parametrize(
    ("options", "sent"),
    [({}, 0.0), ({"ttl": 0}, 0.0), ({"ttl": 90}, 90.0), ({"ttl": timedelta(hours=2)}, 7200.0), ({"ttl": None}, None)],
)  # fmt: skip
def test_the_ttl_is_that_of_use(options, sent):
    done = {**RUNNING, "state": 5, "completed": True, "exitCode": 0, "endTime": 2.0}
    transport = MemoryTransport([NO_RUN, STARTED, done, done])
    RocketRideClient("h", KEY, transport=transport).run(pipeline=forever(), **options)
    assert transport.calls[1].arguments.get("ttl") == sent


def test_a_ttl_that_was_asked_for_is_not_left_out_over_http():
    transport = MemoryTransport([NO_WEBSOCKET] * 2)
    with pytest.raises(UnsupportedOperationError):
        RocketRideClient("h", KEY, transport=transport).run(pipeline=forever(), ttl=90)
    assert [call.name for call in transport.calls] == ["get_task_token", "use"]


def test_where_the_look_before_finds_no_websocket_the_start_goes_over_http_at_once(caplog):
    transport = MemoryTransport([NO_WEBSOCKET, STARTED, SUCCEEDED, SUCCEEDED, SUCCEEDED])
    assert RocketRideClient("h", KEY, transport=transport).run(pipeline=forever()).succeeded
    assert "over HTTP the server ends the task" in caplog.text
    assert transport.calls[1].arguments.get("ttl") is None


def test_a_pipeline_without_a_project_costs_no_look():
    transport = MemoryTransport([STARTED, SUCCEEDED, SUCCEEDED, SUCCEEDED])
    assert RocketRideClient("h", KEY, transport=transport).run(pipeline=ANONYMOUS).succeeded
    assert transport.calls[0].name == "use"


@each("ttl", [-1, float("nan"), "90", True])
def test_a_ttl_that_is_none_is_refused_before_anything_is_sent(ttl):
    transport = MemoryTransport([])
    with pytest.raises(ConfigurationError, match="ttl"):
        RocketRideClient("h", KEY, transport=transport).run(pipeline=forever(), ttl=ttl)
    assert transport.calls == []
