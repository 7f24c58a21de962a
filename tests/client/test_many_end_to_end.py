"""Many tasks on the local server: real sockets, real tasks, each transport."""

import itertools
import threading
import time

import pytest
from counting_tasks import FAST, GENEROUS, KEY
from needing import needs
from simulated_tasks import new_project, pipeline

from rocketride_sync import (
    AuthenticationError,
    Outcome,
    RetryPolicy,
    RocketRideClient,
    TaskNotFoundError,
    TaskReplacedError,
    TaskVanishedError,
    WaitTimeoutError,
)
from rocketride_sync.emulator import Emulator

needs("fastapi", reason="needs the extra `emulator`")

PATIENT = RetryPolicy(initial_delay=0.05, max_delay=0.2)
UNKNOWN = "tk_00000000000000000000000000000000"


@pytest.fixture(params=["websocket", "http", "auto"])
def transport(request):
    return request.param


@pytest.fixture
def client(server, transport):
    with RocketRideClient(server.uri, KEY, transport=transport, retry=PATIENT) as made:
        yield made


def test_a_mix_of_tasks(client, server):
    finished = server.start(pipeline(seconds=0.1))
    client.wait_until_complete(finished, GENEROUS, 0.05)
    tokens = [
        server.start(pipeline(seconds=1.0, total=2)),
        finished,
        UNKNOWN,
        server.start(pipeline(seconds=0.5, exit_code=1, exit_message="it crashed")),
        server.start(pipeline(forever=True)),
        finished,
    ]
    seen = []
    results = client.wait_all(tokens, 5.0, 0.1, lambda token, status: seen.append((token, status)))
    assert [result.token for result in results] == tokens
    running, done, unknown, failed, endless, again = results
    assert running.succeeded
    assert running.result().completed_count == 2
    assert done.succeeded
    assert done is again
    assert type(unknown.error) is TaskNotFoundError
    assert failed.result().outcome is Outcome.FAILED
    assert not failed.succeeded
    assert type(endless.error) is WaitTimeoutError
    assert endless.status.outcome is Outcome.RUNNING
    ends = [token for token, status in seen if status.is_terminal]
    assert sorted(ends) == sorted([finished, tokens[3], tokens[0]])
    assert sum(token == finished for token, _ in seen) == 1


def test_they_come_in_the_order_of_ending(client, server):
    tokens = [server.start(pipeline(forever=True)) for _ in range(3)]
    order = [tokens[1], tokens[2], tokens[0]]
    ended, next_one = [], iter(order)
    with RocketRideClient(server.uri, KEY) as somebody:
        somebody.terminate(next(next_one))
        for result in client.as_completed(tokens, GENEROUS, 0.05):
            ended.append(result.token)
            for token in itertools.islice(next_one, 1):
                somebody.terminate(token)
    assert ended == order


def test_a_task_that_is_replaced_is_told(client, server, transport):
    """Its end is in the run log, which is for WebSocket."""
    project = new_project()
    token = server.start(pipeline(project, forever=True))
    other = server.start(pipeline(seconds=0.5))
    polled = threading.Event()

    def replace():
        assert polled.wait(GENEROUS)
        with RocketRideClient(server.uri, KEY) as somebody:
            somebody.terminate(token)
            somebody.wait_until_complete(token, GENEROUS, 0.05)
        server.start(pipeline(project, forever=True))

    thread = threading.Thread(target=replace)
    thread.start()

    def hold_up(about, status):
        """Sees the first run, and not its end."""
        if about == token:
            polled.set()
            thread.join()

    lost, ended = client.wait_all([token, other], GENEROUS, 0.1, hold_up)
    if transport == "http":
        assert type(lost.error) is TaskReplacedError
        assert lost.error.new_status.start_time > lost.status.start_time
    else:
        assert lost.result().from_run_log
        assert lost.status.outcome is Outcome.CANCELLED
    assert ended.succeeded


def test_tasks_that_the_server_forgets_have_vanished(transport):
    with Emulator(api_key=KEY, **FAST, max_tasks=3, generation="older") as server:
        tokens = [server.start(pipeline(forever=True)) for _ in range(3)]
        seen = []
        with RocketRideClient(server.uri, KEY, transport=transport) as client, RocketRideClient(
            server.uri, KEY
        ) as somebody:

            def forget(token, status):
                seen.append(token)
                if len(seen) == 1:
                    for each in tokens:
                        somebody.terminate(each)
                    for _ in tokens:
                        server.start(pipeline(forever=True))  # takes the place of one of them

            results = client.wait_all([*tokens, UNKNOWN], GENEROUS, 0.1, forget)
    found = {result.token: result for result in results}
    assert type(found.pop(UNKNOWN).error) is TaskNotFoundError
    assert type(found.pop(seen[0]).error) is TaskVanishedError
    for other in found.values():
        # A poll in flight meanwhile may have met it ended, and not forgotten yet.
        ended = other.status is not None and other.status.outcome is Outcome.CANCELLED
        assert ended or type(other.error) in {TaskVanishedError, TaskNotFoundError}


def test_a_restarted_server_has_forgotten_them_all(transport):
    with Emulator(api_key=KEY, **FAST) as server:
        tokens = [server.start(pipeline(forever=True)) for _ in range(5)]
        with RocketRideClient(server.uri, KEY, transport=transport, retry=PATIENT) as client:
            seen = set()

            def restart(token, status):
                seen.add(token)
                if len(seen) == len(tokens):
                    seen.clear()
                    server.restart()

            results = client.wait_all(tokens, GENEROUS, 0.2, restart)
    assert {type(result.error) for result in results} == {TaskVanishedError}


def test_a_wrong_key_is_raised(server, transport):
    with RocketRideClient(server.uri, "wrong", transport=transport) as stranger:
        with pytest.raises(AuthenticationError):
            stranger.wait_all([UNKNOWN, "tk_1"], timeout=GENEROUS)


def test_many_waits_at_once_share_a_client(client, server):
    tokens = [server.start(pipeline(seconds=0.5 + 0.1 * number)) for number in range(4)]
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(client.wait_all(tokens, GENEROUS, 0.1)))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [[result.succeeded for result in results] for results in found] == [[True] * 4] * 6


def test_the_ends_of_few_are_learnt_long_before_the_interval(server):
    with RocketRideClient(server.uri, KEY, transport="websocket") as client:
        tokens = [server.start(pipeline(seconds=0.3 + 0.2 * number)) for number in range(5)]
        began = time.monotonic()
        assert all(result.succeeded for result in client.wait_all(tokens, GENEROUS, interval=40.0))
        assert time.monotonic() - began < 20


def test_a_wait_whose_callback_sleeps_hinders_nobody(server):
    token = server.start(pipeline(seconds=1.0))
    ended, asleep, awake = [], threading.Event(), threading.Event()

    def sleep(*_):
        asleep.set()
        awake.wait(GENEROUS)

    with RocketRideClient(server.uri, KEY) as client:
        slow = threading.Thread(
            target=lambda: ended.append(client.wait_all([token], GENEROUS, 0.1, sleep)), daemon=True
        )
        slow.start()
        assert asleep.wait(GENEROUS)
        assert client.wait_until_complete(token, GENEROUS, 0.05).succeeded
        assert not ended
        awake.set()
        slow.join(GENEROUS)
        assert ended[0][0].succeeded
