"""`wait --project P --source S`: of the latest run, whether it runs, ended just now, or is known to the run log alone."""

from __future__ import annotations

import json
import re
import time

import pytest
from command import KEY, TOKEN, run_here
from logged_runs import ENDED, NO_LOG, RUNNING, RunLog, of_run
from logged_runs import NamedTasks as Tasks
from transports.dap_peer import serve
from transports.either_transport import STATUS
from transports.loopback import Server

from rocketride_sync.protocol.operations import RUN_LOG

FAILED = {**ENDED, "state": 6, "exitCode": 1, "exitMessage": "disk full"}
OPTIONS = ["--project", "p", "--source", "s", "--interval", "0.01"]
NOT_RUNNING = "Your pipeline is not running"


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


@pytest.fixture
def slowly(leaping):
    """Make each answer to this command take 8 seconds."""

    def make(tasks, command):
        reply = tasks.reply

        def reply_slowly(peer, request):
            if request["command"] == command:
                leaping.leap(8.0)
            reply(peer, request)

        tasks.reply = reply_slowly
        return tasks

    return make


def test_while_the_log_has_no_end_the_time_may_be_up(wait, slowly):
    log = RunLog().add(ENDED, 100.0, final=False, outcome=None, endTime=None)
    tasks = slowly(Tasks([NOT_RUNNING], log, None), RUN_LOG)
    done = wait(tasks, "--timeout", "20", "--json")
    error = json.loads(done.stdout)["error"]
    assert (done.code, error["type"]) == (124, "WaitTimeoutError")
    assert "project 'p'" in error["message"]
    assert "20.0 s" in error["message"]


@pytest.mark.parametrize(
    "log", [RunLog(), NO_LOG, "Permission 'task.monitor' denied"], ids=["none", "older", "denied"]
)
def test_a_run_that_nobody_knows(wait, log):
    done = wait(Tasks([NOT_RUNNING], log, None))
    assert (done.code, done.stdout) == (6, "")
    (line,) = done.stderr.splitlines()
    assert "no run of project 'p', source 's'" in line
    assert line.endswith("find out whether it was started; check --project and --source")
    assert ("older server" in line) == (log == NO_LOG)
    assert "get_task_runs" not in line, "what a command calls is no word of the command line"
    assert ("listing the runs failed" in line) == isinstance(log, str)
    assert ("task.monitor" in line) == ("monitor" in str(log))


def test_faults_that_may_pass_do_not_end_the_wait(wait):
    tasks = Tasks([None, None, None, TOKEN], NO_LOG, ENDED)
    done = wait(tasks)
    assert done.code == 0, done.stderr
    assert len(tasks.asked) == 4
    begin, end = done.stderr.splitlines()
    assert begin.startswith("rocketride-sync: ")
    assert re.search(r"; trying again for up to (300|2\d\d) s$", begin)  # less the time that the answer took
    assert end == "rocketride-sync: the server answers again"


@pytest.mark.parametrize(("option", "lines"), [("--json", 2), ("--quiet", 0)])
def test_such_faults_are_told_unless_quiet(wait, option, lines):
    done = wait(Tasks([None, TOKEN], NO_LOG, ENDED), option)
    assert len(done.stderr.splitlines()) == lines


def test_nor_do_they_make_it_last_longer(wait):
    done = wait(Tasks([None], NO_LOG, ENDED), "--timeout", "0.6")
    assert done.code == 5


def test_the_timeout_is_that_of_the_whole(wait, slowly):
    done = wait(slowly(Tasks([TOKEN], NO_LOG, RUNNING), STATUS), "--timeout", "20")
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


def test_time_that_is_up_at_once_is_not_taken_for_no_time(monkeypatch, capsys):
    with Server(lambda peer: peer.read_request() and peer.read_request()) as silent:
        began = time.monotonic()
        variables = {"ROCKETRIDE_URI": silent.url, "ROCKETRIDE_APIKEY": KEY}
        done = run_here(monkeypatch, capsys, "wait", *OPTIONS, "--timeout", "0.000001", **variables)
    assert done.code == 5
    assert time.monotonic() - began < 5.0


def test_over_http_there_is_no_look_up(wait):
    assert wait(Tasks([TOKEN], NO_LOG, ENDED), "--transport", "http").code == 2


HOUR = 3600.0
GOOD, BAD = ENDED, FAILED


def hours_ago(number):
    """A whole second: its chapter in the log begins within the same one."""
    return float(int(time.time() - number * HOUR))


def known(start, *, lasting=60.0, end=ENDED):
    """A server that still knows the latest run, which has ended, and has no run log."""
    return Tasks([TOKEN], NO_LOG, of_run(end, start, lasting))


def logged(start, *, lasting=60.0, end=ENDED, **chapter):
    """A server that knows the latest run from its run log alone."""
    return Tasks([NOT_RUNNING], RunLog().add(end, start, lasting=lasting, **chapter), None)


def active(start):
    return Tasks([TOKEN], NO_LOG, {**RUNNING, "startTime": start}, of_run(ENDED, start, 60.0))


@pytest.mark.parametrize("tasks", [known, logged, active])
@pytest.mark.parametrize(("hours", "code"), [(1, 0), (7.9, 0), (8.1, 6), (30, 6), (24 * 6, 6)])
def test_a_run_that_started_earlier_is_none(wait, tasks, hours, code):
    started = hours_ago(hours)
    done = wait(tasks(started), "--since", "8h", "--quiet")
    assert (done.code, done.stdout) == (code, "")
    assert bool(done.stderr) == bool(code)
    if code:
        (line,) = done.stderr.splitlines()
        assert "no run of project 'p', source 's' has started in the last 8 h 00 min" in line
        assert time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(started)) in line
        assert "--since" in line.rpartition(";")[2]
        assert ("is still active" in line) == (tasks is active)


@pytest.mark.parametrize("outcome", ["ok", None])
def test_nor_does_an_earlier_run_count_of_which_the_log_has_the_outcome_alone(wait, outcome):
    ending = {} if outcome else {"endTime": None}
    done = wait(
        logged(hours_ago(9), final=False, outcome=outcome, **ending), "--since", "8h", "--timeout", "10"
    )
    assert done.code == 6
    assert "has started in the last" in done.stderr


def test_a_later_one_of_which_it_has_that_alone_is_reported_as_ever(wait):
    done = wait(logged(hours_ago(2), final=False, outcome="ok"), "--since", "8h", "--json")
    assert json.loads(done.stdout)["error"]["type"] == "TaskVanishedError"


def test_that_none_has_started_is_told_in_json_too(wait):
    done = wait(known(hours_ago(9)), "--since", "8h", "--json")
    document = json.loads(done.stdout)
    assert (done.code, document["exit_code"], document["status"]) == (6, 6, None)
    assert document["error"]["type"] == "TaskNotFoundError"
    assert "has started in the last 8 h" in document["reason"]


def test_a_run_that_is_starting_has_no_start_time_yet(wait):
    starting = {**RUNNING, "startTime": 0.0, "state": 1}
    now = hours_ago(0)
    done = wait(Tasks([TOKEN], NO_LOG, starting, of_run(ENDED, now, 0.1)), "--since", "1h")
    assert done.code == 0, done.stderr


def test_an_end_whose_start_nobody_knows_is_not_taken_for_a_new_one(wait):
    done = wait(Tasks([TOKEN], NO_LOG, {**ENDED, "startTime": 0.0}), "--since", "1h")
    assert done.code == 6
    assert "when it started is not known" in done.stderr


def test_since_needs_a_project(monkeypatch, capsys):
    done = run_here(
        monkeypatch,
        capsys,
        "wait",
        TOKEN,
        "--since",
        "8h",
        ROCKETRIDE_URI="http://127.0.0.1:1",
        ROCKETRIDE_APIKEY=KEY,
    )
    assert done.code == 2
    assert "--since" in done.stderr
    assert "--project" in done.stderr


@pytest.mark.parametrize("tasks", [known, logged])
@pytest.mark.parametrize("end", [GOOD, BAD])
def test_that_a_run_ended_before_the_command_is_told_with_how_long_before(wait, tasks, end):
    done = wait(tasks(hours_ago(50), lasting=2 * HOUR, end=end))
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("Ended"))
    assert line.endswith("(48 h 00 min before this command began)")
    if end is BAD:
        assert "it ended 48 h 00 min before this command began" in done.stderr


def test_with_quiet_a_bad_end_long_ago_is_told_as_such(wait):
    done = wait(known(hours_ago(50), lasting=2 * HOUR, end=BAD), "--quiet")
    assert "it ended 48 h 00 min before this command began" in done.stderr


def test_a_run_that_ends_meanwhile_ended_at_no_time_before(wait):
    later = time.time() + 5.0
    tasks = Tasks([TOKEN], NO_LOG, RUNNING, {**ENDED, "endTime": later})
    assert "before this command" not in wait(tasks).stdout
