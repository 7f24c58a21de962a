"""examples/django_site"""

import contextlib
import re
import sqlite3
import sys

import pytest
from example import EXAMPLES, SLOW_START, get
from serving import serving

SITE = EXAMPLES / "django_site"


@pytest.fixture
def environment(environment, tmp_path):
    return {**environment, "DATABASE": str(tmp_path / "db.sqlite3")}


@pytest.mark.timeout(600)  # of a dozen processes, on a busy machine
def test_a_command_runs_a_pipeline_and_a_view_tells_what_came_of_it(run, environment, pipe, tmp_path):
    assert run("manage.py", "migrate", "--run-syncdb", cwd=SITE).returncode == 0
    done = run("manage.py", "run_job", EXAMPLES / "nightly.pipe", cwd=SITE)
    assert (done.stdout, done.stderr) == ("job 1: 3 of 3 items\n", "")
    late = run("manage.py", "run_job", pipe(forever=True), "--timeout", "3", cwd=SITE)
    assert late.returncode == 1
    assert re.fullmatch(
        r"CommandError: \S+: the task had not ended after \d\.\d s; the task was ended\n", late.stderr
    )
    lossy = pipe(total=10, failed=3)
    partial = run("manage.py", "run_job", lossy, cwd=SITE)
    assert (partial.returncode, partial.stdout) == (1, "")
    found = re.fullmatch(
        rf"CommandError: {re.escape(str(lossy))}: job (\d): only 7 of 10 items succeeded\n", partial.stderr
    )
    assert found, partial.stderr
    last = int(found[1])  # the second run is a job too, unless its time was up before its first status

    def command(port):
        return [sys.executable, "manage.py", "runserver", "--noreload", f"127.0.0.1:{port}"]

    with serving(command, tmp_path / "log", cwd=SITE, env=environment) as port:
        good = {"outcome": "succeeded", "progress": 1.0, "completed": 3, "failed": 0}
        assert get(port, "/jobs/1/") == (200, good)
        for number in range(2, last):
            code, ended = get(port, f"/jobs/{number}/")
            assert (code, ended["outcome"]) == (200, "cancelled")
        assert get(port, f"/jobs/{last}/") == (200, {**good, "completed": 7, "failed": 3})
    assert "tk_" not in (tmp_path / "log").read_text()


@pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM is a signal of POSIX")
def test_a_command_that_is_stopped_ends_its_task(run, stopped, environment, pipe, client):
    assert run("manage.py", "migrate", "--run-syncdb", cwd=SITE).returncode == 0

    def has_begun():
        with contextlib.closing(sqlite3.connect(environment["DATABASE"])) as database:
            return database.execute("SELECT COUNT(*) FROM jobs_job").fetchone()[0]

    job = pipe(forever=True)
    assert stopped("manage.py", "run_job", job, has_begun=has_begun, cwd=SITE) == (143, "")
    assert client.get_tasks() == []


@pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM is a signal of POSIX")
@pytest.mark.parametrize("server", [SLOW_START], indirect=True)
def test_a_command_that_is_stopped_while_its_task_starts_ends_it(run, stopped, pipe, client):
    assert run("manage.py", "migrate", "--run-syncdb", cwd=SITE).returncode == 0
    job = pipe(forever=True)
    assert stopped("manage.py", "run_job", job, has_begun=client.get_tasks, cwd=SITE) == (143, "")
    assert client.get_tasks() == []


@pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM is a signal of POSIX")
def test_a_task_that_cannot_be_ended_is_told(run, stopped, pipe, server_has_gone):
    assert run("manage.py", "migrate", "--run-syncdb", cwd=SITE).returncode == 0
    code, said = stopped("manage.py", "run_job", pipe(forever=True), has_begun=server_has_gone, cwd=SITE)
    *before, last = said.splitlines()
    assert (code, "may run on" in last) == (143, True)
    # The server may have gone before that.
    assert before in ([], [line for line in before[:1] if "its first status could not be read" in line])


WITHOUT_A_KEY = """
import os
os.environ["ROCKETRIDE_APIKEY"] = ""
from django.test import RequestFactory
from jobs.models import Job
from jobs.views import job_status
job = Job(name="job", status={"project_id": "job", "source": "s"})
job.save()
answer = job_status(RequestFactory().get("/"), job.pk)
print(answer.status_code, answer.content.decode())
"""


def test_a_missing_key_is_an_answer_that_does_not_ask_to_try_again(run):
    assert run("manage.py", "migrate", "--run-syncdb", cwd=SITE).returncode == 0
    done = run("manage.py", "shell", "-c", WITHOUT_A_KEY, cwd=SITE)
    assert '500 {"error": "this site is not set up correctly"}\n' in done.stdout, done.stderr
    assert "ROCKETRIDE_APIKEY" in done.stderr
