"""examples/apscheduler_job.py"""

import signal
import subprocess
import sys
import time

import pytest
from example import EXAMPLES, GENEROUS


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"total": 3}, "INFO:jobs:{}: 3 of 3 items\n"),
        ({"total": 10, "failed": 3}, "ERROR:jobs:{}: 7 of 10 items\n"),
        ({"exit_code": 1, "exit_message": "full"}, "ERROR:jobs:{}: the task failed with exit code 1: full\n"),
    ],
)
@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_it_runs_the_pipeline_at_once_and_ends_on_a_signal(environment, pipe, config, says, stop):
    path = pipe(**config)
    scheduler = subprocess.Popen(
        [sys.executable, "apscheduler_job.py", str(path)],
        cwd=EXAMPLES,
        env=environment,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    with scheduler:
        try:
            said = next(line for line in scheduler.stderr if f"{path}: " in line)
            scheduler.send_signal(stop)
            rest = scheduler.stderr.read()
            assert scheduler.wait(GENEROUS) == 0
        finally:
            scheduler.kill()
    assert said == says.format(path)
    assert "Traceback" not in rest


def test_a_second_signal_ends_it_at_once(environment, pipe):
    """The first one lets a run that is under way go on to its end."""
    with subprocess.Popen(
        [sys.executable, "apscheduler_job.py", str(pipe(forever=True))],
        cwd=EXAMPLES,
        env=environment,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as scheduler:
        try:
            assert any("Running job" in line for line in scheduler.stderr)
            scheduler.send_signal(signal.SIGTERM)
            with pytest.raises(subprocess.TimeoutExpired):
                scheduler.wait(1)
            # One that comes before the first one has been taken is the same one.
            while scheduler.poll() is None:
                scheduler.send_signal(signal.SIGTERM)
                time.sleep(0.1)
            assert scheduler.returncode == -signal.SIGTERM
        finally:
            scheduler.kill()
