"""Which tokens a command takes: from arguments, from lists made by people and programs, by project and source."""

from __future__ import annotations

import json

import pytest
from cases import each
from command import KEY, SUCCEEDED, TOKEN, ok, run_here

from rocketride_sync.cli.main import main

OTHER = "tk_fedcba9876543210fedcba9876543210"


@pytest.fixture
def asking(stub, monkeypatch, capsys):
    """Run a command against the stub, and return what it did, and the tokens that it asked for."""
    stub.answers = [ok(SUCCEEDED)]

    def ask(*arguments, stdin="", **variables):
        variables = {"ROCKETRIDE_URI": stub.uri, "ROCKETRIDE_APIKEY": KEY, **variables}
        done = run_here(
            monkeypatch, capsys, "--transport", "http", *arguments, stdin=stdin.encode(), **variables
        )
        return done, {token for token, _ in stub.requests}

    return ask


LISTS = {
    "a comment of its own": "# nightly\n{0}\n# the other\n{1}\n",
    "a comment behind": "{0}  # nightly\n{1}\t#the other\n",
    "indented comments": "   # nightly\n\t{0}\n  #\n {1}",
    "blank lines": "\n\n{0}\n \t \n{1}\n\n",
    "blanks around": "  {0}  \n\t{1}\t\n",
    "from Windows": "\ufeff# nightly\r\n{0}\r\n\r\n{1} \r\n",
}


@pytest.mark.parametrize("text", LISTS.values(), ids=LISTS)
def test_a_list_of_tokens(asking, text):
    done, tokens = asking("wait", "-", stdin=text.format(TOKEN, OTHER))
    assert (done.code, done.stderr) == (0, "")
    assert tokens == {TOKEN, OTHER}


@each("text", LISTS.values(), ids=LISTS)
@pytest.mark.parametrize("command", ["status", "wait"])
def test_a_list_of_one(asking, command, text):
    done, tokens = asking(command, "-", stdin=text.format(TOKEN, ""))
    assert (done.code, done.stderr) == (0, "")
    assert tokens == {TOKEN}


def test_blanks_around_an_argument(asking):
    done, tokens = asking("wait", f" {TOKEN}\t", f"{OTHER}\n")
    assert (done.code, tokens) == (0, {TOKEN, OTHER})


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", " # tk_1\n\n"])
def test_a_list_of_none(asking, text):
    for command in ("wait", "status", "stop"):
        done, tokens = asking(command, "-", stdin=text)
        assert (done.code, tokens) == (2, set())
        told = "holds no token" if "#" in text else "is empty"
        assert f"standard input {told}" in done.stderr
        assert done.stderr.endswith(": write one token on each line\n") == (command != "status")


def refused(asked, told):
    done, tokens = asked
    assert (done.code, tokens, done.stdout) == (2, set(), "")
    assert TOKEN[:12] not in done.stderr
    (line,) = done.stderr.splitlines()
    assert told in line


SEVERAL = ["{0},{1}", "{0}, {1}", "{0};{1}", "{0} {1}", "{0}\n{1}", "{0},", ",{0}", "{0},,{1}"]
ADVICE = {"wait": "an argument each", "status": "one token", "stop": "an argument each", "send": "one token"}


@each("words", SEVERAL)
def test_several_in_one_word(asking, words):
    text = words.format(TOKEN, OTHER)
    for command, told in ADVICE.items():
        files = ["a.txt"] if command == "send" else []
        refused(asking(command, text, *files), told)
        if command != "send":
            refused(asking(command, ROCKETRIDE_TOKEN=text), told)


@pytest.mark.parametrize("command", ["status", "wait", "stop"])
def test_bytes_that_are_not_utf_8_are_no_token(asking, command):
    refused(asking(command, "tk_\udcff\udcfe"), ": TOKEN must be text that UTF-8 can encode")
    refused(asking(command, ROCKETRIDE_TOKEN="tk_\udcff"), ": TOKEN must be text that UTF-8 can encode")


@pytest.mark.parametrize("words", ["{0},{1}", "{0},", "{0} # first\n{1},{0}"])
def test_several_in_one_word_of_a_list(asking, words):
    for command in ("wait", "stop"):
        refused(asking(command, "-", stdin=words.format(TOKEN, OTHER)), "one a line")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("tk_0123…", "a TOKEN is a shortened one"),
        ("tk_0123\\u2026", "a TOKEN is a shortened one"),
        ("{0},{1}", "looks like several"),
        ("{0} {1}", "holds more than one word"),
        ("x" * 70_000, "larger than 64 KiB"),
    ],
)
def test_a_wrong_line_of_a_list_is_numbered(asking, wrong, told):
    text = f"# nightly\n{{0}}\n\n{wrong}\n{{1}}\n".format(TOKEN, OTHER)
    refused(asking("wait", "-", stdin=text), "line 4 of standard input")
    refused(asking("wait", "-", stdin=text), told)


@pytest.mark.parametrize("words", ["{0},{1}", "{0}, {1}", "{0}\n{1}"])
def test_several_for_a_command_that_takes_one(asking, words):
    refused(asking("status", "-", stdin=words.format(TOKEN, OTHER)), "one")


@pytest.mark.parametrize("token", ["job,1", "nightly;a", "of_my_own#1"])
def test_a_token_of_somebodys_choice_may_hold_a_comma(asking, token):
    done, tokens = asking("status", token)
    assert (done.code, tokens) == (0, {token})


@pytest.mark.parametrize("command", ["status", "wait", "stop"])
def test_a_token_with_escapes_is_read_by_every_command(asking, command):
    done, tokens = asking(command, "-", stdin="\\u0020job\\u000aone\\\\n\\n  # nightly\n")
    assert tokens == {" job\none\\n\\n"}, done.stderr


def test_a_key_has_no_escapes(asking, tmp_path, stub):
    (tmp_path / "key").write_text("\\\\key\\u0020\n")
    assert asking("--apikey-file", str(tmp_path / "key"), "status", TOKEN)[0].code == 0
    assert stub.requests[0][1] == "Bearer \\\\key\\u0020"


def test_json_says_so_too(asking):
    done, _ = asking("wait", "--json", f"{TOKEN},{OTHER}")
    error = json.loads(done.stdout)["error"]
    assert (done.code, error["type"]) == (2, "ConfigurationError")


@pytest.mark.parametrize(
    "words", ["data/a", "data/a data/b", "data/a tk_0123456789-secret", "data/a data/b tk_0123456789-secret"]
)
def test_send_says_which_file_it_has_taken_for_the_token(words, tmp_path, monkeypatch, capsys):
    """Of a word it is not known whether it is a secret, unless it names a file."""
    (tmp_path / "data").mkdir()
    for name in "ab":
        (tmp_path / "data" / name).write_text(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ROCKETRIDE_TOKEN", raising=False)
    monkeypatch.setenv("ROCKETRIDE_URI", "http://127.0.0.1:1")
    monkeypatch.setenv("ROCKETRIDE_APIKEY", "key")
    assert main(["send", *words.split()]) == 2
    said = capsys.readouterr().err
    assert "'data/a' was taken for the TOKEN" in said
    assert "secret" not in said


@pytest.mark.parametrize(
    "words", ["a-chosen-secret", "tk_0123456789-secret", "a-chosen-secret tk_0123456789-secret"]
)
def test_send_shows_no_word_that_may_be_the_token(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROCKETRIDE_APIKEY", "key")
    monkeypatch.delenv("ROCKETRIDE_TOKEN", raising=False)
    assert main(["send", *words.split()]) == 2
    said = capsys.readouterr().err
    assert ("the TOKEN" in said) == (" " not in words)
    assert "secret" not in said
