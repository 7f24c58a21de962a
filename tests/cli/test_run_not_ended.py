"""`run` whose task cannot be ended: whatever the way out, it names the project and the source."""

from __future__ import annotations

import itertools
import json

import pytest
from command import KEY, run_here

from rocketride_sync import (
    MemoryTransport,
    PermissionDeniedError,
    RocketRideClient,
    ServerError,
    TaskNotFoundError,
    TransportError,
    TransportTimeoutError,
    WaitTimeoutError,
)
from rocketride_sync.cli import run_command
from rocketride_sync.cli.progress import ProgressPrinter
from rocketride_sync.cli.signals import Terminated

TOKEN = "tk_0123456789abcdef0123456789abcdef"
RUNNING = {"state": 3, "startTime": 1.0}
STARTED = [TaskNotFoundError("none before"), {"token": TOKEN}, RUNNING]
SUCCEEDED = {**RUNNING, "state": 5, "completed": True, "exitCode": 0, "endTime": 2.0}
NAMED = "the task may run on (project 'nightly job', source 'in'); end it with stop --project 'nightly job' --source in"

# The answers to the status and to the request to end the task.
NOT_ENDED = {
    "refused": [RUNNING, PermissionDeniedError("denied")],
    "failed": [RUNNING, ServerError("Internal error")],
    "unanswered": [RUNNING, TransportTimeoutError("no answer")],
    "server gone": [TransportError("refused"), TransportError("refused")],
    "a second Ctrl-C": [RUNNING, KeyboardInterrupt(), RUNNING, KeyboardInterrupt()],
}
WAYS_OUT = {
    "the timeout": (WaitTimeoutError, "not ended"),
    "Ctrl-C": (KeyboardInterrupt,),
    "SIGTERM": (Terminated, 15),
    "SIGHUP": (Terminated, 1),
    "an outage": (TransportError, "the connection broke"),
    "a refusal": (ServerError, "no"),
}


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Call `run` against a server with these answers."""
    monkeypatch.setattr("rocketride_sync.cli.main.end_process_by", lambda _: None)
    pipeline = tmp_path / "job.pipe"

    def run(answers, *options, provider="files"):
        component = {"id": "in", "provider": provider, "config": {}}
        pipeline.write_text(
            json.dumps({"project_id": "nightly job", "source": "in", "components": [component]})
        )

        def make_client(*_):
            return RocketRideClient("h", KEY, transport=MemoryTransport(answers))

        monkeypatch.setattr(run_command, "make_client", make_client)
        return run_here(monkeypatch, capsys, "run", str(pipeline), *options, ROCKETRIDE_APIKEY=KEY)

    return run


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["lines", "json"])
@pytest.mark.parametrize("way_out", WAYS_OUT.values(), ids=WAYS_OUT)
@pytest.mark.parametrize("not_ended", NOT_ENDED.values(), ids=NOT_ENDED)
def test_a_task_that_cannot_be_ended_is_named(run, monkeypatch, way_out, not_ended, options):
    def stop(*_):
        kind, *words = way_out
        raise kind(*words)

    monkeypatch.setattr(ProgressPrinter, "__call__", stop)
    done = run([*STARTED, RUNNING, *not_ended], *options)
    assert done.code != 0
    assert NAMED in done.stderr
    assert TOKEN not in done.stdout + done.stderr
    if "--json" in options:
        assert NAMED in json.loads(done.stdout)["error"]["message"]


def test_after_a_defect_during_the_start(run):
    """It is not known whether the task was started."""
    ended = [TaskNotFoundError("none before"), MemoryError(), {"token": TOKEN}, RUNNING, *[MemoryError()] * 9]
    done = run(ended)
    assert done.code == 70
    assert NAMED in done.stderr


DEFECTS = {"a defect": KeyError("x"), "no memory": MemoryError()}


@pytest.mark.parametrize("options", [(), ("--json",), ("--keep",)], ids=["lines", "json", "kept"])
@pytest.mark.parametrize("again", [True, False], ids=["again", "once"])
@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS)
def test_after_a_defect(run, monkeypatch, defect, again, options):
    """Also where what ends the task comes upon it again."""

    def fail(*_):
        raise defect

    where = "_print_token" if "--keep" in options else "_follow"
    monkeypatch.setattr(f"rocketride_sync.cli.pipeline_run.RunWithOutput.{where}", fail)
    fault = defect if again else ServerError("no")
    done = run([*STARTED, *[fault] * 9], *options)
    assert done.code == 70
    assert NAMED in done.stderr
    assert TOKEN not in done.stdout + done.stderr


def test_at_the_timeout(run):
    done = run(
        itertools.chain(STARTED, [RUNNING, RUNNING], itertools.repeat(ServerError("no"))), "--timeout=5"
    )
    assert NAMED in done.stderr


def test_after_its_end_was_missed(run, tmp_path):
    """A run that succeeded stays one: that its task may run on is a warning."""
    file = tmp_path / "a.txt"
    file.write_text("words")
    answers = [*STARTED, {}, RUNNING, RUNNING, ServerError("no")]
    done = run(answers, str(file), provider="dropper")
    assert done.code == 0, done.stderr
    assert f"warning: the task could not be ended: {NAMED}" in done.stderr.replace("\n", "")


@pytest.mark.parametrize("not_ended", NOT_ENDED.values(), ids=NOT_ENDED)
def test_after_its_token_was_not_delivered(run, monkeypatch, not_ended):
    def refuse(*_):
        raise TransportError("the connection broke")

    monkeypatch.setattr("rocketride_sync.cli.pipeline_run.RunWithOutput._print_token", refuse)
    done = run([*STARTED, *not_ended], "--keep")
    assert NAMED in done.stderr


STOPS = {"Ctrl-C": (KeyboardInterrupt(), "interrupted"), "SIGTERM": (Terminated(15), "terminated")}
BEFORE = ["rocketride_sync.client.pipelines.load", "rocketride_sync.cli.pipeline_run.api_key"]


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["lines", "json"])
@pytest.mark.parametrize("moment", [*BEFORE, "the look"])
@pytest.mark.parametrize(("stop", "word"), STOPS.values(), ids=STOPS)
def test_before_the_start_it_says_that_the_task_was_not_started(
    run, monkeypatch, stop, word, moment, options
):
    def raise_it(*_):
        raise stop

    if moment != "the look":
        monkeypatch.setattr(moment, raise_it)
    done = run([stop], *options)
    assert done.code > 128
    assert f"{word}; the task was not started" in done.stderr
    if "--json" in options:
        assert json.loads(done.stdout)["error"]["message"] == f"{word}; the task was not started"


def test_a_lost_start_whose_task_was_ended_is_not_in_doubt(run):
    lost = TransportError("the connection broke")
    lost.request_sent = True
    done = run([TaskNotFoundError("none before"), lost, {"token": TOKEN}, RUNNING, RUNNING, None])
    assert "the connection broke; the task was ended" in done.stderr
    assert "unknown" not in done.stderr
