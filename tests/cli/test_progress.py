"""Progress: what is shown, where, and how the time left is estimated."""

from __future__ import annotations

import io
import json
import os
import re
import struct
import subprocess
import threading
from contextlib import redirect_stderr

import pytest
from command import (
    COMMAND,
    FAILED,
    KEY,
    OVERLOADED,
    PROGRAM,
    RUNNING,
    SUCCEEDED,
    TOKEN,
    environment,
    ok,
    run_here,
    run_with,
)
from command_process import start_command
from transports.dap_peer import serve
from transports.loopback import Server, answer

from rocketride_sync import TaskStatus
from rocketride_sync.cli import output, progress
from rocketride_sync.reporting import snapshot
from rocketride_sync.transports import caller

FAST = ("--interval", "0.05")


def status(**fields):
    return TaskStatus.from_dict({**RUNNING, **fields})


def progress_of(**fields):
    return snapshot.of_status(status(**fields), output.shorten)


def test_no_progress_without_a_terminal(stub):
    stub.answers = [ok(RUNNING), ok(SUCCEEDED)]
    assert run_with(stub, "wait", TOKEN, *FAST).stderr == ""


def test_progress_on_request_is_a_line_for_each_change(stub):
    stub.answers = [
        ok(RUNNING),
        ok(RUNNING),
        ok({**RUNNING, "completedCount": 2, "failedCount": 1}),
        ok(SUCCEEDED),
    ]
    lines = run_with(stub, "wait", TOKEN, *FAST, "--progress").stderr.splitlines()
    assert lines[0] == "running, 1 of 4"
    assert lines[1].startswith("running, 2 of 4, 1 failed, about ")
    assert lines[2:] == ["completed, 4 of 4"]


def test_who_watches_is_told_why_nothing_moves(stub):
    stub.answers = [OVERLOADED, ok(SUCCEEDED)]
    lines = run_with(stub, "wait", TOKEN, *FAST, "--progress").stderr.splitlines()
    assert "polling again" in lines[0]
    assert "seen again after" in lines[1]
    assert lines[2:] == ["completed, 4 of 4"]


@pytest.mark.parametrize("tokens", [[TOKEN], [TOKEN, f"{TOKEN}2"]], ids=["one", "several"])
@pytest.mark.parametrize("option", ["--no-progress", "--json", "--quiet"])
def test_an_outage_is_told_when_it_begins_and_when_it_is_over(stub, monkeypatch, capsys, tokens, option):
    stub.answers = [OVERLOADED] * 2 + [ok(SUCCEEDED)]
    words = ["--transport", "http", "wait", *tokens, "--interval", "0.01", option]
    done = run_here(monkeypatch, capsys, *words, ROCKETRIDE_URI=stub.uri, ROCKETRIDE_APIKEY=KEY)
    assert done.code == 0, done.stderr
    lines = done.stderr.splitlines()
    if option == "--quiet":
        assert lines == []
        return
    assert re.fullmatch(
        r"rocketride-sync: task tk_0123….*: .*HTTP 403.*; trying again for up to (300|2\d\d) s", lines[0]
    )  # less the time that the answer took
    assert re.match(r"rocketride-sync: task tk_0123….*: seen again", lines[1])
    assert len(lines) == 2
    assert not any("polling again" in line for line in lines)


WAITING = {
    "list": ["list"],
    "validate": ["validate", "job.pipe"],
    "validate --quiet": ["validate", "--quiet", "job.pipe"],
    "validate --verbose": ["validate", "--verbose", "job.pipe"],
    "run": ["run", "--keep", "job.pipe"],
    "stop": ["stop", TOKEN],
}


@pytest.mark.parametrize("words", WAITING.values(), ids=WAITING)
def test_a_command_that_waits_for_a_connection_says_so(tmp_path, monkeypatch, capsys, words):
    """After a moment, here a short one: what went wrong, and that it is tried again."""
    answers = {
        "execute": {"token": TOKEN},
        "rrext_get_tasks": {"tasks": []},
        "rrext_get_token": {"token": ""},
    }
    welcome = serve(lambda it, request: it.answer(request, answers.get(request["command"], SUCCEEDED)))

    def refuse_first(peer):
        if server.connections == 1:
            peer.read_request()
            peer.send(answer(b"", "403 Forbidden"))
        else:
            welcome(peer)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(caller, "_MOMENT", 0.01)
    document = {"project_id": "p", "source": "s", "components": [{"id": "s"}]}
    (tmp_path / "job.pipe").write_text(json.dumps(document))
    with Server(refuse_first) as server:
        variables = {"ROCKETRIDE_URI": server.url, "ROCKETRIDE_APIKEY": KEY}
        done = run_here(monkeypatch, capsys, "--transport", "websocket", *words, **variables)
    assert done.code == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if "403" in line or "answers again" in line]
    if "--quiet" in words:
        assert lines == []
    elif "--verbose" in words:
        assert any("asking again in" in line for line in lines)
        assert not any(line.startswith("rocketride-sync: ") for line in lines)
    else:
        assert re.fullmatch(
            r"rocketride-sync: http://.* HTTP 403: .*; trying again for up to \d+ s", lines[0]
        )
        assert lines[1:] == ["rocketride-sync: the server answers again"]


def test_the_time_left_comes_from_what_was_seen():
    now = [100.0]
    estimate = progress.TimeLeftEstimate(clock=lambda: now[0])
    assert estimate.seconds_left(10, 100) is None  # the first poll says nothing about speed
    now[0] += 20
    assert estimate.seconds_left(10, 100) is None
    now[0] += 20
    assert estimate.seconds_left(30, 100) == pytest.approx(40 * 70 / 20)
    assert estimate.seconds_left(30, 0) is None  # unknown total
    assert estimate.seconds_left(100, 100) is None
    assert estimate.seconds_left(5, 100) is None  # a restart began anew
    now[0] += 10
    assert estimate.seconds_left(10, 100) == pytest.approx(10 * 90 / 5)


def test_bytes_are_shown_where_no_items_are_counted():
    seen = progress_of(totalCount=0, completedCount=0, totalSize=2000, completedSize=500)
    assert (seen.done, seen.total, seen.unit) == (500, 2000, snapshot.BYTES)


def test_failed_items_are_shown_beside_bytes(capsys):
    seen = progress_of(totalCount=0, completedCount=0, failedCount=2, totalSize=2000, completedSize=500)
    progress.LineDisplay().update(seen)
    assert capsys.readouterr().err == "running, 500 of 2,000 bytes, 2 failed\n"


def test_a_task_of_unknown_size_is_shown_too(capsys):
    progress.LineDisplay().update(progress_of(totalCount=0, completedCount=7))
    assert capsys.readouterr().err == "running, 7\n"


def bar():
    """A bar, where tqdm is installed."""
    pytest.importorskip("tqdm")
    return progress.BarDisplay()


def test_a_bar():
    with redirect_stderr(io.StringIO()) as screen, progress.ProgressPrinter(bar()) as printer:
        printer(status(completedCount=1, errors=["one\x1b[2J"]))
        printer(status(completedCount=3, failedCount=1, currentObject="a\x1b.txt"))
    shown = screen.getvalue()
    assert "4/4" in shown
    assert "1 failed, a\\x1b.txt" in shown
    assert "one\\x1b[2J" in shown
    assert "\x1b[2J" not in shown


def test_the_bar_begins_anew_after_a_restart_and_with_another_unit():
    with redirect_stderr(io.StringIO()) as screen:
        shown = bar()
        shown.update(progress_of(completedCount=3))
        shown.update(progress_of(completedCount=1))
        shown.update(progress_of(totalCount=0, completedCount=0, totalSize=2048, completedSize=1024))
        shown.close()
    assert "1/4" in screen.getvalue()
    assert "1.02k/2.05k" in screen.getvalue()


def test_the_bar_starts_no_thread():
    before = set(threading.enumerate())
    with redirect_stderr(io.StringIO()):
        shown = bar()
        shown.update(progress_of())
        assert set(threading.enumerate()) <= before
        shown.close()


def test_plain_lines_without_tqdm(stub, tmp_path):
    (tmp_path / "tqdm.py").write_text("raise ImportError")
    stub.answers = [ok(RUNNING), ok(SUCCEEDED)]
    shown, _ = on_a_terminal([*COMMAND, "wait", TOKEN, *FAST], variables(stub, PYTHONPATH=str(tmp_path)))
    assert shown.startswith("running, 1 of 4\r\ncompleted, 4 of 4\r\n")


def test_plain_lines_on_a_terminal_without_a_size(stub):
    stub.answers = [ok(RUNNING), ok(SUCCEEDED)]
    shown, _ = on_a_terminal([*COMMAND, "wait", TOKEN, *FAST], variables(stub), columns=0)
    assert shown.startswith("running, 1 of 4\r\ncompleted, 4 of 4\r\n")


@pytest.mark.parametrize(
    ("changes", "options", "bar", "coloured"),
    [
        ({}, [], True, True),
        ({"NO_COLOR": "1"}, [], True, False),
        ({"TERM": "dumb"}, [], False, False),
        ({}, ["--no-progress"], False, True),
    ],
)
def test_on_a_terminal(stub, changes, options, bar, coloured):
    pytest.importorskip("tqdm")
    stub.answers = [
        ok(RUNNING),
        ok({**RUNNING, "completedCount": 2, "errors": ["oh"]}),
        ok({**FAILED, "errors": ["oh"]}),
    ]
    shown, code = on_a_terminal([*COMMAND, "wait", TOKEN, *FAST, *options], variables(stub, **changes))
    assert code == 1
    assert ("2/4" in shown) == bar
    assert ("\x1b[31mfailed\x1b[0m" in shown) == coloured
    assert ("\x1b[31m" in shown) == coloured
    assert shown.count("oh") == 1


def variables(stub, **changes):
    return environment(**{"TERM": "xterm", "ROCKETRIDE_URI": stub.uri, "ROCKETRIDE_APIKEY": KEY, **changes})


def on_a_terminal(command, variables, columns=100):
    """Run with stdout and stderr on a pseudo-terminal; returns all that was shown, and the exit code."""
    if os.name == "nt":
        pytest.skip("needs a pseudo-terminal")
    import fcntl
    import termios

    controller, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24 if columns else 0, columns, 0, 0))
    streams = {"stdin": subprocess.DEVNULL, "stdout": terminal, "stderr": terminal}
    process = start_command(command[len(PROGRAM) :], variables, **streams)
    os.close(terminal)
    shown = b""
    try:
        while True:
            chunk = os.read(controller, 4096)
            if not chunk:
                break
            shown += chunk
    except OSError:  # Linux says the end of a terminal with EIO
        pass
    finally:
        os.close(controller)
    with process:
        return shown.decode(), process.wait(60)
