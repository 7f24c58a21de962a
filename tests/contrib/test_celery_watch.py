"""Watching with Celery: real workers, a real broker, real tasks."""

import signal
import time

import pytest
from counting_tasks import pipeline
from process.peers import wait_until
from secrecy.marks import CHOSEN_TOKEN, TOKEN, found_in
from watching import VISIBILITY

from rocketride_sync import (
    RocketRideClient,
    TaskNotFoundError,
    TaskVanishedError,
    WaitTimeoutError,
)
from rocketride_sync.errors import ConfigurationError

GENEROUS = 60.0


def await_first_poll(result):
    wait_until(lambda: result.state == "RETRY", "a first poll")


def simulate(**config):
    component = {"id": "src_1", "provider": "simulate", "config": config}
    return {"source": "src_1", "components": [component]}


def test_outcomes_and_errors_are_delivered_and_no_secret_is_anywhere(
    client, watch, start_worker, tmp_path, redis
):
    started = {
        "good": client.use(pipeline=simulate(seconds=1.0, total=3)).token,
        "bad": client.use(
            pipeline=simulate(seconds=1.0, exit_code=1, exit_message=f"no {TOKEN}"), token=TOKEN
        ).token,
        "serving": client.use(pipeline=pipeline(), token=CHOSEN_TOKEN).token,
        "unknown": "tk_0123456789abcdef0123456789abcdef",
    }
    for reference, token in started.items():
        (tmp_path / reference).write_text(token)
    worker = start_worker()
    good, bad, serving, unknown = (watch.delay(reference) for reference in started)
    late = watch.delay("serving", timeout=0.5)
    missing = watch.delay("not-there")
    assert good.get(GENEROUS) == {
        "outcome": "succeeded",
        "outcome_certain": True,
        "has_failures": False,
        "total_count": 3,
        "completed_count": 3,
        "failed_count": 0,
        "exit_code": 0,
        "message": "",
    }
    assert (bad.get(GENEROUS)["outcome"], bad.get()["exit_code"]) == ("failed", 1)
    with pytest.raises(TaskNotFoundError, match="not running"):
        unknown.get(GENEROUS)
    with pytest.raises(WaitTimeoutError, match="last seen as RUNNING"):
        late.get(GENEROUS)
    with pytest.raises(FileNotFoundError):
        missing.get(GENEROUS)
    await_first_poll(serving)
    client.terminate(CHOSEN_TOKEN)
    assert serving.get(GENEROUS)["outcome"] == "cancelled"
    log, written = worker.log.read_text("utf-8"), redis.written()
    assert "TaskPool: Apply" in log  # it is the whole log
    assert good.id in written
    assert not found_in(log)
    assert not found_in(written)


def test_a_worker_is_killed_in_mid_watch_and_another_one_finishes(client, watch, start_worker, tmp_path):
    (tmp_path / "job").write_text(client.use(pipeline=pipeline(), token=CHOSEN_TOKEN).token)
    worker = start_worker()
    result = watch.delay("job")
    await_first_poll(result)
    with watch.app.connection_for_read() as connection:
        broker = connection.default_channel.client

        def caught():
            """Whether the stopped worker holds a poll: one that it is fetching from Redis belongs to nobody for a moment."""
            worker.signal(signal.SIGSTOP)
            held = broker.hlen("unacked")
            if not held:
                worker.signal(signal.SIGCONT)
            return held

        def given_up():
            given_out = broker.zrange("unacked_index", 0, -1, withscores=True)
            return all(at < time.time() - VISIBILITY for _, at in given_out)

        wait_until(caught, "a poll held by the worker")
        worker.kill()
        wait_until(given_up, "the broker's patience")
    client.terminate(CHOSEN_TOKEN)
    start_worker()
    assert result.get(GENEROUS)["outcome"] == "cancelled"


def test_a_process_killed_in_the_middle_of_a_poll_is_replaced_and_the_poll_made_again(
    client, watch, start_worker, tmp_path
):
    trap = tmp_path / "job.kills"
    trap.touch()
    (tmp_path / "job").write_text(client.use(pipeline=simulate(seconds=0.3)).token)
    start_worker()
    assert watch.delay("job").get(GENEROUS)["outcome"] == "succeeded"
    assert not trap.exists()


def test_one_process_watches_twenty_tasks_at_a_time(client, watch, start_worker, tmp_path):
    tasks = [client.use(pipeline=pipeline()) for _ in range(20)]
    for number, task in enumerate(tasks):
        (tmp_path / str(number)).write_text(task.token)
    results = [watch.delay(str(number)) for number in range(len(tasks))]
    start_worker()
    for result in results:
        await_first_poll(result)  # none of the tasks ends before all have been polled
    for task in tasks:
        task.terminate()
    assert {result.get(GENEROUS)["outcome"] for result in results} == {"cancelled"}


def test_a_server_that_is_away_for_a_while_is_outlived(client, server, watch, start_worker, tmp_path):
    (tmp_path / "job").write_text(client.use(pipeline=pipeline()).token)
    worker = start_worker()
    result = watch.delay("job")
    await_first_poll(result)
    server.kill()
    wait_until(lambda: "TransportError" in worker.log.read_text("utf-8"), "a poll that fails")
    assert result.state == "RETRY"
    server.restart()
    with pytest.raises(TaskVanishedError, match="its outcome is unknown"):
        result.get(GENEROUS)


def test_a_wrong_interval_is_told_at_once(watch):
    from rocketride_sync.contrib.celery import register

    with pytest.raises(ConfigurationError, match="interval"):
        register(watch.app, client=RocketRideClient, load_token=str, interval=0)


def test_the_options_are_those_of_celery(watch):
    from rocketride_sync.contrib.celery import register

    mine = register(watch.app, client=RocketRideClient, load_token=str, name="mine", rate_limit="9/s")
    assert (mine.name, mine.rate_limit, mine.acks_late) == ("mine", "9/s", True)
