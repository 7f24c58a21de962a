"""The sensor in a DAG that Airflow runs, with a database of its own. `make test-airflow` makes the environment."""

import json
import os
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from counting_tasks import pipeline
from process.peers import wait_until
from secrecy.marks import CHOSEN_TOKEN, KEY, TOKEN, found_in

from rocketride_sync import (
    MemoryTransport,
    RetryPolicy,
    RocketRideClient,
    TaskNotFoundError,
    TransportError,
)

pytestmark = [
    pytest.mark.skipif(find_spec("airflow") is None, reason="Airflow is not installed: make test-airflow"),
    pytest.mark.timeout(300),
]

DAGS = Path(__file__).parent / "airflow_dags"
EXAMPLES = Path(__file__).parents[2] / "examples"
GENEROUS = 120.0


def simulate(**config):
    component = {"id": "src_1", "provider": "simulate", "config": config}
    return {"source": "src_1", "components": [component]}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("airflow")
    settings = {
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
    command = [sys.executable, "-m", "airflow", "db", "migrate"]
    subprocess.run(command, env={**os.environ, **settings}, check=True, capture_output=True, timeout=GENEROUS)
    return settings


@pytest.fixture
def run(home, server, tmp_path):
    """Starts the DAG for a token, and gives its process."""

    def start(token):
        (tmp_path / "job").write_text(token)
        settings = {**home, "ROCKETRIDE_URI": server.uri, "ROCKETRIDE_APIKEY": KEY, "TOKENS": str(tmp_path)}
        command = [sys.executable, str(DAGS / "watching_dag.py"), "job"]
        return subprocess.Popen(
            command,
            env={**os.environ, **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return start


def said(process):
    """All output, and of its last line the JSON."""
    output, _ = process.communicate(timeout=GENEROUS)
    return output, json.loads(output.splitlines()[-1])


def polls(folder):
    path = folder / "polls"
    return len(path.read_text().splitlines()) if path.exists() else 0


def test_its_xcom_is_the_outcome_and_no_secret_is_anywhere(client, run, home):
    output, end = said(run(client.use(pipeline=simulate(seconds=0.3, total=3), token=TOKEN).token))
    assert end["state"] == "success"
    assert (end["xcom"]["outcome"], end["xcom"]["completed_count"]) == ("succeeded", 3)
    assert not found_in(output)
    for path in Path(home["AIRFLOW_HOME"]).rglob("*"):
        assert path.is_dir() or not found_in(path.read_text("latin-1")), path


def test_it_is_rescheduled_until_the_end_and_fails_if_that_was_no_success(client, run, tmp_path):
    process = run(client.use(pipeline=pipeline(), token=CHOSEN_TOKEN).token)
    wait_until(lambda: polls(tmp_path) > 1, "a second poll", GENEROUS)
    client.terminate(CHOSEN_TOKEN)
    output, end = said(process)
    assert end["state"] == "failed"
    assert "the task was cancelled" in output
    assert not found_in(output)


def test_the_example_starts_a_pipeline_then_waits_then_reports(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES)
    from airflow_dag import dag

    after = {name: task.downstream_task_ids for name, task in dag.task_dict.items()}
    assert after == {"start": {"wait"}, "wait": {"report"}, "report": set()}


class Store(dict):
    """Airflow's task state store, as far as it is used."""

    set, delete = dict.__setitem__, dict.pop


def test_a_try_after_an_outage_that_lasted_too_long_has_the_whole_max_outage_again():
    from airflow.sdk.exceptions import AirflowFailException

    from rocketride_sync.contrib.airflow import RocketRideSensor

    running, broke = {"state": 3, "startTime": 100.0}, TransportError("broke")
    script = MemoryTransport([running, *[broke] * 4, TaskNotFoundError("not running")])
    retry = RetryPolicy(max_outage=0.2, initial_delay=0.01)
    context = {"task_state_store": Store()}
    sensor = RocketRideSensor(
        task_id="wait",
        reference="job",
        load_token=str,
        client=lambda: RocketRideClient("test", KEY, transport=script, retry=retry),
    )
    assert not sensor.poke(context).is_done
    for _ in range(2):
        assert not sensor.poke(context).is_done
        time.sleep(0.3)  # longer than the outage may last
        with pytest.raises(TransportError):
            sensor.poke(context)
    with pytest.raises(AirflowFailException, match="no longer knows it"):  # what was seen before is kept
        sensor.poke(context)


def test_what_it_has_seen_outlives_the_rescheduling(client, server, run, tmp_path):
    process = run(client.use(pipeline=pipeline()).token)
    wait_until(lambda: polls(tmp_path) > 1, "a second poll", GENEROUS)
    server.restart()
    output, end = said(process)
    assert end["state"] == "failed"
    assert "the server no longer knows it" in output  # not: it is unknown
