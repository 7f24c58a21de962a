"""Runs that the local server forgot or replaced, or lost by a restart, and what its run log tells; both generations."""

import threading

import pytest
from counting_tasks import FAST, GENEROUS, KEY
from needing import needs
from simulated_tasks import forever, pipeline

from rocketride_sync import (
    Outcome,
    RetryPolicy,
    RocketRideClient,
    ServerError,
    TaskNotFoundError,
    TaskVanishedError,
)
from rocketride_sync.emulator import Emulator

needs("fastapi", reason="needs the extra `emulator`")

QUICK = RetryPolicy(initial_delay=0.01, max_delay=0.05)
FORGETFUL = {**FAST, "retention": 0.05, "scan_interval": 0.05}
A_WHILE = (
    1.5  # seconds, so that the start of a task reads the status of one that runs, and does not come too late
)


def emulator(generation="newer", **settings):
    return Emulator(api_key=KEY, generation=generation, **{**FORGETFUL, **settings})


def client_of(server, **options):
    return RocketRideClient(server.uri, KEY, retry=QUICK, **options)


def wait(client, task):
    return task.wait_until_complete(GENEROUS, 0.5)


def wait_for_many(client, task):
    """From a status that was seen: the first poll of the wait would come too late."""
    seen = threading.Event()
    ended = threading.Timer(0.3, lambda: (seen.wait(GENEROUS), client.terminate(task.token)))
    ended.start()
    (result,) = client.wait_all([task.token], GENEROUS, 1.0, lambda *_: seen.set())
    ended.join()
    return result.result()


def forgotten(client, task):
    """Wait until the server knows the task no more."""
    known = True
    while known:
        try:
            client.get_task_status(task.token)
        except TaskNotFoundError:
            known = False


def test_a_run_that_was_forgotten():
    with emulator() as server, client_of(server) as client:
        task = client.use(pipeline=pipeline(seconds=A_WHILE, exit_code=3, exit_message="no more"))
        forgotten(client, task)
        status = wait(client, task)
        assert status.from_run_log
        assert (status.outcome, status.exit_message) == (Outcome.FAILED, "no more")
        assert status.start_time == task.status.start_time
        (run,) = client.get_task_runs(status.project_id, status.source)
        assert run.begin_time >= status.start_time
        assert run.end_time is not None


def test_a_run_that_another_replaced():
    document = pipeline(seconds=0.1)
    with emulator(retention=GENEROUS) as server, client_of(server) as client:
        first = client.use(pipeline=document)
        assert wait(client, first).succeeded
        second = client.use(pipeline={**document, **forever(document["project_id"])})
        assert second.token == first.token
        status = first.get_status()
        assert (status.from_run_log, status.succeeded) == (True, True)
        assert status.start_time == first.status.start_time
        assert not second.get_status().is_terminal
        runs = client.get_task_runs(document["project_id"], document["source"])
        assert [run.outcome for run in runs] == ["ok", None]


@pytest.mark.parametrize("by", ["user", "ttl"])
def test_why_it_was_stopped(by):
    options = {"ttl": A_WHILE} if by == "ttl" else {}
    with emulator() as server, client_of(server) as client, client_of(server) as other:
        task = client.use(pipeline=forever(), **options)
        if by == "user":
            other.terminate(task.token)
        forgotten(client, task)
        status = wait(client, task)
    assert (status.from_run_log, status.end_reason, status.outcome) == (True, by, Outcome.CANCELLED)


def test_many():
    with emulator() as server, client_of(server) as client:
        task = client.use(pipeline=forever())
        assert wait_for_many(client, task).outcome is Outcome.CANCELLED


def test_a_wait_over_a_restart_of_the_server(tmp_path):
    """The log is kept in a file; the run ended while nobody could ask."""
    log = str(tmp_path / "runs.jsonl")
    with emulator(run_log_file=log) as server, client_of(server) as client:
        task = client.use(pipeline=pipeline(seconds=A_WHILE, exit_code=2))
        forgotten(client, task)
    with emulator(run_log_file=log) as server, client_of(server) as client:
        status = client.get_task_status(task.token, previous=task.status)
    assert (status.from_run_log, status.outcome, status.exit_code) == (True, Outcome.FAILED, 2)


def test_a_server_that_died_with_the_run(tmp_path):
    log = str(tmp_path / "runs.jsonl")
    with emulator(run_log_file=log) as server, client_of(server) as client:
        task = client.use(pipeline=forever())
    with emulator(run_log_file=log) as server, client_of(server) as client:
        with pytest.raises(TaskVanishedError) as caught:
            client.get_task_status(task.token, previous=task.status)
    assert caught.value.outcome in (None, Outcome.CANCELLED)


def test_without_a_log_or_over_http_it_is_lost():
    for generation, transport in (("older", "websocket"), ("newer", "http"), ("older", "http")):
        with emulator(generation) as server, client_of(server, transport=transport) as client:
            task = client.use(pipeline=forever())
            with client_of(server) as other:
                other.terminate(task.token)
            forgotten(client, task)
            with pytest.raises(TaskVanishedError, match="its outcome is unknown"):
                wait(client, task)


def test_what_the_log_kept_for_too_short():
    with emulator(log_retention=0.01) as server, client_of(server) as client:
        task = client.use(pipeline=pipeline(seconds=A_WHILE))
        forgotten(client, task)
        while client.get_task_runs(task.status.project_id, task.status.source):
            pass  # the log is cleaned from time to time
        with pytest.raises(TaskVanishedError) as caught:
            wait(client, task)
    assert caught.value.last_status.start_time == task.status.start_time


def test_an_older_server_has_no_runs_to_list():
    with emulator("older") as server, client_of(server) as client:
        with pytest.raises(ServerError, match="An older server has no run log"):
            client.get_task_runs("p", "s")


def test_a_run_that_was_joined_is_told():
    """By a newer server also where nobody asked for it; of a start that joined nothing nothing is told."""
    document = forever()
    for generation in ("newer", "older"):
        with emulator(generation) as server, client_of(server) as client:
            assert client.use(pipeline=document).joined is False
            again = client.use(pipeline=document, use_existing=True)
            assert again.joined
            assert again.start.reused is (True if generation == "newer" else None)
