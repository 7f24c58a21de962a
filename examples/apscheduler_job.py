"""APScheduler: a pipeline every hour, never two runs of it at a time."""

# How to run it:
#
#   pip install . apscheduler     # in the folder of your clone; then go to examples
#   ROCKETRIDE_URI=… ROCKETRIDE_APIKEY=… python apscheduler_job.py nightly.pipe

import datetime
import logging
import signal
import sys

from apscheduler.schedulers.blocking import BlockingScheduler

from rocketride_sync import RocketRideClient, RocketRideError

EVERY = 3600
TIMEOUT = EVERY - 60  # a run is over, or ended, before the next one is due

log = logging.getLogger("jobs")
client = RocketRideClient()  # one for all of the scheduler's threads


def run(path):
    try:
        # `run` ends the task on every way out, also if no answer to its start comes.
        status = client.run(path, ttl=TIMEOUT, timeout=TIMEOUT).status
        status.raise_for_outcome()
    except RocketRideError as error:
        log.error("%s: %s", path, error)
    else:
        # A success may have lost items: some failed, or were never worked on.
        level = logging.ERROR if status.has_failures else logging.INFO
        log.log(level, "%s: %s of %s items", path, status.completed_count, status.total_count)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} PIPELINE")
    logging.basicConfig(level=logging.INFO)
    scheduler = BlockingScheduler()
    now = datetime.datetime.now(datetime.timezone.utc)
    # A run that was missed is made up for once, not as often as it was missed.
    scheduler.add_job(run, "interval", [sys.argv[1]], seconds=EVERY, next_run_time=now, coalesce=True)

    def stop(*_):
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)  # a second one ends the process at once
        scheduler.shutdown(wait=False)

    # A run that is under way goes on to its end: give a service's TimeoutStopSec room for that, or use `cron_job.py`.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    with client:
        scheduler.start()
