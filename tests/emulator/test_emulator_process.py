"""`Emulator` and `serve` as processes: starting, the printed address, signals, and the end of the parent process."""

import contextlib
import http.client
import logging
import os
import signal
import socket
import subprocess
import sys
import threading

import psutil
import pytest
from cases import each
from emulator_helpers import KEY, SECONDS, pipeline, request, request_json, wait_until
from preloaded import ForkedWithPipes, emulators_start_anew

import rocketride_sync
from rocketride_sync.emulator import Emulator
from rocketride_sync.emulator.server import client_faults_unlogged, serve
from rocketride_sync.errors import ConfigurationError, TransportError, TransportTimeoutError


@pytest.fixture
def as_for_users(monkeypatch):
    """In an interpreter of its own; the other emulators here are forked."""
    emulators_start_anew(monkeypatch)


def reachable(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=SECONDS).close()
    except OSError:
        return False
    return True


def command(*extra):
    return [
        sys.executable,
        "-m",
        "rocketride_sync.emulator",
        "--host",
        "127.0.0.1",
        "--settings",
        "{}",
        *extra,
    ]


def test_importing_the_package_loads_no_server():
    code = "import rocketride_sync.emulator, sys; print(' '.join(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()
    assert not {"fastapi", "starlette", "uvicorn", "psutil", "asyncio", "attr"} & set(loaded)


def test_it_runs_during_the_with_block(as_for_users):
    with Emulator(api_key=KEY) as server:
        port = server.port
        assert server.uri == f"http://127.0.0.1:{port}"
        assert server.pid != os.getpid()
        assert request(server, "GET", "/version")[0] == 200
    assert server.pid is None
    assert not reachable(port)


def test_a_restart_keeps_the_port_and_loses_the_tasks():
    document = pipeline("simulate", forever=True)
    with Emulator(api_key=KEY) as server:
        port, token = server.port, server.start(document)
        server.restart()
        assert server.port == port
        assert request(server, "GET", f"/task?token={token}")[0] == 400
        assert server.start(document) == token


def test_a_killed_server_can_be_restarted():
    with Emulator(api_key=KEY) as server:
        port = server.port
        server.kill()
        server.kill()
        assert not reachable(port)
        server.restart()
        assert reachable(port)


def test_a_port_in_use_is_a_clear_error():
    with Emulator() as server, pytest.raises(
        ConfigurationError, match=f"127.0.0.1:{server.port} is in use already: choose another port="
    ):
        Emulator(port=server.port).__enter__()


def test_a_root_that_is_no_directory_is_a_clear_error(as_for_users, tmp_path):
    with pytest.raises(ConfigurationError, match="is no directory"):
        Emulator(root=tmp_path / "missing").__enter__()


def test_a_current_directory_that_is_gone_is_a_clear_error(as_for_users, tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(ConfigurationError, match=r"the root '\.' cannot be used: No such file or directory$"):
        serve("127.0.0.1", 0, ".", None)


@pytest.mark.parametrize(
    "settings", [{"ttl": -1}, {"message_limit": 0}, {"unknown": 1}, {"retention": "long"}]
)
def test_impossible_settings_are_refused(settings):
    with pytest.raises((ValueError, TypeError)):
        Emulator(**settings)


def test_the_error_names_the_missing_extra(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['psutil'] = None\n")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, sys.path)])}
    done = subprocess.run(
        command("--port", "0"), env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 2
    assert done.stderr.endswith("install the extra 'emulator' of rocketride-sync\n")
    assert "Traceback" not in done.stderr


def test_the_key_is_not_among_the_process_arguments(as_for_users):
    if not os.path.isdir("/proc/self"):
        pytest.skip("needs /proc")
    with Emulator(api_key="very-secret-key") as server:
        with open(f"/proc/{server.pid}/cmdline", "rb") as arguments:
            assert b"very-secret-key" not in arguments.read()
        assert request(server, "GET", "/task?token=x", key="very-secret-key")[0] == 400


def test_it_stops_when_its_parent_is_killed():
    """The end of the parent closes the pipe that the server reads."""
    script = (
        "import sys, time; from rocketride_sync.emulator import Emulator\n"
        "with Emulator() as server:\n"
        "    print(server.port, flush=True); time.sleep(1000)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    with parent:
        port = int(parent.stdout.readline())
        assert reachable(port)
        parent.kill()
    wait_until(lambda: not reachable(port), "the end of the orphaned server")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 130)])
def test_signals_end_it_with_the_conventional_exit_code(number, code):
    """The signal comes while a task runs and a start is pending."""
    environment = {**os.environ, "ROCKETRIDE_APIKEY": KEY}
    process = subprocess.Popen(
        command("--port", "0"),
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        line = process.stdout.readline()
        assert line.startswith("Serving on http://127.0.0.1:")
        port = int(line.rpartition(":")[2])
        server = type("Server", (), {"port": port})
        assert request_json(server, "POST", "/task", body=pipeline("simulate", forever=True))[0] == 200
        process.send_signal(number)
        assert process.stdout.read() == ""
        assert "Traceback" not in process.stderr.read()
    assert process.returncode == code


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"bogus": 1}, "no setting bogus; it has generation"),
        ({"retention": -1}, "wrong: 'retention'"),
        ({"ttl": "x"}, "wrong"),
    ],
)
def test_invalid_settings_are_refused_on_creation(settings, said):
    with pytest.raises(ConfigurationError, match=said):
        Emulator(**settings)


def test_start_fails_while_the_emulator_is_not_running():
    with pytest.raises(ConfigurationError, match="with block"):
        Emulator().start({})


def test_start_says_that_a_killed_emulator_does_not_answer():
    with Emulator(api_key=KEY) as server:
        psutil.Process(server.pid).kill()
        wait_until(lambda: not reachable(server.port))
        with pytest.raises(TransportError, match="the emulator did not answer") as caught:
            server.start(pipeline("simulate"))
    assert caught.value.__context__ is None


def test_start_says_that_a_suspended_emulator_does_not_answer(monkeypatch):
    with Emulator(api_key=KEY) as server:
        psutil.Process(server.pid).suspend()
        monkeypatch.setattr("rocketride_sync.emulator.emulator_process._STARTUP_SECONDS", 0.1)
        with pytest.raises(TransportTimeoutError, match="the emulator did not answer"):
            server.start(pipeline("simulate"))
        psutil.Process(server.pid).resume()


def served_addresses(pid):
    process = psutil.Process(pid)
    connections = getattr(process, "net_connections", None) or process.connections  # its name before psutil 6
    return {one.laddr.ip for one in connections("tcp") if one.status == psutil.CONN_LISTEN}


def test_emulator_listens_on_loopback_by_default():
    with Emulator(api_key=KEY) as server:
        assert served_addresses(server.pid) == {"127.0.0.1"}


def test_serve_command_listens_on_loopback_by_default(tmp_path):
    words = ["rocketride-sync", "serve", "--port", "0"]
    with open(tmp_path / "stderr", "w+") as errors, ForkedWithPipes(
        "rocketride_sync.__main__", words, os.environ, errors
    ) as server:
        try:
            assert server.stdout.readline().startswith("Serving on http://127.0.0.1:")
            assert served_addresses(server.pid) == {"127.0.0.1"}
        finally:
            server.terminate()


PACKAGE_FOLDER = os.path.dirname(os.path.dirname(rocketride_sync.__file__))
RUN_ONE = (
    f"import sys; sys.path.insert(0, {PACKAGE_FOLDER!r})\n"
    "from rocketride_sync.emulator import Emulator\n"
    "with Emulator() as server: print(server.uri)\n"
)
flags = ["-I"] + (["-P"] if sys.version_info >= (3, 11) else [])


MODULES = ["token", "runpy", "importlib", "json", "attr", "uvicorn", "rocketride_sync"]


@pytest.mark.parametrize("flag", ["", "-Es", *flags])
def test_no_module_of_the_current_directory_is_run(tmp_path, flag):
    for module in MODULES:
        (tmp_path / f"{module}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'a').write({module!r})")
    script = tmp_path / "elsewhere" / "script.py"
    script.parent.mkdir()
    script.write_text(RUN_ONE)
    done = subprocess.run(
        [sys.executable, *filter(None, [flag]), str(script)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.stdout.startswith("http://127.0.0.1:"), done.stderr
    assert not (tmp_path / "ran").exists(), (tmp_path / "ran").read_text()


@pytest.mark.parametrize("flag", ["-I", "-P"])
def test_the_server_trusts_no_more_than_its_parent(tmp_path, flag):
    if flag not in flags:
        pytest.skip("from Python 3.11 on")
    folder = tmp_path / "of the environment"
    folder.mkdir()
    (folder / "token.py").write_text("raise SystemExit('run')")
    show = f"import sys; sys.path.insert(0, {PACKAGE_FOLDER!r})\nfrom rocketride_sync.emulator import emulator_process\n"
    show += "print(*emulator_process._flags())"
    done = subprocess.run([sys.executable, flag, "-c", show], capture_output=True, text=True, check=True)
    assert flag in done.stdout.split()


@pytest.mark.parametrize(
    ("name", "value"), [("frozen", True), ("frozen", "macosx_app"), ("executable", ""), ("executable", None)]
)
def test_a_program_that_would_start_itself_is_refused(monkeypatch, name, value):
    monkeypatch.setattr(sys, name, value, raising=False)
    with pytest.raises(ConfigurationError, match="needs a Python interpreter"):
        Emulator().__enter__()


def test_a_program_that_poses_as_python_does_not_start_itself_for_ever(tmp_path, monkeypatch):
    """As programs do whose maker does not set `sys.frozen`."""
    program = tmp_path / "program"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsys.executable = __file__\nopen({str(tmp_path / 'log')!r}, 'a').write('x')\n{RUN_ONE}"
    )
    program.chmod(0o755)
    if sys.platform == "win32":
        pytest.skip("POSIX scripts")
    done = subprocess.run([str(program)], capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 1
    assert (tmp_path / "log").read_text() == "xx"
    assert "needs a Python interpreter" in done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="POSIX processes")
def test_it_ends_with_its_starter_although_a_forked_child_lives():
    script = (
        f"import os, sys, time; sys.path.insert(0, {PACKAGE_FOLDER!r})\n"
        "from rocketride_sync.emulator import Emulator\n"
        "with Emulator() as server:\n"
        "    child = os.fork()\n"
        "    if not child: time.sleep(1000)\n"
        "    print(server.port, child, flush=True); time.sleep(1000)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    with parent:
        port, child = map(int, parent.stdout.readline().split())
        assert reachable(port)
        parent.kill()
        try:
            wait_until(lambda: not reachable(port), "the end of the orphaned server")
            assert psutil.pid_exists(child)
        finally:
            os.kill(child, signal.SIGKILL)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="POSIX processes")
def test_a_forked_child_that_leaves_the_block_does_not_stop_it():
    with Emulator() as server:
        child = os.fork()
        if not child:
            server.stop()
            server.kill()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert reachable(server.port)


def test_no_directory_for_temporary_files_is_a_clear_error(monkeypatch):
    def fail(*_, **__):
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr("tempfile.TemporaryFile", fail)
    with pytest.raises(ConfigurationError, match="TMPDIR") as caught:
        Emulator().__enter__()
    assert caught.value.__context__ is None


def fail_to_spawn(patch):
    def fail(*_, **__):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    patch.setattr("rocketride_sync.emulator.emulator_process.subprocess.Popen", fail)


def fail_to_begin_a_thread(patch):
    def fail(_):
        raise RuntimeError("can't start new thread")

    patch.setattr(threading.Timer, "start", fail)


@each("prevent, said", [(fail_to_spawn, "temporarily unavailable"), (fail_to_begin_a_thread, "new thread")])
def test_a_system_without_room_is_a_clear_error_and_leaves_no_server(prevent, said):
    emulator = Emulator()
    try:
        with pytest.MonkeyPatch.context() as patch:
            prevent(patch)
            with pytest.raises(
                ConfigurationError, match=f"the emulator cannot be started here: .*{said}"
            ) as caught:
                emulator.__enter__()
        assert caught.value.__context__ is None
        assert emulator.pid is None
    finally:
        emulator.stop()


def test_a_start_that_is_interrupted_leaves_no_server(as_for_users):
    """Nobody leaves a block that was not entered."""
    emulator, began = Emulator(), []

    def interrupted(timer):
        began.append(psutil.Process(emulator.pid))
        raise KeyboardInterrupt

    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(threading.Timer, "start", interrupted)
            with pytest.raises(KeyboardInterrupt):
                emulator.__enter__()
        assert [process.is_running() for process in began] == [False]
    finally:
        emulator.stop()


def test_what_clients_do_wrong_is_not_in_the_error_output(monkeypatch, tmp_path):
    with open(tmp_path / "stderr", "w+b") as stderr:
        monkeypatch.setattr(
            "rocketride_sync.emulator.emulator_process._error_file",
            lambda: contextlib.nullcontext(stderr),
        )
        with Emulator() as server, socket.create_connection(("127.0.0.1", server.port), SECONDS) as client:
            client.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")  # as https begins
            assert client.recv(100).startswith(b"HTTP/1.1 400")
    assert (tmp_path / "stderr").read_text() == ""


def test_a_server_without_descriptors_complains_once_a_second_and_goes_on(monkeypatch, tmp_path):
    """asyncio tries to accept as often as the queue of connections is long, and tells each failure with a traceback."""
    resource = pytest.importorskip("resource")
    if not hasattr(resource, "prlimit"):
        pytest.skip("nothing limits another process here")
    with open(tmp_path / "stderr", "w+b") as stderr, contextlib.ExitStack() as clients:
        monkeypatch.setattr(
            "rocketride_sync.emulator.emulator_process._error_file",
            lambda: contextlib.nullcontext(stderr),
        )

        def complaints():
            return (tmp_path / "stderr").read_text().count("out of system resource")

        with Emulator(api_key=KEY) as server:
            kept = clients.enter_context(
                contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=SECONDS))
            )

            def answers_on_the_kept_connection():
                kept.request("GET", "/version")
                response = kept.getresponse()
                return response.read() and response.status == 200

            assert answers_on_the_kept_connection()
            before = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
            room = psutil.Process(server.pid).num_fds() + 2
            resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (room, before[1]))
            for _ in range(8):
                clients.enter_context(socket.create_connection(("127.0.0.1", server.port), SECONDS))
            wait_until(complaints)
            assert answers_on_the_kept_connection()  # so it has done with this attempt
            assert complaints() < 30
            resource.prlimit(server.pid, resource.RLIMIT_NOFILE, before)
            clients.close()
            assert request(server, "GET", "/version")[0] == 200


def test_other_warnings_of_the_server_are_logged(caplog):
    """Also one of many sends to a client that has gone, which cannot be made to come at a certain time."""
    faults = {
        "asyncio": "socket.send() raised exception.",
        "uvicorn.error": "Invalid HTTP request received.",
    }
    with client_faults_unlogged():
        for name, message in faults.items():
            logging.getLogger(name).warning(message)
            logging.getLogger(name).warning("the loop is slow")
    assert [record.getMessage() for record in caplog.records] == ["the loop is slow"] * 2
    logging.getLogger("asyncio").warning(faults["asyncio"])
    assert caplog.records[-1].getMessage() == faults["asyncio"]


@each("where", ["start", "cancel"])
def test_a_start_that_is_interrupted_does_not_keep_the_interpreter_from_its_end(where):
    """Ctrl-C, once or twice: as the thread that bounds the start begins, or before it is cancelled."""
    before = set(threading.enumerate())
    step = getattr(threading.Timer, where)

    def interrupted(timer):
        if where == "start":
            step(timer)
        raise KeyboardInterrupt

    emulator = Emulator()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(threading.Timer, where, interrupted)
            with pytest.raises(KeyboardInterrupt):
                emulator.__enter__()
    finally:
        emulator.stop()
    left = set(threading.enumerate()) - before
    for thread in left:
        thread.cancel()
    assert all(thread.daemon for thread in left)
