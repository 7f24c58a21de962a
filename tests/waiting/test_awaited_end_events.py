"""How long a wait listens for the event that tells why a task ended, against a fake clock."""

import pytest
from cases import each

from rocketride_sync import TaskStatus
from rocketride_sync.transports.end_told import EndTold, end_told
from rocketride_sync.waiting.wait_loop import statuses

from .fake_world import TOKEN, wait_of

FAILED = TaskStatus.from_dict(
    {"state": 6, "completed": True, "startTime": 100.0, "exitCode": 1, "exitMessage": "text"}
)
GOOD = TaskStatus.from_dict({"state": 5, "completed": True, "startTime": 100.0})
COMING = EndTold(may_come=True)


class World:
    """A clock; `told` is what events tell, by the moment from which on they do."""

    def __init__(self, status, told, wakes=()):
        self.now = 0.0
        self.status = status
        self.told = told
        self.wakes = list(wakes)
        self.pauses = []

    def clock(self):
        return self.now

    def end_told(self):
        return [told for moment, told in self.told if moment <= self.now][-1]

    def pause(self, seconds):
        assert seconds > 0
        self.pauses.append(seconds)
        sooner = [moment - self.now for moment in self.wakes if moment > self.now]
        self.now += min([seconds, *sooner])

    def result(self, timeout=None):
        wait = wait_of(self, timeout=timeout, interval=30.0)
        (status,) = statuses(TOKEN, wait, lambda _: self.status, self.pause, self.end_told)
        assert wait.last is status
        return status


def test_it_listens_for_a_second_and_no_longer():
    world = World(FAILED, [(0.0, COMING)])
    assert world.result().end_reason is None
    assert world.now == pytest.approx(1.0)


def test_events_that_tell_nothing_do_not_prolong_it():
    world = World(FAILED, [(0.0, COMING)], wakes=[0.1, 0.4, 0.9, 1.5])
    assert world.result().end_reason is None
    assert world.now == pytest.approx(1.0)


@pytest.mark.parametrize(("moment", "reason"), [(0.3, "user"), (0.99, "ttl"), (1.2, None)])
def test_it_ends_when_the_event_comes(moment, reason):
    world = World(
        FAILED, [(0.0, COMING), (moment, EndTold(True, "user" if moment < 0.5 else "ttl", True))], [moment]
    )
    assert world.result().end_reason == reason
    assert world.now == pytest.approx(min(moment, 1.0))


def test_it_ends_when_no_event_can_come_any_more():
    world = World(FAILED, [(0.0, COMING), (0.2, EndTold())], wakes=[0.2])
    assert world.result().end_reason is None
    assert world.now == pytest.approx(0.2)


@each(("timeout", "seconds"), [(0.4, 0.4), (0, 0.0), (60, 1.0), (None, 1.0)])
def test_the_deadline_of_the_wait_bounds_it(timeout, seconds):
    world = World(FAILED, [(0.0, COMING)])
    world.result(timeout)
    assert world.now == pytest.approx(seconds)


@each(
    ("status", "told"),
    [
        (GOOD, COMING),
        (FAILED, EndTold()),
        (FAILED, EndTold(told=True, may_come=True)),
        (FAILED, EndTold(True, "user", True)),
        (FAILED._with_facts(terminated_by_client=True), COMING),
    ],
    ids=["certain anyway", "deaf", "told of none", "told", "ours"],
)
def test_where_nothing_is_to_be_learnt_it_listens_for_no_moment(status, told):
    world = World(status, [(0.0, told)])
    assert world.result().end_reason == told.reason
    assert world.pauses == []


def test_a_transport_that_hears_nothing_needs_no_method_for_it():
    assert end_told(object()) == EndTold(told=False, reason=None, may_come=False)
    assert end_told(object(), "poll") == EndTold()
