"""examples/django_site"""

import re
import sys

import pytest
from example import EXAMPLES, get
from serving import serving

SITE = EXAMPLES / "django_site"


@pytest.fixture
def environment(environment, tmp_path):
    return {**environment, "DATABASE": str(tmp_path / "db.sqlite3")}


def test_a_command_runs_a_pipeline_and_a_view_tells_what_came_of_it(run, environment, tmp_path):
    assert run("manage.py", "migrate", "--run-syncdb", cwd=SITE).returncode == 0
    done = run("manage.py", "run_job", EXAMPLES / "nightly.pipe", cwd=SITE)
    assert (done.stdout, done.stderr) == ("job 1: 3 of 3 items\n", "")
    late = run("manage.py", "run_job", EXAMPLES / "words.pipe", "--timeout", "1", cwd=SITE)
    assert late.returncode == 1
    assert re.search(r"task \S+ has not ended after \d", late.stderr)

    def command(port):
        return [sys.executable, "manage.py", "runserver", "--noreload", f"127.0.0.1:{port}"]

    with serving(command, tmp_path / "log", cwd=SITE, env=environment) as port:
        assert get(port, "/jobs/1/") == (200, {"outcome": "succeeded", "progress": 1.0})
        assert get(port, "/jobs/2/") == (200, {"outcome": "cancelled", "progress": None})
    assert "tk_" not in (tmp_path / "log").read_text()
