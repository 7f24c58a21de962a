"""A secret that is typed at a terminal: it is asked for by its name there, and not shown. Elsewhere nothing is asked."""

from __future__ import annotations

import contextlib
import getpass
import io
import os
import select
import signal
import sys
import threading
import time
from types import SimpleNamespace

import pytest
from command import KEY, RUNNING, TOKEN, ok, token

from rocketride_sync import ConfigurationError, owned_files
from rocketride_sync.cli import main, secret_input, signals, terminal_input

termios = pytest.importorskip("termios")

PATIENCE = 5.0  # of somebody who is asked nothing
PROMPTED = b"shown: "


class Typist:
    """A person at a terminal, who types `text` when something is asked, or after some time.

    `then` is called once the terminal has taken the end of a line.
    """

    def __init__(self, text, *, then=None):
        self.controller, self.terminal = os.openpty()
        self.screen = b""
        self._text, self._then = text, then
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._left.set()
        self._thread.join()
        os.close(self.controller)
        os.close(self.terminal)

    def _work(self):
        has_typed, patient_until = False, time.monotonic() + PATIENCE
        while not (self._left.is_set() and not self._shown(0)):
            if self._shown(0.01):
                self.screen += os.read(self.controller, 4096)
            is_asked = PROMPTED in self.screen or time.monotonic() > patient_until
            if is_asked and not has_typed:
                has_typed = True
                os.write(self.controller, self._text)
            if self._then is not None and b"\n" in self.screen:
                self._then, then = None, self._then
                then()

    def _shown(self, seconds):
        return bool(select.select([self.controller], [], [], seconds)[0])

    def echoes(self):
        return bool(termios.tcgetattr(self.terminal)[3] & termios.ECHO)


@contextlib.contextmanager
def at(typist, monkeypatch):
    with typist, open(os.dup(typist.terminal), encoding="utf-8") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield
        assert typist.echoes()


@pytest.mark.parametrize(
    ("words", "expected", "typed"),
    [
        (["status", TOKEN, "--apikey-file", "-"], "the API key", KEY),
        (["--apikey-file", "-", "wait", TOKEN, "--timeout", "0"], "the API key", KEY),
        (["status", "-"], "the task's token", TOKEN),
    ],
)
def test_one_secret(stub, monkeypatch, capsys, words, expected, typed):
    monkeypatch.setenv("ROCKETRIDE_URI", stub.uri)
    monkeypatch.setenv("ROCKETRIDE_APIKEY", KEY)
    stub.answers = [ok(RUNNING)]
    typist = Typist(f"{typed}\n".encode())
    with at(typist, monkeypatch):
        main.main(["--transport", "http", *words])
    assert stub.requests == [(TOKEN, f"Bearer {KEY}")]
    assert expected.encode() in typist.screen
    assert typed.encode() not in typist.screen
    shown = capsys.readouterr()
    assert typed not in shown.out + shown.err
    assert "Type" not in shown.out + shown.err


@pytest.mark.parametrize("empty", [b"\n", b" \t\n", b"\n\n \n", b"# a comment\n"])
def test_an_empty_line_is_told_and_asked_for_again(monkeypatch, empty):
    typist = Typist(empty, then=lambda: os.write(typist.controller, f"{KEY}\n".encode()))
    with at(typist, monkeypatch):
        read = secret_input.read_stdin("the API key", one_line=True)
    assert read.strip().endswith(KEY)
    assert typist.screen.count(b"Type the API key") == 1 + typist.screen.count(
        b"Nothing was typed. Type the API key"
    )
    assert b"Nothing was typed" in typist.screen
    assert KEY.encode() not in typist.screen


def test_a_line_that_comes_in_two_parts_is_not_empty(monkeypatch):
    typist = Typist(f"{KEY}\x04\n".encode())
    with at(typist, monkeypatch):
        assert secret_input.read_stdin("the API key", one_line=True).strip() == KEY
    assert b"Nothing was typed" not in typist.screen


def test_several_tokens_that_are_pasted(monkeypatch):
    """All of them count. They end with Ctrl-D, as any input."""
    tokens = [token(number) for number in range(3)]
    typist = Typist("".join(f"{each}\n" for each in tokens).encode() + b"\x04")
    with at(typist, monkeypatch):
        read = secret_input.read_stdin("the task's token", secret_input.MAX_LIST_BYTES)
    assert read.split() == tokens
    assert b"one a line" in typist.screen
    assert b"Ctrl-D" in typist.screen
    assert not any(each.encode() in typist.screen for each in tokens)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (b"\x04", ""),
        (b"\xff\xfe\n", "standard input is not UTF-8 text"),
        (b"a" * 90 + b"\n", "is larger than"),
    ],
)
def test_what_cannot_be_read_is_told_as_elsewhere(monkeypatch, typed, told):
    typist = Typist(typed)
    with at(typist, monkeypatch), contextlib.ExitStack() as stack:
        if told:
            stack.enter_context(pytest.raises(ConfigurationError, match=told))
        assert secret_input.read_stdin("the API key", 80, one_line=True) == ""


@pytest.mark.parametrize(
    ("number", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, signals.Terminated)]
)
def test_a_signal_ends_it_and_the_terminal_shows_again_what_is_typed(monkeypatch, number, raised):
    """Also one that comes just before the call that waits, or that another thread receives: neither ends that call."""
    typist = Typist(
        b"one of two\nhalf of the", then=lambda: signal.pthread_kill(threading.get_ident(), number)
    )
    with at(typist, monkeypatch), signals.signals_as_exceptions(), pytest.raises(raised):
        secret_input.read_stdin("the task's token")
    assert b"of t" not in typist.screen
    assert typist.screen.endswith(b"shown: \r\n\r\n")  # what is printed next begins a line


def test_a_terminal_that_shows_all_is_refused_before_anything_is_typed(monkeypatch):
    def refuse(*_):
        raise termios.error(5, "Input/output error")

    typist = Typist(b"never\n")
    with at(typist, monkeypatch):
        monkeypatch.setattr(termios, "tcsetattr", refuse)
        with pytest.raises(
            ConfigurationError, match=r"the API key.*would be shown.*a file or a pipe"
        ) as refused:
            secret_input.read_stdin("the API key", one_line=True)
    assert refused.value.__context__ is None
    assert b"Type" not in typist.screen


def test_a_terminal_without_a_name_is_asked_on_stderr(monkeypatch, capsys):
    def nameless(_):
        raise OSError(2, "No such file or directory")

    typist = Typist(b"")
    with at(typist, monkeypatch):
        monkeypatch.setattr(os, "ttyname", nameless)
        monkeypatch.setattr(secret_input, "read_up_to", lambda *_: b"read")
        assert secret_input.read_stdin("the API key", one_line=True) == "read"
    assert capsys.readouterr().err.startswith("Type the API key")


def test_what_is_in_memory_is_asked_nothing(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"key\n")))
    assert secret_input.read_stdin("the API key", one_line=True) == "key\n"
    assert capsys.readouterr() == ("", "")


def test_what_is_no_terminal_is_asked_nothing(monkeypatch, capsys):
    reader, writer = os.pipe()
    os.write(writer, b"key\n")
    with open(reader, encoding="utf-8") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        assert secret_input.read_stdin("the API key", one_line=True) == "key\n"
    os.close(writer)
    assert capsys.readouterr() == ("", "")


# --- on Windows


class _WindowsConsoleIO(io.RawIOBase):
    """What a console is called there; NUL says that it is a terminal too, and is none."""


@pytest.fixture
def _on_windows(monkeypatch):
    windows = SimpleNamespace(**{**vars(os), "name": "nt"})
    for module in (terminal_input, owned_files):
        monkeypatch.setattr(module, "os", windows)


@pytest.mark.usefixtures("_on_windows")
@pytest.mark.parametrize(
    ("one_line", "lines", "read"),
    [
        (True, ["key"], "key\n"),
        (True, ["# ours", "key"], "# ours\nkey\n"),
        (True, [""], ""),
        (False, ["one", "two", ""], "one\ntwo\n"),
        (False, ["one", "\x1a"], "one\n"),
    ],
)
def test_a_console_is_asked_line_by_line(monkeypatch, one_line, lines, read):
    prompts = []

    def typed(prompt):
        prompts.append(prompt)
        return lines.pop(0)

    monkeypatch.setattr(getpass, "getpass", typed)
    stdin = SimpleNamespace(buffer=SimpleNamespace(raw=_WindowsConsoleIO()), isatty=lambda: True)
    monkeypatch.setattr(sys, "stdin", stdin)
    assert secret_input.read_stdin("the API key", one_line=one_line) == read
    assert lines == []
    assert prompts[0].startswith("Type the API key")
    assert not any(prompts[1:])


@pytest.mark.usefixtures("_on_windows")
def test_nul_is_no_console(monkeypatch):
    stdin = SimpleNamespace(buffer=io.BytesIO(b"key\n"), isatty=lambda: True)
    monkeypatch.setattr(sys, "stdin", stdin)
    assert secret_input.read_stdin("the API key", one_line=True) == "key\n"
