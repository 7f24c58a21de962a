"""A success that is not certain: exit code 0 and one line on stderr, unless the user decides otherwise."""

from __future__ import annotations

import json

import pytest
from command import CANCELLED, FAILED, NOT_RUNNING, RUNNING, SUCCEEDED, Stub, ok, run_with

FAST = ("--interval", "0.05")
UNCERTAIN = {**SUCCEEDED, "state": 6, "exitCode": 1}
UNCERTAIN_FAILURE = {**UNCERTAIN, "completedCount": 3}
UNCERTAIN_CANCELLATION = {**UNCERTAIN, "exitCode": None, "exitMessage": "Stopped"}
SHORT = {**SUCCEEDED, "completedCount": 2}
OTHER = "tk_fedcba9876543210fedcba9876543210"
TOKEN = "tk_0123456789abcdef0123456789abcdef"


def problems(done):
    return [line for line in done.stderr.splitlines() if line.startswith("rocketride-sync: ")]


def wait(stub, document, *options):
    stub.answers = [ok(RUNNING), ok(document)]
    return run_with(stub, "wait", TOKEN, *FAST, *options)


@pytest.mark.parametrize("options", [[], ["--quiet"], ["--json"], ["--json", "--quiet"]], ids=" ".join)
def test_it_exits_with_0_and_says_so_in_one_line(stub, options):
    done = wait(stub, UNCERTAIN, *options)
    assert done.returncode == 0, done.stderr
    (line,) = problems(done)
    assert "succeeded, but that is not certain: " in line
    assert "--accept-uncertain" in line


@pytest.mark.parametrize("options", [[], ["--quiet"], ["--json"]], ids=" ".join)
def test_who_knows_the_server_wants_to_hear_nothing_of_it(stub, options):
    done = wait(stub, UNCERTAIN, "--accept-uncertain", *options)
    assert (done.returncode, problems(done)) == (0, [])


@pytest.mark.parametrize("options", [[], ["--quiet"], ["--json"]], ids=" ".join)
def test_strict_makes_it_a_failure(stub, options):
    done = wait(stub, UNCERTAIN, "--strict", *options)
    assert done.returncode == 1
    assert len(problems(done)) == 1
    assert "not certain" in problems(done)[0]


@pytest.mark.parametrize(
    ("document", "options", "code"),
    [
        (SUCCEEDED, ["--strict"], 0),
        (UNCERTAIN_FAILURE, [], 1),
        (UNCERTAIN_FAILURE, ["--accept-uncertain"], 1),
        (UNCERTAIN_FAILURE, ["--strict"], 1),
        (UNCERTAIN_CANCELLATION, [], 3),
        (UNCERTAIN_CANCELLATION, ["--accept-uncertain"], 3),
        (UNCERTAIN_CANCELLATION, ["--strict"], 3),
        (SHORT, [], 1),
        (SHORT, ["--accept-uncertain"], 1),
        (SHORT, ["--allow-failures", "--accept-uncertain"], 0),
        (SHORT, ["--allow-failures", "--strict"], 1),
    ],
)
def test_other_ends_keep_their_exit_codes(stub, document, options, code):
    done = wait(stub, document, *options)
    assert done.returncode == code, done.stderr
    assert len(problems(done)) == (1 if code else 0)


def test_forgiven_failures_do_not_make_it_certain(stub):
    done = wait(stub, SHORT, "--allow-failures")
    assert done.returncode == 0
    assert "not certain" in problems(done)[0]


def test_the_two_options_contradict_each_other(stub):
    assert wait(stub, UNCERTAIN, "--strict", "--accept-uncertain").returncode == 2


@pytest.mark.parametrize(
    ("document", "outcome", "certain"),
    [
        (SUCCEEDED, "succeeded", True),
        (UNCERTAIN, "succeeded", False),
        (UNCERTAIN_FAILURE, "failed", False),
        (UNCERTAIN_CANCELLATION, "cancelled", False),
        (CANCELLED, "cancelled", True),
        (FAILED, "failed", True),
    ],
)
@pytest.mark.parametrize("command", ["wait", "status"])
def test_the_document_and_the_block_tell(stub, command, document, outcome, certain):
    stub.answers = [ok(document)]
    told = json.loads(run_with(stub, command, TOKEN, "--json").stdout)
    assert (told["outcome"], told["outcome_certain"]) == (outcome, certain)
    stub.answers = [ok(document)]
    shown = run_with(stub, command, TOKEN).stdout
    assert (f"{outcome} (not certain)" in shown) is not certain


def test_status_prints_and_exits_with_0_without_a_word(stub):
    stub.answers = [ok(UNCERTAIN)]
    done = run_with(stub, "status", TOKEN)
    assert (done.returncode, problems(done)) == (0, [])


def test_with_an_error_there_is_nothing_to_be_certain_of(stub):
    stub.answers = [NOT_RUNNING]
    told = json.loads(run_with(stub, "wait", TOKEN, *FAST, "--json").stdout)
    assert told["outcome"] is told["outcome_certain"] is None


class Tasks(Stub):
    """A server with a status for each token."""

    def __init__(self, statuses):
        super().__init__()
        self.statuses = statuses

    def _next_answer(self, token):
        return self.statuses[token]


def wait_for_two(one, other, *options):
    server = Tasks({TOKEN: ok(one), OTHER: ok(other)})
    try:
        return run_with(server, "wait", TOKEN, OTHER, *FAST, *options)
    finally:
        server.close()


@pytest.mark.parametrize("options", [[], ["--quiet"], ["--json"]], ids=" ".join)
def test_of_several_one_line_tells_all(options):
    done = wait_for_two(UNCERTAIN, UNCERTAIN, *options)
    assert done.returncode == 0
    (line,) = problems(done)
    assert "2 of 2 tasks succeeded, but that is not certain" in line
    assert TOKEN not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("other", "options", "code", "lines"),
    [
        (SUCCEEDED, [], 0, 1),
        (SUCCEEDED, ["--accept-uncertain"], 0, 0),
        (SUCCEEDED, ["--strict"], 1, 1),
        (FAILED, [], 1, 2),
        (CANCELLED, ["--accept-uncertain"], 3, 1),
    ],
)
def test_of_several_the_exit_code_is_the_most_severe_still(other, options, code, lines):
    done = wait_for_two(UNCERTAIN, other, *options)
    assert done.returncode == code
    assert len(problems(done)) == lines
    assert "its items" not in done.stderr


def test_with_strict_the_line_says_that_it_decides():
    (line,) = problems(wait_for_two(SUCCEEDED, UNCERTAIN, "--strict"))
    assert "exit code 1 because of --strict" in line
    assert "did not end well" not in line


def test_items_that_failed_or_are_missing_are_told_apart():
    undone = {**SUCCEEDED, "totalCount": 3, "completedCount": 2, "failedCount": 0}
    failed = {**SUCCEEDED, "totalCount": 3, "completedCount": 2, "failedCount": 1}
    total = wait_for_two(undone, failed).stdout
    assert "with items left undone" in total
    assert "with failed items" in total
    forgiven = wait_for_two(undone, failed, "--allow-failures", "--accept-uncertain").stdout
    assert "items" not in forgiven.splitlines()[-1]


def test_of_several_the_document_tells_each_and_the_most_severe():
    told = json.loads(wait_for_two(SUCCEEDED, UNCERTAIN, "--json").stdout)
    assert (told["outcome"], told["outcome_certain"]) == ("succeeded", False)
    assert sorted(result["outcome_certain"] for result in told["results"]) == [False, True]
    lines = wait_for_two(SUCCEEDED, UNCERTAIN).stdout
    assert lines.count("not certain") == 2


@pytest.mark.parametrize(
    ("before", "outcome"), [(RUNNING, "cancelled"), (FAILED, "failed")], ids=["running", "ended"]
)
def test_stop_knows_that_it_ended_the_task(stub, before, outcome):
    stub.answers = [ok(before), ok({}), ok(FAILED)]
    told = json.loads(run_with(stub, "stop", TOKEN, "--json").stdout)
    assert (told["outcome"], told["outcome_certain"]) == (outcome, True)
