"""Waits for many tasks whose caller takes long over a result or a status: that time says nothing of the server."""

import pytest
from logged_runs import ENDED, RunLog
from logged_runs import RUNNING as LOGGED

from rocketride_sync import RetryPolicy, TransportError, WaitTimeoutError

from .many_world import DONE, RUNNING, UNKNOWN, World, after

CUT = TransportError("cut")
LONG = 1000.0


def in_the_loop(world, **options):
    """The caller works between two results of an iterator."""
    found = {}
    for result in world.many(**options).results():
        found[result.token] = result
        world.now += LONG
    return found


def in_a_callback(world, **options):
    """The caller works on the terminal status of one task."""

    def on_progress(token, status):
        if token == "busy" and status.is_terminal:
            world.now += LONG

    return {result.token: result for result in world.results(on_progress=on_progress, **options)}


@pytest.fixture(params=[in_the_loop, in_a_callback])
def results(request):
    return request.param


class LateLog:
    """Has no answer until the caller has worked."""

    def __init__(self):
        self.log = RunLog().add(ENDED)
        self.world = None

    def body(self, arguments):
        _, moment, left = self.world.searches[-1]
        return CUT if moment < LONG or not left else self.log.body(arguments)


def test_a_search_of_the_run_log_goes_on(results):
    world = World({"lost": [LOGGED, UNKNOWN], "busy": [after(2.0, DONE)]}, log=LateLog())
    world.log.world = world
    found = results(world, interval=2.0)
    assert found["lost"].succeeded
    assert found["lost"].status.from_run_log


def test_an_outage_is_no_longer_for_it(results):
    world = World({"cut": [RUNNING, CUT, CUT, CUT, DONE], "busy": [after(2.0, DONE)]})
    found = results(world, interval=2.0)
    assert found["cut"].succeeded


def test_an_outage_that_lasts_ends_the_wait_nevertheless(results):
    world = World({"cut": [CUT], "busy": [after(2.0, DONE)]})
    found = results(world, interval=2.0, retry=RetryPolicy(max_outage=30, jitter=0))
    assert found["cut"].error is CUT
    assert LONG + 30.0 <= world.now <= 2 * LONG + 32.0


def test_the_timeout_of_the_wait_counts_it(results):
    """One poll is made after it: the task may have ended meanwhile."""
    world = World({"runs": [RUNNING], "busy": [after(2.0, DONE)]})
    found = results(world, interval=2.0, timeout=100.0)
    assert type(found["runs"].error) is WaitTimeoutError
    assert [moment for moment in world.moments("runs") if moment > 100.0] == pytest.approx([LONG + 3.0])
