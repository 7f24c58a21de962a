"""A server that accepts connections and says nothing: each command gives up after its ``--timeout``, and says what is silent."""

from __future__ import annotations

import json
import socket
import time

import pytest
from command import KEY, TOKEN, run_here

SECONDS = 2.0  # half of which is enough to connect, and to send what comes first
LATE = 8.0  # the limits of calls that have another one are longer

PROJECT = ["--project", "p", "--source", "in"]


@pytest.fixture
def silent():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def give_up(silent, monkeypatch, capsys):
    """Run a command against the silent server with a short timeout."""

    def give_up(*words):
        began = time.monotonic()
        done = run_here(
            monkeypatch,
            capsys,
            *words,
            "--timeout",
            str(SECONDS),
            ROCKETRIDE_URI=f"http://{silent}",
            ROCKETRIDE_APIKEY=KEY,
        )
        assert time.monotonic() - began < LATE, done.stderr
        return done

    return give_up


@pytest.fixture
def file(tmp_path):
    (tmp_path / "a.txt").write_text("words")
    return str(tmp_path / "a.txt")


@pytest.mark.parametrize("transport", ["auto", "websocket", "http"])
def test_nothing_is_sent_to_a_task_whose_status_is_not_told(give_up, silent, file, transport):
    done = give_up("send", TOKEN, file, "--transport", transport)
    assert done.code == 5
    assert "nothing was sent: " in done.stderr
    assert silent in done.stderr


@pytest.mark.parametrize(
    "words",
    [["wait", TOKEN], ["wait", TOKEN, "tk_another"], ["wait", *PROJECT], ["check"]],
    ids=["wait", "wait for several", "wait for the latest", "check"],
)
def test_no_command_outlasts_its_timeout(give_up, silent, words):
    done = give_up(*words)
    assert done.code == 5
    assert silent in done.stdout + done.stderr


@pytest.fixture(params=["nightly", None], ids=["with a project", "without"])
def pipeline(tmp_path, request):
    component = {"id": "in", "provider": "files", "config": {}}
    document = {"project_id": request.param, "source": "in", "components": [component]}
    path = tmp_path / "job.pipe"
    path.write_text(json.dumps({name: value for name, value in document.items() if value is not None}))
    return str(path)


@pytest.mark.parametrize("options", [[], ["--json"], ["--keep"]], ids=["", "json", "keep"])
def test_a_start_of_which_nothing_was_sent_is_no_task_that_takes_long(give_up, silent, pipeline, options):
    """There is nothing to look for, and no longer timeout would help."""
    done = give_up("run", pipeline, "--transport", "websocket", *options)
    assert done.code == 5
    (problem,) = done.stderr.splitlines()
    assert "the start had not been sent after 2." in problem
    assert silent in problem
    assert "the task was not started; check --uri or ROCKETRIDE_URI" in problem
    assert "may run on" not in problem
    assert "longer" not in problem


@pytest.mark.parametrize("transport", ["auto", "http"])
def test_a_start_that_is_not_answered_over_http_names_who_is_silent(give_up, silent, pipeline, transport):
    """The server may be there, and take long: what was sent may have arrived."""
    done = give_up("run", pipeline, "--transport", transport)
    assert done.code == 124
    problem = done.stderr.splitlines()[-1]
    assert f"no complete answer from {silent} in time; the task may run on" in problem
    assert problem.endswith("give it longer with --timeout, or check --uri")
