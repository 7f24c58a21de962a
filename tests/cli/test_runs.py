"""`runs`, and what the run log gives to `wait`, called in this process, against a server with a log."""

import json

import pytest
from command import KEY, TOKEN, environment
from command_call import call_command
from logged_runs import ENDED, NO_LOG, RUNNING, LoggingTasks, RunLog
from transports.dap_peer import serve
from transports.loopback import Server

FAILED = {**ENDED, "state": 6, "exitCode": 1, "exitMessage": "Failed*disk full*here"}
START = 1_700_000_000.0
HISTORY = (
    RunLog()
    .add(ENDED, START)
    .add(FAILED, START + 200, outcome="cancelled", reason="user")
    .add(ENDED, START + 400, outcome="interrupted", reason="\x1b[2J tk_0123456789abcdef0123")
    .add(ENDED, START + 600, outcome=None, endTime=None)
)


def command(reply, *arguments):
    with Server(serve(reply)) as server:
        variables = environment(ROCKETRIDE_URI=server.url, ROCKETRIDE_APIKEY=KEY)
        return call_command(arguments, variables)


def runs(log, *arguments):
    return command(LoggingTasks(log, None).reply, "runs", "--project", "p", "--source", "s", *arguments)


def test_a_line_for_each_run():
    done = runs(HISTORY)
    assert (done.returncode, done.stderr) == (0, "")
    header, *rows = (line.split("  ") for line in done.stdout.splitlines())
    assert [word.strip() for word in header if word] == ["STARTED", "ENDED", "DURATION", "OUTCOME", "REASON"]
    words = [[word.strip() for word in row if word.strip()] for row in rows]
    assert words[0] == ["2023-11-14 22:13:20+00:00", "2023-11-14 22:15:00+00:00", "1 min 40 s", "ok"]
    assert words[1][3:] == ["cancelled", "user"]
    assert words[2][3:] == ["interrupted", r"\x1b[2J tk_0123…"]
    assert words[3] == ["2023-11-14 22:23:20+00:00"]


def test_as_json():
    done = runs(HISTORY, "--json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["error"], document["outcome"]) == (0, None, None)
    assert document["runs"][1] == {
        "beginTime": START + 200.02,
        "beginSeq": document["runs"][1]["beginSeq"],
        "endTime": START + 300,
        "outcome": "cancelled",
        "traceLevel": None,
        "reason": "user",
    }
    assert document["runs"][2]["reason"].endswith("tk_0123…")
    assert len(document["runs"]) == 4


def test_no_run_is_logged():
    done = runs(RunLog())
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "no run is logged; check --project and --source\n"
    assert json.loads(runs(RunLog(), "--json").stdout)["runs"] == []


@pytest.mark.parametrize(
    ("log", "code", "text"),
    [
        (NO_LOG, 5, "An older server has no run log"),
        ("Permission 'task.monitor' denied", 4, "Permission 'task.monitor' denied"),
        (lambda peer, request: peer.answer(request, {"chapters": 5}), 5, "no list of runs"),
    ],
)
def test_a_log_that_cannot_be_had_is_an_exit_code(log, code, text):
    done = runs(log)
    assert done.returncode == code
    assert text in done.stderr
    document = json.loads(runs(log, "--json").stdout)
    assert text in document["error"]["message"]


def test_usage():
    for arguments in (["runs", "--project", "p"], ["runs", "--source", "s"], ["runs", "p", "s"]):
        assert command(LoggingTasks(RunLog(), None).reply, *arguments).returncode == 2
    assert runs(RunLog(), "--transport", "http").returncode == 2


def test_a_team_is_asked_for():
    asked = []

    def answer(peer, request):
        asked.append(request["arguments"])
        peer.answer(request, {"chapters": []})

    runs(answer, "--team", "ops")
    assert asked == [{"subcommand": "chapters", "projectId": "p", "source": "s", "teamId": "ops"}]


@pytest.mark.parametrize(("final", "code"), [(ENDED, 0), ({**FAILED, "exitCode": 3}, 1)])
@pytest.mark.parametrize("tokens", [[TOKEN], [TOKEN, TOKEN[:-1] + "0"]])
def test_wait_exits_as_the_log_tells(final, code, tokens):
    """With several tokens each has been seen once."""
    tasks = LoggingTasks(RunLog().add(final), *[RUNNING for _ in tokens], None)
    done = command(tasks.reply, "wait", *tokens, "--interval", "0.05", "--json")
    assert done.returncode == code, done.stderr
    document = json.loads(done.stdout)
    assert document["error"] is None
    assert document["outcome"] == ("failed" if code else "succeeded")


def test_wait_with_the_outcome_of_the_chapter_alone():
    tasks = LoggingTasks(RunLog().add(ENDED, final=False, reason="ttl"), RUNNING, None)
    done = command(tasks.reply, "wait", TOKEN, "--interval", "0.05", "--json")
    assert done.returncode == 6
    error = json.loads(done.stdout)["error"]
    assert (error["type"], error["outcome"]) == ("TaskVanishedError", "cancelled")
    assert "the server's run log says that its ttl ran out" in error["message"]
    assert "its ttl ran out" in done.stderr


def test_the_help_of_runs():
    done = command(LoggingTasks(RunLog(), None).reply, "runs", "--help")
    assert done.returncode == 0
    assert "--project ID" in done.stdout
