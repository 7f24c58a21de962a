"""Where the command takes address, key and token from."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from command import (
    COMMAND,
    KEY,
    NOT_RUNNING,
    SUCCEEDED,
    TOKEN,
    environment,
    ok,
    refusal,
    run,
    run_here,
    run_with,
)
from transports.loopback import Server, answer

from rocketride_sync.cli import env_file, secret_input, unknown_options
from rocketride_sync.cli.main import make_parser
from rocketride_sync.errors import ConfigurationError

NOWHERE = "http://127.0.0.1:1"


@pytest.fixture(autouse=True)
def _a_task(stub):
    stub.answers = [ok(SUCCEEDED)]


def asked(stub):
    """The token and the credential that the server was shown."""
    (request,) = stub.requests
    return request


@pytest.mark.parametrize(
    ("arguments", "stdin", "variables"),
    [
        ([TOKEN], "", {}),
        (["-"], f"  {TOKEN}\r\n", {}),
        ([], "", {"ROCKETRIDE_TOKEN": TOKEN}),
        ([TOKEN], "", {"ROCKETRIDE_TOKEN": "tk_of_another_task"}),
    ],
)
@pytest.mark.parametrize("command", ["status", "wait"])
def test_the_token(stub, command, arguments, stdin, variables):
    done = run_with(stub, command, *arguments, stdin=stdin, **variables)
    assert done.returncode == 0, done.stderr
    assert asked(stub) == (TOKEN, f"Bearer {KEY}")


@pytest.mark.parametrize("command", ["status", "wait", "stop"])
def test_an_empty_token_is_not_that_of_the_environment(stub, command):
    done = run_with(stub, command, "", ROCKETRIDE_TOKEN="tk_of_another_task")
    assert done.returncode == 2
    assert "a TOKEN is empty" in done.stderr
    assert stub.requests == []


@pytest.mark.parametrize("blank", ["", " "])
@pytest.mark.parametrize("set_too", [True, False])
@pytest.mark.parametrize("command", [["status", TOKEN], ["list"], ["check"]], ids=lambda words: words[0])
def test_an_empty_address_is_neither_that_of_the_environment_nor_the_default(stub, command, set_too, blank):
    variables = {"ROCKETRIDE_URI": stub.uri} if set_too else {"https_proxy": stub.uri}
    done = run(*command, "--uri", blank, **variables, ROCKETRIDE_APIKEY=KEY)
    assert done.returncode == 2
    assert ("--uri: it is empty" if blank else "--uri is empty") in done.stdout + done.stderr
    assert stub.requests == []


@pytest.mark.parametrize("stdin", ["", "\n", "tk_one tk_two", "x" * 100_000])
def test_a_useless_token_on_stdin(stub, stdin):
    done = run_with(stub, "wait", "-", stdin=stdin)
    assert done.returncode == 2
    assert "standard input" in done.stderr
    assert stub.requests == []


def test_bytes_on_stdin_that_are_no_text(stub):
    done = subprocess.run(
        [*COMMAND, "wait", "-"],
        input=b"\xff\xfe\x00",
        capture_output=True,
        env=environment(ROCKETRIDE_URI=stub.uri, ROCKETRIDE_APIKEY=KEY),
        timeout=60,
    )
    assert done.returncode == 2
    assert b"not UTF-8" in done.stderr


def not_for_reading(tmp_path):
    return open(tmp_path / "log", "wb")


def reset_by_its_writer(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        reader = socket.create_connection(listener.getsockname())
        writer, _ = listener.accept()
    writer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.close()
    return reader


@pytest.mark.skipif(sys.platform == "win32", reason="another standard input")
@pytest.mark.parametrize("make", [not_for_reading, reset_by_its_writer])
@pytest.mark.parametrize(
    "words", [["wait", "-"], ["status", TOKEN, "--apikey-file", "-"]], ids=["token", "key"]
)
def test_a_standard_input_that_cannot_be_read(stub, tmp_path, make, words):
    with make(tmp_path) as stdin:
        done = subprocess.run(
            [*COMMAND, *words],
            stdin=stdin,
            capture_output=True,
            env=environment(ROCKETRIDE_URI=stub.uri, ROCKETRIDE_APIKEY=KEY),
            timeout=60,
        )
    assert (done.returncode, stub.requests) == (2, [])
    assert b"rocketride-sync: cannot read standard input: " in done.stderr


@pytest.mark.parametrize("content", [f"{KEY}\n", f"\ufeff{KEY}\r\n"])
def test_the_key_from_a_file_wins_over_the_environment(stub, tmp_path, content):
    file = tmp_path / "key"
    file.write_bytes(content.encode())
    done = run(
        "status", TOKEN, "--apikey-file", str(file), ROCKETRIDE_URI=stub.uri, ROCKETRIDE_APIKEY="other"
    )
    assert done.returncode == 0, done.stderr
    assert asked(stub)[1] == f"Bearer {KEY}"


@pytest.mark.parametrize("content", [None, "", "two words"])
def test_a_useless_key_file(stub, tmp_path, content):
    file = tmp_path / "key"
    if content is not None:
        file.write_text(content)
    done = run_with(stub, "status", TOKEN, "--apikey-file", str(file))
    assert done.returncode == 2
    assert str(file) in done.stderr
    assert "words" not in done.stderr.replace("one word", "")
    assert stub.requests == []


@pytest.mark.parametrize("start", ["", "# ours\nROCKETRIDE_URI=http://h\nexport "])
def test_an_env_file_in_place_of_the_key(stub, tmp_path, start):
    file = tmp_path / "key"
    file.write_text(f"{start}ROCKETRIDE_APIKEY={KEY}\n")
    done = run_with(stub, "status", TOKEN, "--apikey-file", str(file))
    assert (done.returncode, stub.requests) == (2, [])
    assert f"{file} holds ROCKETRIDE_" in done.stderr
    assert "--env-file" in done.stderr
    assert KEY not in done.stderr


@pytest.mark.parametrize("quoted", ['"{}"', "'{}'", "{}'"])
def test_a_key_in_quotes(stub, tmp_path, quoted):
    """As in the environment, where no shell removes them either."""
    file = tmp_path / "key"
    file.write_text(quoted.format(KEY) + "\n")
    done = run_with(stub, "status", TOKEN, "--apikey-file", str(file))
    assert (done.returncode, stub.requests) == (2, [])
    assert f"{file}: quotes stand at its beginning or end" in done.stderr
    assert KEY not in done.stderr


@pytest.mark.parametrize("option", ["--apikey-file", "--env-file"])
def test_a_file_in_utf_16_is_called_so(stub, tmp_path, option):
    file = tmp_path / "settings"
    file.write_text(f"ROCKETRIDE_APIKEY={KEY}\n", "utf-16")
    done = run_with(stub, "status", TOKEN, option, str(file))
    assert (done.returncode, stub.requests) == (2, [])
    assert f"{file} is not UTF-8 text; it looks like UTF-16: save it as UTF-8" in done.stderr


def test_the_key_on_standard_input(stub, monkeypatch, capsys):
    text = f"# ours\n\n  {KEY}  \n".encode()
    arguments = ["--transport", "http", "status", TOKEN, "--apikey-file", "-"]
    done = run_here(monkeypatch, capsys, *arguments, stdin=text, ROCKETRIDE_URI=stub.uri)
    assert (done.code, done.stderr) == (0, "")
    assert asked(stub) == (TOKEN, f"Bearer {KEY}")


@pytest.mark.parametrize("text", ["", "# none\n", "two words"])
def test_a_useless_key_on_standard_input(stub, monkeypatch, capsys, text):
    arguments = ["status", TOKEN, "--apikey-file", "-"]
    done = run_here(monkeypatch, capsys, *arguments, stdin=text.encode(), ROCKETRIDE_URI=stub.uri)
    assert (done.code, stub.requests) == (2, [])
    assert "standard input" in done.stderr


@pytest.mark.parametrize("command", ["wait", "status", "stop"])
def test_standard_input_cannot_hold_both_token_and_key(stub, monkeypatch, capsys, command):
    arguments = [command, "-", "--apikey-file", "-"]
    done = run_here(monkeypatch, capsys, *arguments, stdin=f"{TOKEN}\n".encode(), ROCKETRIDE_URI=stub.uri)
    assert (done.code, stub.requests) == (2, [])
    assert "cannot hold both" in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
@pytest.mark.parametrize("option", ["--apikey-file", "--env-file"])
@pytest.mark.parametrize(
    ("mode", "folder", "warned"),
    [
        (0o604, 0o755, True),
        (0o644, 0o711, True),
        (0o640, 0o755, False),
        (0o600, 0o777, False),
        (0o644, 0o700, False),
    ],
)
def test_a_key_that_everybody_can_read(stub, monkeypatch, capsys, others_pass, option, mode, folder, warned):
    home = others_pass / "home"
    home.mkdir()
    file = home / "our key"
    file.write_text(f"ROCKETRIDE_APIKEY={KEY}" if option == "--env-file" else KEY)
    file.chmod(mode)
    home.chmod(folder)
    arguments = ["--transport", "http", "status", TOKEN, option, str(file)]
    done = run_here(monkeypatch, capsys, *arguments, ROCKETRIDE_URI=stub.uri)
    assert done.code == 0
    lines = done.stderr.splitlines()
    assert len(lines) == warned
    assert all("warning: every user" in line and f"chmod 600 '{file}'" in line for line in lines)
    assert KEY not in done.stderr


@pytest.fixture
def others_pass():
    """A folder that every user of the machine can reach: pytest's own is private."""
    # Its name is not of random characters: those that look like a token are not shown.
    folder = Path(tempfile.gettempdir(), f"others-{os.getpid()}")
    folder.mkdir()
    try:
        folder.chmod(0o755)
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_an_env_file_without_the_key_may_be_read_by_everybody(stub, monkeypatch, capsys, others_pass):
    file = others_pass / "env"
    file.write_text(f"ROCKETRIDE_URI={stub.uri}")
    file.chmod(0o644)
    arguments = ["--transport", "http", "status", TOKEN, "--env-file", str(file)]
    done = run_here(monkeypatch, capsys, *arguments, ROCKETRIDE_APIKEY=KEY)
    assert (done.code, done.stderr) == (0, "")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_key_from_a_pipe_has_no_other_readers(others_pass):
    os.mkfifo(others_pass / "pipe", 0o644)
    os.chmod(others_pass / "pipe", 0o644)
    assert not secret_input.others_can_read(str(others_pass / "pipe"))


def test_the_authorities_of_a_file(monkeypatch, capsys, tls_server):
    server, ca_file = tls_server
    arguments = ["--transport", "http", "--uri", server.url, "status", TOKEN]
    done = run_here(monkeypatch, capsys, *arguments, ROCKETRIDE_APIKEY=KEY)
    assert done.code == 5
    assert "--ca-file" in done.stderr
    for options in (["--ca-file", ca_file, *arguments], [*arguments, "--ca-file", ca_file]):
        done = run_here(monkeypatch, capsys, *options, ROCKETRIDE_APIKEY=KEY)
        assert (done.code, done.stderr) == (0, "")


@pytest.fixture
def tls_server(stub, tmp_path):
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with Server(lambda peer: peer.read_request() and peer.send(answer(SUCCEEDED)), tls=context) as server:
        yield server, str(tmp_path / "ca.pem")


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_useless_file_of_authorities(monkeypatch, capsys, tmp_path, content):
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    arguments = ["--uri", "https://127.0.0.1:1", "--ca-file", str(file), "status", TOKEN]
    done = run_here(monkeypatch, capsys, *arguments, ROCKETRIDE_APIKEY=KEY)
    assert done.code == 2
    assert "--ca-file: " in done.stderr


@pytest.mark.parametrize("transport", ["http", "websocket"])
def test_the_time_for_connecting(monkeypatch, capsys, transport):
    with socket.socket() as full:  # a queue that is full: what connects next waits
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        with contextlib.ExitStack() as stack:
            for _ in range(4):
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(full.getsockname())
            uri = f"http://127.0.0.1:{full.getsockname()[1]}"
            arguments = ["--transport", transport, "--uri", uri, "--connect-timeout", "0.05", "status", TOKEN]
            began = time.monotonic()
            done = run_here(monkeypatch, capsys, *arguments, ROCKETRIDE_APIKEY=KEY)
    assert done.code == 5
    assert "within the connect timeout" in done.stderr
    assert time.monotonic() - began < 8


@pytest.mark.parametrize("value", ["0", "-1", "nan", "soon"])
def test_a_useless_time_for_connecting(monkeypatch, capsys, value):
    done = run_here(
        monkeypatch,
        capsys,
        "--uri",
        NOWHERE,
        "status",
        TOKEN,
        "--connect-timeout",
        value,
        ROCKETRIDE_APIKEY=KEY,
    )
    assert done.code == 2
    assert "--connect-timeout" in done.stderr


def test_options_may_stand_before_and_after_the_command(stub):
    for arguments in (["--uri", stub.uri, "status", TOKEN], ["status", TOKEN, "--uri", stub.uri]):
        done = run(*arguments, ROCKETRIDE_URI=NOWHERE, ROCKETRIDE_APIKEY=KEY)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize(
    ("command", "option", "shown"),
    [
        (["status", TOKEN], "--json", '"outcome": "succeeded"'),
        (["wait", TOKEN], "--json", '"outcome": "succeeded"'),
        (["stop", TOKEN], "--json", '"outcome": "succeeded"'),
        (["wait", TOKEN], "--quiet", ""),
        (["wait", TOKEN], "--progress", "Outcome"),
        (["wait", TOKEN], "--no-progress", "Outcome"),
    ],
)
def test_options_of_the_output_may_stand_before_the_command(stub, command, option, shown, before):
    stub.answers = [ok(SUCCEEDED)]
    done = run_with(stub, option, *command) if before else run_with(stub, *command, option)
    assert done.returncode == 0, done.stderr
    assert shown in done.stdout
    assert bool(done.stdout) == bool(shown)
    assert bool(done.stderr) == (option == "--progress")


@pytest.mark.parametrize(
    ("option", "command"),
    [
        ("--json", "serve"),
        ("--json", "demo"),
        ("--quiet", "list"),
        ("--progress", "stop"),
        ("--uri=http://h", "serve"),
        ("--connect-timeout=1", "serve"),
        ("--transport=http", "demo"),
        ("--apikey-file=key", "demo"),
    ],
)
def test_an_option_before_a_command_that_does_not_have_it(option, command):
    done = run(option, command)
    assert done.returncode == 2
    assert f"{command} has no option {option.partition('=')[0]}" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_error_is_a_document_wherever_json_stands(stub):
    stub.answers = [NOT_RUNNING]
    for words in (["--json", "wait", TOKEN], ["wait", TOKEN, "--json"]):
        done = run_with(stub, *words)
        assert (done.returncode, json.loads(done.stdout)["error"]["type"]) == (6, "TaskNotFoundError")


def test_a_dot_env_file_is_never_read_unasked(stub, tmp_path):
    (tmp_path / ".env").write_text(f"ROCKETRIDE_URI={NOWHERE}\nROCKETRIDE_APIKEY=stolen\n")
    done = subprocess.run(
        [*COMMAND, "status", TOKEN],
        cwd=tmp_path,
        env=environment(ROCKETRIDE_URI=stub.uri, ROCKETRIDE_APIKEY=KEY),
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert asked(stub)[1] == f"Bearer {KEY}"


def test_an_env_file_fills_what_the_environment_lacks(stub, tmp_path):
    file = tmp_path / "job.env"
    file.write_text(f'ROCKETRIDE_URI={NOWHERE}\nexport ROCKETRIDE_APIKEY="{KEY}"\nROCKETRIDE_TOKEN={TOKEN}\n')
    done = run("status", "--env-file", str(file), ROCKETRIDE_URI=stub.uri)
    assert done.returncode == 0, done.stderr
    assert asked(stub) == (TOKEN, f"Bearer {KEY}")


def test_an_odd_line_of_an_env_file_that_is_ours_is_named_without_its_value(
    stub, tmp_path, monkeypatch, capsys
):
    file = tmp_path / "job.env"
    file.write_text("# ours\n\nROCKETRIDE_APIKEY='s3cret\nOTHER='also\n")
    arguments = ["--transport", "http", "status", TOKEN, "--env-file", str(file)]
    done = run_here(monkeypatch, capsys, *arguments, ROCKETRIDE_URI=stub.uri)
    assert done.code == 2
    (error,) = done.stderr.splitlines()
    assert f"{file}, line 3" in error
    assert "ROCKETRIDE_APIKEY" in error
    assert "s3cret" not in done.stderr


@pytest.mark.parametrize(
    "line",
    [
        "ROCKETRIDE_URI {}",
        "ROCKETRIDE_URI: {}",
        "export ROCKETRIDE_URI",
        "ROCKETRIDE_URI='{}",
        "set ROCKETRIDE_URI={}",
    ],
)
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_command_whose_env_file_gives_the_address_no_value_asks_no_server(
    stub, tmp_path, monkeypatch, capsys, line, options
):
    monkeypatch.delenv("ROCKETRIDE_URI", raising=False)
    file = tmp_path / "job.env"
    file.write_text(f"ROCKETRIDE_APIKEY={KEY}\n{line.format(stub.uri)}\n")
    done = run_here(monkeypatch, capsys, "list", "--env-file", str(file), *options)
    assert done.code == 2
    assert f"{file}, line 2, gives ROCKETRIDE_URI no value" in done.stderr
    assert KEY not in done.stdout + done.stderr
    assert not stub.requests


SETTINGS = ["ROCKETRIDE_URI", "ROCKETRIDE_APIKEY", "ROCKETRIDE_TOKEN"]


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("value", ["=", "=  # none", '=""', "=''", '="  "', ' = "\n"', ""])
@pytest.mark.parametrize("process", [None, "", " "], ids=["not set", "empty", "blank"])
def test_an_empty_line_of_an_env_file_is_an_error_that_names_it(
    stub, others_pass, monkeypatch, capsys, name, value, process
):
    """The default address is not meant, nor is the key of another account."""
    values = {"ROCKETRIDE_URI": stub.uri, "ROCKETRIDE_APIKEY": KEY, "ROCKETRIDE_TOKEN": TOKEN}
    del values[name]
    file = others_pass / "job.env"
    file.write_text(f"# ours\nexport {name}{value}\n" + "".join(f"{n}={v}\n" for n, v in values.items()))
    monkeypatch.delenv(name, raising=False)
    variables = {} if process is None else {name: process}
    done = run_here(monkeypatch, capsys, "status", "--env-file", str(file), **variables)
    (error,) = done.stderr.splitlines()
    assert (done.code, stub.requests) == (2, [])
    assert f"job.env, line 2, gives {name} no value: " in error
    assert ("is a variable of the script not set?" in error) == bool(value)


def test_the_last_value_of_an_env_file_counts_also_if_it_is_empty(stub, tmp_path, monkeypatch, capsys):
    file = tmp_path / "job.env"
    file.write_text(f"ROCKETRIDE_URI={stub.uri}\nROCKETRIDE_URI=\n")
    done = run_here(monkeypatch, capsys, "status", TOKEN, "--env-file", str(file), ROCKETRIDE_APIKEY=KEY)
    assert (done.code, stub.requests) == (2, [])
    assert f"{file}, line 2, gives ROCKETRIDE_URI no value" in done.stderr


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("ROCKETRIDE_URI=\nROCKETRIDE_URI={uri}\n", {"ROCKETRIDE_APIKEY": KEY}),
        ("ROCKETRIDE_APIKEY=\nROCKETRIDE_URI={uri}\n", {"ROCKETRIDE_APIKEY": KEY}),
        ("ROCKETRIDE_PREFIX=\nROCKETRIDE_URI={uri}\n", {"ROCKETRIDE_APIKEY": KEY}),
    ],
    ids=["a later line has it", "the process has it", "a pipeline may take it as it is"],
)
def test_an_empty_line_of_an_env_file_may_mean_nothing(stub, tmp_path, monkeypatch, capsys, text, variables):
    file = tmp_path / "job.env"
    file.write_text(text.format(uri=stub.uri))
    arguments = ["--transport", "http", "status", TOKEN, "--env-file", str(file)]
    done = run_here(monkeypatch, capsys, *arguments, **variables)
    assert (done.code, done.stderr) == (0, "")


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_a_key_that_everybody_can_read_counts_also_where_that_of_the_process_is_blank(
    stub, monkeypatch, capsys, others_pass
):
    file = others_pass / "env"
    file.write_text(f"ROCKETRIDE_URI={stub.uri}\nROCKETRIDE_APIKEY={KEY}\n")
    file.chmod(0o644)
    arguments = ["--transport", "http", "status", TOKEN, "--env-file", str(file)]
    done = run_here(monkeypatch, capsys, *arguments, ROCKETRIDE_APIKEY=" ")
    assert (done.code, "can read the API key" in done.stderr) == (0, True)


def values_of_options():
    """Each command with each of its options that take a value, and each of its arguments."""
    parser = make_parser()
    for name, child in unknown_options._commands(parser).items():
        for action in child._actions:
            if action.nargs != 0:
                yield name, action.option_strings[-1] if action.option_strings else action.metavar


@pytest.mark.parametrize(("command", "option"), list(values_of_options()))
def test_an_empty_value_is_an_error_that_names_what_is_empty(monkeypatch, capsys, tmp_path, command, option):
    """As of a variable of a script that is not set; nothing takes its place, such as the default address."""
    monkeypatch.chdir(tmp_path)  # `demo` without a path would take files
    required = {"send": [TOKEN, "a.txt"], "run": ["a.pipe", "a.txt"], "runs": [], "validate": ["a.pipe"]}
    required["runs"] = [f"{name}=x" for name in ("--project", "--source") if name != option]
    places = {"TOKEN": 0, "FILE": -1, "PIPELINE": 0}
    words = required.get(command, [])
    if option.startswith("-"):
        words = [*words, option, ""]
    elif words:
        words[places[option]] = ""
    else:
        words = [""]
    done = run_here(monkeypatch, capsys, command, *words, ROCKETRIDE_APIKEY=KEY, ROCKETRIDE_URI=NOWHERE)
    assert done.code == 2, done.stderr
    error = done.stderr.splitlines()[-1]
    assert option in error
    assert "is empty; is a variable of the script not set?" in error or "invalid" in error


def test_an_empty_option_before_the_command_is_an_error_too(monkeypatch, capsys):
    done = run_here(monkeypatch, capsys, "--uri", "", "--json", "status", TOKEN, ROCKETRIDE_APIKEY=KEY)
    assert done.code == 2
    assert "--uri is empty" in json.loads(done.stdout)["error"]["message"]


@pytest.mark.parametrize("text", ["", "# ours\n", "garbage\n", "OTHER=1\n", "rocketride_apikey=x"])
def test_an_env_file_that_sets_nothing_of_ours_is_named(tmp_path, monkeypatch, capsys, text):
    file = tmp_path / "job.env"
    file.write_text(text)
    done = run_here(monkeypatch, capsys, "status", TOKEN, "--env-file", str(file), ROCKETRIDE_URI=NOWHERE)
    warning, error = done.stderr.splitlines()
    assert warning == f"rocketride-sync: warning: {file} sets no variable whose name begins with ROCKETRIDE_"
    assert "no API key" in error


@pytest.mark.parametrize("uri", ["", "https://api.rocketride.ai"])
def test_an_error_of_the_default_address_says_that_it_is_the_default(monkeypatch, capsys, uri):
    settings = {"ROCKETRIDE_URI": uri, "ROCKETRIDE_APIKEY": KEY, "HTTPS_PROXY": NOWHERE}
    done = run_here(monkeypatch, capsys, "status", TOKEN, **settings)
    assert done.code == 5
    assert ("(the default address: ROCKETRIDE_URI is not set)" in done.stderr) == (not uri)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=plain", "plain"),
        ("A = spaced out ", "spaced out"),
        ("export A=1", "1"),
        ("A=", ""),
        ("A=x # comment", "x"),
        ("A=x#y", "x#y"),
        ("A=#x", "#x"),
        ("A= # comment", ""),
        ("A=a=b", "a=b"),
        ("A='$HOME \\n # x'", "$HOME \\n # x"),
        ('A="a\\tb \\"c\\" \\\\ # x" # comment', 'a\tb "c" \\ # x'),
        ("A=$HOME", "$HOME"),
        ("A=1\r", "1"),
        ("A=1\nA=2", "2"),
        ("\ufeffA=1", "1"),
        ("  # only\n\nA=1", "1"),
    ],
)
def test_env_file_lines(tmp_path, line, value):
    file = tmp_path / "env"
    file.write_bytes(line.encode())
    assert env_file.read(str(file)) == {"A": value}


# As other programs write them: a shell, Docker, systemd, python-dotenv. What is not understood is passed over.
FOREIGN_LINES = [
    "A",
    "export PATH",
    "1A=2",
    "=x",
    "A B=1",
    "A='x",
    'A="x\\"',
    "A='x'y",
    "exportA",
    "[section]",
    "source ./other.env",
    "if [ -f x ]; then",
    "; a comment of systemd",
    "GREETING=don't",
    'WORDS="a "b" c"',
    'TEXT="first\nROCKETRIDE_URI=no\nlast"',
    "TEXT='first\nROCKETRIDE_URI=no\nlast'",
    'KEY="-----BEGIN-----\nMII=\n-----END-----"',
    "A-B.c=1",
    "'A'=1",
    "A=$(id)",
    "set -a",
    "set PATH=x",
    "$env:PATH = 'x'",
    "- PATH=x",
    'if [ -z "$ROCKETRIDE_X" ]; then',
    "curl $ROCKETRIDE_X",
    "unset ROCKETRIDE_X",
    "setting ROCKETRIDE_X=1",
    "\x00\x1b",
    "A='" * 500,
]


@pytest.mark.parametrize("line", FOREIGN_LINES)
def test_one_odd_line_stops_nothing(tmp_path, line, capsys):
    file = tmp_path / "env"
    file.write_text(f"ROCKETRIDE_APIKEY=1\n{line}\nROCKETRIDE_URI='2'\nROCKETRIDE_TOKEN=3\n")
    found = env_file.read(str(file))
    ours = {name: value for name, value in found.items() if name.startswith("ROCKETRIDE_")}
    assert ours == {"ROCKETRIDE_APIKEY": "1", "ROCKETRIDE_URI": "2", "ROCKETRIDE_TOKEN": "3"}
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"two\nlines"', "two\nlines"),
        ("'two\nlines'", "two\nlines"),
        ('"a \\"quoted\\"\nline" # comment', 'a "quoted"\nline'),
        ("'it\\'s'", "it's"),
        ("'C:\\new'", "C:\\new"),
        ('"C:\\dir"', "C:\\dir"),
        ('"\r\n"', "\n"),
    ],
)
def test_env_file_values_of_several_lines_and_escapes(tmp_path, text, value):
    file = tmp_path / "env"
    file.write_bytes(f"ROCKETRIDE_X={text}\nROCKETRIDE_Y=1\n".encode())
    assert env_file.read(str(file)) == {"ROCKETRIDE_X": value, "ROCKETRIDE_Y": "1"}


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("ROCKETRIDE_URI", "no = follows the name"),
        ("export ROCKETRIDE_URI", "no = follows the name"),
        ("ROCKETRIDE_URI # later", "no = follows the name"),
        ("ROCKETRIDE_URI s3cret", "no = follows the name"),
        ("ROCKETRIDE_URI: s3cret", "no = follows the name"),
        ('ROCKETRIDE_URI="x"s3cret', "its value's quotes are not closed, or text follows them"),
        ("ROCKETRIDE_URI='s3cret", "its value's quotes are not closed, or text follows them"),
        ("set ROCKETRIDE_URI=s3cret", "its line does not begin with the name"),
        ('SET "ROCKETRIDE_URI=s3cret"', "its line does not begin with the name"),
        ("set -gx ROCKETRIDE_URI s3cret", "its line does not begin with the name"),
        ("setenv ROCKETRIDE_URI s3cret", "its line does not begin with the name"),
        ("declare -x ROCKETRIDE_URI='s3cret'", "its line does not begin with the name"),
        ("export -n\tROCKETRIDE_URI=s3cret", "its line does not begin with the name"),
        ("$env:ROCKETRIDE_URI = 's3cret'", "its line does not begin with the name"),
        ("$Env:ROCKETRIDE_URI='s3cret'", "its line does not begin with the name"),
        ("- ROCKETRIDE_URI=s3cret", "its line does not begin with the name"),
        ("-\tROCKETRIDE_URI: s3cret", "its line does not begin with the name"),
        ('"ROCKETRIDE_URI": "s3cret"', "its line does not begin with the name"),
        ("readonly ROCKETRIDE_URI", "its line does not begin with the name"),
    ],
)
def test_a_line_that_gives_a_variable_of_ours_no_value_is_an_error(tmp_path, monkeypatch, line, wrong):
    monkeypatch.delenv("ROCKETRIDE_URI", raising=False)
    file = tmp_path / "env"
    file.write_text(f"A=1\n  {line}\nB=2\n")
    with pytest.raises(ConfigurationError) as caught:
        env_file.read(str(file))
    assert str(caught.value) == (
        f"{file}, line 2, gives ROCKETRIDE_URI no value: {wrong}; write ROCKETRIDE_URI=VALUE"
    )


@pytest.mark.parametrize(
    "text",
    [
        "ROCKETRIDE_URI=1\nexport ROCKETRIDE_URI\n",
        "ROCKETRIDE_URI=1\nreadonly ROCKETRIDE_URI # from now on\n",
        "ROCKETRIDE_URI\nROCKETRIDE_URI=1\n",
    ],
)
def test_a_name_alone_may_get_its_value_on_another_line(tmp_path, monkeypatch, capsys, text):
    monkeypatch.delenv("ROCKETRIDE_URI", raising=False)
    file = tmp_path / "env"
    file.write_text(text)
    assert env_file.read(str(file)) == {"ROCKETRIDE_URI": "1"}
    assert capsys.readouterr() == ("", "")


def test_a_name_alone_passes_on_the_variable_of_the_process(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ROCKETRIDE_URI", "here")
    file = tmp_path / "env"
    file.write_text("ROCKETRIDE_URI\n")
    assert env_file.read(str(file)) == {}
    assert capsys.readouterr() == ("", "")


def test_an_env_file_made_to_be_slow(tmp_path):
    file = tmp_path / "env"
    began = time.process_time()
    for text in ('A="\\"\n', "A='\\'\n", "A='x'y\n", 'A="x\n', "export " * 9 + "\n", "A=" + " #" * 9 + "\n"):
        file.write_text(text * (60_000 // len(text)))
        env_file.read(str(file))
    file.write_text("A=" + " \t" * 30_000 + "'")
    env_file.read(str(file))
    assert time.process_time() - began < 5


@pytest.mark.parametrize("option", ["--apikey", "--auth", "--api-key", "--key"])
def test_there_is_no_option_for_the_key_and_it_is_not_repeated(option):
    for arguments in ([option, "s3cret"], [f"{option}=s3cret"]):
        done = run("status", TOKEN, *arguments)
        assert done.returncode == 2
        assert option in done.stderr
        assert "s3cret" not in done.stderr


def test_help_and_version_load_nothing_heavy():
    """One after the other in a process: what has loaded something is said after it."""
    words = [["--help"], ["--version"]]
    words += [[name, "--help"] for name in ("run", "send", "wait", "list", "stop", "demo")]
    heavy = {"requests", "websocket", "attrs", "attr", "cattrs", "tqdm", "logging", "asyncio", "fastapi"}
    script = (
        "import sys\nfrom rocketride_sync.cli.main import main\n"
        f"for words in {words!r}:\n    assert main(words) == 0\n"
        f"    print(words, sorted({heavy!r} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, encoding="utf-8", env=environment(), timeout=60
    )
    assert done.stderr.splitlines() == [f"{each} []" for each in words]
    assert done.stdout.count("usage: rocketride-sync") == len(words) - 1


def test_version():
    from rocketride_sync import __version__

    assert run("--version").stdout == f"rocketride-sync {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--apikey", KEY, "status", TOKEN],
        [KEY],
        ["wait", TOKEN, "--timeout", KEY],
        ["wait", TOKEN, "--interval", f"{KEY} ' (x"],
        ["serve", "--port", KEY],
    ],
)
def test_a_key_in_the_wrong_place_is_not_repeated(arguments):
    done = run(*arguments)
    assert done.returncode == 2
    assert "invalid" in done.stderr or "a key is never an argument" in done.stderr
    assert KEY not in done.stdout + done.stderr


MISNAMED = {
    "ROCKETRIDE_APIKEY": ["ROCKETRIDE_API_KEY", "ROCKETRIDE_KEY", "ROCKETRIDE_AUTH"],
    "ROCKETRIDE_URI": ["ROCKETRIDE_URL", "ROCKETRIDE_HOST", "ROCKETRIDE_SERVER"],
}
MISTAKES = [(right, wrong) for right, names in MISNAMED.items() for wrong in names]


@pytest.mark.parametrize("in_file", [False, True])
@pytest.mark.parametrize(("right", "wrong"), MISTAKES)
def test_a_variable_with_another_name_is_named_where_the_right_one_is_missing(
    tmp_path, monkeypatch, capsys, right, wrong, in_file
):
    monkeypatch.delenv(right, raising=False)
    value = f"https://{KEY}"
    variables = {"HTTPS_PROXY": NOWHERE, "ROCKETRIDE_APIKEY": KEY}
    words = ["status", TOKEN]
    if in_file:
        (tmp_path / "job.env").write_text(f"{wrong}={value}\n")
        words += ["--env-file", str(tmp_path / "job.env")]
    else:
        variables[wrong] = value
    variables.pop(right, None)
    done = run_here(monkeypatch, capsys, *words, **variables)
    assert done.code == (2 if right == "ROCKETRIDE_APIKEY" else 5)
    assert f"{right} is not set" in done.stderr or f"set {right}" in done.stderr
    assert done.stderr.count(f"{wrong} is set: should it be {right}?") == 1
    assert KEY not in done.stderr


@pytest.mark.parametrize(("right", "wrong"), MISTAKES)
def test_nor_is_it_named_where_the_right_one_is_set(stub, monkeypatch, capsys, right, wrong):
    stub.answers = [refusal(401, "who are you?")]
    variables = {"ROCKETRIDE_URI": stub.uri, "ROCKETRIDE_APIKEY": KEY, wrong: "x"}
    done = run_here(monkeypatch, capsys, "--transport", "http", "status", TOKEN, **variables)
    assert done.code == 4
    assert wrong not in done.stderr
