"""Airflow: start a pipeline, and wait for its end without holding a worker slot. docs/airflow.md explains it."""

import os
from pathlib import Path

from airflow.sdk import DAG, task

from rocketride_sync import RocketRideClient
from rocketride_sync.contrib.airflow import RocketRideSensor

PIPELINE = os.environ.get("PIPELINE", "/srv/nightly.pipe")
# Tokens are secrets: they are kept here, and only the name of a job goes through Airflow's database. Only the user that
# the workers run as can read this folder, and all workers see it. In place of it, you can use a table of your database.
TOKENS = Path(os.environ.get("TOKENS", "/var/lib/nightly"))
TIMEOUT = 3600


def load_token(job):
    return (TOKENS / job).read_text()


@task(retries=0)  # a start whose answer was lost may have taken place
def start(job):
    TOKENS.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = TOKENS / job
    kept.touch(mode=0o600)  # before the start: a task whose token cannot be kept is not started
    with RocketRideClient() as client:  # reads ROCKETRIDE_URI and ROCKETRIDE_APIKEY
        started = client.use(filepath=PIPELINE, ttl=TIMEOUT)
        try:
            kept.write_text(started.token)
        except BaseException:
            started.end()
            raise
    return job  # what the sensor gets: not the token


@task
def report(outcome):
    print(f"{outcome['outcome']}: {outcome['completed_count']} of {outcome['total_count']} items")


with DAG("nightly", schedule=None, max_active_runs=1) as dag:
    wait = RocketRideSensor(
        task_id="wait",
        reference=start("nightly"),
        load_token=load_token,
        poke_interval=60,
        timeout=TIMEOUT,
    )
    report(wait.output)
