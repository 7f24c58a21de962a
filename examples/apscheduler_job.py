"""APScheduler: a pipeline every hour, never two runs of it at a time."""

# How to run it, on Linux or macOS:
#
#   pip install . apscheduler     # in the folder of your clone; then go to examples
#   ROCKETRIDE_URI=… ROCKETRIDE_APIKEY=… python apscheduler_job.py nightly.pipe

import datetime
import logging
import signal
import sys
import time

from apscheduler.schedulers.background import BackgroundScheduler

from rocketride_sync import RocketRideClient, RocketRideError

EVERY = 3600
TIMEOUT = EVERY - 60  # a run is over, or ended, before the next one is due
STOP = {signal.SIGINT, signal.SIGTERM}

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
    scheduler = BackgroundScheduler()
    now = datetime.datetime.now(datetime.timezone.utc)
    # A run that was missed is made up for once, not as often as it was missed.
    scheduler.add_job(run, "interval", [sys.argv[1]], seconds=EVERY, next_run_time=now, coalesce=True)
    # The signals wait until `sigwait` takes one, in all threads, which inherit this. A handler could not call `shutdown`: that
    # needs locks which what the signal interrupts may hold, and would hang now and then.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP)
    with client:
        scheduler.start()
        signal.sigwait(STOP)
        time.sleep(0.1)  # some send the same one twice, to the process and to its group: that is left out
        for number in STOP:
            signal.signal(number, signal.SIG_IGN)
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP)  # a second one ends the process at once
        # A run that is under way goes on to its end: give a service's TimeoutStopSec room for that, or use `cron_job.py`.
        scheduler.shutdown()
