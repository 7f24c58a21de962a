"""What each way to end tells the shell, seen from outside of a real process."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys

import pytest
from command import (
    CANCELLED,
    COMMAND,
    FAILED,
    KEY,
    NOT_RUNNING,
    OVERLOADED,
    RUNNING,
    SUCCEEDED,
    TOKEN,
    WITH_FAILURES,
    Answer,
    environment,
    ok,
    refusal,
    run,
    run_with,
    start,
)

from rocketride_sync import errors
from rocketride_sync.cli import exit_codes, main, output, wait_command
from rocketride_sync.cli.signals import Terminated, with_task_state

ALL_FAILED = {**WITH_FAILURES, "completedCount": 0, "failedCount": 4}
FAST = ("--interval", "0.05")


def problems(completed):
    return [line for line in completed.stderr.splitlines() if line.startswith("rocketride-sync: ")]


@pytest.mark.parametrize(
    ("terminal", "options", "code"),
    [
        (SUCCEEDED, [], 0),
        (FAILED, [], 1),
        (FAILED, ["--allow-failures"], 1),
        ({**FAILED, "state": 5}, [], 1),
        (WITH_FAILURES, [], 1),
        (WITH_FAILURES, ["--allow-failures"], 0),
        (ALL_FAILED, [], 1),
        (ALL_FAILED, ["--allow-failures"], 1),  # nothing of what was wanted has happened
        ({**ALL_FAILED, "failedCount": 2}, ["--allow-failures"], 1),  # and the others were left undone
        ({**SUCCEEDED, "completedCount": 2}, [], 1),
        (CANCELLED, [], 3),
        (CANCELLED, ["--allow-failures"], 3),
    ],
)
def test_the_outcome_of_a_task(stub, terminal, options, code):
    stub.answers = [ok(RUNNING), ok(terminal)]
    done = run_with(stub, "wait", TOKEN, *FAST, *options)
    assert done.returncode == code, done.stderr
    assert terminal["name"] in done.stdout
    assert len(problems(done)) == (1 if code else 0)


@pytest.mark.parametrize("document", [RUNNING, SUCCEEDED, FAILED, CANCELLED])
def test_status_succeeds_when_a_status_was_printed(stub, document):
    stub.answers = [ok(document)]
    done = run_with(stub, "status", TOKEN)
    assert done.returncode == 0
    assert "words" in done.stdout


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ([Answer(401, '{"status":"Error","error":{"error":"Access denied"}}')], 4),
        ([refusal(400, "Permission 'task.monitor' denied")], 4),
        ([Answer(200, "<html>Please log in</html>", "text/html")], 5),
        ([Answer(200, '{"status":"OK","data":{"state":"three"}}')], 5),
        ([Answer(404, '{"detail":"Not Found"}')], 5),
        ([NOT_RUNNING], 6),
    ],
)
@pytest.mark.parametrize("command", [["status"], ["wait", *FAST]])
def test_refusals(stub, command, answers, code):
    stub.answers = answers
    done = run_with(stub, *command, TOKEN)
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert len(problems(done)) == 1
    assert "Traceback" not in done.stderr


def test_a_task_that_was_ended_is_no_failure_when_its_status_cannot_be_read(stub):
    stub.answers = [ok(RUNNING), ok({}), refusal(503, "try later")]
    done = run_with(stub, "stop", TOKEN, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] is None
    assert "the task was ended, but its status cannot be read" in problems(done)[0]


def test_unreachable():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # bound but not listening: refused, and nobody else's meanwhile
        uri = f"http://127.0.0.1:{free.getsockname()[1]}"
        done = run("status", TOKEN, ROCKETRIDE_URI=uri, ROCKETRIDE_APIKEY=KEY)
    assert done.returncode == 5
    assert "--uri" in problems(done)[0]


def test_a_task_that_vanished(stub):
    stub.answers = [ok(RUNNING), NOT_RUNNING]
    done = run_with(stub, "wait", TOKEN, *FAST)
    assert done.returncode == 6
    assert "no longer knows it" in done.stderr


def test_a_task_that_was_replaced(stub):
    stub.answers = [ok(RUNNING), ok({**RUNNING, "startTime": 1700000500.0})]
    done = run_with(stub, "wait", TOKEN, *FAST)
    assert done.returncode == 6
    assert "another run" in done.stderr


@pytest.mark.parametrize("timeout", ["0", "5"])
def test_timeout(stub, timeout):
    stub.answers = [ok(RUNNING)]
    done = run_with(stub, "wait", TOKEN, *FAST, "--timeout", timeout)
    assert done.returncode == 124
    assert "--timeout" in problems(done)[0]


def test_a_wait_survives_an_overload(stub):
    stub.answers = [OVERLOADED, ok(SUCCEEDED)]
    assert run_with(stub, "wait", TOKEN, *FAST).returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["frobnicate"],
        ["wait", TOKEN, "--nonsense"],
        ["wait", TOKEN, "--interval", "soon"],
        ["wait", TOKEN, "--interval", "0"],
        ["wait", TOKEN, "--timeout", "nan"],
        ["wait", TOKEN, "--timeout", "-1"],
        ["wait", TOKEN, "--progress", "--no-progress"],
        ["wait", TOKEN, "--time", "5"],
        ["status"],
        ["status", TOKEN, "--transport", "pigeon"],
        ["status", TOKEN, "--uri", "ftp://example.com"],
        ["status", TOKEN, "one too many"],
        ["run"],
        ["send"],
        ["stop"],
        ["serve", "--port", "70000"],
        ["demo", "/there/is/no/such/file"],
    ],
)
def test_wrong_usage(arguments):
    done = run(*arguments, ROCKETRIDE_URI="http://127.0.0.1:1", ROCKETRIDE_APIKEY=KEY)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_wrong_usage_with_json_prints_a_document_too():
    done = run("wait", TOKEN, "--json", "--interval", "soon")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["type"] == "ConfigurationError"
    assert "--interval" in json.loads(done.stdout)["error"]["message"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_sigterm_with_json_prints_the_last_status_before_it_ends_the_process(stub):
    stub.answers = [ok(RUNNING)]
    waiting = start(
        *["wait", TOKEN, "--json", *FAST],
        env=environment(ROCKETRIDE_URI=stub.uri, ROCKETRIDE_APIKEY=KEY),
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    assert stub.asked.wait(30)
    stub.asked.clear()
    assert stub.asked.wait(30)  # so that it has seen the first answer
    waiting.terminate()
    document = json.loads(waiting.communicate(timeout=30)[0])
    assert waiting.returncode == -signal.SIGTERM
    assert document["error"] == {"type": "Terminated", "message": "terminated; the task runs on"}
    assert document["status"]["name"] == RUNNING["name"]


def test_no_key():
    done = run("status", TOKEN)
    assert done.returncode == 2
    assert "--apikey-file" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_closed_terminal_is_told_as_such():
    for name, said in (("SIGTERM", "terminated"), ("SIGHUP", "the terminal was closed (SIGHUP)")):
        stop = Terminated(getattr(signal, name))
        assert str(stop) == said
        assert str(with_task_state(stop, "the task runs on")) == f"{said}; the task runs on"


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, -signal.SIGTERM)]
)
def test_signals_end_a_wait(stub, number, code):
    stub.answers = [ok(RUNNING)]
    variables = environment(ROCKETRIDE_URI=stub.uri, ROCKETRIDE_APIKEY=KEY)
    waiting = start(
        # A signal just before a sleep begins is not noticed before the sleep ends.
        *["wait", TOKEN, "--interval", "5"],
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    assert stub.asked.wait(30)
    waiting.send_signal(number)
    output, trouble = waiting.communicate(timeout=30)
    assert waiting.returncode == code, trouble
    assert output == ""
    assert "Traceback" not in trouble
    assert "the task runs on" in trouble


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_sigterm_that_is_ignored_from_outside_stays_ignored(stub):
    stub.answers = [ok(RUNNING)]
    script = 'trap "" TERM; exec "$@"'
    waiting = subprocess.Popen(
        ["sh", "-c", script, "sh", *COMMAND, "wait", TOKEN, *FAST, "--quiet"],
        env=environment(ROCKETRIDE_URI=stub.uri, ROCKETRIDE_APIKEY=KEY),
    )
    assert stub.asked.wait(30)
    waiting.terminate()
    stub.answers = [ok(SUCCEEDED)]
    assert waiting.wait(30) == 0


BLOCKING = """
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
os.execvp(sys.argv[1], sys.argv[1:])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_that_the_starter_blocked_ends_a_wait(stub, name):
    """A thread that blocks signals, as those beside a `sigwait` do, hands its mask to what it starts."""
    stub.answers = [ok(RUNNING)]
    waiting = subprocess.Popen(
        [sys.executable, "-c", BLOCKING, *COMMAND, "wait", TOKEN, *FAST],
        env=environment(ROCKETRIDE_URI=stub.uri, ROCKETRIDE_APIKEY=KEY),
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    assert stub.asked.wait(30)
    waiting.send_signal(getattr(signal, name))
    try:
        trouble = waiting.communicate(timeout=30)[1]
    finally:
        waiting.kill()
        waiting.wait()
    assert waiting.returncode == -getattr(signal, name)
    assert "the task runs on" in trouble


COMMAND_OF_ITS_OWN = """
import os, signal, sys, time
from rocketride_sync.cli import main, wait_command
def run(args):
    try:
        {body}
    finally:
        print("cleaned up", flush=True)
wait_command.run = run
sys.exit(main.main(["wait", *sys.argv[1:]]))
"""


def run_body(body, *options):
    return subprocess.run(
        [sys.executable, "-c", COMMAND_OF_ITS_OWN.format(body=body), *options],
        capture_output=True,
        encoding="utf-8",
        env=environment(),
        timeout=60,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_sigterm_cleans_up_before_it_ends_the_process():
    done = run_body("os.kill(os.getpid(), signal.SIGTERM); time.sleep(30)")
    assert (done.returncode, done.stdout) == (-signal.SIGTERM, "cleaned up\n")


DESTRUCTOR = "type('Rubbish', (), {{'__del__': lambda _: signal.raise_signal(signal.{0})}})(); time.sleep(30)"
WEAKREF_CALLBACK = (
    "import weakref; thing = type('Thing', (), {{}})(); "
    "r = weakref.ref(thing, lambda _: signal.raise_signal(signal.{0})); del thing; time.sleep(30)"
)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("body", [DESTRUCTOR, WEAKREF_CALLBACK])
def test_a_signal_in_a_destructor_is_not_lost(body, name):
    """Python prints and forgets what is raised there."""
    done = run_body(body.format(name))
    assert (done.returncode, done.stdout) == (-getattr(signal, name), "cleaned up\n")
    assert "Traceback" not in done.stderr


LOADING = """
import runpy, sys
class Interrupter:
    def find_spec(self, name, *_):
        if name == "rocketride_sync.cli.main":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupter())
runpy.run_module("rocketride_sync", run_name="__main__")
"""


def test_ctrl_c_while_the_command_is_loaded():
    done = subprocess.run([sys.executable, "-c", LOADING], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


@pytest.mark.parametrize("options", [[], ["--verbose"], ["--json"]])
def test_a_defect_is_not_taken_for_a_failed_task(options):
    done = run_body(f"raise ZeroDivisionError('{TOKEN}')", *options)
    assert done.returncode == 70
    assert "ZeroDivisionError" in problems(done)[0]
    assert ("Traceback" in done.stderr) == ("--verbose" in options)
    assert TOKEN not in done.stderr + done.stdout


def test_every_error_has_an_exit_code_of_its_own_family():
    codes = {
        errors.ConfigurationError("x"): 2,
        errors.TransportTimeoutError("x"): 5,
        errors.OverloadedError("x"): 5,
        errors.CertificateError("x"): 5,
        errors.DecodeError("$", "int", "str"): 5,
        errors.ServerError("x"): 5,
        errors.AuthenticationError("x"): 4,
        errors.PermissionDeniedError("x"): 4,
        errors.TaskNotFoundError("x"): 6,
        errors.TaskNotFoundError("x", operation="use"): 6,
        errors.TaskAlreadyRunningError("x", operation="use"): 1,
        errors.ServerError("x", operation="use"): 1,
        errors.UnsupportedOperationError("x"): 2,
        KeyboardInterrupt(): 130,
        ZeroDivisionError(): 70,
    }
    assert {error: int(exit_codes.code_and_advice(error)[0]) for error in codes} == codes


def test_out_of_memory_is_told_as_such(monkeypatch, capsys):
    """Also where there is too little even to report it: Python's own exit code 1 would say that the task failed."""

    def fail(*_, **__):
        raise MemoryError

    monkeypatch.setattr(wait_command, "run", fail)
    for name in ("", "without_secrets", "safe_text"):
        if name:
            monkeypatch.setattr(output, name, fail)
        assert main.main(["wait", TOKEN]) == 70
        assert capsys.readouterr().err.startswith("rocketride-sync: out of memory"), name
