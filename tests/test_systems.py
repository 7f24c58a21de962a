"""What only some systems have: each use is listed in docs/systems.md, and what is done without it is run here.

A module that looks at the system when it is loaded is loaded once more, under another name, with that part missing.
"""

from __future__ import annotations

import errno
import importlib.util
import io
import os
import re
import select
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest
from preloaded import emulators_start_anew

import rocketride_sync
from rocketride_sync import owned_files
from rocketride_sync.address import Address
from rocketride_sync.cli import command_result, main, output, secret_input, signals, standard_streams
from rocketride_sync.cli.exit_codes import ExitCode
from rocketride_sync.deadline import Deadline
from rocketride_sync.transports import proxies, tcp

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = Path(rocketride_sync.__file__).parent
PARTICULAR = re.compile(
    r"\b(register_at_fork|SIGHUP|getppid|select\.select|isatty|errorTab|start_new_session|"
    r"CREATE_NEW_PROCESS_GROUP|O_NONBLOCK|O_NOFOLLOW|O_DIRECTORY|O_BINARY|supports_dir_fd|supports_fd|dir_fd|0o600|"
    r"sys\.platform|os\.name|fork\(|geteuid|getuid|fchmod|chmod|umask|mkfifo|AF_UNIX|set_blocking|killpg|fcntl|termios|"
    r"EINVAL|SIGKILL|pthread_kill|pthread_sigmask|SIGALRM|setitimer|waitpid|select\.poll|select\.epoll|pwd|resource\.)(?!\w)"
)
WINDOWS = SimpleNamespace(**{**vars(os), "name": "nt"})


def code_of(path: Path) -> str:
    """Without what is only said: comments and docstrings."""
    text = re.sub(r'"""[^"\\]*(?:"(?!"")[^"\\]*|\\.[^"\\]*)*"""', "", path.read_text("utf-8"))
    return re.sub(r"(^|  )#.*", "", text, flags=re.MULTILINE)


def used() -> set[tuple[str, str]]:
    return {
        (path.relative_to(PACKAGE).as_posix(), name)
        for path in PACKAGE.rglob("*.py")
        for name in PARTICULAR.findall(code_of(path))
    }


@pytest.mark.skipif(not (ROOT / "docs").is_dir(), reason="needs a checkout")
def test_every_use_is_listed():
    page = (ROOT / "docs" / "systems.md").read_text("utf-8")
    rows = re.findall(r"^\| (`.*?) \| (`.*?) \|", page, re.MULTILINE)
    listed = {
        (file, name)
        for names, files in rows
        for file in re.findall(r"`(.*?)`", files)
        for name in re.findall(r"`(.*?)`", names)
    }
    # Asking whether it is a terminal is the same everywhere; what is done then is in the list.
    assert {use for use in used() if use[1] != "isatty"} <= listed
    assert listed <= used()


def loaded_again(name: str):
    """The module `name` of the package, loaded once more."""
    spec = importlib.util.find_spec(f"rocketride_sync.{name}")
    again = importlib.util.spec_from_file_location(f"{spec.name}_elsewhere", spec.origin)
    module = importlib.util.module_from_spec(again)
    sys.modules[again.name] = module
    try:
        again.loader.exec_module(module)
    finally:
        del sys.modules[again.name]
    return module


def test_without_fork_modules_are_loaded_as_ever(monkeypatch):
    monkeypatch.delattr(os, "register_at_fork", raising=False)
    assert loaded_again("loading").load(lambda: 1) == 1


@pytest.mark.parametrize(("platform", "seconds"), [("win32", 0.5), ("linux", 1.0)])
def test_waits_wake_up_as_often_as_the_system_asks_for(monkeypatch, platform, seconds):
    monkeypatch.setattr(sys, "platform", platform)
    longest = loaded_again("deadline").SLICE
    assert longest == seconds


@pytest.mark.parametrize(("system", "named"), [("nt", False), ("posix", True)])
def test_a_pipeline_from_standard_input_is_named_only_where_that_has_a_name(monkeypatch, system, named):
    with monkeypatch.context() as patched:
        patched.setattr(os, "name", system)
        words = loaded_again("cli.wording").in_command_line_words
    said = words("the pipeline file '-' is not there")
    assert said.startswith("- is no file here: ")
    assert ("/dev/stdin" in said) == named


def test_without_sighup_sigterm_alone_is_an_exception(monkeypatch):
    monkeypatch.delattr(signal, "SIGHUP", raising=False)
    module = loaded_again("cli.signals")
    assert module._TERMINATION_SIGNALS == [signal.SIGTERM]
    with module.signals_as_exceptions():
        assert signal.getsignal(signal.SIGTERM) is module._terminate
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


class Rubbish:
    def __del__(self):
        signal.raise_signal(signal.SIGTERM)


def lose_a_signal_and_wait():
    Rubbish()
    deadline = Deadline(30)
    while deadline.remaining() > 0:
        pass


@pytest.mark.parametrize("has_pthread_kill", [True, False])
def test_without_pthread_kill_a_signal_that_is_lost_is_raised_again(monkeypatch, has_pthread_kill):
    if not has_pthread_kill:
        monkeypatch.delattr(signal, "pthread_kill", raising=False)
    with pytest.raises(signals.Terminated), signals.signals_as_exceptions():
        lose_a_signal_and_wait()


def test_without_pthread_sigmask_signals_are_exceptions_all_the_same(monkeypatch):
    monkeypatch.delattr(signal, "pthread_sigmask", raising=False)
    with pytest.raises(signals.Terminated), signals.signals_as_exceptions():
        signal.raise_signal(signal.SIGTERM)


def test_what_else_cannot_be_raised_is_told_as_before(monkeypatch):
    told = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)
    with signals.signals_as_exceptions():
        hook = sys.unraisablehook
        hook(SimpleNamespace(exc_value=OSError()))
    assert len(told) == 1
    assert sys.unraisablehook == told.append


def test_without_sighup_the_server_handles_what_there_is(monkeypatch):
    server_module = pytest.importorskip("rocketride_sync.emulator.server")
    monkeypatch.delattr(signal, "SIGHUP", raising=False)
    before = signal.getsignal(signal.SIGTERM)
    with server_module._stopping_at_signals(SimpleNamespace(should_exit=False)):
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="POSIX signals")
@pytest.mark.parametrize("before", [signal.SIG_DFL, signal.SIG_IGN])
def test_the_server_handles_sighup_unless_it_is_ignored(before):
    server_module = pytest.importorskip("rocketride_sync.emulator.server")
    original = signal.signal(signal.SIGHUP, before)
    try:
        with server_module._stopping_at_signals(SimpleNamespace(should_exit=False)):
            assert (signal.getsignal(signal.SIGHUP) is before) is (before is signal.SIG_IGN)
        assert signal.getsignal(signal.SIGHUP) is before
    finally:
        signal.signal(signal.SIGHUP, original)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("first", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("second", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_the_first_signal_decides_how_the_server_ends(first, second):
    server_module = pytest.importorskip("rocketride_sync.emulator.server")
    handled = []
    names = ("SIGINT", "SIGTERM", "SIGHUP")
    before = {
        name: signal.signal(getattr(signal, name), lambda *what: handled.append(what[0])) for name in names
    }
    server = SimpleNamespace(should_exit=False)
    try:
        with server_module._stopping_at_signals(server):
            for name in (first, second):
                signal.raise_signal(getattr(signal, name))
            assert (server.should_exit, handled) == (True, [])
        assert handled == [getattr(signal, first)]
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)


def test_on_windows_ctrl_c_is_130(monkeypatch, capsys):
    def interrupted(words):
        raise KeyboardInterrupt

    monkeypatch.setattr(signals, "os", WINDOWS)
    monkeypatch.setattr(main, "_run", interrupted)
    assert main.main([]) == 130


def test_on_windows_ctrl_c_while_the_command_is_loaded_is_130(monkeypatch):
    from rocketride_sync import __main__

    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(signals, "os", WINDOWS)
    monkeypatch.setattr(main, "main", interrupted)
    assert __main__.main() == 130


@pytest.mark.parametrize(
    ("system", "code", "told"),
    [(WINDOWS, ExitCode.BROKEN_PIPE, ""), (os, ExitCode.NOT_WRITTEN, "could not be written")],
)
def test_on_windows_a_reader_that_has_gone_is_an_invalid_argument(system, code, told, monkeypatch, capsys):
    monkeypatch.setattr(command_result, "os", system)
    monkeypatch.setattr(output.delivery, "failure", OSError(errno.EINVAL, "Invalid argument"))
    assert command_result.code_after_delivery(ExitCode.SUCCEEDED) == code
    assert told in capsys.readouterr().err


def test_on_windows_a_stream_that_does_not_block_is_tried_again(monkeypatch):
    parts = [None, b"tok", None, b"en\r\n"]

    class NotYet(io.RawIOBase):
        def read(self, count):
            return parts.pop(0)

        def fileno(self):
            return -1  # `select` would refuse it

    pauses = []
    monkeypatch.setattr(owned_files, "os", WINDOWS)
    monkeypatch.setattr(standard_streams, "time", SimpleNamespace(sleep=pauses.append))
    assert standard_streams.read_up_to(NotYet(), 100, lambda content: True) == b"token\r\n"
    assert len(pauses) == 2


def test_on_windows_no_mode_says_who_can_read_a_key(monkeypatch, tmp_path, capsys):
    (tmp_path / "key").touch(0o666)
    monkeypatch.setattr(secret_input, "os", WINDOWS)
    secret_input.warn_if_others_can_read(str(tmp_path / "key"))
    assert capsys.readouterr().err == ""


def test_on_windows_the_streams_are_kept_and_escape(monkeypatch):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, "cp437")  # that of an old console
    monkeypatch.setattr(standard_streams, "os", WINDOWS)
    assert standard_streams._prepared(stream, standard_streams._ImpatientWriter) is stream
    assert standard_streams.takes_more(stream)
    stream.write("caf\xe9 \u2713")
    stream.flush()
    assert raw.getvalue() == b"caf\x82 \\u2713"


@pytest.mark.parametrize(("system", "coloured"), [(WINDOWS, False), (os, True)])
def test_colours(system, coloured, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(output, "os", system)
    terminal = SimpleNamespace(isatty=lambda: True)
    colour = next(iter(output._COLOURS))
    assert ("\x1b" in output.paint("text", colour, terminal)) is coloured


def test_files_without_o_nonblock(monkeypatch, tmp_path):
    monkeypatch.delattr(os, "O_NONBLOCK", raising=False)
    (tmp_path / "a.txt").write_bytes(b"words")
    [chunk] = loaded_again("transports.chunks").File.at(str(tmp_path / "a.txt"))
    assert bytes(chunk) == b"words"


@pytest.fixture
def two_sockets():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_looking_at_a_socket_without_poll(monkeypatch, two_sockets):
    monkeypatch.delattr(select, "poll", raising=False)
    module = loaded_again("transports.tcp")
    ours, theirs = two_sockets
    has_input = module.input_check(ours)
    assert not has_input()
    theirs.sendall(b".")
    assert has_input()


@pytest.mark.parametrize("known", [True, False])
def test_the_text_of_a_refused_connection(monkeypatch, known):
    """Windows has the texts of its sockets' errors in a table of Python's own."""
    refused = SimpleNamespace(getsockopt=lambda *_: 10061)
    monkeypatch.setattr(tcp.system_network, "is_writable", lambda *_: True, raising=False)
    monkeypatch.setattr(socket, "errorTab", {10061: "Connection refused."} if known else {}, raising=False)
    with pytest.raises(OSError) as raised:
        tcp._await_connection(refused, Deadline(1))
    assert raised.value.strerror == ("Connection refused." if known else os.strerror(10061))


@pytest.mark.parametrize("system", ["win32", "darwin", "linux"])
def test_the_proxies_of_the_system(monkeypatch, system):
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(proxies.sys, "platform", system)
    monkeypatch.setattr(urllib.request, "getproxies", lambda: {"http": "http://proxy:1"})
    monkeypatch.setattr(urllib.request, "proxy_bypass", lambda host: host == "inside")
    asked = system != "linux"
    assert proxies.environment_proxies(Address.parse("http://outside")) == (
        {"http": "http://proxy:1"} if asked else {}
    )
    assert proxies.environment_proxies(Address.parse("http://inside")) == {}


class TestFilesWithoutDirectoryDescriptors:
    @pytest.fixture
    def files(self, monkeypatch):
        pytest.importorskip("fastapi", reason="it takes the extra emulator")
        for flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_DIRECTORY"):
            monkeypatch.delattr(os, flag, raising=False)
        monkeypatch.setattr(os, "supports_dir_fd", set())
        monkeypatch.setattr(os, "supports_fd", set())
        return loaded_again("emulator.sandboxed_files")

    def test_they_are_listed_and_read(self, files, tmp_path):
        (tmp_path / "sub").mkdir()
        (tmp_path / "sub" / "a.txt").write_bytes(b"one two")
        listing = files.list_files(tmp_path.resolve(), ["."])
        assert [file.name for file in listing.files] == ["sub/a.txt"]
        assert b"".join(files.read_chunks(listing.files[0])) == b"one two"

    def test_a_link_is_passed_over(self, files, tmp_path):
        (tmp_path / "a.txt").write_bytes(b"secret")
        (tmp_path / "root").mkdir()
        try:
            (tmp_path / "root" / "link").symlink_to(tmp_path / "a.txt")
        except OSError:
            pytest.skip("this user may make no links")
        listing = files.list_files((tmp_path / "root").resolve(), ["."])
        assert listing.files == []
        assert listing.skipped == [("link", "passed over: a symbolic link")]


def test_where_the_parent_is_unknown_the_end_of_the_input_stops_the_server(monkeypatch):
    server_module = pytest.importorskip("rocketride_sync.emulator.server")
    # `getppid` of a launcher, and no `select` for a pipe.
    monkeypatch.setattr(server_module, "os", SimpleNamespace(**{**vars(WINDOWS), "getppid": lambda: -1}))
    monkeypatch.setattr(server_module, "select", None)
    reader, writer = os.pipe()
    os.write(writer, b".")
    os.close(writer)
    server = SimpleNamespace(should_exit=False)
    server_module._stop_after_parent(reader, 1, server)
    os.close(reader)
    assert server.should_exit


def test_ctrl_c_is_not_for_the_server_of_a_starter_on_windows(monkeypatch):
    emulator_process = pytest.importorskip("rocketride_sync.emulator.emulator_process")
    emulators_start_anew(monkeypatch)
    started = {}
    monkeypatch.setattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0x200, raising=False)
    monkeypatch.setattr(subprocess, "Popen", lambda command, **options: started.update(options))
    emulator_process.Emulator()._spawn(["python"], None)
    assert started["creationflags"] == 0x200
