"""Celery: start a pipeline, watch it without holding a worker, go on when it has ended."""

# How to run it:
#
#   pip install '.[celery]' 'celery[redis]'     # in the folder of your clone; then go to examples
#   export ROCKETRIDE_URI=… ROCKETRIDE_APIKEY=… BROKER=redis://localhost/0
#   celery --app celery_app worker &
#   python celery_app.py job-17 nightly.pipe

import functools
import os
import sys
from pathlib import Path

from celery import Celery
from celery.exceptions import CeleryError
from kombu.exceptions import OperationalError

from rocketride_sync import RocketRideClient
from rocketride_sync.contrib.celery import register

TIMEOUT = 3600
# Tokens are secrets: they are kept here, and only the name of a job goes through the broker.
TOKENS = Path(os.environ.get("TOKENS", "tokens"))

app = Celery("celery_app", broker=os.environ["BROKER"], backend=os.environ["BROKER"])
# The messages of a worker that was killed are delivered again after so many seconds; Redis's default is an hour.
app.conf.broker_transport_options = {"visibility_timeout": 600}


@functools.lru_cache(maxsize=None)
def client():
    return RocketRideClient(timeout=10)


watch = register(app, client=client, load_token=lambda job: (TOKENS / job).read_text(), interval=5)


@app.task
def start(job, path):
    TOKENS.mkdir(mode=0o700, parents=True, exist_ok=True)  # nobody else gets at what is in it
    kept = TOKENS / job
    # Before the start: a task whose token cannot be kept is not started. Nor does a job lose the token that it has.
    kept.touch(mode=0o600, exist_ok=False)
    task = None
    try:
        task = client().use(filepath=path, ttl=TIMEOUT)
        kept.write_text(task.token)
    except BaseException:
        if task is not None:
            task.end()
        kept.unlink()
        raise
    # If the worker dies before it has sent the next message, nobody watches the task: its ttl ends it when it is idle.
    return job


@app.task
def report(outcome, job):
    text = f"{job}: {outcome['outcome']}, {outcome['completed_count']} of {outcome['total_count']} items"
    # A success may have lost items: some failed, or were never worked on.
    return {"text": text, "good": outcome["outcome"] == "succeeded" and not outcome["has_failures"]}


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(f"usage: {sys.argv[0]} JOB PIPELINE")
    job, path = sys.argv[1:]
    # The job's name goes from `start` to `watch`, the outcome from `watch` to `report`.
    chain = start.s(job, path) | watch.s(timeout=TIMEOUT) | report.s(job)
    try:
        result = chain.delay()
        try:
            done = result.get(TIMEOUT)
        finally:
            result.forget()  # now: Celery cannot do it at interpreter exit
    except FileExistsError:  # of the worker
        sys.exit(
            f"{job} has a token already: give another name, or delete {TOKENS / job} if nobody needs it any more"
        )
    # The file of the token; time is up; the broker is down; Celery's backend is down, or a RocketRideError.
    except (OSError, CeleryError, OperationalError, RuntimeError) as error:
        sys.exit(f"{path}: {' '.join(str(error).split())}")
    print(done["text"])
    sys.exit(0 if done["good"] else 1)
