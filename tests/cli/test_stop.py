"""`stop`: of which task, named in which way, and what it prints of several."""

from __future__ import annotations

import json

import pytest
from command import (
    FAILED,
    KEY,
    NOT_RUNNING,
    RUNNING,
    SUCCEEDED,
    TOKEN,
    Tasks,
    ok,
    refusal,
    run_here,
    token,
)
from logged_runs import NO_LOG, NamedTasks
from transports.dap_peer import serve
from transports.loopback import Server

PROJECT = ["--project", "p", "--source", "s"]
ACTIVE = {**RUNNING, "project_id": "p", "source": "s"}
STOPPED = {**ACTIVE, "state": 6, "completed": True, "endTime": 1700000009.5, "exitCode": 0}


class Named(NamedTasks):
    """Notes the tokens of the tasks that it is told to end."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.ended = []

    def reply(self, peer, request):
        if request["command"] == "terminate":
            self.ended.append(request["token"] if "token" in request else request["arguments"].get("token"))
            self.statuses = [STOPPED]
        super().reply(peer, request)


@pytest.fixture
def stop(monkeypatch, capsys):
    def run(tasks, *options, **variables):
        with Server(serve(tasks.reply)) as server:
            variables = {"ROCKETRIDE_URI": server.url, "ROCKETRIDE_APIKEY": KEY, **variables}
            return run_here(monkeypatch, capsys, "stop", *options, **variables)

    return run


def test_the_active_run_of_a_project_is_ended(stop):
    tasks = Named([TOKEN], NO_LOG, ACTIVE)
    done = stop(tasks, *PROJECT, ROCKETRIDE_TOKEN="tk_of_another_task")
    assert done.code == 0, done.stderr
    assert "cancelled" in done.stdout
    assert TOKEN not in done.stdout
    assert tasks.asked == [{"projectId": "p", "source": "s"}]
    assert tasks.ended == [TOKEN]


@pytest.mark.parametrize(
    "tasks",
    [
        lambda: Named(["Your pipeline is not running"], NO_LOG, None),
        lambda: Named([TOKEN], NO_LOG, None),
        lambda: Named([TOKEN], NO_LOG, STOPPED),
    ],
    ids=["unknown", "forgotten", "ended"],
)
def test_where_none_is_active_nothing_is_ended(stop, tasks):
    tasks = tasks()
    done = stop(tasks, *PROJECT, "--quiet")
    assert (done.code, done.stdout, tasks.ended) == (6, "", [])
    (line,) = done.stderr.splitlines()
    assert "no run of project 'p', source 's' is active" in line
    ended = tasks.statuses == [STOPPED]
    assert ("it ended" in line or "has ended" in line) == ended
    assert line.endswith("check --project and --source") == (
        not ended
    )  # if one was found, the names are right


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--project", "p"], "--source"),
        (["--source", "s"], "--project"),
        ([TOKEN, *PROJECT], "TOKEN"),
        (["--project", "", "--source", "s"], "project"),
    ],
)
def test_one_way_to_name_a_run_and_that_whole(stop, arguments, told):
    tasks = Named([TOKEN], NO_LOG, ACTIVE)
    done = stop(tasks, *arguments)
    assert (done.code, tasks.ended) == (2, [])
    assert told in done.stderr


ENDED = {
    **RUNNING,
    "state": 6,
    "completed": True,
    "completedCount": 2,
    "endTime": 1700000009.5,
    "exitCode": 0,
}
ONE, TWO, THREE = token(1), token(2), token(3)
DONE = ok({})


@pytest.fixture
def tasks():
    server = Tasks()
    yield server
    server.close()


@pytest.fixture
def stop_over_http(tasks, monkeypatch, capsys):
    def run(*options, stdin=""):
        words = ["stop", "--transport", "http", *options]
        variables = {"ROCKETRIDE_URI": tasks.uri, "ROCKETRIDE_APIKEY": KEY}
        return run_here(monkeypatch, capsys, *words, stdin=stdin.encode(), **variables)

    return run


def ending(name):
    """The answers of a task that runs and is ended: the status before, the end, the status after."""
    return [ok({**RUNNING, "name": name}), DONE, ok({**ENDED, "name": name})]


@pytest.mark.parametrize("as_list", [False, True])
def test_several_are_ended_each_with_a_line(tasks, stop_over_http, as_list):
    tasks.scripts = {ONE: ending("first"), TWO: ending("second")}
    done = (
        stop_over_http("-", stdin=f"{ONE}\n{TWO}\n# nobody\n{ONE}\n") if as_list else stop_over_http(ONE, TWO)
    )
    assert (done.code, done.stderr) == (0, "")
    first, second, total = done.stdout.splitlines()
    assert first.split()[:2] == ["cancelled", "first"]
    assert second.split()[:2] == ["cancelled", "second"]
    assert total == "2 tasks: 2 cancelled"
    assert ONE not in done.stdout
    assert len(tasks.requests) == 6


def test_one_that_cannot_be_ended_does_not_keep_the_others_from_it(tasks, stop_over_http):
    tasks.scripts = {ONE: [NOT_RUNNING], TWO: ending("second"), THREE: [refusal(400, "no such right")]}
    done = stop_over_http(ONE, TWO, THREE)
    assert done.code == 5
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        "unknown",
        "cancelled",
        "unavailable",
        "3",
    ]
    (line,) = done.stderr.splitlines()
    assert "2 of 3 tasks could not be ended, the most severe is task" in line
    assert "no such right" in line
    assert tasks.requests[-1][0] == THREE


@pytest.mark.parametrize("quiet", [[], ["--quiet"], ["--json"]])
@pytest.mark.parametrize("command", ["stop", "wait"])
def test_tokens_that_look_alike_are_numbered_and_what_to_do_is_told_once(
    tasks, monkeypatch, capsys, command, quiet
):
    words = [command, "--transport", "http", "tk_a", ONE, "tk_b", *quiet]
    done = run_here(monkeypatch, capsys, *words, ROCKETRIDE_URI=tasks.uri, ROCKETRIDE_APIKEY=KEY)
    assert done.code == 6
    told = done.stderr if quiet == ["--quiet"] else done.stdout
    for shown in ("tk_…, TOKEN 1", f"{ONE[:7]}…", "tk_…, TOKEN 3"):
        assert shown in (told.replace("\\u2026", "…") if quiet == ["--json"] else told)
    assert "TOKEN 2" not in told
    assert done.stderr.count("A server forgets a task") == 1
    if not quiet:
        assert "A server forgets a task" not in done.stdout


def test_with_quiet_all_that_could_not_are_told(tasks, stop_over_http):
    tasks.scripts = {ONE: [NOT_RUNNING], TWO: ending("second"), THREE: [NOT_RUNNING]}
    done = stop_over_http(ONE, TWO, THREE, "--quiet")
    assert (done.code, done.stdout) == (6, "")
    *each, total = done.stderr.splitlines()
    assert [f"task {ONE[:7]}" in each[0], f"task {THREE[:7]}" in each[1]] == [True, True]
    assert total == "rocketride-sync: 2 of 3 tasks could not be ended"
    assert stop_over_http(TWO, TWO, "--quiet")[1:] == ("", "")


def test_several_as_json(tasks, stop_over_http):
    tasks.scripts = {ONE: ending("first"), TWO: [NOT_RUNNING], THREE: [ok(RUNNING), DONE, NOT_RUNNING]}
    done = stop_over_http(ONE, TWO, THREE, "--json")
    document = json.loads(done.stdout)
    assert (done.code, document["exit_code"], document["status"], document["outcome"]) == (6, 6, None, None)
    assert document["error"]["type"] == "TaskNotFoundError"
    assert "1 of 3 tasks could not be ended" in document["reason"]
    assert [result["outcome"] for result in document["results"]] == ["cancelled", None, None]
    assert [bool(result["error"]) for result in document["results"]] == [False, True, False]
    assert document["results"][0]["status"]["name"] == "first"
    assert ONE not in done.stdout
    assert json.loads(stop_over_http(ONE, THREE, "--json").stdout)["error"] is not None


def test_tasks_that_had_ended_are_no_problem(tasks, stop_over_http):
    tasks.scripts = {ONE: [ok(SUCCEEDED)], TWO: [ok(FAILED)]}
    done = stop_over_http(ONE, TWO)
    assert (done.code, done.stderr) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["succeeded", "failed", "2"]


def test_a_key_that_is_refused_is_refused_for_all(tasks, stop_over_http):
    tasks.scripts = {ONE: [refusal(401, "who are you")], TWO: ending("second")}
    done = stop_over_http(ONE, TWO)
    assert done.code == 4
    assert {asked for asked, _ in tasks.requests} == {ONE}


def test_what_list_writes_stop_reads(tasks, stop_over_http):
    tasks.scripts = {ONE: ending("first"), TWO: ending("second")}
    assert stop_over_http("-", stdin=f"{ONE}\n{TWO}\n").code == 0
