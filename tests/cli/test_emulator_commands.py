"""`serve` and `demo`, and the other commands against a server that does real work."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest
from command import KEY, environment, nowhere, run, run_here, run_process, start
from moments import met_at_each_line
from needing import needs

from rocketride_sync import ConfigurationError, RocketRideClient
from rocketride_sync.cli import main, serve_command, signals
from rocketride_sync.emulator import Emulator, serve
from rocketride_sync.emulator.scripted import ScriptedTasks

needs("fastapi", reason="needs the extra `emulator`")

SECONDS = 30


def simulation(**config):
    components = [{"id": "s", "provider": "simulate", "config": {"seconds": 0.6, "total": 3, **config}}]
    return {"project_id": "p", "source": "s", "components": components}


@pytest.mark.parametrize("words", [["demo"], ["serve", "--host", "0.0.0.0"], ["serve", "--apikey-file", "-"]])
def test_a_missing_extra_is_told_before_anything_else(monkeypatch, capsys, words):
    monkeypatch.setattr("rocketride_sync.emulator.server.find_spec", lambda _: None)
    done = run_here(monkeypatch, capsys, *words)
    assert (done.code, done.stdout) == (2, "")
    (problem,) = done.stderr.splitlines()
    assert problem.endswith("install the extra 'emulator' of rocketride-sync")


@pytest.fixture(scope="module")
def server():
    with Emulator(api_key=KEY, early_end=0) as running:
        yield running


def command(server, *arguments, **variables):
    return run(*arguments, ROCKETRIDE_URI=server.uri, **{"ROCKETRIDE_APIKEY": KEY, **variables})


@pytest.mark.parametrize(
    ("config", "options", "code"),
    [
        ({}, [], 0),
        ({"failed": 1, "errors": ["Failed*bad input*pipe.cpp:10"]}, [], 1),
        ({"failed": 1}, ["--allow-failures"], 0),
        ({"exit_code": 1, "exit_message": "no more"}, ["--allow-failures"], 1),
        ({"stopping_seconds": 0.5}, [], 0),
    ],
)
@pytest.mark.parametrize("transport", ["auto", "http"])
def test_wait_for_real_tasks(server, transport, config, options, code):
    token = server.start(simulation(**config))
    options = [*options, "--interval", "0.1", "--timeout", "60", "--json", "--transport", transport]
    done = command(server, "wait", token, *options)
    assert done.returncode == code, done.stderr
    assert json.loads(done.stdout)["status"]["completed"] is True


def test_a_wrong_key(server):
    assert command(server, "status", "tk_any", ROCKETRIDE_APIKEY="wrong").returncode == 4


def test_an_unknown_task(server):
    assert command(server, "wait", "tk_unknown").returncode == 6


def serving(*arguments, **variables):
    process = start(
        "serve",
        "--port",
        "0",
        *arguments,
        env=environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    line = process.stdout.readline()
    match = re.fullmatch(r"Serving on (http://127\.0\.0\.1:\d+)\n", line)
    if match is None:
        process.kill()
        pytest.fail(f"{line!r} {process.communicate()[1]}")
    return process, match.group(1)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 0), ("SIGTERM", -15), ("SIGHUP", -1)])
def test_serve_until_a_signal_which_is_a_normal_end(name, code):
    process, uri = serving(ROCKETRIDE_APIKEY=KEY)
    assert run("status", "tk_unknown", ROCKETRIDE_URI=uri, ROCKETRIDE_APIKEY="wrong").returncode == 4
    assert run("status", "tk_unknown", ROCKETRIDE_URI=uri, ROCKETRIDE_APIKEY=KEY).returncode == 6
    process.send_signal(getattr(signal, name))
    output, trouble = process.communicate(timeout=SECONDS)
    assert process.returncode == code, trouble
    assert (output, trouble) == ("", "it takes only the key from ROCKETRIDE_APIKEY\n")


@pytest.mark.parametrize(
    ("options", "variables", "takes"),
    [
        ([], {}, "any key"),
        ([], {"ROCKETRIDE_APIKEY": " "}, "any key"),
        ([], {"ROCKETRIDE_APIKEY": KEY}, "only the key from ROCKETRIDE_APIKEY"),
        (["--apikey-file", "key"], {"ROCKETRIDE_APIKEY": "other"}, "only the key from key"),
        (["--env-file", "settings"], {}, "only the key from ROCKETRIDE_APIKEY in settings"),
    ],
)
def test_serve_says_whose_key_it_takes(monkeypatch, capsys, tmp_path, options, variables, takes):
    """After the address, and not on stdout, where programs read that alone; never the key itself."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ROCKETRIDE_APIKEY", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for file, text in {"key": KEY, "settings": f"ROCKETRIDE_APIKEY={KEY}"}.items():
        (tmp_path / file).write_text(text)
        (tmp_path / file).chmod(0o600)
    used = []

    def serve(host, port, root, key, *, settings, announce, when_ready):
        assert capsys.readouterr() == ("", "")
        used.append(key)
        when_ready()

    monkeypatch.setattr("rocketride_sync.emulator.serve", serve)
    assert main.main(["serve", *options]) == 0
    assert capsys.readouterr() == ("", f"it takes {takes}\n")
    assert used == [None if takes == "any key" else KEY]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(("names", "code"), [(["SIGINT"] * 40, 0), (["SIGTERM"] * 2, -signal.SIGTERM)])
def test_serve_until_several_signals_says_nothing_of_them(names, code):
    process, uri = serving()
    with RocketRideClient(uri, "any", proxies={}) as client:
        client.ping()  # a connection is open, and a shutdown that leaves it would be broken off
        for name in names:
            process.send_signal(getattr(signal, name))
            time.sleep(0.01)  # a key that bounces; forty of them last until the process has ended
        output, trouble = process.communicate(timeout=SECONDS)
    assert process.returncode == code, trouble
    assert (output, trouble) == ("", "it takes any key\n")


@pytest.mark.parametrize(
    ("options", "end"),
    [([], (5, 0)), (["--generation", "newer"], (5, 0)), (["--generation", "older"], (6, 1))],
)
def test_serve_a_generation(options, end):
    process, uri = serving(*options)
    try:
        with ScriptedTasks(uri) as start, RocketRideClient(uri, "any", proxies={}) as client:
            status = client.wait_until_complete(start(seconds=0.5).token, SECONDS, 0.1)
            assert (status.state, status.exit_code) == end
    finally:
        process.kill()
        process.communicate()


def test_serve_on_a_port_that_is_taken(server):
    done = run_process("serve", "--port", str(server.port))
    assert done.returncode == 2
    told = f"127.0.0.1:{server.port} is in use already: choose another --port"
    assert done.stderr == f"rocketride-sync: {told}\n"


def serve_into(stdout):
    streams = {"stdout": stdout, "stderr": subprocess.PIPE, "encoding": "utf-8"}
    process = start("serve", "--port", "0", env=environment(), **streams)
    _, trouble = process.communicate(timeout=SECONDS)
    return process.returncode, trouble


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
@pytest.mark.parametrize(
    ("kind", "code", "said"), [("full", 74, "No space left on device"), ("gone", 141, None)]
)
def test_serve_that_cannot_print_its_address_ends_as_every_command_then(kind, code, said):
    stdout = nowhere(kind)
    try:
        ended = serve_into(stdout)
    finally:
        os.close(stdout)
    told = f"rocketride-sync: the results could not be written: {said}\n" if said else ""
    assert ended == (code, told)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
def test_a_server_of_python_that_cannot_print_its_address(monkeypatch):
    stdout = os.fdopen(nowhere("gone"), "w")
    monkeypatch.setattr(sys, "stdout", stdout)
    with pytest.raises(
        ConfigurationError, match=r"cannot print the address on standard output: .*Broken pipe"
    ):
        serve(port=0)
    with contextlib.suppress(OSError):
        stdout.close()


def let_demo_take(monkeypatch, seconds):
    """A user watches it for longer."""
    monkeypatch.setattr("rocketride_sync.cli.demo_command._SECONDS", seconds)


def test_demo_counts_the_words_of_real_files(tmp_path, monkeypatch):
    let_demo_take(monkeypatch, 2.0)
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "one.txt").write_text("one two three\n")
    (tmp_path / "deep" / "er" / "two.txt").write_text("four\nfive")
    (tmp_path / ".hidden").write_text("not to be counted")
    done = run("demo", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert re.search(r"^Words +5$", done.stdout, re.MULTILINE), done.stdout
    assert re.search(r"^Items +2 of 2$", done.stdout, re.MULTILINE), done.stdout
    assert "1 of 2" in done.stderr


def test_demo_without_paths_takes_this_project(monkeypatch):
    let_demo_take(monkeypatch, 1.0)
    done = run("demo")
    assert done.returncode == 0, done.stderr
    words = re.search(r"^Words +([\d,]+)$", done.stdout, re.MULTILINE)
    assert int(words.group(1).replace(",", "")) > 1000


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need a right, and there are no FIFOs")
def test_demo_leaves_out_what_is_no_file(tmp_path, monkeypatch):
    let_demo_take(monkeypatch, 1.0)
    (tmp_path / "a.txt").write_text("one two")
    (tmp_path / "dangling").symlink_to(tmp_path / "missing")
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "fifo")
    done = run("demo", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert re.search(r"^Items +1 of 1$", done.stdout, re.MULTILINE), done.stdout


@pytest.mark.parametrize("content", [None, "empty"])
def test_demo_with_nothing_to_count(tmp_path, content):
    done = run("demo", str(tmp_path / "missing" if content is None else tmp_path))
    assert done.returncode == 2
    assert "rocketride-sync: " in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(("number", "says"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated")])
def test_demo_takes_its_server_down(tmp_path, number, says):
    (tmp_path / "one.txt").write_text("one two three\n")
    process = start(
        "demo",
        str(tmp_path),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    process.stderr.readline()
    uri = re.search(r"http://\S+:\d+", process.stderr.readline()).group()
    # While modules are loaded, Python itself may swallow what a signal's handler raises.
    assert process.stderr.readline().startswith("running")
    process.send_signal(number)
    _, trouble = process.communicate(timeout=SECONDS)
    assert process.returncode == -number, trouble
    assert trouble.splitlines()[-1] == f"rocketride-sync: {says}; the task ended with its server"
    assert "Traceback" not in trouble
    assert not accepts_connections(uri)


def accepts_connections(uri):
    return run("status", "tk_any", ROCKETRIDE_URI=uri, ROCKETRIDE_APIKEY=KEY).returncode != 5


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_one_more_ctrl_c_changes_nothing_wherever_the_end_of_serve_has_come_to(monkeypatch, request):
    stopped, handler = [], signal.getsignal(signal.SIGINT)

    def serve(*_, **__):
        stopped.append(True)
        signal.raise_signal(signal.SIGINT)

    def interrupts_as_before():
        signals._interrupts_ignored.clear()
        signal.signal(signal.SIGINT, handler)

    def begin():
        interrupts_as_before()
        stopped.clear()
        codes = []

        def run():
            with contextlib.suppress(KeyboardInterrupt), signals.signals_as_exceptions(until_exit=True):
                codes.append(serve_command.run(main._parse(["serve"])))

        return run, lambda: stopped and signal.raise_signal(signal.SIGINT), lambda: codes

    request.addfinalizer(interrupts_as_before)
    monkeypatch.setattr("rocketride_sync.emulator.serve", serve)
    found = met_at_each_line(begin, serve_command, signals)

    assert len(found) > 10
    assert all(codes == [0] for codes in found)
