"""The program itself: its version, its help, its usage lines, and what it says of a mistyped word."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from cases import each
from command_call import call_command

from rocketride_sync import __version__
from rocketride_sync.cli import command_result, exit_codes, main, wait_command

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("option", ["-V", "--version"])
def test_the_version(option, capsys):
    assert main.main([option]) == 0
    assert capsys.readouterr().out == f"rocketride-sync {__version__}\n"


@pytest.mark.parametrize("command", [[], *([name] for name in main._COMMANDS)])
def test_help_is_that_of_the_option(command, capsys):
    assert main.main(["help", *command]) == 0
    shown = capsys.readouterr()
    assert main.main([*command, "--help"]) == 0
    assert shown == capsys.readouterr()
    assert shown.out.startswith("usage: rocketride-sync")


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["wiat", "tk_1"], "wait"),
        (["stauts"], "status"),
        (["Wait"], "wait"),
        (["halp"], "help"),
        (["help", "snd"], "send"),
        (["rnu", "job.pipe"], "run"),
        (["urn"], "run"),
        (["ls"], "list"),
        (["ps"], "list"),
        (["kill", "tk_1"], "stop"),
        (["cancel"], "stop"),
        (["logs"], "runs"),
        (["start", "job.pipe"], "run"),
        (["UPLOAD"], "send"),
        (["help", "ls"], "list"),
        (["status", "tk_1", "--transport", "websockets"], "websocket"),
    ],
)
def test_a_mistyped_word_is_met_with_the_one_that_was_meant(words, meant, capsys):
    assert main.main(words) == 2
    assert capsys.readouterr().err.endswith(f"; did you mean {meant}?\n")


@pytest.mark.parametrize("words", [["frobnicate"], ["help", "frobnicate"]])
def test_a_strange_word_is_met_with_those_there_are(words, capsys):
    assert main.main(words) == 2
    problem = capsys.readouterr().err
    assert "did you mean" not in problem
    assert "frobnicate" not in problem  # it may be a key in the wrong place
    assert all(name in problem for name in ("run", "send", "wait", "status"))


@pytest.mark.parametrize("word", ["nope", "wiat", "0123456789abcdef"])
def test_help_of_a_mistyped_command_says_what_the_mistyped_command_says(word, capsys):
    assert main.main([word]) == 2
    told = capsys.readouterr()
    assert main.main(["help", word]) == 2
    assert capsys.readouterr() == told


def test_the_usage_says_the_order_of_the_arguments(capsys):
    main.main(["send", "--help"])
    assert capsys.readouterr().out.startswith("usage: rocketride-sync send [options] [TOKEN] FILE ...\n")


@pytest.mark.parametrize("command", [[], *([name] for name in main._COMMANDS)])
def test_an_error_is_two_lines(command, capsys):
    assert main.main([*command, "--nonsense"]) == 2
    usage, problem = capsys.readouterr().err.splitlines()
    assert usage.startswith(" ".join(["usage: rocketride-sync", *command, "[options]"]))
    assert problem.startswith("rocketride-sync: ")


@pytest.mark.parametrize("words", [[], ["--nonsense"], *([name, "--nonsense"] for name in main._COMMANDS)])
def test_an_error_puts_nothing_among_the_results_where_stderr_is_closed(words):
    """As in ``token=$(rocketride-sync … 2>&-)``."""
    done = call_command(words, {}, stderr=None)
    assert (done.returncode, done.stdout) == (2, "")


def listed(text, form):
    return [int(code) for row in re.findall(form, text, re.MULTILINE) for code in row.split(", ")]


def test_the_lists_of_exit_codes_are_the_same():
    codes = sorted(map(int, exit_codes.ExitCode))
    assert listed(exit_codes.HELP, r"^  (\d+) ") == codes
    for page in ("README.md", "docs/errors.md"):
        assert sorted(listed((ROOT / page).read_text("utf-8"), r"^\| (\d[\d, ]*) \|")) == codes


def test_the_severity_of_several_is_the_same_everywhere():
    order = ", ".join(str(int(code)) for code in exit_codes._BY_SEVERITY[:-1])
    told = re.compile(r"the\s+first\s+in\s+the\s+order\s+([\d,\s]+?)\.")
    texts = [
        wait_command.EPILOG,
        *((ROOT / page).read_text("utf-8") for page in ("README.md", "docs/errors.md")),
    ]
    assert [told.search(text)[1].replace("\n", " ") for text in texts] == [order] * 3


@pytest.mark.parametrize("words", [["--hepl"], ["--hepl", "status"], ["status", "--hepl"]])
def test_a_mistyped_option_is_named(words, capsys):
    assert main.main(words) == 2
    assert capsys.readouterr().err.endswith("unknown option --hepl; did you mean --help?\n")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--timout", "5", "list"], "unknown option --timout; did you mean --timeout?"),
        (["--timout=5", "list"], "unknown option --timout; did you mean --timeout?"),
        (["--uri", "x", "--timout", "5", "list"], "unknown option --timout; did you mean --timeout?"),
        (["--quiet", "--uri=x", "--timout", "5"], "unknown option --timout; did you mean --timeout?"),
        (["--frobnicate", "5", "list"], "unknown option --frobnicate; see rocketride-sync --help"),
        (["list", "--frobnicate", "5"], "unknown option --frobnicate; see rocketride-sync list --help"),
        (
            ["list", "--json", "--", "--extra"],
            "too many arguments, from --extra on; see rocketride-sync list --help",
        ),
        (["wait", "--frob", "--", "tk_x"], "unknown option --frob; see rocketride-sync wait --help"),
        (["list", "extra"], "too many arguments, from extra on; see rocketride-sync list --help"),
        (["--timeout", "60", "wait", "tk_x"], "--timeout comes after the command: wait --timeout"),
        (["--timeout=60", "wait", "tk_x"], "--timeout comes after the command: wait --timeout"),
        (["--timeout", "60"], "--timeout comes after the command: COMMAND --timeout"),
        (["--timeout", "60", "list"], "list has no option --timeout"),
        (
            ["--apikey-file", "-", "--project", "p", "runs"],
            "--project comes after the command: runs --project",
        ),
    ],
)
def test_an_option_before_the_command_is_named_as_one_after_it(words, told, capsys):
    assert main.main(words) == 2
    assert capsys.readouterr().err.splitlines()[1] == f"rocketride-sync: {told}"


@pytest.mark.parametrize(
    ("words", "missing", "called"),
    [
        ([], "COMMAND", ""),
        (["--quiet"], "COMMAND", ""),
        (["run"], "PIPELINE", " run"),
        (["validate"], "FILE", " validate"),
        (["runs", "--project", "p"], "--source", " runs"),
    ],
)
def test_what_is_missing_is_met_with_where_to_read_on(words, missing, called, capsys):
    assert main.main(words) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert told == (
        f"rocketride-sync: the following arguments are required: {missing}; see rocketride-sync{called} --help"
    )
    assert main.main([*called.split(), "--help"]) == 0
    assert missing in capsys.readouterr().out


@pytest.mark.parametrize("words", ["{} wait", "wait {}", "status {}", "stop {}", "send {} FILE"])
@pytest.mark.parametrize("form", ["--token=tk_secret-value", "--token tk_secret-value"])
def test_an_option_for_the_token_is_told_how_it_is_given(words, form, capsys):
    assert main.main(words.format(form).split()) == 2
    out, err = capsys.readouterr()
    assert "secret-value" not in out + err
    said = (
        "there is no option --token: give TOKEN, or - to read it from standard input, or set ROCKETRIDE_TOKEN"
    )
    assert err.splitlines()[-1] == f"rocketride-sync: {said}"


def test_a_command_without_a_token_says_nothing_of_how_it_is_given(capsys):
    assert main.main(["check", "--token", "tk_1"]) == 2
    assert capsys.readouterr().err.endswith(": unknown option --token; see rocketride-sync check --help\n")


@pytest.mark.parametrize("option", ["--apikey", "--api-key", "--auth", "--key"])
@pytest.mark.parametrize("place", ["before", "joined", "after"])
def test_a_key_as_an_argument_is_met_with_the_ways_to_give_one(option, place, capsys):
    words = {
        "before": [option, "any", "list"],
        "joined": [f"{option}=any", "list"],
        "after": ["list", option, "any"],
    }[place]
    assert main.main(words) == 2
    assert capsys.readouterr().err.endswith(
        f": there is no option {option}: a key is never an argument; use --apikey-file or ROCKETRIDE_APIKEY\n"
    )


@pytest.mark.parametrize("words", [["--json", "--timout", "5", "list"], ["--timeout", "5", "wait", "--json"]])
def test_an_option_before_the_command_is_a_document_with_json(words, capsys):
    assert main.main(words) == 2
    assert json.loads(capsys.readouterr().out)["error"]["type"] == "ConfigurationError"


@pytest.mark.parametrize(
    ("words", "told"), [(["a", "b", "c"], "b"), (["a", "0123456789abcdef"], "0123…"), (["a", "b\n"], "b\\n")]
)
def test_the_first_argument_too_many_is_named_but_never_whole_if_it_may_be_a_secret(words, told, capsys):
    assert main.main(["status", *words]) == 2
    said = f"too many arguments, from {told} on; see rocketride-sync status --help"
    assert capsys.readouterr().err.splitlines()[-1] == f"rocketride-sync: {said}"


NO_NUMBERS = [
    "abc",
    "70000",
    "-1",
    "",
    "1.5",
    "1e3",
    "\u0663",
    "1_0",
    " 5",
    "+5",
    "\uff15",
    "9" * 5000,
    "\udcff",
]


@each("text", NO_NUMBERS)
def test_what_is_no_whole_number_is_met_with_those_there_are(text, capsys):
    """Digits as in durations and addresses, and no others."""
    for words, told in (
        (["serve", f"--port={text}"], "argument --port: invalid port: it must be a number from 0 to 65535\n"),
        (
            ["run", "a.pipe", f"--threads={text}"],
            "argument --threads: invalid number: it must be one from 1 to 64\n",
        ),
    ):
        assert main.main(words) == 2
        assert capsys.readouterr().err.endswith(told)


def test_the_help_of_every_command_names_all_members_of_its_document():
    (commands,) = (action for action in main.make_parser()._actions if action.dest == "command")
    printing = {name: parser for name, parser in commands.choices.items() if "--json" in parser.format_help()}
    assert {"list", "check", "runs", "wait"} <= set(printing)
    members = json.loads(command_result.json_document(None, code=exit_codes.ExitCode.SUCCEEDED))
    for name, parser in printing.items():
        told = (parser.epilog or "").partition("with --json")[2]
        if told:
            assert [member for member in members if f'"{member}"' not in told] == [], name


@pytest.mark.parametrize("command", ["", *main._COMMANDS])
def test_the_help_fits_a_terminal_of_80_columns(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    parser = main.make_parser()
    (commands,) = (action for action in parser._actions if action.dest == "command")
    text = (commands.choices[command] if command else parser).format_help()
    assert [line for line in text.splitlines() if len(line) > 80] == []


def test_the_help_fills_the_lines_of_a_wide_terminal(monkeypatch):
    """Its lists stay as they are, and a blank line stays between two paragraphs."""
    monkeypatch.setenv("COLUMNS", "200")
    text = main.make_parser().format_help()
    assert max(map(len, text.splitlines())) > 150
    assert "\n  143  ended by SIGTERM\n\n129, 130 and 143 are what" in text


@pytest.mark.parametrize(
    "words", [["status"], ["status", "run"], ["--quiet", "status"], ["help", "status"], []]
)
def test_no_time_is_lost_on_the_parsers_of_other_commands(words, monkeypatch):
    """To make them all takes longer than a call."""
    made = []
    for name, command in main._COMMANDS.items():
        monkeypatch.setattr(command, "add_arguments", lambda parser, name=name: made.append(name))
    main.main(words)
    assert made == (["status"] if words[:1] == ["status"] else list(main._COMMANDS))
