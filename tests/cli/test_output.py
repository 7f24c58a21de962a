"""What reaches stdout and stderr."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from cases import each
from command import (
    COMMAND,
    FAILED,
    KEY,
    NOT_RUNNING,
    PROGRAM,
    RUNNING,
    SUCCEEDED,
    TOKEN,
    WITH_FAILURES,
    Answer,
    environment,
    ok,
    run,
    run_here,
    run_into,
    run_with,
)
from command_process import start_command

from rocketride_sync.cli import output

FAST = ("--interval", "0.05")
HOSTILE = "\x1b]0;owned\x07\x1b[2J\u202etxt.exe\r\nrocketride-sync: all is well\x7f\x9b1m"


@pytest.mark.parametrize("command", [["status"], ["wait", *FAST]])
def test_json_of_a_status(stub, command):
    stub.answers = [ok({**SUCCEEDED, "somethingNew": [1]})]
    done = run_with(stub, *command, TOKEN, "--json")
    document = json.loads(done.stdout)
    assert document["outcome"] == "succeeded"
    assert document["error"] is None
    assert document["status"]["completedCount"] == 4
    assert document["status"]["somethingNew"] == [1]


def test_json_of_a_failed_task(stub):
    stub.answers = [ok(FAILED)]
    done = run_with(stub, "wait", TOKEN, "--json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["outcome"], document["error"]) == (1, "failed", None)


@pytest.mark.parametrize(
    ("answers", "kind", "seen"),
    [
        ([NOT_RUNNING], "TaskNotFoundError", False),
        ([ok(RUNNING), NOT_RUNNING], "TaskVanishedError", True),
        ([ok(RUNNING)], "WaitTimeoutError", True),
        ([ok(RUNNING), Answer(401, "Access denied", "text/plain")], "AuthenticationError", True),
    ],
)
def test_json_of_a_failure_carries_the_last_status(stub, answers, kind, seen):
    stub.answers = answers
    timeout = "1" if kind == "WaitTimeoutError" else "60"
    done = run_with(stub, "wait", TOKEN, *FAST, "--json", "--timeout", timeout)
    document = json.loads(done.stdout)
    assert document["outcome"] is None
    assert document["error"]["type"] == kind
    assert document["error"]["message"]
    assert (document["status"] is not None) == seen
    assert document["status"] is None or document["status"]["completedCount"] == 1


def test_json_of_a_replaced_task_has_both_runs(stub):
    stub.answers = [ok(RUNNING), ok({**RUNNING, "startTime": 1700000500.0})]
    document = json.loads(run_with(stub, "wait", TOKEN, *FAST, "--json").stdout)
    assert document["status"]["startTime"] == 1700000000.0
    assert document["error"]["new_status"]["startTime"] == 1700000500.0


def test_json_on_wrong_settings():
    done = run("status", TOKEN, "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["type"] == "ConfigurationError"


def test_quiet_success_prints_nothing_at_all(stub):
    stub.answers = [ok(RUNNING), ok({**SUCCEEDED, "errors": ["a bad line"]})]
    done = run_with(stub, "wait", TOKEN, *FAST, "--quiet", "--progress")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_quiet_failure_prints_one_line(stub):
    stub.answers = [ok(FAILED)]
    done = run_with(stub, "wait", TOKEN, "--quiet")
    assert done.stdout == ""
    assert done.stderr == "rocketride-sync: words: the task failed with exit code 1: the engine fell over\n"


def test_each_task_error_is_shown_once(stub):
    stub.answers = [
        ok({**RUNNING, "errors": ["first"]}),
        ok({**RUNNING, "errors": ["first", "second"], "warnings": ["careful"]}),
        ok({**SUCCEEDED, "errors": ["first", "second", "third"], "warnings": ["careful"]}),
    ]
    done = run_with(stub, "wait", TOKEN, *FAST)
    assert done.stderr.splitlines() == [
        "task error: first",
        "task error: second",
        "task warning: careful",
        "task error: third",
    ]
    assert "first" not in done.stdout


def test_lost_errors_are_said_to_be_lost(stub):
    stub.answers = [
        ok({**RUNNING, "errors": [f"error {n}" for n in range(50)]}),
        ok({**SUCCEEDED, "errors": [f"error {n}" for n in range(100, 150)]}),
    ]
    lines = run_with(stub, "wait", TOKEN, *FAST).stderr.splitlines()
    assert sum("lost" in line for line in lines) == 1
    assert lines[-1] == "task error: error 149"


def test_status_shows_the_newest_errors(stub):
    stub.answers = [ok({**WITH_FAILURES, "errors": [f"error {n}" for n in range(50)]})]
    shown = run_with(stub, "status", TOKEN).stdout
    assert "error 49" in shown
    assert "error 39" not in shown
    assert "40 earlier" in shown


@pytest.mark.parametrize("options", [[], ["--json"], ["--progress"]])
def test_text_of_the_server_never_controls_the_terminal(stub, options):
    hostile = {
        "name": HOSTILE,
        "exitMessage": HOSTILE,
        "errors": [HOSTILE],
        "currentObject": HOSTILE,
        "status": HOSTILE,
    }
    stub.answers = [ok({**RUNNING, **hostile}), ok({**FAILED, **hostile})]
    done = run_with(stub, "wait", TOKEN, *FAST, *options)
    for text in (done.stdout, done.stderr):
        assert not {char for char in text if not char.isprintable()} - {"\n"}
        assert not any(line.startswith("rocketride-sync: all is well") for line in text.splitlines())
    if options == ["--json"]:
        assert json.loads(done.stdout)["status"]["name"] == HOSTILE
    else:
        assert "\\x1b]0;owned\\x07" in done.stdout


def test_tokens_in_what_the_server_says_are_shortened(stub):
    stub.answers = [ok({**FAILED, "notes": [f"open {TOKEN}"], "exitMessage": f"see {TOKEN}"})]
    for options in ([], ["--json"], ["--verbose"]):
        done = run_with(stub, "wait", TOKEN, *options)
        assert TOKEN not in done.stdout + done.stderr
        assert KEY not in done.stdout + done.stderr


@each(
    ("text", "shown"),
    [
        ("plain äöü 漢字 🚀", "plain äöü 漢字 🚀"),
        ("a\tb\nc", "a\\tb\\nc"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\u2028\u200b\u202e", "\\u2028\\u200b\\u202e"),
        ("\ud800", "\\ud800"),
        ("see tk_0123456789abcdef", "see tk_0123…"),
    ],
)
def test_visible(text, shown):
    assert output.safe_text(text) == shown


def test_shorten():
    assert output.shorten("x" * 30, 10) == "x" * 9 + "…"
    assert output.shorten("short", 10) == "short"


def test_a_long_interval_is_one_friendly_line(stub):
    stub.answers = [ok(SUCCEEDED)]
    done = run_with(stub, "wait", TOKEN, "--interval", "301")
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert line.startswith("rocketride-sync: warning: ")
    assert "301" in line


WARNING = """
import logging, sys
from rocketride_sync.cli import main, wait_command
def run(args):
    logger = logging.getLogger("rocketride_sync")
    logger.warning("see %s", "tk_0123456789abcdef")
    logger.info("by the way")
    return 0
wait_command.run = run
sys.exit(main.main(["wait"]))
"""


def test_a_warning_of_the_library_is_one_of_our_lines():
    done = subprocess.run(
        [sys.executable, "-c", WARNING], capture_output=True, encoding="utf-8", env=environment(), timeout=60
    )
    assert done.stderr == "rocketride-sync: warning: see tk_0123…\n"


def test_an_ascii_terminal_gets_escapes_instead_of_a_crash(stub):
    stub.answers = [ok({**SUCCEEDED, "name": "Wörter"})]
    done = run_with(stub, "wait", TOKEN, PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "W\\xf6rter" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
def test_a_reader_that_went_away_is_no_trouble(stub):
    stub.answers = [ok(FAILED)]
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [*COMMAND, "wait", TOKEN],
            env=environment(ROCKETRIDE_URI=stub.uri, ROCKETRIDE_APIKEY=KEY),
            stdout=writer,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            timeout=60,
        )
    finally:
        os.close(writer)
    assert done.returncode == 1
    assert done.stderr == "rocketride-sync: words: the task failed with exit code 1: the engine fell over\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_said(stub):
    stub.answers = [ok(SUCCEEDED)]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*COMMAND, "wait", TOKEN],
            env=environment(ROCKETRIDE_URI=stub.uri, ROCKETRIDE_APIKEY=KEY),
            stdout=full,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            timeout=60,
        )
    assert done.returncode == 74
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr


posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX descriptors")
LARGE = {**SUCCEEDED, "errors": ["e" * 2000] * 200}


def start(stub, *arguments, **streams):
    variables = environment(ROCKETRIDE_URI=stub.uri, ROCKETRIDE_APIKEY=KEY)
    return start_command([*COMMAND[len(PROGRAM) :], *arguments], variables, **streams)


@posix
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_pipe_that_does_not_block_gets_everything(stub, stream, unbuffered, monkeypatch):
    """The reader begins only when the pipe has been full for a while."""
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    stub.answers = [ok(LARGE)]
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    other = {"stdout": "stderr", "stderr": "stdout"}[stream]
    streams = {stream: writer, other: subprocess.DEVNULL}
    options = ["--json"] if stream == "stdout" else ["--allow-failures"]
    with start(stub, "wait", TOKEN, *FAST, *options, **streams) as process:
        os.close(writer)
        with open(reader, "rb") as pipe:
            size = len(pipe.peek(1))
            until_full(reader, size)
            text = pipe.read().decode()
    assert process.returncode == 0
    if stream == "stdout":
        assert json.loads(text)["status"]["errors"] == LARGE["errors"]
    else:
        assert text.count("e" * 1900) == len(LARGE["errors"][:100])


def until_full(reader, taken):
    """Until what lies in the pipe has stopped growing: its writer has to wait."""
    import array
    import fcntl
    import termios
    import time

    count, last = array.array("i", [0]), -1
    deadline = time.monotonic() + 60
    while count[0] != last or count[0] + taken < 60_000:
        assert time.monotonic() < deadline
        last = count[0]
        time.sleep(0.2)
        fcntl.ioctl(reader, termios.FIONREAD, count)


@posix
@pytest.mark.parametrize(
    ("command", "text"),
    [(["status", "-"], b"%b\n"), (["wait", *FAST, "-"], b"%b\n%b\n"), (["stop", "-"], b"%b")],
)
def test_an_input_that_does_not_block_is_waited_for(stub, command, text):
    stub.answers = [ok(SUCCEEDED)]
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    with start(stub, *command, stdin=reader, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        os.close(reader)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.7)
        half, rest = text.replace(b"%b", TOKEN.encode())[:9], text.replace(b"%b", TOKEN.encode())[9:]
        os.write(writer, half)
        os.write(writer, rest)
        os.close(writer)
        assert process.stderr.read() == b""
    assert process.returncode == 0


@posix
def test_a_line_is_enough_for_one_token(stub):
    """A program that writes the token need not close its end."""
    stub.answers = [ok(SUCCEEDED)]
    with start(stub, "status", "-", stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdin.write(TOKEN.encode() + b"\n")
        process.stdin.flush()
        assert b"Outcome" in process.stdout.read()
    assert process.returncode == 0


PROCESSES = (["wait", TOKEN], ["--version"])


@posix
@pytest.mark.parametrize(("kind", "code"), [("closed", 74), ("full", 74), ("gone", 141)])
@pytest.mark.parametrize(
    "arguments",
    [
        ["status", TOKEN],
        ["status", TOKEN, "--json"],
        ["wait", TOKEN],
        ["wait", TOKEN, TOKEN[::-1], "--json"],
        ["wait", TOKEN, TOKEN[::-1]],
        ["stop", TOKEN],
        ["--version"],
        ["wait", "--help"],
    ],
    ids=" ".join,
)
def test_exit_code_0_means_that_the_result_was_written(stub, arguments, kind, code):
    stub.answers = [ok(SUCCEEDED)]
    # What the interpreter does at its end is the same for all commands.
    done = run_stub_into(stub, kind, *arguments, process=arguments in PROCESSES)
    assert done.returncode == code
    said = [line for line in done.stderr.splitlines() if "could not be written" in line]
    assert len(said) == (code == 74)
    assert "Traceback" not in done.stderr


@posix
@pytest.mark.parametrize("kind", ["closed", "full", "gone"])
def test_a_result_that_cannot_be_written_does_not_hide_the_outcome(stub, kind):
    stub.answers = [ok(FAILED)]
    for options in ([], ["--json"], ["--quiet"]):
        done = run_stub_into(stub, kind, "wait", TOKEN, *options, process=not options)
        assert done.returncode == 1
        assert "the task failed with exit code 1: the engine fell over" in done.stderr


def run_stub_into(stub, kind, *arguments, process):
    variables = environment(ROCKETRIDE_URI=stub.uri, ROCKETRIDE_APIKEY=KEY)
    return run_into(kind, [*COMMAND[len(PROGRAM) :], *arguments], variables, process=process)


@pytest.mark.parametrize(
    ("answers", "options", "reason"),
    [
        ([ok(SUCCEEDED)], [], None),
        (
            [ok(WITH_FAILURES)],
            [],
            "the task ended well, but 1 of its items failed (--allow-failures forgives that)",
        ),
        ([ok(WITH_FAILURES)], ["--allow-failures"], None),
        (
            [ok({**WITH_FAILURES, "completedCount": 0, "failedCount": 4})],
            ["--allow-failures"],
            "the task ended well, but 4 of its items failed, and none succeeded",
        ),
        ([ok({**SUCCEEDED, "state": 6, "exitCode": 1})], [], None),
        (
            [ok({**SUCCEEDED, "state": 6, "exitCode": 1})],
            ["--strict"],
            "the task succeeded, but that is not certain",
        ),
        ([ok(FAILED)], [], "the task failed with exit code 1: the engine fell over"),
        ([NOT_RUNNING], [], "reading the status failed: the server answered: Your pipeline is not running"),
    ],
)
@pytest.mark.parametrize("tokens", [[TOKEN], [TOKEN, f"{TOKEN}2"]], ids=["one", "several"])
def test_every_document_says_what_the_exit_code_says(
    stub, monkeypatch, capsys, answers, options, reason, tokens
):
    stub.answers = answers
    words = ["--transport", "http", "wait", *tokens, "--json", *options]
    done = run_here(monkeypatch, capsys, *words, ROCKETRIDE_URI=stub.uri, ROCKETRIDE_APIKEY=KEY)
    document = json.loads(done.stdout)
    assert document["exit_code"] == done.code
    if not done.code:
        assert document["reason"] is reason is None
    elif len(tokens) == 1:
        assert document["reason"].startswith(reason)
    else:
        assert document["reason"].startswith("2 of 2 tasks did not end well, the most severe is ")


def test_a_document_of_wrong_settings_says_what_the_exit_code_says(monkeypatch, capsys):
    monkeypatch.delenv("ROCKETRIDE_APIKEY", raising=False)
    for command in (
        ["list"],
        ["status", TOKEN],
        ["stop", TOKEN],
        ["runs", "--project", "p", "--source", "s"],
    ):
        done = run_here(monkeypatch, capsys, *command, "--json")
        document = json.loads(done.stdout)
        assert (document["exit_code"], document["reason"]) == (done.code, document["error"]["message"])
        assert done.code == 2
