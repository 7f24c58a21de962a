"""A second signal breaks off what a command does after the first: it ends the command at once, but not in silence."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from cases import each
from command import KEY, environment, run_here
from command_process import start_command
from moments import each_moment, interrupted
from transports.dap_peer import dap
from transports.loopback import Server

from rocketride_sync import MemoryTransport, RocketRideClient, TaskNotFoundError
from rocketride_sync.cli import output, run_command, signals, stuck_process, wait_command

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")

TOKEN = "tk_0123456789abcdef0123456789abcdef"
RUNNING = {"state": 3, "startTime": 1.0}
ENDED = [
    {},
    {**RUNNING, "state": 6, "completed": True},
]  # the answers to the request to end it, and to a poll
PLACE = "(project 'nightly', source 'in'); end it with stop --project nightly --source in"
SAID = {"SIGINT": "interrupted", "SIGTERM": "terminated", "SIGHUP": "the terminal was closed (SIGHUP)"}
SAME_EVENT_SECONDS = signals._SAME_EVENT_SECONDS
NAMES = list(SAID)
PAIRS = [(first, second) for first in NAMES for second in NAMES]


@pytest.fixture(autouse=True)
def default_handlers():
    before = {getattr(signal, name): signal.getsignal(getattr(signal, name)) for name in NAMES}
    for number in before:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def ended_by(monkeypatch):
    """The signals that would have ended the process."""
    ended_by = []
    monkeypatch.setattr("rocketride_sync.cli.main.end_process_by", ended_by.append)
    monkeypatch.setattr(signals, "_SAME_EVENT_SECONDS", 0.0)
    return ended_by


def send(name):
    signal.raise_signal(getattr(signal, name))


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Call `run` against a server with these answers."""
    pipeline = tmp_path / "job.pipe"
    component = {"id": "in", "provider": "files", "config": {}}
    pipeline.write_text(json.dumps({"project_id": "nightly", "source": "in", "components": [component]}))

    def run(answers, *options):
        def make_client(*_):
            return RocketRideClient("h", KEY, transport=MemoryTransport(Script(answers)))

        monkeypatch.setattr(run_command, "make_client", make_client)
        return run_here(monkeypatch, capsys, "run", str(pipeline), *options, ROCKETRIDE_APIKEY=KEY)

    return run


class Script:
    """Answers, some of which are made by a call. A generator would end at what a signal raises in it."""

    def __init__(self, steps):
        self._steps = iter(steps)

    def __iter__(self):
        return self

    def __next__(self):
        step = next(self._steps)
        return step() if callable(step) else step


def steps(phase, first, second):
    """The answers, with the signals in the place of some."""
    before = [TaskNotFoundError("none before")]
    if phase == "wait":
        return [
            *before,
            {"token": TOKEN},
            RUNNING,
            RUNNING,
            lambda: send(first),
            RUNNING,
            lambda: send(second),
        ]
    return [*before, lambda: send(first), {"token": TOKEN}, lambda: send(second)]


def check_report(done, second, *, as_json):
    message = f"{SAID[second]}; the task may run on {PLACE}"
    assert done.code == 128 + getattr(signal, second)
    assert done.stderr.endswith(f"job.pipe: {message}\n")
    if as_json:
        document = json.loads(done.stdout)
        assert document["error"]["message"] == message
        assert document["exit_code"] == done.code


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["lines", "json"])
@pytest.mark.parametrize("phase", ["start", "wait"])
@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_during_the_clean_up(run, ended_by, first, second, phase, options):
    done = run(steps(phase, first, second), *options)
    check_report(done, second, as_json=bool(options))
    assert ended_by == [getattr(signal, second)]


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["lines", "json"])
@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_before_the_report_of_the_first(run, monkeypatch, first, second, options):
    """What became of the task is said all the same, in one document."""
    printed = output.print_problem
    later = [second]

    def print_problem(message):
        if "; the task " in message and later:
            send(later.pop())
        printed(message)

    monkeypatch.setattr(output, "print_problem", print_problem)
    done = run([*steps("wait", first, second)[:-1], *ENDED], *options)
    assert done.code == 128 + getattr(signal, second)
    assert f"job.pipe: {SAID[second]}; the task was ended\n" in done.stderr
    if options:
        assert json.loads(done.stdout)["exit_code"] == done.code


@pytest.mark.parametrize("command", ["run", "wait"])
@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_after_the_document(run, monkeypatch, capsys, first, second, command):
    """There is no second one."""
    printed = output.print_result

    def print_result(text):
        printed(text)
        send(second)

    monkeypatch.setattr(output, "print_result", print_result)
    if command == "run":
        done = run([*steps("wait", first, second)[:-1], *ENDED], "--json")
    else:
        client = RocketRideClient("h", KEY, transport=MemoryTransport(Script([lambda: send(first)])))
        monkeypatch.setattr(wait_command, "make_client", lambda *_: client)
        done = run_here(monkeypatch, capsys, "wait", TOKEN, "--json", ROCKETRIDE_APIKEY=KEY)
    assert done.code == 128 + getattr(signal, second)
    assert json.loads(done.stdout)["exit_code"] == 128 + getattr(signal, first)


def test_one_event_that_comes_as_two_signals(run, monkeypatch):
    """timeout(1) sends its signal to the process and to its group, and a shell passes on the end of its terminal."""
    monkeypatch.setattr(signals, "_SAME_EVENT_SECONDS", 60.0)
    answers = steps("wait", "SIGTERM", "SIGTERM")
    done = run([*answers[:-1], lambda: send("SIGTERM") or ENDED[0], ENDED[1]])
    assert done.stderr.endswith("job.pipe: terminated; the task was ended\n")


@pytest.mark.parametrize("first", NAMES)
@pytest.mark.parametrize("second", NAMES)
def test_after_two_the_next_is_the_systems(first, second):
    with signals.signals_as_exceptions():
        for name in (first, second):
            assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
            with pytest.raises(signals.STOP_EXCEPTIONS):
                send(name)
        assert signal.getsignal(signal.SIGTERM) is signal.getsignal(signal.SIGHUP) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_second_ends_a_process_whose_server_says_nothing(tmp_path):
    """In a real process, over a real connection: by the signal, within a second, and the task is named."""
    polls, waiting, ending = [], threading.Event(), threading.Event()

    def action(connection):
        while True:
            request = connection.request()
            if request["command"] == "execute":
                connection.answer(request, {"token": TOKEN})
            elif request["command"] == "terminate":
                ending.set()
            elif request["command"] == "rrext_get_task_status":
                connection.answer(request, RUNNING)
                polls.append(request)
                if len(polls) == 3:
                    waiting.set()
            else:
                connection.refuse(request, "Your pipeline is not running")

    pipeline = tmp_path / "job.pipe"
    component = {"id": "in", "provider": "files", "config": {}}
    pipeline.write_text(json.dumps({"project_id": "nightly", "source": "in", "components": [component]}))
    with Server(dap(action)) as server:
        process = start_command(
            ["run", str(pipeline), "--json", "--transport", "websocket", "--interval", "0.05"],
            environment(ROCKETRIDE_URI=server.url, ROCKETRIDE_APIKEY=KEY),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        assert waiting.wait(30)
        process.send_signal(signal.SIGTERM)
        assert ending.wait(30)
        began = time.monotonic()
        time.sleep(2 * SAME_EVENT_SECONDS)  # else they are one event
        process.send_signal(signal.SIGTERM)
        shown, trouble = process.communicate(timeout=30)
    assert time.monotonic() - began < 9  # the first alone takes ten
    assert process.returncode == -signal.SIGTERM, trouble
    assert PLACE in trouble
    assert PLACE in json.loads(shown)["error"]["message"]


STUCK = """
import hashlib, os, signal, threading, time
from rocketride_sync.cli import signals
def insist():
    for _ in range(3):
        time.sleep(1.0)
        os.kill(os.getpid(), signal.SIGTERM)
threading.Thread(target=insist, daemon=True).start()
with signals.signals_as_exceptions():
    signals.say_if_stuck(WORDS)
    try:
        time.sleep(30)
    except signals.STOP_EXCEPTIONS:
        hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)
"""


def test_the_third_ends_a_process_that_is_stuck():
    """In a call during which Python runs no handler, as in the look-up of a name: a real process."""
    words = "lambda came: os.write(2, f'{came}; it may run on'.encode())"
    done = subprocess.run(
        [sys.executable, "-c", STUCK.replace("WORDS", words)], stderr=subprocess.PIPE, timeout=30
    )
    assert (done.returncode, done.stderr) == (143, b"terminated; it may run on")


@each("words", ["lambda came: time.sleep(60)", "lambda came: 1 / 0"])
def test_it_ends_also_if_nothing_can_be_said(words):
    done = subprocess.run([sys.executable, "-c", STUCK.replace("WORDS", words)], timeout=30)
    assert done.returncode == 143


def test_one_that_is_stuck_as_it_ends_its_task_says_that_the_task_may_run_on(run):
    """It is told by the thread that ends the process."""
    answers = steps("wait", "SIGTERM", "SIGTERM")[:-1]
    done = run([*answers, lambda: signals._say_last_words(signal.SIGINT) or ENDED[0], ENDED[1]])
    assert done.stderr.startswith(f"rocketride-sync: job.pipe: interrupted; the task may run on {PLACE}\n")
    assert done.stderr.endswith("job.pipe: terminated; the task was ended\n")


class Watch:
    """Does, when it is told to, what the watching thread does meanwhile."""

    def __init__(self):
        self.exits = []
        self._work = []

    def start(self, function, arguments):
        self._work.append((function, arguments))

    def exit_codes(self):
        stuck_process.stop()
        assert len(self._work) == 1
        self.finish()
        return self.exits

    def finish(self):
        for function, arguments in self._work:
            function(*arguments)


@pytest.fixture
def watch(monkeypatch):
    watch = Watch()
    monkeypatch.setattr(stuck_process, "_GRACE", 0.0)
    monkeypatch.setattr(stuck_process.os, "_exit", watch.exits.append)
    monkeypatch.setattr(stuck_process._thread, "start_new_thread", watch.start)
    yield watch
    stuck_process.stop()


@pytest.mark.parametrize(("stuck", "sent", "codes"), [(True, 1, []), (True, 2, [130]), (False, 3, [])])
def test_a_process_is_ended_if_it_is_stuck_and_somebody_insists(watch, monkeypatch, stuck, sent, codes):
    signal.signal(signal.SIGINT, lambda *_: None)
    said = []
    monkeypatch.setattr(stuck_process, "_say_in_time", lambda say, number: say(number))
    stuck_process.end_if_stuck(2, lambda: stuck, said.append)
    stuck_process.end_if_stuck(2, lambda: stuck, said.append)  # changes nothing
    for _ in range(sent):
        send("SIGINT")
    assert watch.exit_codes() == codes
    assert said == [code - 128 for code in codes]


def test_the_wakeup_descriptor_of_an_event_loop_stays():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setblocking(False)
        assert signal.set_wakeup_fd(theirs.fileno()) == -1
        try:
            stuck_process.end_if_stuck(1, lambda: True, lambda _: None)
            stuck_process.stop()
        finally:
            assert signal.set_wakeup_fd(-1) == theirs.fileno()


def test_signals_that_come_together_are_no_sign_of_a_stuck_process(watch, monkeypatch):
    monkeypatch.setattr(signals, "_SAME_EVENT_SECONDS", 60.0)
    with signals.signals_as_exceptions():
        with pytest.raises(signals.Terminated):
            send("SIGTERM")
        for _ in range(3):
            send("SIGTERM")
        assert watch.exit_codes() == []


def test_another_signal_as_the_watch_begins(monkeypatch):
    """Between any two lines. The thread ends, and signals are not written to what is closed, or to what is opened later."""

    def survives(number):
        watch, told = Watch(), [-1]

        def set_wakeup_fd(descriptor, **_):
            told.append(descriptor)
            return told[-2]

        monkeypatch.setattr(signal, "set_wakeup_fd", set_wakeup_fd)
        monkeypatch.setattr(stuck_process._thread, "start_new_thread", watch.start)
        came, _ = interrupted(
            lambda: stuck_process.end_if_stuck(1, lambda: True, lambda _: None),
            number,
            only_in=("end_if_stuck",),
        )
        watched = [each.fileno() for each in stuck_process._watched]
        assert told[-1] == -1 or told[-1:] == watched
        stuck_process.stop()
        assert told[-1] == -1
        watch.finish()
        return came

    assert each_moment(survives) > 5


def test_without_a_thread_there_is_no_watch(monkeypatch):
    def refuse(*_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(stuck_process._thread, "start_new_thread", refuse)
    with pytest.raises(signals.Terminated), signals.signals_as_exceptions():
        send("SIGTERM")


def test_no_watch_is_left():
    with pytest.raises(signals.Terminated), signals.signals_as_exceptions():
        send("SIGTERM")
    assert signal.set_wakeup_fd(-1) == -1
