"""Messages use the words of the command line, wherever in the library they come from."""

from __future__ import annotations

import ast
import json
import os
import re
from pathlib import Path

import pytest
from cases import each
from command import KEY, NOT_RUNNING, RUNNING, TOKEN, Answer, ok, refusal
from transports.loopback import HOST, Server, refusing_address

import rocketride_sync
from rocketride_sync import TransportError
from rocketride_sync.cli import main, wording
from rocketride_sync.cli.exit_codes import code_and_advice
from rocketride_sync.transports import chunks
from rocketride_sync.waiting.retention import RETENTION

PACKAGE = Path(rocketride_sync.__file__).parent
APART = ("cli", "contrib", "emulator", "reporting")  # what no command says, or says in words of its own
PYTHON = re.compile(
    r"""(?<!-)\b[a-z_]+=(?![=<>/])|\b(?:use|get|wait|send|close|terminate|call)\w*\(|with block|\(\w+, \{|\{'\w+': """
)
# What no command can bring about, because it passes no such argument.
OUT_OF_REACH = (
    "give a pipeline either as filepath= or as pipeline=",
    "in a with block",
    "verify=False: ",
    ", command=",
    ", host=",
    ", port=",
    ", token=",
    "style=",
    " is not yours to set; the API key is auth=",
    "files= or data=",
    "proxies must be a mapping",
    "objinfo must be a dict",
    "no files= and no data=",
)


def messages():
    """The texts of the library that a user may read: all strings but docstrings, reprs, words and HTML."""
    for file in sorted(PACKAGE.rglob("*.py")):
        # These are for those who write Python.
        if file.relative_to(PACKAGE).parts[0] in APART or file.name == "migration.py":
            continue
        tree = ast.parse(file.read_text("utf-8"))
        apart = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        reprs = (node for node in ast.walk(tree) if getattr(node, "name", "") == "__repr__")
        apart |= {id(part) for node in reprs for part in ast.walk(node)}
        for node in ast.walk(tree):
            if isinstance(node, (ast.Constant, ast.JoinedStr)) and id(node) not in apart:
                text = wording_of(node)
                if " " in text and "<" not in text:
                    yield f"{file.name}:{node.lineno}", text


def wording_of(node):
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
    return node.value if isinstance(node.value, str) else ""


def test_no_message_of_the_library_keeps_a_word_of_python():
    left = {
        place: text
        for place, text in messages()
        if PYTHON.search(wording.in_command_line_words(text))
        and not any(part in text for part in OUT_OF_REACH)
    }
    assert left == {}


def names_of_operations():
    def found(files, pattern):
        return {name for file in PACKAGE.glob(files) for name in re.findall(pattern, file.read_text("utf-8"))}

    made = found("protocol/*operations.py", r'name="(\w+)"')
    sent = {*found("*/*.py", r'operations\.send\(\s*"(\w+)"'), *found("*/*.py", r'result_of\("(\w+)"')}
    assert len(made) > 10
    assert len(sent) > 2
    return sorted(made | sent)


@each("name", names_of_operations())
def test_every_operation_is_called_by_what_it_does(name):
    said = wording.in_command_line_words(f"task tk_1…: the last poll failed: {name} failed: oh")
    assert said.startswith("task tk_1…: the last poll failed: ")
    assert name not in said.split(": ")[-2].split() or name == "ping"
    assert not re.search(r"\w_\w|^use\b", said.split(": ")[-2])


@pytest.mark.parametrize(
    "text", ["the server answered: name must be given", "no such thing as threads=4", "it failed: use a pipe"]
)
def test_what_a_server_says_stays_as_it_is(text):
    assert wording.in_command_line_words(text) == text


@pytest.fixture
def call(stub, capsys, monkeypatch):
    """Run a command in this process, and return its exit code and what it says on stderr."""
    monkeypatch.setenv("ROCKETRIDE_URI", stub.uri)
    monkeypatch.setenv("ROCKETRIDE_APIKEY", KEY)
    monkeypatch.delenv("ROCKETRIDE_TOKEN", raising=False)
    stub.answers = [ok(RUNNING)]

    def call(*words):
        return int(main.main(words)), capsys.readouterr().err

    return call


@pytest.mark.parametrize("words", [["run", "-"], ["run", "-", "--json"], ["validate", "-"]])
def test_a_pipeline_is_not_read_from_standard_input_by_a_hyphen(call, capsys, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = main.main(words)
    out, problem = capsys.readouterr()
    said = out if words[0] == "validate" else problem
    assert (code, said.count("/dev/stdin")) == (1 if words[0] == "validate" else 2, 1)
    assert "No such file" not in said


@pytest.mark.parametrize("options", [[], ["--json"]])
@pytest.mark.parametrize("tokens", [[TOKEN], [TOKEN, TOKEN[::-1]]])
def test_a_task_that_may_be_forgotten_needs_no_end_and_no_wait(call, stub, tokens, options):
    stub.answers = [NOT_RUNNING]
    code, problem = call("--transport", "http", "stop", *tokens, *options)
    assert (code, problem.count("check the token")) == (6, 1)
    assert wording.NOTHING_TO_END in problem
    assert "wait" not in problem


@pytest.mark.parametrize("command", ["status", "wait"])
def test_a_task_that_may_be_forgotten_is_told_with_what_finds_its_run(call, stub, command):
    stub.answers = [NOT_RUNNING]
    code, problem = call("--transport", "http", command, TOKEN)
    assert code == 6
    assert problem.count("check the token") == 1
    assert problem.endswith(f"Your pipeline is not running; {wording.FORGOTTEN}\n")
    assert f" {RETENTION / 60:.0f} to " in problem
    options = re.search(r"wait ((?:--\w+ \w+ ?)+)", problem)[1].split()
    args = main.make_parser().parse_args(["wait", *options])
    assert (args.project, args.source) == ("P", "S")


REFUSED = Answer(401, '{"status":"Error","error":{"error":"Access denied"}}')


@pytest.mark.parametrize(
    ("words", "answer", "said"),
    [
        (["status", TOKEN], REFUSED, "Check the API key (ROCKETRIDE_APIKEY or --apikey-file)\n"),
        (["send", TOKEN, __file__], refusal(400, "no"), ": reading the status failed: the server answered"),
        (
            ["list", "--transport", "http"],
            None,
            ": listing the tasks: the server does not offer this over HTTP; leave",
        ),
        (["runs", "--project", " ", "--source", "s"], None, ": --project must be a string that is not empty"),
        (["wait", "tk_1…"], None, ": TOKEN is a shortened one"),
        (["wait", "tk_1", "tk_2…"], None, ": a TOKEN is a shortened one"),
        (["status", TOKEN, "--uri", "ftp://host"], None, ": --uri: unknown scheme"),
        (["status", TOKEN, "--uri", "host/task/service"], None, ": --uri: leave out /task/service"),
        (
            ["wait", TOKEN, "--interval", "400s", "--timeout", "0"],
            None,
            ": warning: --interval=400: a server forgets",
        ),
    ],
)
def test_messages_of_the_library(call, stub, words, answer, said):
    if answer is not None:
        stub.answers = [answer]
    code, problem = call("--transport", "http", *words)
    assert code
    assert said in problem
    assert not PYTHON.search(problem)


@pytest.mark.parametrize("name", ["ROCKETRIDE_URI", "ROCKETRIDE_APIKEY", "ROCKETRIDE_TOKEN"])
def test_a_variable_in_quotes_is_named(call, stub, monkeypatch, name):
    monkeypatch.setenv("ROCKETRIDE_TOKEN", TOKEN)
    monkeypatch.setenv(name, '"x"')
    code, problem = call("--transport", "http", "status")
    assert code == 2
    assert problem.startswith(f"rocketride-sync: {name}: quotes stand")
    assert stub.requests == []


@pytest.mark.parametrize("name", ["ROCKETRIDE_URI", "ROCKETRIDE_APIKEY", "ROCKETRIDE_TOKEN"])
def test_white_space_around_a_variable_is_told_once_and_left_out(call, stub, monkeypatch, name):
    values = {"ROCKETRIDE_URI": stub.uri, "ROCKETRIDE_APIKEY": KEY, "ROCKETRIDE_TOKEN": TOKEN}
    for variable, value in values.items():
        monkeypatch.setenv(variable, f" {value}\r" if variable == name else value)
    code, problem = call("--transport", "http", "status")
    assert (code, stub.requests) == (0, [(TOKEN, f"Bearer {KEY}")])
    assert (
        problem
        == f"rocketride-sync: warning: {name}: white space stands around its value, and was left out\n"
    )


def test_a_wrong_address_is_that_of_the_variable(call, monkeypatch):
    monkeypatch.setenv("ROCKETRIDE_URI", "wss://host/task/service")
    code, problem = call("status", TOKEN)
    assert code == 2
    assert problem == (
        "rocketride-sync: ROCKETRIDE_URI: leave out /task/service at its end; where it is needed, it is added\n"
    )


@pytest.mark.parametrize("start", [["send", TOKEN], ["run", "job.pipe"]])
def test_a_file_that_cannot_be_read_is_named_before_anything_is_sent(
    call, stub, tmp_path, monkeypatch, start
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "job.pipe").write_text('{"source": "a", "components": [{"id": "a", "provider": "webhook"}]}')
    real = chunks.open_for_reading

    def refuse(path, *more):
        if path == "a.txt":
            raise PermissionError(13, "Permission denied", path)
        return real(path, *more)

    monkeypatch.setattr(chunks, "open_for_reading", refuse)
    monkeypatch.setenv("ROCKETRIDE_URI", stub.uri)
    code, problem = call("--transport", "http", *start, "a.txt")
    assert (code, stub.requests) == (2, [])
    assert problem == "rocketride-sync: the file 'a.txt' cannot be read: Permission denied\n"


@pytest.mark.parametrize("transport", ["auto", "http"])
def test_a_web_server_that_knows_no_such_method_has_started_nothing(
    call, stub, tmp_path, monkeypatch, transport
):
    stub.answers = [Answer(404, "<html>no such page</html>", "text/html")]
    component = {"id": "in", "provider": "files", "config": {}}
    (tmp_path / "job.pipe").write_text(
        json.dumps({"project_id": "p", "source": "in", "components": [component]})
    )
    monkeypatch.setenv("ROCKETRIDE_URI", stub.uri)
    code, problem = call("--transport", transport, "run", str(tmp_path / "job.pipe"))
    assert code == 5
    line = problem.splitlines()[-1]
    assert line.startswith("rocketride-sync: job.pipe: starting the pipeline failed: HTTP 501")
    assert line.endswith("; check that --uri is a RocketRide server's address")
    assert "unknown" not in line
    assert "run on" not in line


@pytest.mark.parametrize(("option", "value"), [("--ttl", "60"), ("--name", "mine")])
def test_an_option_that_takes_websocket_can_be_left_out(call, stub, tmp_path, monkeypatch, option, value):
    stub.answers = [Answer(404, "no such page", "text/html")]
    component = {"id": "in", "provider": "files", "config": {}}
    (tmp_path / "job.pipe").write_text(json.dumps({"source": "in", "components": [component]}))
    monkeypatch.setenv("ROCKETRIDE_URI", stub.uri)
    code, problem = call("run", str(tmp_path / "job.pipe"), option, value)
    assert code == 5
    assert problem.splitlines()[-1].endswith(f": no WebSocket there; leave out {option}")


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs /proc")
def test_nor_is_anything_sent_for_a_file_that_lies_about_its_size(call, stub, monkeypatch):
    monkeypatch.setenv("ROCKETRIDE_URI", stub.uri)
    code, problem = call("--transport", "http", "send", TOKEN, "/proc/self/status")
    assert (code, stub.requests) == (2, [])
    assert "size reads as 0" in problem


@pytest.mark.parametrize("transport", ["auto", "websocket", "http"])
@pytest.mark.parametrize("name", ["HTTP_PROXY", "ALL_PROXY"])
def test_a_proxy_that_is_down_is_what_to_check(call, monkeypatch, transport, name):
    monkeypatch.setenv("ROCKETRIDE_URI", "http://198.51.100.1")
    with refusing_address() as address:
        monkeypatch.setenv(name, f"http://{address}")
        code, problem = call("status", TOKEN, "--transport", transport)
    assert code == 5
    assert f"connection to the proxy http://{address} (set by {name})" in problem
    assert problem.endswith(f"; check this proxy and {name}; NO_PROXY names hosts that need none\n")
    assert "--uri" not in problem


@pytest.mark.parametrize("answered", [b"", b"\0\xff nonsense\r\n\r\n", b"220 smtp.example ESMTP\r\n"])
def test_so_is_one_that_does_not_answer_as_a_proxy(call, monkeypatch, answered):
    def handler(peer):
        peer.read_request()
        peer.send(answered)

    monkeypatch.setenv("ROCKETRIDE_URI", "https://198.51.100.1")
    with Server(handler) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{HOST}:{proxy.port}")
        code, problem = call("status", TOKEN)
    assert code == 5
    assert problem.endswith("; check this proxy and HTTPS_PROXY; NO_PROXY names hosts that need none\n")
    assert ("closed the connection" in problem) == (not answered)


@pytest.mark.parametrize("transport", ["websocket", "http"])
def test_so_is_one_whose_name_is_not_known(call, monkeypatch, transport):
    monkeypatch.setenv("ROCKETRIDE_URI", "http://198.51.100.1")
    monkeypatch.setenv("HTTP_PROXY", "http://no-such-host.invalid:1")
    code, problem = call("status", TOKEN, "--transport", transport)
    assert code == 5
    assert problem.endswith("; check this proxy and HTTP_PROXY; NO_PROXY names hosts that need none\n")


def test_a_message_does_not_say_what_to_check():
    said = "no connection to the proxy http://h:1 (set by a server)"
    assert "a server" not in code_and_advice(TransportError(said))[1]


@pytest.mark.parametrize("before", [[], ["README.md"]])
@pytest.mark.parametrize("start", [["send", TOKEN], ["run", "job.pipe"]])
def test_a_file_that_is_not_there_is_named_and_not_numbered(tmp_path, monkeypatch, capsys, start, before):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROCKETRIDE_APIKEY", KEY)
    (tmp_path / "README.md").write_text("x")
    (tmp_path / "job.pipe").write_text('{"source": "a", "components": [{"id": "a", "provider": "webhook"}]}')
    assert main.main([*start, *before, "nosuch.txt"]) == 2
    assert capsys.readouterr().err == "rocketride-sync: the file 'nosuch.txt' is not there\n"
