#!/usr/bin/env python3
"""A cron job: run a pipeline to its end. Silent if all went well; else one line on stderr, and an exit code."""

# How to run it:
#
#   ROCKETRIDE_URI=… ROCKETRIDE_APIKEY=… python cron_job.py nightly.pipe
#
# In a file in /etc/cron.d, with the files and the user of docs/cron.md, on one line:
#
#   30 2 * * *  nightly  set -a; . /etc/rocketride/env; ROCKETRIDE_APIKEY="$(cat /etc/rocketride/key)"; exec /srv/venv/bin/python /srv/cron_job.py /srv/nightly.pipe

import logging
import signal
import sys

from rocketride_sync import RocketRideClient, RocketRideError

TIMEOUT = 3600


def stop(*_):
    # By default, Python ends at a SIGTERM at once, as at a SIGKILL.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # another one would break off what ends the task
    sys.exit(143)


def run(path):
    # `run` ends the task on every way out, also if it still starts. If this process is killed by SIGKILL, the ttl does.
    with RocketRideClient() as client:
        status = client.run(path, ttl=TIMEOUT, timeout=TIMEOUT).status
    status.raise_for_outcome()
    if status.has_failures:
        # A success may have lost items: some failed, or were never worked on.
        sys.exit(f"{path}: {status.completed_count} of {status.total_count} items succeeded")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} PIPELINE")
    logging.basicConfig(format="%(message)s")  # warnings: a task that could not be ended, for example
    signal.signal(signal.SIGTERM, stop)
    try:
        run(sys.argv[1])
    except RocketRideError as error:
        sys.exit(f"{sys.argv[1]}: {error}")
