"""Many tasks on the local server: real sockets, real tasks, each transport."""

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
    assert [token for token, status in seen if status.is_terminal] == [finished, tokens[3], tokens[0]]
    assert sum(token == finished for token, _ in seen) == 1


def test_they_come_in_the_order_of_ending(client, server):
    tokens = [server.start(pipeline(seconds=seconds)) for seconds in (2.4, 0.2, 1.3)]
    ended = [result.token for result in client.as_completed(tokens, GENEROUS, 0.05)]
    assert ended == [tokens[1], tokens[2], tokens[0]]


def test_a_task_that_is_replaced_is_told(client, server, transport):
    """Its end is in the run log, which is for WebSocket."""
    project = new_project()
    token = server.start(pipeline(project, seconds=0.5))
    other = server.start(pipeline(seconds=1.5))
    polled = threading.Event()

    def replace():
        assert polled.wait(GENEROUS)
        with RocketRideClient(server.uri, KEY) as somebody:
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
        assert lost.succeeded
    assert ended.succeeded


def test_tasks_that_the_server_forgets_have_vanished(transport):
    settings = {**FAST, "retention": 0.3, "scan_interval": 0.1, "generation": "older"}
    with Emulator(api_key=KEY, **settings) as server:
        tokens = [server.start(pipeline(seconds=0.5)) for _ in range(3)]
        with RocketRideClient(server.uri, KEY, transport=transport) as client, RocketRideClient(
            server.uri, KEY
        ) as observer:

            def sleep(token, status):
                deadline = time.monotonic() + GENEROUS
                while not forgotten(observer, tokens):
                    assert time.monotonic() < deadline
                    time.sleep(0.05)

            results = client.wait_all([*tokens, UNKNOWN], GENEROUS, 0.1, sleep)
    assert type(results[0].error) is TaskVanishedError
    assert type(results[3].error) is TaskNotFoundError
    assert {type(result.error) for result in results[1:3]} <= {
        TaskVanishedError,
        TaskNotFoundError,
        type(None),
    }


def forgotten(client, tokens):
    """Whether the server knows none of these."""
    return all(isinstance(result.error, TaskNotFoundError) for result in client.wait_all(tokens, timeout=0))


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
    ended = []
    with RocketRideClient(server.uri, KEY) as client:
        slow = threading.Thread(
            target=lambda: ended.append(client.wait_all([token], GENEROUS, 0.1, lambda *_: time.sleep(2.0)))
        )
        slow.start()
        assert client.wait_until_complete(token, GENEROUS, 0.05).succeeded
        assert not ended
        slow.join(GENEROUS)
        assert ended[0][0].succeeded
