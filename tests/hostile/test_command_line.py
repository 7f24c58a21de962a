"""The command line says no more than a reader can take in, however much a server says."""

import json
import time

import pytest
from transports.dap_peer import RUNNING, dap
from transports.loopback import Server, always, answer

from .servers import KEY, TOKEN, both_transports
from .test_terminal import next_request, run

DONE = {**RUNNING, "state": 5, "completed": True, "exitCode": 0, "endTime": 200.0}
WAIT = ["wait", TOKEN, "--interval", "0.05", "--progress"]


def serving(transport, *documents):
    """Statuses one after the other, the last one for ever."""
    if transport == "http":
        return always(*map(answer, documents))
    left = list(documents)

    def action(it):
        while True:
            request = it.request()
            is_poll = request["command"] == "rrext_get_task_status"
            it.answer(request, (left.pop(0) if len(left) > 1 else left[0]) if is_poll else None)

    return dap(action)


@both_transports
def test_of_many_errors_a_few_are_printed(transport):
    many = {**DONE, "errors": [f"bad*thing {number}*x.py:1" for number in range(200_000)]}
    with Server(serving(transport, RUNNING, many)) as server:
        began = time.monotonic()
        done = run(server, *WAIT, "--transport", transport)
    assert done.returncode == 0, done.stderr[-1000:]
    assert time.monotonic() - began < 30.0
    lines = done.stderr.splitlines()
    assert len(lines) < 200
    assert "task error: bad*thing 0*x.py:1" in lines
    assert any("and 199,9" in line and "more" in line for line in lines), lines[-3:]


def test_a_long_message_is_cut():
    long = {**DONE, "errors": ["x" * 10_000_000], "status": "y" * 10_000_000, "exitMessage": "z" * 10_000_000}
    with Server(serving("http", {**long, **RUNNING, "errors": long["errors"]}, long)) as server:
        for command in (WAIT, ["status", TOKEN]):
            done = run(server, *command, "--transport", "http")
            assert done.returncode == 0, done.stderr[-1000:]
            assert len(done.stdout) + len(done.stderr) < 20_000


@pytest.mark.parametrize("number", [10**4299, -(10**4299), 2**63], ids=["huge", "minus", "64-bits"])
def test_a_large_count_is_no_trouble(number):
    counts = dict.fromkeys(
        (
            "totalCount",
            "completedCount",
            "failedCount",
            "totalSize",
            "completedSize",
            "failedSize",
            "wordsCount",
        ),
        number,
    )
    odd = {**counts, "totalCount": 9 * number, "exitCode": None}
    handler = serving("http", {**RUNNING, **counts, "failedCount": 1}, {**RUNNING, **odd}, {**DONE, **odd})
    with Server(handler) as server:
        done = run(server, *WAIT, "--transport", "http")
        assert done.returncode in (0, 1)
        assert "defect" not in done.stderr
        for command in (["status", TOKEN], ["stop", TOKEN]):
            done = run(server, *command, "--transport", "http")
            assert done.returncode == 0, done.stderr
            assert max(map(len, done.stdout.splitlines())) < 200
        done = run(server, "status", TOKEN, "--json", "--transport", "http")
        assert json.loads(done.stdout)["status"]["completedCount"] == number


@pytest.mark.parametrize("exit_code", [10**4299, -(10**4299), 256], ids=["huge", "minus", "256"])
def test_an_odd_exit_code_is_a_failure(exit_code):
    with Server(
        serving("http", {**DONE, "exitCode": exit_code, "startTime": 1e-300, "endTime": 1e300})
    ) as server:
        done = run(server, "wait", TOKEN, "--transport", "http")
    assert done.returncode == 1
    assert "the task failed with exit code" in done.stderr
    assert max(map(len, done.stdout.splitlines())) < 200


def nested(depth):
    value = "x"
    for _ in range(depth):
        value = [value]
    return value


RESULTS = {
    "deep": {"result_types": {"x": "json"}, "x": nested(800)},
    "types-a-number": {"result_types": 7},
    "types-of-lists": {"result_types": [["x"]], "x": 1},
    "types-absent": {"result_types": {"x": "text", "y": 1}},
    "large-number": {"result_types": {"x": "json"}, "x": 10**4299},
    "infinite": {"result_types": {"x": "json"}, "x": float("inf")},
    "no-object": [],
    "error": {"error": {"message": ["x"]}},
}


@pytest.mark.parametrize("kind", RESULTS)
@pytest.mark.parametrize("options", [[], ["--json"]], ids=["plain", "json"])
def test_an_odd_result_is_no_trouble(kind, options, tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("words")

    def action(it):
        while True:
            request = next_request(it)
            command = request["command"]
            if command == "rrext_process":
                opening = request["arguments"]["subcommand"] == "open"
                it.answer(request, {"pipe_id": 1} if opening else RESULTS[kind])
            else:
                it.answer(request, RUNNING if command == "rrext_get_task_status" else None)

    with Server(dap(action)) as server:
        done = run(server, "send", TOKEN, str(file), "--transport", "websocket", *options)
    assert done.returncode in (0, 1), done.stderr
    assert "defect" not in done.stderr
    if options:
        assert json.loads(done.stdout)["results"][0]["filepath"] == str(file)


def test_the_key_is_not_printed_even_if_the_server_says_it():
    key = KEY + "-0123456789"
    failed = {
        **DONE,
        "exitCode": 1,
        "exitMessage": f"bad key {key}",
        "errors": [key],
        "notes": [key],
        "name": key,
    }
    for options in ([], ["--json"], ["--verbose"]):
        with Server(serving("http", {**RUNNING, "status": key, "currentObject": key}, failed)) as server:
            done = run(server, *WAIT, *options, "--transport", "http", ROCKETRIDE_APIKEY=key)
        assert done.returncode == 1
        assert KEY not in done.stdout + done.stderr
