"""examples/celery_app.py"""

import os
import signal
import subprocess
import sys

import pytest
from example import EXAMPLES
from redis_server import QUIET, redis_server


@pytest.fixture
def environment(environment, tmp_path):
    folder = tmp_path / "redis"
    folder.mkdir()
    with redis_server(folder) as redis:
        yield {
            **environment,
            "BROKER": redis.url,
            "TOKENS": str(tmp_path / "tokens"),
            "PYTHONWARNINGS": QUIET,
        }


@pytest.mark.timeout(600)  # of a dozen processes, on a busy machine
def test_a_pipeline_is_started_watched_and_reported(environment, run, pipe, tmp_path):
    log = tmp_path / "log"
    with log.open("wb") as output:
        worker = subprocess.Popen(
            [sys.executable, "-m", "celery", "--app", "celery_app", "worker", "--concurrency", "1"],
            cwd=EXAMPLES,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        done = run("celery_app.py", "job-17", EXAMPLES / "nightly.pipe")
        partial = run("celery_app.py", "job-18", pipe(total=10, failed=3))
        refused = run("celery_app.py", "job-19", "no.pipe")
        again = run("celery_app.py", "job-17", "no.pipe")
    finally:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
    assert (done.returncode, done.stdout) == (0, "job-17: succeeded, 3 of 3 items\n"), done.stderr
    assert (partial.returncode, partial.stdout) == (1, "job-18: succeeded, 7 of 10 items\n")
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (1, "", 1), refused.stderr
    assert "no.pipe" in refused.stderr
    assert not (tmp_path / "tokens" / "job-19").exists()
    assert (again.returncode, again.stderr.count("\n")) == (1, 1), again.stderr
    assert again.stderr.startswith("job-17 has a token already: give another name, or delete ")
    assert str(tmp_path / "tokens" / "job-17") in again.stderr
    modes = [path.stat().st_mode & 0o777 for path in (tmp_path / "tokens", tmp_path / "tokens" / "job-17")]
    assert modes == [0o700, 0o600]
    assert (tmp_path / "tokens" / "job-17").read_text() not in log.read_text()
