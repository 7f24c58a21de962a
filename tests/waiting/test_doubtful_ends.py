"""Ends that may be another run's, against a fake clock: they have no start time, and the run before had one."""

import pytest

from rocketride_sync import (
    MemoryTransport,
    RocketRideClient,
    TaskNotFoundError,
    TaskReplacedError,
    TaskState,
    TaskVanishedError,
    TransportError,
    WaitTimeoutError,
)

from .fake_world import DONE, RUNNING, TOKEN, World, status, wait_of

DOUBTFUL = status(TaskState.CANCELLED, completed=True, start=0.0, exitCode=1)
OTHER_RUN = status(TaskState.RUNNING, start=200.0)
EARLIER_RUN = status(TaskState.RUNNING, start=50.0)


def test_an_end_without_a_start_time_is_polled_once_more_and_the_same_again_is_the_end():
    world = World(RUNNING, DOUBTFUL, DOUBTFUL, OTHER_RUN)
    assert list(world.wait()) == [RUNNING, DOUBTFUL]
    assert len(world.polls) == 3


def test_it_is_polled_soon_whatever_the_interval():
    world = World(RUNNING, DOUBTFUL, DOUBTFUL)
    list(world.wait(interval=200.0))
    assert world.polls == [0.0, 200.0, 201.0]


@pytest.mark.parametrize("other", [OTHER_RUN, EARLIER_RUN])
def test_it_was_another_runs(other):
    with pytest.raises(TaskReplacedError) as caught:
        list(World(RUNNING, DOUBTFUL, other).wait())
    assert caught.value.last_status is RUNNING
    assert caught.value.new_status is other


def test_it_was_forgotten_meanwhile():
    with pytest.raises(TaskVanishedError) as caught:
        list(World(RUNNING, DOUBTFUL, TaskNotFoundError("gone")).wait())
    assert caught.value.last_status is RUNNING


def test_it_is_confirmed_by_the_end_of_the_same_run():
    assert list(World(RUNNING, DOUBTFUL, DONE).wait()) == [RUNNING, DONE]


def test_a_fault_confirms_nothing():
    world = World(RUNNING, DOUBTFUL, TransportError("reset"), DOUBTFUL)
    assert list(world.wait()) == [RUNNING, DOUBTFUL]
    assert len(world.polls) == 4


def test_each_doubt_needs_its_own_confirmation():
    starting = status(TaskState.STARTING, start=0.0)
    world = World(RUNNING, DOUBTFUL, starting, DOUBTFUL, DOUBTFUL)
    assert list(world.wait()) == [RUNNING, starting, DOUBTFUL]
    assert len(world.polls) == 5


def test_a_run_that_never_had_a_start_time_ends_at_once():
    starting = status(TaskState.STARTING, start=0.0)
    for script in ([DOUBTFUL], [starting, DOUBTFUL]):
        world = World(*script)
        assert list(world.wait())[-1] is DOUBTFUL
        assert len(world.polls) == len(script)
    world = World(DOUBTFUL)
    assert list(world.wait(previous=starting)) == [DOUBTFUL]
    assert len(world.polls) == 1


def test_an_earlier_status_counts_as_of_the_run_before():
    world = World(DOUBTFUL, OTHER_RUN)
    with pytest.raises(TaskReplacedError):
        list(world.wait(previous=RUNNING))


def test_without_time_for_another_poll_it_is_the_end():
    assert list(World(DOUBTFUL).wait(timeout=0, previous=RUNNING)) == [DOUBTFUL]
    world = World(RUNNING, DOUBTFUL)
    assert list(world.wait(timeout=5.0, interval=100.0)) == [RUNNING, DOUBTFUL]


def test_a_start_time_that_went_back_is_another_run_as_well():
    with pytest.raises(TaskReplacedError) as caught:
        list(World(RUNNING, EARLIER_RUN).wait())
    assert caught.value.new_status is EARLIER_RUN


def test_a_deadline_before_the_confirmation_is_a_wait_timeout_with_what_is_certain():
    world = World(RUNNING, DOUBTFUL, TransportError("reset"))
    with pytest.raises(WaitTimeoutError) as caught:
        list(world.wait(timeout=10.0))
    assert caught.value.last_status is RUNNING


def test_the_same_holds_for_many_tasks():
    seen = []
    script = [RUNNING.to_dict(), DOUBTFUL.to_dict(), DOUBTFUL.to_dict()]
    with RocketRideClient("test", "key", transport=MemoryTransport(script)) as client:
        (result,) = client.wait_all([TOKEN], interval=0.01, on_progress=lambda _, status: seen.append(status))
    assert result.status == DOUBTFUL
    assert seen == [RUNNING, DOUBTFUL]


def test_many_tasks_notice_another_run_too():
    script = [RUNNING.to_dict(), DOUBTFUL.to_dict(), OTHER_RUN.to_dict()]
    with RocketRideClient("test", "key", transport=MemoryTransport(script)) as client:
        (result,) = client.wait_all([TOKEN], interval=0.01)
    assert type(result.error) is TaskReplacedError
    assert result.status == RUNNING


@pytest.mark.parametrize(("read_at", "doubted"), [(5.5, True), (7.5, False)])
def test_the_time_for_another_poll_includes_that_of_its_turn(read_at, doubted):
    """Of many tasks: it had to wait for its turn for 2 s, and is reckoned to wait half as long again at the end."""
    world = World()
    wait = wait_of(world, timeout=10.0, interval=20.0)
    wait.mark_due()
    world.now = 2.0
    wait.begin()
    wait.mark_answered()
    wait.reserve_turn(0.0)
    wait.record(RUNNING)
    world.now = read_at
    wait.mark_due()
    wait.begin()
    wait.mark_answered()
    wait.record(DOUBTFUL)
    assert (wait.in_doubt, wait.ended) == (doubted, not doubted)
