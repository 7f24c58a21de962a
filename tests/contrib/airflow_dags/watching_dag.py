"""A DAG of one sensor. As a program it runs it: python watching_dag.py REFERENCE; prints its state and its XCom."""

import json
import os
import sys
from pathlib import Path

from airflow.sdk import DAG

from rocketride_sync.contrib.airflow import RocketRideSensor


def load_token(reference):
    folder = Path(os.environ["TOKENS"])
    with (folder / "polls").open("a") as polls:
        polls.write(f"{reference}\n")
    return (folder / reference).read_text()


with DAG("watching", schedule=None) as dag:
    RocketRideSensor(
        task_id="wait", reference="{{ dag_run.conf['job'] }}", load_token=load_token, poke_interval=0.2
    )

if __name__ == "__main__":
    run = dag.test(run_conf={"job": sys.argv[1]})
    (sensor,) = run.get_task_instances()
    print(json.dumps({"state": sensor.state, "xcom": sensor.xcom_pull(task_ids="wait")}))
