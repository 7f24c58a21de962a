"""The client against the local server: real sockets, real tasks, both transports."""

import threading
import time

import pytest
from counting_tasks import FAST, GENEROUS, KEY
from needing import needs
from simulated_tasks import new_project, pipeline

from rocketride_sync import (
    AuthenticationError,
    ConfigurationError,
    Outcome,
    RetryPolicy,
    RocketRideClient,
    TaskNotFoundError,
    TaskReplacedError,
    TaskState,
    TaskVanishedError,
    WaitTimeoutError,
)
from rocketride_sync.emulator import Emulator

needs("fastapi", reason="needs the extra `emulator`")

TEXTS = {"a.txt": "one two three\n", "b.txt": "four  five\tsix\nseven", "c.txt": ""}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    for name, text in TEXTS.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def server(root):
    with Emulator(root=root, api_key=KEY, **FAST) as running:
        yield running


def test_a_word_count_over_real_files_is_watched_to_its_end(client, server):
    document = pipeline(provider="files", paths=["."], delay=0.7)  # so that the first poll sees it run
    document["components"].append(
        {"id": "count_1", "provider": "wordcount", "input": [{"lane": "text", "from": "src_1"}]}
    )
    token = server.start(document)
    seen = []
    status = client.wait_until_complete(token, timeout=GENEROUS, interval=0.05, on_progress=seen.append)
    assert status.succeeded
    assert not status.has_failures
    assert status.words_count == 7
    assert (status.completed_count, status.total_count) == (3, 3)
    assert status.completed_size == sum(map(len, TEXTS.values()))
    assert status.progress == 1.0
    assert len(seen) > 1
    assert seen[-1] is status
    assert [s.is_terminal for s in seen[:-1]] == [False] * (len(seen) - 1)


@pytest.mark.parametrize(
    ("config", "outcome"),
    [
        ({"total": 2}, Outcome.SUCCEEDED),
        ({"exit_code": 1, "exit_message": "it crashed"}, Outcome.FAILED),
    ],
)
def test_outcomes(client, server, config, outcome):
    status = client.wait_until_complete(server.start(pipeline(seconds=0.3, **config)), GENEROUS, 0.05)
    assert status.outcome is outcome
    assert status.exit_message == config.get("exit_message", "")


def test_a_terminated_task_is_cancelled(client, server):
    import http.client

    token = server.start(pipeline(forever=True))
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=GENEROUS)
    statuses = client.iter_task_status(token, timeout=GENEROUS, interval=0.05)
    assert next(statuses).state is TaskState.RUNNING
    connection.request("DELETE", f"/task?token={token}", headers={"Authorization": f"Bearer {KEY}"})
    assert connection.getresponse().read()
    connection.close()
    assert list(statuses)[-1].outcome is Outcome.CANCELLED


def test_stopping_with_completed_is_not_taken_for_the_end(client, server):
    token = server.start(pipeline(seconds=0.2, stopping_seconds=3.0))  # so that a poll sees it
    seen = list(client.iter_task_status(token, timeout=GENEROUS, interval=0.05))
    assert any(s.completed and s.state is TaskState.STOPPING for s in seen)
    assert seen[-1].state is TaskState.COMPLETED


def test_errors_come_once_each(client, server):
    token = server.start(pipeline(seconds=0.5, total=4, failed=2, errors=["boom 1", "boom 2"]))
    previous, messages = None, []
    for status in client.iter_task_status(token, timeout=GENEROUS, interval=0.05):
        messages += status.new_errors(previous).messages
        previous = status
    assert len(messages) == len(set(messages)) == len(previous.errors)
    assert previous.succeeded
    assert previous.has_failures


def test_a_wait_that_times_out_leaves_the_task_running(leaping, client, server):
    token = server.start(pipeline(forever=True))
    with pytest.raises(WaitTimeoutError) as caught:
        client.wait_until_complete(token, GENEROUS, 0.1, on_progress=lambda _: leaping.leap(GENEROUS))
    assert caught.value.last_status.state is TaskState.RUNNING
    assert client.get_task_status(token).state is TaskState.RUNNING


def test_a_wrong_key_and_an_unknown_task(client, server):
    with pytest.raises(TaskNotFoundError):
        client.get_task_status("tk_00000000000000000000000000000000")
    with pytest.raises(TaskNotFoundError):
        client.wait_until_complete("tk_00000000000000000000000000000000", timeout=GENEROUS)
    with RocketRideClient(server.uri, "wrong") as stranger, pytest.raises(AuthenticationError):
        stranger.wait_until_complete("tk_0", timeout=GENEROUS)


def test_a_task_token_works_as_credential_for_its_task(client, server):
    token = server.start(pipeline(forever=True))
    with RocketRideClient(server.uri, token) as insider:
        assert insider.get_task_status(token).state is TaskState.RUNNING
    with RocketRideClient(server.uri, "tk_00000000000000000000000000000000") as outsider:
        with pytest.raises(
            ConfigurationError, match="is the token of task tk_0000…, and opens that task only"
        ):
            outsider.get_task_status(token)


def test_the_next_run_under_the_same_token_is_noticed(client, server, request):
    """The end of the one before is in the run log, which is for WebSocket."""
    project = new_project()
    token = server.start(pipeline(project=project, seconds=0.2))
    first = client.wait_until_complete(token, timeout=GENEROUS, interval=0.05)
    assert server.start(pipeline(project=project, seconds=0.2)) == token
    if request.node.callspec.params["client"] != "http":
        status = client.wait_until_complete(token, timeout=GENEROUS, interval=0.05, previous=first)
        assert (status.from_run_log, status.start_time) == (True, first.start_time)
        return
    with pytest.raises(TaskReplacedError) as caught:
        client.wait_until_complete(token, timeout=GENEROUS, interval=0.05, previous=first)
    assert caught.value.last_status == first
    assert caught.value.new_status.start_time > first.start_time


def test_thirty_threads_at_once_are_all_answered(client, server):
    """More than the ten slots that the server has: overload answers are outlived."""
    token = server.start(pipeline(forever=True))
    results = []

    def ask():
        results.append(client.get_task_status(token, timeout=GENEROUS).state)

    threads = [threading.Thread(target=ask) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [TaskState.RUNNING] * 30


@pytest.mark.parametrize("transport", ["websocket", "http"])
class TestServerGoesAway:
    retry = RetryPolicy(initial_delay=0.05, max_delay=0.2, max_outage=GENEROUS)

    def test_a_forgotten_task_has_vanished(self, transport):
        with Emulator(api_key=KEY, **FAST, max_tasks=1, generation="older") as server:
            token = server.start(pipeline(seconds=0.3))
            with RocketRideClient(server.uri, KEY, transport=transport, retry=self.retry) as client:
                end = client.wait_until_complete(token, timeout=GENEROUS, interval=0.05)
                server.start(pipeline(forever=True))  # takes its place
                with pytest.raises(TaskVanishedError):
                    client.get_task_status(token, previous=end)
                with pytest.raises(TaskNotFoundError):
                    client.get_task_status(token)


def test_the_end_is_learnt_long_before_the_interval(server):
    with RocketRideClient(server.uri, KEY, transport="websocket") as client:
        token = server.start(pipeline(seconds=0.5))
        statuses = []
        began = time.monotonic()
        status = client.wait_until_complete(token, GENEROUS, 30.0, statuses.append)
        assert status.succeeded
        assert time.monotonic() - began < 15
        assert len(statuses) <= 5


@pytest.mark.parametrize("transport", ["websocket", "http"])
def test_waits_whose_callbacks_sleep_hinder_nobody(server, transport):
    """Their tasks go on to the end, other waiters learn of it, and tasks can be terminated."""
    ending, endless = server.start(pipeline(seconds=1.0)), server.start(pipeline(forever=True))
    awake, asleep = threading.Event(), []

    def sleep(status):
        asleep.append(status)
        awake.wait(GENEROUS)

    with RocketRideClient(server.uri, KEY, transport=transport) as client:
        sleepers = [
            threading.Thread(target=client.wait_until_complete, args=(token, GENEROUS, 0.05, sleep))
            for token in (ending, endless) * 3
        ]
        for sleeper in sleepers:
            sleeper.start()
        while len(asleep) < len(sleepers):
            time.sleep(0.01)
        assert client.wait_until_complete(ending, GENEROUS, 0.05).succeeded
        client.terminate(endless)
        assert client.wait_until_complete(endless, GENEROUS, 0.05).outcome is Outcome.CANCELLED
        assert len(asleep) == len(sleepers)
        awake.set()
        for sleeper in sleepers:
            sleeper.join(GENEROUS)
            assert not sleeper.is_alive()
