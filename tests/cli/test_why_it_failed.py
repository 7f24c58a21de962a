"""Why a task failed is always said: what the person reads who gets cron's mail, and the one at the terminal."""

from __future__ import annotations

import json

import pytest
from cases import each
from command import (
    CANCELLED,
    FAILED,
    KEY,
    NOT_RUNNING,
    RUNNING,
    SUCCEEDED,
    TOKEN,
    WITH_FAILURES,
    Tasks,
    ok,
    run_here,
    token,
)

from rocketride_sync import TaskStatus
from rocketride_sync.cli import file_results, main, output, status_text
from rocketride_sync.cli.wording import FORGOTTEN
from rocketride_sync.models.messages import in_words

ERRORS = [f"Failed*cannot read {number}.pdf*pipe.cpp:{number}" for number in range(1, 15)]
READ = [f"cannot read {number}.pdf (Failed, pipe.cpp:{number})" for number in range(1, 15)]
NIGHTLY = {"name": "2ec2c468.src_1.Nightly import", "source": "src_1"}
UNCERTAIN = {**SUCCEEDED, "state": 6, "exitCode": 1}


@pytest.fixture
def wait(capsys, monkeypatch, leaping):
    """Wait for tasks in this process, each with a script of documents or answers; give the code, stdout and stderr."""
    server = Tasks()
    server.let_time_pass(leaping, 60.0)
    monkeypatch.setenv("ROCKETRIDE_URI", server.uri)
    monkeypatch.setenv("ROCKETRIDE_APIKEY", KEY)

    def wait(*scripts, options=()):
        answers = ([ok(part) if isinstance(part, dict) else part for part in script] for script in scripts)
        server.scripts = {token(number): script for number, script in enumerate(answers)}
        words = ["--transport", "http", "wait", *server.scripts, "--interval", "0.05", *options]
        code = int(main.main(words))
        return (code, *capsys.readouterr())

    yield wait
    server.close()


@each(
    ("raw", "words"),
    [
        ("Failed*bad input*pipe.cpp:10", "bad input (Failed, pipe.cpp:10)"),
        ("Fatal error*it crashed*pipe.cpp:42", "it crashed (Fatal error, pipe.cpp:42)"),
        ("Failed*no *.txt files*scan.cpp:5", "no *.txt files (Failed, scan.cpp:5)"),
        ("Failed*bad input*", "bad input (Failed)"),
        ("Warning*two\nlines*C:\\x.cpp:1", "two\nlines (Warning, C:\\x.cpp:1)"),
        ("plain", "plain"),
        ("", ""),
        ("**bold** text", "**bold** text"),
        ("Failed*", "Failed*"),
        ("Failed**x.cpp:1", "Failed**x.cpp:1"),
        ("2*3*4", "2*3*4"),
        ("The value is *not* a number", "The value is *not* a number"),
    ],
)
def test_a_raw_message_in_words(raw, words):
    assert in_words(raw) == words


def test_messages_are_in_words_wherever_they_are_shown():
    status = TaskStatus.from_dict({**FAILED, "errors": ERRORS[:1], "exitMessage": ERRORS[1]})
    block = status_text.status_block(status, messages=True)
    assert f"Error     {READ[0]}" in block
    assert f"Exit      1 {READ[1]}" in block
    assert READ[1] in status_text.outcome_problem(status)


@each(
    ("document", "name"),
    [
        (NIGHTLY, "Nightly import"),
        ({**NIGHTLY, "project_id": "nightly"}, "Nightly import (nightly)"),
        ({"name": "My task.Files", "source": "src_1", "project_id": "nightly"}, "My task.Files"),
        ({"name": "My task.Files", "source": "src_1"}, "My task.Files"),
        ({"name": "src_1.Files", "source": "src_1"}, "src_1.Files"),
        ({"name": "2ec2c468.src_1.", "source": "src_1"}, "2ec2c468.src_1."),
        ({"name": "v1.Files", "source": ""}, "v1.Files"),
        ({}, ""),
    ],
)
def test_the_name_of_a_task_is_not_a_piece_of_its_token(document, name):
    assert status_text.task_name(TaskStatus.from_dict(document)) == name


def test_a_long_name_is_cut_in_its_middle_and_holds_no_secret(monkeypatch):
    monkeypatch.setattr(output, "known_secrets", [KEY])
    status = TaskStatus.from_dict({"name": f"Invoices of {KEY} and of {TOKEN} in November.Folder"})
    assert status_text.task_name(status, 24) == "Invoices of…ember.Folder"
    assert status_text.task_name(status) == "Invoices of *** and of tk_0123… in November.Folder"


@pytest.mark.parametrize(
    ("script", "code", "said"),
    [
        ([FAILED], 1, "the task failed with exit code 1: the engine fell over"),
        ([WITH_FAILURES], 1, "the task ended well, but 1 of its items failed"),
        ([{**SUCCEEDED, "completedCount": 1}], 1, "not all of its items were processed (3 missing)"),
        ([{**CANCELLED, "exitMessage": "Stopped"}], 3, "the task was cancelled: Stopped"),
        ([RUNNING], 124, "last seen as RUNNING"),
        ([RUNNING, NOT_RUNNING], 6, "the server no longer knows it"),
        ([RUNNING, {**RUNNING, "startTime": 1700000500.0}], 6, "another run took over"),
    ],
)
def test_a_quiet_failure_says_name_reason_and_the_newest_errors(wait, script, code, said):
    seen = [{**part, **NIGHTLY, "errors": ERRORS} if isinstance(part, dict) else part for part in script]
    found, shown, trouble = wait(seen, options=["--quiet", "--timeout", "60"])
    assert (found, shown) == (code, "")
    *lines, problem = trouble.splitlines()
    assert problem.startswith("rocketride-sync: Nightly import: ")
    assert said in problem
    assert lines == [f"task error: {text}" for text in ["(4 earlier ones: see status --json)", *READ[4:]]]


def test_quiet_counts_the_errors_that_have_fallen_out_of_the_status(wait):
    script = [{**RUNNING, "errors": ERRORS[:8]}, {**FAILED, "errors": ERRORS[6:]}]
    _, _, trouble = wait(script, options=["--quiet"])
    assert "(4 earlier ones" in trouble
    assert trouble.splitlines()[-2] == f"task error: {READ[-1]}"


@pytest.mark.parametrize("document", [SUCCEEDED, UNCERTAIN])
def test_quiet_says_nothing_of_errors_in_a_success(wait, document):
    code, shown, trouble = wait([{**document, "errors": ERRORS[:1]}], options=["--quiet", "--allow-failures"])
    assert READ[0] not in shown + trouble or code


def test_without_quiet_an_error_is_said_once(wait):
    _, _, trouble = wait([{**FAILED, "errors": ERRORS}])
    assert [line for line in trouble.splitlines() if "error: " in line] == [
        f"task error: {text}" for text in READ
    ]


def everything(wait, options):
    named = {**NIGHTLY, "errors": ERRORS}
    return wait(
        [{**WITH_FAILURES, "name": "invoices"}],
        [{**FAILED, **named}],
        [SUCCEEDED],
        [CANCELLED],
        [NOT_RUNNING],
        [RUNNING, NOT_RUNNING],
        options=options,
    )


def test_of_several_each_that_did_not_end_well_says_why(wait):
    _, shown, trouble = everything(wait, [])
    lines = shown.splitlines()
    failed = next(number for number, line in enumerate(lines) if line.startswith("failed"))
    assert lines[failed].endswith("tk_0001…  4 of 4, exit code 1: the engine fell over")
    assert lines[failed + 1 : failed + 5] == [
        f"    {text}" for text in ["(11 earlier ones: see status --json)", *READ[-3:]]
    ]
    items = next(number for number, line in enumerate(lines) if "tk_0000…" in line)
    assert lines[items].split(None, 1)[1].startswith("invoices")
    assert lines[items].endswith("3 of 4, 1 failed, exit code 0")
    assert lines[items + 1] == "    bad input (Failed, pipe.cpp:10)"
    assert trouble.count("\n") == 1


def test_of_several_the_columns_are_aligned(wait):
    _, shown, _ = everything(wait, [])
    rows = [line for line in shown.splitlines()[:-1] if not line.startswith(" ")]
    assert len({row.index("tk_") for row in rows}) == 1
    assert {row.split()[0] for row in rows} == {"succeeded", "failed", "cancelled", "unknown", "vanished"}


@pytest.mark.parametrize("option", ["--quiet", "--json"])
def test_of_several_every_bad_one_is_named_where_no_lines_are_shown(wait, option):
    code, shown, trouble = everything(wait, [option])
    assert code == 6
    *lines, total = trouble.splitlines()
    assert total == "rocketride-sync: 5 of 6 tasks did not end well"
    problems = [line.partition(": ")[2] for line in lines if line.startswith("rocketride-sync: ")]
    starts = [problem.partition(": ")[0] for problem in problems]
    assert starts[:2] in (["task tk_0004…", "words (tk_0005…)"], ["words (tk_0005…)", "task tk_0004…"])
    assert starts[2:] == ["Nightly import (tk_0001…)", "invoices (tk_0000…)", "words (tk_0003…)"]
    at = lines.index(f"rocketride-sync: {problems[2]}")
    assert "the engine fell over" in lines[at]
    assert lines[at + 1 : at + 5] == [
        f"  {text}" for text in ["(11 earlier ones: see status --json)", *READ[-3:]]
    ]
    assert not shown or json.loads(shown)["error"]


def test_a_failed_task_comes_before_one_whose_items_failed(wait):
    for scripts in ([[WITH_FAILURES], [FAILED]], [[FAILED], [WITH_FAILURES]]):
        _, _, trouble = wait(*scripts)
        assert "the most severe is words (tk_000" in trouble
        assert "the engine fell over" in trouble
        _, shown, _ = wait(*scripts, options=["--json"])
        assert json.loads(shown)["outcome"] == "failed"


def test_with_strict_every_doubted_one_is_named(wait):
    code, _, trouble = wait([UNCERTAIN], [UNCERTAIN], [SUCCEEDED], options=["--quiet", "--strict"])
    assert code == 1
    assert "2 of 3 tasks succeeded, but that is not certain" in trouble
    assert {"tk_0000…", "tk_0001…"} <= set(
        trouble.replace("(", " ").replace(")", " ").replace(":", "").split()
    )


def test_a_quiet_upload_names_the_newest_files_that_failed(capsys):
    status = TaskStatus.from_dict({**RUNNING, **NIGHTLY})
    results = [{"action": "error", "filepath": f"{number}.txt", "error": "no"} for number in range(12)]
    assert file_results.print_results(results, status, as_json=False, quiet=True) == 1
    *lines, problem = capsys.readouterr().err.splitlines()
    assert problem == "rocketride-sync: Nightly import: 12 of 12 files failed"
    assert lines == ["file error: (2 earlier ones: see --json)"] + [
        f"file error: {number}.txt: no" for number in range(2, 12)
    ]


@pytest.mark.parametrize(("fresh", "words"), [(False, "28 (of the whole task)"), (True, "28")])
def test_a_summary_says_which_of_its_figures_are_not_of_these_files_alone(capsys, fresh, words):
    status = TaskStatus.from_dict({**RUNNING, **NIGHTLY, "wordsCount": 28})
    results = [{"action": "complete", "filepath": "a.txt", "bytes_sent": 45, "upload_time": 0.01}]
    assert file_results.print_results(results, status, as_json=False, quiet=False, fresh=fresh) == 0
    *_, sent, size, counted = capsys.readouterr().out.splitlines()
    assert (sent, size, counted) == ("Sent      1 of 1", "Size      45 bytes", f"Words     {words}")


@pytest.mark.parametrize(
    ("allow_failures", "succeeded", "expected"),
    [
        (False, 0, 1),
        (False, 1, 1),
        (True, 0, 1),  # nothing of what was wanted has happened
        (True, 1, 0),
    ],
)
def test_the_document_of_files_that_failed_says_what_the_exit_code_says(
    capsys, allow_failures, succeeded, expected
):
    status = TaskStatus.from_dict({**RUNNING, **NIGHTLY})
    results = [
        {"action": "error" if number >= succeeded else "complete", "filepath": f"{number}.txt", "error": "no"}
        for number in range(3)
    ]
    code = file_results.print_results(
        results, status, as_json=True, quiet=False, allow_failures=allow_failures
    )
    shown, said = capsys.readouterr()
    document = json.loads(shown)
    reason = f"{3 - succeeded} of 3 files failed" if expected else None
    assert (document["exit_code"], document["reason"], code) == (expected, reason, expected)
    assert said == (f"rocketride-sync: Nightly import: {reason}\n" if expected else "")


def test_a_task_that_cannot_be_sent_anything_is_told_as_that(stub, monkeypatch, capsys, tmp_path):
    (tmp_path / "a.txt").write_text("a")
    stub.answers = [NOT_RUNNING]
    words = ["--transport", "http", "send", TOKEN, str(tmp_path / "a.txt")]
    done = run_here(monkeypatch, capsys, *words, ROCKETRIDE_URI=stub.uri, ROCKETRIDE_APIKEY=KEY)
    assert (done.code, done.stdout) == (6, "")
    assert done.stderr.startswith("rocketride-sync: nothing was sent: reading the status failed: ")
    assert done.stderr.endswith(f"; {FORGOTTEN}\n")
