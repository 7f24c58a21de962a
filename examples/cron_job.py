#!/usr/bin/env python3
"""A cron job: run a pipeline to its end. Silent if all went well; else one line on stderr, and an exit code."""

# How to run it:
#
#   ROCKETRIDE_URI=… ROCKETRIDE_APIKEY=… python cron_job.py nightly.pipe
#
# In a crontab, with the two variables in a file that only its owner can read:
#
#   15 2 * * *  set -a; . /etc/rocketride.env; exec /opt/venv/bin/python /opt/cron_job.py /opt/nightly.pipe

import sys

from rocketride_sync import RocketRideClient, RocketRideError

TIMEOUT = 3600


def run(path):
    # The ttl ends the task if this process is killed. On every other way out, `with` does.
    with RocketRideClient() as client, client.use(filepath=path, ttl=TIMEOUT) as task:
        status = task.wait_until_complete(timeout=TIMEOUT, check=True)
    if status.has_failures:
        # A success may have lost items: some failed, or were never worked on.
        sys.exit(f"{path}: {status.completed_count} of {status.total_count} items succeeded")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} PIPELINE")
    try:
        run(sys.argv[1])
    except RocketRideError as error:
        sys.exit(f"{sys.argv[1]}: {error}")
