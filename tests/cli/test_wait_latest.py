"""`wait --project P --source S`: of the latest run, whether it runs, ended just now, or is known to the run log alone."""

from __future__ import annotations

import json

import pytest
from command import KEY, TOKEN, run_here
from logged_runs import ENDED, NO_LOG, RUNNING, LoggingTasks, RunLog
from transports.dap_peer import serve
from transports.loopback import Server

FAILED = {**ENDED, "state": 6, "exitCode": 1, "exitMessage": "disk full"}
OPTIONS = ["--project", "p", "--source", "s", "--interval", "0.01"]
NOT_RUNNING = "Your pipeline is not running"


class Tasks(LoggingTasks):
    """Looks up tokens too: one answer a request, the last for ever; a text that is no token is a refusal."""

    def __init__(self, tokens, log, *statuses):
        super().__init__(log, *statuses)
        self.tokens = list(tokens)
        self.asked = []

    def reply(self, peer, request):
        if request["command"] != "rrext_get_token":
            super().reply(peer, request)
            return
        self.asked.append(request["arguments"])
        found = self.tokens.pop(0) if len(self.tokens) > 1 else self.tokens[0]
        if found is None:
            peer.peer.reset()
        elif found.startswith("tk_"):
            peer.answer(request, {"token": found})
        else:
            peer.refuse(request, found)


@pytest.fixture
def wait(monkeypatch, capsys):
    def run(tasks, *options, **variables):
        with Server(serve(tasks.reply)) as server:
            variables = {"ROCKETRIDE_URI": server.url, "ROCKETRIDE_APIKEY": KEY, **variables}
            return run_here(monkeypatch, capsys, "wait", *OPTIONS, *options, **variables)

    return run


@pytest.mark.parametrize(("end", "code"), [(ENDED, 0), (FAILED, 1)])
def test_a_run_that_is_known_is_waited_for(wait, end, code):
    tasks = Tasks([TOKEN], NO_LOG, RUNNING, RUNNING, end)
    done = wait(tasks, ROCKETRIDE_TOKEN="tk_of_another_task")
    assert done.code == code
    assert "Outcome" in done.stdout
    assert tasks.asked == [{"projectId": "p", "source": "s"}]


@pytest.mark.parametrize("tokens", [[NOT_RUNNING], [TOKEN]], ids=["no token", "forgotten meanwhile"])
@pytest.mark.parametrize(("end", "code"), [(ENDED, 0), (FAILED, 1)])
@pytest.mark.parametrize("lasting", [100.0, 5.0])
def test_a_run_that_is_over_is_read_from_the_log(wait, tokens, end, code, lasting):
    other = {**ENDED, "state": 6, "exitCode": 0}
    log = RunLog(page=2).add(other, 50.0, lasting=20.0).add(end, 100.0, lasting=lasting, updates=3)
    done = wait(Tasks(tokens, log, None), "--json")
    document = json.loads(done.stdout)
    assert done.code == code, done.stderr
    assert (document["status"]["startTime"], document["status"]["endTime"]) == (100.0, 100.0 + lasting)


def test_the_log_may_tell_the_outcome_alone(wait):
    log = RunLog().add(ENDED, 100.0, final=False, outcome="ok")
    done = wait(Tasks([NOT_RUNNING], log, None), "--json")
    error = json.loads(done.stdout)["error"]
    assert (done.code, error["type"], error["outcome"]) == (6, "TaskVanishedError", "succeeded")
    assert "project 'p'" in error["message"]
    assert "'ok'" in error["message"]


def test_the_log_may_have_no_end(wait):
    log = RunLog().add(ENDED, 100.0, final=False, outcome=None, endTime=None)
    done = wait(Tasks([NOT_RUNNING], log, None))
    assert done.code == 6
    assert "nothing of its end" in done.stderr


def test_while_the_log_has_no_end_the_time_may_be_up(wait):
    log = RunLog().add(ENDED, 100.0, final=False, outcome=None, endTime=None)
    done = wait(Tasks([NOT_RUNNING], log, None), "--timeout", "0.5", "--json")
    error = json.loads(done.stdout)["error"]
    assert (done.code, error["type"]) == (124, "WaitTimeoutError")
    assert "project 'p'" in error["message"]
    assert "0.5 s" in error["message"]


@pytest.mark.parametrize(
    "log", [RunLog(), NO_LOG, "Permission 'task.monitor' denied"], ids=["none", "older", "denied"]
)
def test_a_run_that_nobody_knows(wait, log):
    done = wait(Tasks([NOT_RUNNING], log, None))
    assert (done.code, done.stdout) == (6, "")
    (line,) = done.stderr.splitlines()
    assert "no run of project 'p', source 's'" in line
    assert line.endswith("check --project and --source")
    assert ("older server" in line) == (log == NO_LOG)
    assert ("task.monitor" in line) == ("monitor" in str(log))


def test_faults_that_may_pass_do_not_end_the_wait(wait):
    tasks = Tasks([None, None, None, TOKEN], NO_LOG, ENDED)
    done = wait(tasks)
    assert done.code == 0, done.stderr
    assert len(tasks.asked) == 4
    begin, end = done.stderr.splitlines()
    assert begin.startswith("rocketride-sync: ")
    assert begin.endswith("; trying again for up to 300 s")
    assert end == "rocketride-sync: the server answers again"


@pytest.mark.parametrize(("option", "lines"), [("--json", 2), ("--quiet", 0)])
def test_such_faults_are_told_unless_quiet(wait, option, lines):
    done = wait(Tasks([None, TOKEN], NO_LOG, ENDED), option)
    assert len(done.stderr.splitlines()) == lines


def test_nor_do_they_make_it_last_longer(wait):
    done = wait(Tasks([None], NO_LOG, ENDED), "--timeout", "0.6")
    assert done.code == 5


def test_the_timeout_is_that_of_the_whole(wait):
    done = wait(Tasks([TOKEN], NO_LOG, RUNNING), "--timeout", "0.3")
    assert done.code == 124


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["wait", "--project", "p"], "--source"),
        (["wait", "--source", "s"], "--project"),
        (["wait", TOKEN, "--project", "p", "--source", "s"], "TOKEN"),
        (["wait", "--project", "", "--source", "s"], "project"),
    ],
)
def test_one_way_to_name_a_run_and_that_whole(monkeypatch, capsys, arguments, told):
    done = run_here(
        monkeypatch, capsys, *arguments, ROCKETRIDE_URI="http://127.0.0.1:1", ROCKETRIDE_APIKEY=KEY
    )
    assert done.code == 2
    assert told in done.stderr


def test_no_time_is_enough_to_ask_once(wait):
    assert wait(Tasks([TOKEN], NO_LOG, ENDED), "--timeout", "0").code == 0
    assert wait(Tasks([TOKEN], NO_LOG, RUNNING), "--timeout", "0").code == 124
    assert wait(Tasks([NOT_RUNNING], RunLog().add(ENDED, 100.0), None), "--timeout", "0").code == 0


def test_over_http_there_is_no_look_up(wait):
    assert wait(Tasks([TOKEN], NO_LOG, ENDED), "--transport", "http").code == 2
