"""examples/apscheduler_job.py"""

import signal
import subprocess
import sys

from example import EXAMPLES, GENEROUS


def test_it_runs_the_pipeline_at_once_and_ends_on_sigterm(environment):
    scheduler = subprocess.Popen(
        [sys.executable, "apscheduler_job.py", "nightly.pipe"],
        cwd=EXAMPLES,
        env=environment,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    with scheduler:
        try:
            said = next(line for line in scheduler.stderr if "nightly.pipe: " in line)
            scheduler.send_signal(signal.SIGTERM)
            assert scheduler.wait(GENEROUS) == 0
        finally:
            scheduler.kill()
    assert said == "INFO:jobs:nightly.pipe: 3 of 3 items\n"
