"""Nobody reads what a command prints: a terminal is stopped with Ctrl-S, a pager shows its first page, a pipe is full."""

from __future__ import annotations

import array
import contextlib
import io
import json
import os
import select
import signal
import subprocess
import sys
import time

import pytest
from command import COMMAND, KEY, PROGRAM, RUNNING, SUCCEEDED, TOKEN, environment, ok
from command_process import start_command

from rocketride_sync import RocketRideClient
from rocketride_sync.cli import output, progress, standard_streams
from rocketride_sync.cli.signals import Terminated
from rocketride_sync.reporting.snapshot import TASKS, ProgressSnapshot

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX streams")

SECONDS = 30
LARGE = {**SUCCEEDED, "errors": ["e" * 2000] * 200}


@contextlib.contextmanager
def full_pipe():
    """A pipe that takes no more: its two ends."""
    reader, writer = os.pipe()
    try:
        os.set_blocking(writer, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writer, bytes(4096))
        os.set_blocking(writer, True)
        yield reader, writer
    finally:
        os.close(reader)
        os.close(writer)


@contextlib.contextmanager
def stopped_terminal():
    """A terminal whose output is stopped, as Ctrl-S does: its two ends."""
    import fcntl
    import struct
    import termios

    controller, terminal = os.openpty()
    try:
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        termios.tcflow(terminal, termios.TCOOFF)
        yield controller, terminal
    finally:
        os.close(controller)
        os.close(terminal)


def start(uri, *words, **streams):
    variables = environment(ROCKETRIDE_URI=uri, ROCKETRIDE_APIKEY=KEY, TERM="xterm")
    return start_command(words, variables, **{"stdin": subprocess.DEVNULL, **streams})


def start_with_stub(stub, *words, **streams):
    return start(stub.uri, *COMMAND[len(PROGRAM) :], *words, **streams)


def ended(process):
    """The exit code, once the process has ended by itself."""
    try:
        return process.wait(SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


def until(condition):
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(("blocked", "option"), [(full_pipe, "--verbose"), (stopped_terminal, "--progress")])
def test_the_timeout_ends_a_wait_whose_stderr_nobody_reads(stub, blocked, option):
    stub.answers = [ok({**RUNNING, "completedCount": number}) for number in range(4)]
    words = ["wait", TOKEN, "--interval", "0.05", "--timeout", "2.5", option]
    with blocked() as (_, stderr), start_with_stub(
        stub, *words, stdout=subprocess.DEVNULL, stderr=stderr
    ) as process:
        assert ended(process) == 124


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_one_signal_ends_a_command_whose_result_nobody_reads(stub, number):
    import fcntl
    import termios

    stub.answers = [ok(LARGE)]
    reader, writer = os.pipe()
    count = array.array("i", [0])
    with start_with_stub(
        stub, "wait", TOKEN, "--json", stdout=writer, stderr=subprocess.DEVNULL
    ) as process, open(reader, "rb"):
        os.close(writer)

        def is_printing():
            fcntl.ioctl(reader, termios.FIONREAD, count)
            return count[0]

        until(is_printing)  # and cannot come to an end: there is no room for the whole document
        process.send_signal(number)
        assert ended(process) == -number


@pytest.fixture(scope="module")
def server():
    pytest.importorskip("fastapi", reason="needs the extra `emulator`")
    from rocketride_sync.emulator import Emulator

    with Emulator(api_key=KEY, stop_seconds=0, scan_interval=0.1) as running:
        yield running


@pytest.fixture
def endless(tmp_path):
    """The file of a pipeline that goes on for long."""
    path = tmp_path / "endless.pipe"
    source = {"id": "in", "provider": "simulate", "config": {"seconds": 300, "total": 3000}}
    path.write_text(json.dumps({"project_id": "endless", "source": "in", "components": [source]}))
    return str(path)


@pytest.mark.parametrize(
    ("blocked", "options", "code"),
    [(full_pipe, [], -signal.SIGTERM), (stopped_terminal, ["--timeout", "5"], 124)],
)
def test_a_run_whose_stderr_nobody_reads_ends_its_task(server, endless, blocked, options, code):
    """At the first signal, and at its timeout."""
    words = ["run", endless, "--interval", "0.05", "--progress", "--verbose", *options]
    with RocketRideClient(server.uri, KEY) as client, blocked() as (_, stderr):
        with start(server.uri, *words, stdout=subprocess.DEVNULL, stderr=stderr) as process:
            until(client.get_tasks)
            if not options:
                process.send_signal(signal.SIGTERM)
            assert ended(process) == code
        assert client.get_tasks() == []


def test_a_signal_ends_a_task_whose_token_nobody_reads(server, endless):
    with RocketRideClient(server.uri, KEY) as client, full_pipe() as (_, stdout):
        streams = {"stdout": stdout, "stderr": subprocess.DEVNULL}
        with start(server.uri, "run", endless, "--keep", **streams) as process:
            until(client.get_tasks)
            process.send_signal(signal.SIGTERM)
            assert ended(process) == -signal.SIGTERM
        assert client.get_tasks() == []


def test_a_run_whose_results_nobody_reads_has_ended_its_task(server, tmp_path):
    component = {"id": "in", "provider": "dropper", "config": {}}
    document = {"project_id": "unread", "source": "in", "components": [component]}
    pipeline, file = tmp_path / "unread.pipe", tmp_path / "a.txt"
    pipeline.write_text(json.dumps(document))
    file.write_text("words")
    with RocketRideClient(server.uri, KEY) as client, full_pipe() as (_, stdout):
        streams = {"stdout": stdout, "stderr": subprocess.DEVNULL}
        with start(server.uri, "run", str(pipeline), str(file), **streams) as process:
            until(lambda: any(run.end_time for run in client.get_task_runs("unread", "in")))
            assert process.poll() is None
            # It takes a second signal if the first one comes before the writing.
            until(lambda: process.poll() is not None or process.send_signal(signal.SIGTERM))
            assert process.returncode == -signal.SIGTERM


@pytest.fixture
def patience(monkeypatch):
    monkeypatch.setattr(standard_streams, "PATIENCE", 0.1)


@contextlib.contextmanager
def stderr_to(descriptor):
    """Let stderr be that descriptor, as the command prepares it."""
    with open(os.dup(descriptor), "w", encoding="utf-8") as given, pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "stdout", None)
        patched.setattr(sys, "stderr", given)
        standard_streams.prepare()
        with sys.stderr:
            yield


def drained(reader):
    """All that can be read at the moment."""
    content = b""
    while select.select([reader], [], [], 0)[0]:
        content += os.read(reader, 65536)
    return content


@pytest.fixture
def waits(monkeypatch):
    """How long each `select` was to wait, and the sum of all."""
    seconds = []
    original = select.select

    def noted(readers, writers, others, timeout):
        seconds.append(timeout)
        return original(readers, writers, others, timeout)

    monkeypatch.setattr(select, "select", noted)
    return seconds


def test_a_line_waits_a_short_time_and_later_ones_wait_no_more(patience, waits):
    with full_pipe() as (reader, writer), stderr_to(writer):
        output.print_note("one")
        assert max(waits) > 0
        del waits[:]
        output.print_problem("two")
        output.print_note("three" * 5000)
        assert set(waits) == {0}
        drained(reader)
        output.print_note("four")
        output.print_note("five" * 5000)  # fits the pipe, and is written in pieces
        assert drained(reader) == b"four\n" + b"five" * 5000 + b"\n"


def test_a_line_that_is_taken_late_is_not_lost(monkeypatch):
    with full_pipe() as (reader, writer), stderr_to(writer):
        original = select.select

        def read_meanwhile(readers, writers, others, timeout):
            monkeypatch.setattr(select, "select", original)
            os.read(reader, 65536)
            return original(readers, writers, others, timeout)

        monkeypatch.setattr(select, "select", read_meanwhile)
        output.print_note("one")
        assert drained(reader) == b"one\n"


def test_a_signal_while_a_line_waits_leaves_later_ones_no_time(waits):
    def told_to_stop(*_):
        raise Terminated(signal.SIGTERM)

    with full_pipe() as (_, writer), stderr_to(writer):
        before = signal.signal(signal.SIGALRM, told_to_stop)
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        try:
            with pytest.raises(Terminated):
                output.print_note("one")
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        del waits[:]
        output.print_note("terminated")
        assert set(waits) == {0}


@pytest.mark.parametrize("length", [60, 77, 97, 113])
def test_a_terminal_that_is_nearly_full_does_not_block(patience, length):
    """It may have room for any number of bytes, and blocks for the rest of what is written."""
    controller, terminal = os.openpty()
    with stderr_to(terminal):
        while standard_streams.takes_more(sys.stderr):
            output.print_note("x" * length)
    os.close(terminal)
    os.close(controller)


@pytest.mark.parametrize("kind", ["bar", "lines"])
def test_progress_is_left_out_while_it_cannot_be_shown(waits, kind):
    if kind == "bar":
        pytest.importorskip("tqdm")
    with full_pipe() as (reader, writer), stderr_to(writer):
        display = progress.BarDisplay() if kind == "bar" else progress.LineDisplay()
        for done in (1, 2):
            display.update(ProgressSnapshot("waiting", done, 4, TASKS, 0, ""))
        assert set(waits) == {0}
        drained(reader)
        display.update(ProgressSnapshot("waiting", 2, 4, TASKS, 0, ""))
        assert b"2" in drained(reader)
        display.close()


def test_a_signal_while_a_result_is_written_gives_up_stdout(monkeypatch, tmp_path):
    class Interrupted:
        """A stream in whose writing a signal comes: at first in a line, then in a flush."""

        def __init__(self, file):
            self._file = file
            self.fileno = file.fileno
            self.stops = [Terminated(signal.SIGTERM)]

        def write(self, text):
            if self.stops:
                raise self.stops.pop()
            return self._file.write(text)

        def flush(self):
            self._file.flush()

    path = tmp_path / "stdout"
    with open(path, "w", encoding="utf-8") as file:
        monkeypatch.setattr(sys, "stdout", Interrupted(file))
        with pytest.raises(Terminated):
            output.print_result("one")
        output.print_result("two")
        output.flush()
    assert path.read_text() == ""


def test_a_signal_while_a_result_is_written_to_no_file_stays_that_signal(monkeypatch):
    class Interrupted(io.StringIO):
        def write(self, text):
            raise KeyboardInterrupt

    monkeypatch.setattr(sys, "stdout", Interrupted())
    with pytest.raises(KeyboardInterrupt):
        output.print_result("one")
