"""`wait` with several tokens: a line a task, a total, one document, and the exit code of the most severe."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys

import pytest
from command import (
    CANCELLED,
    FAILED,
    KEY,
    NOT_RUNNING,
    RUNNING,
    SUCCEEDED,
    WITH_FAILURES,
    Answer,
    Tasks,
    environment,
    ok,
    refusal,
    run_with,
    start,
    token,
)

FORGOTTEN = (
    "check the token and the address. A server forgets a task 5 to 6 minutes after its end, or when it restarts: then "
    "wait --project P --source S finds the run, if the server keeps a run log"
)
FAST = ("--interval", "0.05")
FOREIGN = Answer(200, "<html>Please log in</html>", "text/html")
DENIED = refusal(400, "Permission 'task.monitor' denied")
OTHER_RUN = ok({**RUNNING, "startTime": 1700000500.0})
SHOWN = re.compile(r"(\w+) +([^ ].{0,26}?)? +(tk_\w{4}…)(?:  (.*))?")


@pytest.fixture
def tasks():
    server = Tasks()
    yield server
    server.close()


def wait(tasks, *scripts, options=(), stdin="", arguments=None):
    """Wait for as many tasks as there are scripts."""
    tasks.scripts = {token(number): list(script) for number, script in enumerate(scripts)}
    return run_with(tasks, "wait", *(arguments or tasks.scripts), *FAST, *options, stdin=stdin)


def lines(done):
    """The lines of the tasks by token, and the total."""
    *shown, total = (line for line in done.stdout.splitlines() if not line.startswith(" "))
    matches = [SHOWN.fullmatch(line) for line in shown]
    return {match[3]: (match[1], match[2], match[4]) for match in matches}, total


def test_a_line_for_each_task_as_it_ends_and_a_total(tasks):
    # The first ends long after the others.
    done = wait(
        tasks, [ok(RUNNING)] * 40 + [ok(SUCCEEDED)], [ok(SUCCEEDED)], [ok(RUNNING), ok(FAILED)], [NOT_RUNNING]
    )
    found, total = lines(done)
    assert found["tk_0000…"] == ("succeeded", "words", "4 of 4")
    assert found["tk_0001…"] == ("succeeded", "words", "4 of 4")
    assert found["tk_0002…"] == ("failed", "words", "4 of 4, exit code 1: the engine fell over")
    assert found["tk_0003…"][:2] == ("unknown", None)
    assert list(found)[-1] == "tk_0000…"
    rest = [outcome for outcome, *_ in found.values() if outcome != "succeeded"]
    assert sorted(rest) == ["failed", "unknown"]
    assert total == f"4 tasks: 2 succeeded, 1 {rest[0]}, 1 {rest[1]}"  # in the order of their ends
    problem = "rocketride-sync: 2 of 4 tasks did not end well, the most severe is task tk_0003…: "
    assert done.stderr.startswith(problem)
    assert "not running" in done.stderr
    assert token(0)[:10] not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("scripts", "options", "code"),
    [
        ([[ok(SUCCEEDED)], [ok(SUCCEEDED)]], [], 0),
        ([[ok(SUCCEEDED)], [ok(RUNNING)]], ["--timeout", "5"], 124),
        ([[ok(RUNNING)], [ok(CANCELLED)]], ["--timeout", "5"], 3),
        ([[ok(CANCELLED)], [ok(FAILED)]], [], 1),
        ([[ok(WITH_FAILURES)], [ok(SUCCEEDED)]], [], 1),
        ([[ok(WITH_FAILURES)], [ok(SUCCEEDED)]], ["--allow-failures"], 0),
        ([[ok({**WITH_FAILURES, "completedCount": 0})], [ok(SUCCEEDED)]], ["--allow-failures"], 1),
        ([[ok(FAILED)], [NOT_RUNNING]], [], 6),
        ([[ok(FAILED)], [ok(RUNNING), NOT_RUNNING]], [], 6),
        ([[ok(FAILED)], [ok(RUNNING), OTHER_RUN]], [], 6),
        ([[NOT_RUNNING], [FOREIGN]], [], 5),
        ([[FOREIGN], [DENIED], [ok(SUCCEEDED)]], [], 4),
        ([[ok(SUCCEEDED)], [Answer(401, "Access denied", "text/plain")]], [], 4),
    ],
)
def test_the_exit_code_is_the_most_severe(tasks, scripts, options, code):
    done = wait(tasks, *scripts, options=options)
    assert done.returncode == code, done.stderr
    problems = done.stderr.splitlines()
    assert len(problems) == (1 if code else 0)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("options", [[], ["--quiet"], ["--json"]])
@pytest.mark.parametrize(
    ("scripts", "said"),
    [
        ([[ok(SUCCEEDED)], [ok(RUNNING)]], "1 of 2 tasks were not seen to end"),
        ([[ok(RUNNING)], [ok(FAILED)]], "2 of 2 tasks did not end well or were not seen to end"),
        ([[ok(SUCCEEDED)], [FOREIGN]], "1 of 2 tasks were not seen to end"),
        ([[ok(FAILED)], [NOT_RUNNING]], "2 of 2 tasks did not end well"),
        ([[ok(RUNNING), NOT_RUNNING], [ok(SUCCEEDED)]], "1 of 2 tasks did not end well"),
    ],
)
def test_a_task_that_may_run_on_is_not_said_to_have_ended(tasks, scripts, said, options, leaping):
    tasks.let_time_pass(leaping, 60.0)
    done = wait(tasks, *scripts, options=["--timeout", "60", *options])
    total = re.search(
        r"^rocketride-sync: (\d of \d tasks .*?)(, the most severe is .*)?$", done.stderr, re.MULTILINE
    )
    assert total[1] == said
    if "--json" in options:
        assert json.loads(done.stdout)["reason"].startswith(f"{said}, the most severe is ")


def test_the_total_tells_of_failed_items_and_the_most_severe_of_what_to_do(tasks):
    done = wait(tasks, [ok(WITH_FAILURES)], [ok(SUCCEEDED)])
    total = done.stdout.splitlines()[-1]
    assert total.startswith("2 tasks: ")
    assert sorted(total[9:].split(", ")) == ["1 succeeded", "1 succeeded with failed items"]
    done = wait(tasks, [NOT_RUNNING], [ok(SUCCEEDED)])
    assert done.stderr.endswith(f"; {FORGOTTEN}\n")


def test_an_empty_token_is_a_mistake_in_words_of_the_command_line(tasks):
    done = run_with(tasks, "wait", token(0), "")
    assert (done.returncode, done.stderr) == (
        2,
        "rocketride-sync: a TOKEN is empty; is a variable of the script not set?\n",
    )


def test_standard_input_is_read_once(tasks):
    tasks.scripts = {token(0): [ok(SUCCEEDED)], token(1): [ok(SUCCEEDED)]}
    done = run_with(tasks, "wait", "-", "-", stdin=f"{token(0)}\n{token(1)}\n")
    assert (done.returncode, done.stderr) == (0, "")


def test_quiet_is_silent_on_success_alone(tasks):
    done = wait(tasks, [ok(SUCCEEDED)], [ok(SUCCEEDED)], options=["--quiet"])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = wait(tasks, [ok(SUCCEEDED)], [ok(FAILED)], options=["--quiet"])
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 2
    assert "the engine fell over" in done.stderr


def test_json_is_one_document(tasks):
    done = wait(tasks, [ok(RUNNING), ok(SUCCEEDED)], [NOT_RUNNING], [ok(FAILED)], options=["--json"])
    document = json.loads(done.stdout)
    assert (document["outcome"], document["status"]) == (None, None)
    assert document["error"]["type"] == "TaskNotFoundError"
    results = {result["token"]: result for result in document["results"]}
    assert set(results) == {"tk_0000…", "tk_0001…", "tk_0002…"}
    assert results["tk_0000…"]["outcome"] == "succeeded"
    assert results["tk_0000…"]["status"]["completedCount"] == 4
    assert results["tk_0001…"]["error"]["type"] == "TaskNotFoundError"
    assert results["tk_0002…"]["outcome"] == "failed"
    assert done.returncode == 6


def test_json_of_success_and_of_failed_tasks(tasks):
    document = json.loads(wait(tasks, [ok(SUCCEEDED)], [ok(SUCCEEDED)], options=["--json"]).stdout)
    assert (document["outcome"], document["error"]) == ("succeeded", None)
    document = json.loads(wait(tasks, [ok(SUCCEEDED)], [ok(FAILED)], options=["--json"]).stdout)
    assert (document["outcome"], document["error"]) == ("failed", None)


def test_tokens_come_from_standard_input_one_a_line(tasks):
    stdin = f"\n{token(0)}\r\n  {token(1)}\n{token(0)}\n"
    done = wait(tasks, [ok(SUCCEEDED)], [ok(SUCCEEDED)], arguments=["-"], stdin=stdin)
    assert lines(done)[1] == "2 tasks: 2 succeeded"
    done = wait(
        tasks, [ok(SUCCEEDED)], [ok(SUCCEEDED)], [ok(SUCCEEDED)], arguments=[token(2), "-"], stdin=stdin
    )
    assert lines(done)[1] == "3 tasks: 3 succeeded"


def test_thousands_of_tokens_fit(tasks):
    stdin = "".join(f"{token(number)}\n" for number in range(3000))
    done = run_with(tasks, "wait", "-", "--timeout", "0", stdin=stdin + "two words\n")
    assert done.returncode == 2
    assert "line 3001 of standard input holds more than one word" in done.stderr


def test_one_token_given_twice_is_one_task(tasks):
    done = wait(tasks, [ok(SUCCEEDED)], arguments=[token(0), token(0)])
    assert "Outcome   succeeded" in done.stdout


def test_options_may_come_between_tokens(tasks):
    tasks.scripts = {token(number): [ok(SUCCEEDED)] for number in range(3)}
    done = run_with(
        tasks, "wait", token(0), "--timeout", "30", token(1), "--quiet", token(2), "--interval", "0.1"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert {asked for asked, _ in tasks.requests} == set(tasks.scripts)


@pytest.mark.parametrize("stdin", ["", "\n \n", f"{token(0)} {token(1)}\n"])
def test_unusable_standard_input(tasks, stdin):
    done = run_with(tasks, "wait", token(0), "-", stdin=stdin)
    assert (done.returncode, done.stdout) == (2, "")
    assert token(1)[:10] not in done.stderr
    assert tasks.requests == []


def test_progress_counts_the_tasks(tasks):
    done = wait(tasks, [ok(SUCCEEDED)], [ok(RUNNING), ok(FAILED)], options=["--progress"])
    shown = done.stderr.splitlines()
    assert shown[0] == "waiting, 0 of 2 tasks"
    assert shown[1] == "waiting, 1 of 2 tasks, words (tk_0000…)"  # nobody knows how long the others take
    assert shown[2] == "done, 2 of 2 tasks, words (tk_0001…)"


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_tells_what_is_known_and_that_the_tasks_run_on(tasks):
    tasks.scripts = {token(0): [ok(SUCCEEDED)], token(1): [ok(RUNNING)]}
    waiting = start(
        *["wait", *tasks.scripts, "--interval", "0.2", "--json"],
        env=environment(ROCKETRIDE_URI=tasks.uri, ROCKETRIDE_APIKEY=KEY),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    for _ in range(600):
        if sum(asked == token(1) for asked, _ in tasks.requests) > 2:
            break
        tasks.asked.clear()
        tasks.asked.wait(0.1)
    waiting.send_signal(signal.SIGINT)
    output, trouble = waiting.communicate(timeout=30)
    assert waiting.returncode == -signal.SIGINT
    assert "the tasks run on" in trouble
    assert [result["token"] for result in json.loads(output)["results"]] == ["tk_0000…"]
