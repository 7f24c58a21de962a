"""examples/cron_job.py"""

import sys

import pytest
from example import SLOW_START


def test_it_is_silent_on_success(run):
    done = run("cron_job.py", "nightly.pipe")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (
            {"exit_code": 1, "exit_message": "out of memory"},
            "the task failed with exit code 1: out of memory",
        ),
        ({"total": 4, "failed": 1}, "3 of 4 items succeeded"),
    ],
)
def test_trouble_is_one_line_and_an_exit_code(run, pipe, config, says):
    path = pipe(**config)
    done = run("cron_job.py", path)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"{path}: {says}\n")


def test_a_run_that_is_still_going_on_is_left_alone(run, pipe, client):
    path = pipe(forever=True)
    with client.use(filepath=path) as yesterday:
        done = run("cron_job.py", path)
        assert not yesterday.get_status().is_terminal
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "already running" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM is a signal of POSIX")
@pytest.mark.parametrize("server", [{}, SLOW_START], ids=["it runs", "it starts"], indirect=True)
def test_a_job_that_is_stopped_ends_its_task(stopped, pipe, client):
    assert stopped("cron_job.py", pipe(forever=True), has_begun=client.get_tasks) == (143, "")
    assert client.get_tasks() == []


@pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM is a signal of POSIX")
def test_a_task_that_cannot_be_ended_is_told(stopped, pipe, server_has_gone):
    code, said = stopped("cron_job.py", pipe(forever=True), has_begun=server_has_gone)
    *before, last = said.splitlines()
    assert (code, "may run on" in last) == (143, True)
    # The server may have gone before that.
    assert before in ([], [line for line in before[:1] if "its first status could not be read" in line])
