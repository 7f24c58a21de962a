"""`list` in this process, against a server that lists what a test says."""

from __future__ import annotations

import json

import pytest
from command import KEY, SUCCEEDED, TOKEN, ok, refusal, run_here
from transports.dap_peer import serve
from transports.loopback import Server

OTHER = "tk_fedcba9876543210fedcba9876543210"
START = 1_700_000_000.0
ROW = {"name": "words", "description": "", "source": "src", "token": TOKEN, "status": "Working"}


@pytest.fixture
def listing(monkeypatch, capsys):
    """Run `list` against a server with these rows, and these statuses by token; a text is a refusal."""

    def run(rows, statuses, *arguments):
        asked = []

        def reply(peer, request):
            if request["command"] == "rrext_get_tasks":
                peer.answer(request, {"tasks": rows})
                return
            asked.append(request["arguments"]["token"])
            found = statuses.get(asked[-1], "Your pipeline is not running")
            (peer.refuse if isinstance(found, str) else peer.answer)(request, found)

        with Server(serve(reply)) as server:
            variables = {"ROCKETRIDE_URI": server.url, "ROCKETRIDE_APIKEY": KEY}
            done = run_here(monkeypatch, capsys, "list", *arguments, **variables)
        return done, asked

    return run


def test_when_each_task_started(listing):
    statuses = {TOKEN: {"state": 3, "startTime": START}, OTHER: {"state": 1, "startTime": 0.0}}
    done, _ = listing([ROW, {**ROW, "token": OTHER}], statuses)
    header, first, second = done.stdout.splitlines()
    assert (done.code, done.stderr) == (0, "")
    at = header.index("STARTED")
    assert first[at:].startswith("2023-11-14 22:13:20+00:00")
    assert second[at:].split() == ["Working"]


def test_when_each_task_started_as_json(listing):
    done, _ = listing([ROW, {**ROW, "token": OTHER}], {TOKEN: {"state": 3, "startTime": START}}, "--json")
    first, second = json.loads(done.stdout)["tasks"]
    assert (first["startTime"], second["startTime"]) == (START, None)
    assert first["token"] == second["token"].replace("fedc", "0123")


@pytest.mark.parametrize(
    "refusal", ["Your pipeline is not running", "Permission 'task.monitor' denied", "no such luck"]
)
def test_a_task_whose_status_cannot_be_read_is_listed_all_the_same(listing, refusal):
    done, asked = listing([ROW, {**ROW, "token": ""}], {TOKEN: refusal})
    assert (done.code, done.stderr, len(done.stdout.splitlines())) == (0, "", 3)
    assert asked == [TOKEN]


def test_tokens_only(listing):
    done, asked = listing([ROW, {**ROW, "token": OTHER}, {**ROW, "token": ""}], {}, "--tokens-only")
    assert done == (0, f"{TOKEN}\n{OTHER}\n", "")
    assert asked == []  # it is not asked for what is not printed


CHOSEN = [
    OTHER,
    "#nightly",
    "\\#nightly",
    "\\\\#",
    "\\nightly",
    "of_my_own#1",
    "job one",
    " lead",
    "trail ",
    "a\tb",
    "a\nb",
]
CHOSEN += [
    "a\r\nb",
    "a\x85b",
    "a\u2028b",
    "a\xa0b",
    "é",
    "a\U000e0001b",
    "\\u0041",
    "a\x00\x1bb",
    "\ufeffa",
    "# a",
]
CHOSEN += ["tk_one,tk_two", "tk_one tk_two", "tk_one,", ",", "tk_one,,pk_two", "a,b;c"]


@pytest.mark.parametrize("other", CHOSEN)
def test_tokens_only_is_what_wait_reads(other, listing, stub, monkeypatch, capsys):
    """Whoever starts a task may choose its token."""
    printed = listing([ROW, {**ROW, "token": other}], {}, "--tokens-only")[0].stdout
    assert printed.isascii()
    assert len(printed.split()) == len(printed.splitlines()) == 2
    stub.answers = [ok(SUCCEEDED)]
    done = run_here(
        monkeypatch,
        capsys,
        "--transport",
        "http",
        "wait",
        "-",
        stdin=printed.encode(),
        ROCKETRIDE_URI=stub.uri,
    )
    assert done.code == 0
    assert {token for token, _ in stub.requests} == {TOKEN, other}


@pytest.mark.parametrize("options", [[], ["--tokens-only"], ["--show-tokens"]])
def test_an_empty_list_says_so_on_stderr(listing, options):
    """A program that reads stdout gets nothing."""
    assert listing([], {}, *options)[0] == (0, "", "no task is running\n")


def test_an_empty_list_in_json_needs_no_words(listing):
    done, _ = listing([], {}, "--json")
    assert (done.code, done.stderr, json.loads(done.stdout)["tasks"]) == (0, "", [])


def test_a_list_that_is_not_empty_says_nothing_on_stderr(listing):
    assert listing([ROW], {}, "--tokens-only")[0].stderr == ""


@pytest.mark.parametrize("option", ["--json", "--show-tokens"])
def test_tokens_only_is_no_other_form(listing, option):
    done, _ = listing([ROW], {}, "--tokens-only", option)
    assert done.code == 2
    assert "--tokens-only" in done.stderr
    assert TOKEN not in done.stdout + done.stderr


BY_NAME = ["--project", "p", "--source", "s"]


@pytest.mark.parametrize("command", [["list"], ["runs", *BY_NAME], ["wait", *BY_NAME], ["stop", *BY_NAME]])
@pytest.mark.parametrize("status", [200, 404, 405, 426, 501])
def test_an_address_without_websocket_is_no_wrong_usage(stub, monkeypatch, capsys, command, status):
    stub.answers = [refusal(status, "what is this?")]
    done = run_here(monkeypatch, capsys, *command, ROCKETRIDE_URI=stub.uri, ROCKETRIDE_APIKEY=KEY)
    assert (done.code, done.stdout) == (5, "")
    assert f"HTTP {status}" in done.stderr
    assert "check" in done.stderr


def test_that_websocket_was_not_to_be_used_is_wrong_usage(stub, monkeypatch, capsys):
    words = ["list", "--transport", "http"]
    done = run_here(monkeypatch, capsys, *words, ROCKETRIDE_URI=stub.uri, ROCKETRIDE_APIKEY=KEY)
    assert (done.code, stub.requests) == (2, [])
