"""The wait for many tasks against a fake clock: which events it listens for after an end, lost runs, and ending early."""

import pytest
from cases import each
from logged_runs import ENDED, RunLog
from logged_runs import RUNNING as LOGGED

from rocketride_sync import (
    PermissionDeniedError,
    TaskReplacedError,
    TaskVanishedError,
    TransportError,
    TransportTimeoutError,
    WaitTimeoutError,
)
from rocketride_sync.transports.end_told import EndTold
from rocketride_sync.transports.poller import WakeUp
from rocketride_sync.waiting.run_log_search import RunLogSearch

from .many_world import DONE, RUNNING, UNKNOWN, World, after, tokens

FAILED = {**RUNNING, "state": 6, "completed": True, "exitCode": 1, "exitMessage": "text"}
COMING = EndTold(may_come=True)
STOPPED = EndTold(True, "user", True)


def only(results):
    (result,) = results
    return result


def timed(world, **options):
    """Each result by token, and the moment at which it came."""
    return {result.token: (result, world.now) for result in world.many(**options).results()}


# --- why a task ended


@each(
    ("moment", "wakes", "reason", "came"),
    [
        (0.3, [0.3], "user", 0.3),
        (0.7, [0.3, 0.7], "user", 0.7),
        (0.7, [0.3], "user", 1.0),
        (1.2, [0.3, 1.2], None, 1.0),
    ],
    ids=["told", "told later", "told without a wake-up", "told too late"],
)
def test_it_listens_for_a_second_for_the_reason_of_an_end(moment, wakes, reason, came):
    told = {"a": [(0.0, COMING), (moment, STOPPED)]}
    world = World({"a": [FAILED]}, told=told, wake_ups=[(at, "a", WakeUp.POLL) for at in wakes])
    seen = []
    result, at = timed(world, on_progress=lambda _, status: seen.append(status))["a"]
    assert (result.status.end_reason, at) == (reason, pytest.approx(came))
    assert seen == [result.status]
    assert world.moments("a") == [0.0]


@pytest.mark.parametrize(("status", "told"), [(DONE, COMING), (FAILED, STOPPED), (FAILED, EndTold())])
def test_where_nothing_is_to_be_learnt_it_listens_for_no_moment(status, told):
    world = World({"a": [status]}, told={"a": [(0.0, told)]})
    result, came = timed(world)["a"]
    assert (result.status.end_reason, came) == (told.reason, 0.0)


@pytest.mark.parametrize(("timeout", "seconds"), [(0.4, 0.4), (0, 0.0)])
def test_the_deadline_bounds_it(timeout, seconds):
    world = World({"a": [FAILED]}, told={"a": [(0.0, COMING)]})
    result, came = timed(world, timeout=timeout)["a"]
    assert result.error is None
    assert came == pytest.approx(seconds, abs=0.002)


def test_the_others_are_polled_meanwhile():
    world = World({"a": [FAILED], "b": [RUNNING, DONE]}, told={"a": [(0.0, COMING)]})
    found = timed(world, interval=0.5)
    assert found["b"][1] == pytest.approx(0.25)
    assert found["a"][1] == pytest.approx(1.0)


def test_an_end_whose_reason_was_told_is_told_once():
    """Although it would have been listened for longer."""
    told = {"a": [(0.0, COMING), (0.3, STOPPED)]}
    world = World({"a": [FAILED], "b": [after(3.0, DONE)]}, told=told, wake_ups=[(0.3, "a", WakeUp.POLL)])
    assert [result.token for result in world.results()] == ["a", "b"]


def test_an_event_after_the_result_changes_nothing():
    wake_ups = [(1.5, "a", WakeUp.ENDED), (1.6, "a", WakeUp.POLL)]
    world = World({"a": [FAILED], "b": [after(3.0, DONE)]}, told={"a": [(0.0, COMING)]}, wake_ups=wake_ups)
    results = world.results()
    assert [result.token for result in results] == ["a", "b"]
    assert world.moments("a") == [0.0]


def test_an_end_event_while_the_first_poll_is_in_flight_is_followed_by_quick_polls():
    world = World({"a": [RUNNING, RUNNING, DONE]}, wake_ups=[(0.0, "a", WakeUp.ENDED)])
    assert only(world.results(interval=60.0)).succeeded
    assert world.moments("a") == pytest.approx([0.0, 0.002, 0.006])


# --- the run log


def lost(log, then=UNKNOWN, **options):
    return World({"a": [LOGGED, then]}, log=log, **options)


@pytest.mark.parametrize("then", [UNKNOWN, {**LOGGED, "startTime": 300.0}], ids=["vanished", "replaced"])
def test_the_end_of_a_lost_run_is_that_of_the_log(then):
    seen = []
    result = only(lost(RunLog().add(ENDED), then).results(on_progress=lambda *told: seen.append(told)))
    assert result.succeeded
    assert result.status.from_run_log
    assert seen[-1] == ("a", result.status)
    assert len(seen) == 2


@pytest.mark.parametrize(
    ("then", "error"), [(UNKNOWN, TaskVanishedError), ({**LOGGED, "startTime": 300.0}, TaskReplacedError)]
)
def test_what_is_not_in_the_log_is_lost(then, error):
    result = only(lost(RunLog(), then).results())
    assert type(result.error) is error
    assert result.status.start_time == 100.0
    assert result.error.__traceback__ is None


def test_a_task_whose_run_was_never_known_is_not_looked_for():
    world = World({"a": [{"state": 1}, UNKNOWN]}, log=RunLog().add(ENDED))
    assert type(only(world.results()).error) is TaskVanishedError
    assert world.searches == []


def test_the_log_is_asked_again_after_pauses_and_the_others_are_polled_meanwhile():
    cut = TransportError("cut")
    world = World({"a": [LOGGED, UNKNOWN], "b": [after(5.0, DONE)]}, log=lambda _: cut)
    found = {result.token: result for result in world.results(interval=0.5)}
    assert type(found["a"].error) is TaskVanishedError
    assert found["b"].succeeded
    moments = [moment for _, moment, _ in world.searches]
    began = moments[0]
    assert moments == pytest.approx([began + pause for pause in (0.0, 0.1, 0.3, 0.7, 1.3, 2.0)])
    assert world.moments("b") == pytest.approx([0.0] + [0.25 + 0.5 * number for number in range(11)])


def test_a_refusal_is_asked_no_second_time():
    world = lost(lambda _: PermissionDeniedError("no"))
    assert type(only(world.results()).error) is TaskVanishedError
    assert len(world.searches) == 1


def test_a_wake_up_does_not_cut_its_pauses_short():
    wake_ups = [(2.05, "a", WakeUp.POLL), (2.06, "a", WakeUp.ENDED)]
    world = lost(lambda _: TransportError("cut"), wake_ups=wake_ups)
    world.results()
    assert [moment for _, moment, _ in world.searches][:3] == pytest.approx([2.0, 2.1, 2.3])


@each(("timeout", "left"), [(None, 30.0), (60.0, 30.0), (10.0, 8.0), (2.5, 0.5)])
def test_a_search_has_half_a_minute_and_no_more_than_the_wait(timeout, left):
    world = lost(lambda _: TransportTimeoutError("late"), round_trip=0.0)
    assert type(only(world.results(timeout=timeout, call_timeout=None)).error) is TaskVanishedError
    assert world.searches[0][2] == pytest.approx(left, abs=0.05)
    assert world.now <= (timeout or 60.0)


def test_the_time_of_one_call_bounds_a_search_too():
    world = lost(lambda _: TransportTimeoutError("late"))
    world.results(call_timeout=5.0)
    assert world.searches[0][2] == pytest.approx(5.0)


# --- ending early


def test_after_enough_it_yields_what_needs_no_more_polls():
    world = World(
        {"a": [DONE], "b": [RUNNING], "c": [FAILED], "d": [DONE]}, told={"c": [(0.0, COMING)]}, round_trip=0.1
    )
    wait = world.many()
    found = list(wait.results(enough=lambda result: result.token == "a"))
    assert [result.token for result in found] == ["a"]
    assert [token for token, _ in world.polls] == ["a"]
    assert world.closed == 1


def test_an_end_that_was_read_is_a_result_though_its_reason_is_not_awaited_any_more():
    world = World({"a": [FAILED], "b": [DONE], "c": [RUNNING]}, told={"a": [(0.0, COMING)]})
    wait = world.many()
    found = list(wait.results(enough=lambda result: result.token == "b"))
    assert [result.token for result in found] == ["b", "a"]
    assert world.now == 0.0


def test_answers_that_have_come_already_are_still_taken_and_nothing_is_asked():
    world = World({"a": [DONE], "b": [RUNNING], "c": [DONE], "d": [DONE]})
    world.at_hand = 2
    found = list(world.many().results(enough=lambda result: result.token == "a"))
    assert [result.token for result in found] == ["a", "c"]
    assert len(world.polls) == 3


def test_nor_does_the_end_of_the_time_then_give_up_thousands():
    world = World({token: [DONE] for token in tokens(1_000)}, round_trip=1.99)
    world.at_hand = 1
    found = list(world.many(timeout=2.0).results(enough=lambda _: True))
    assert [result.token for result in found if result.succeeded] == tokens(1)
    assert len(found) < 3


def test_what_is_known_so_far():
    world = World({"a": [DONE], "b": [RUNNING], "c": [RUNNING]})
    wait = world.many(timeout=None)
    assert [(result.status, result.done) for result in wait.so_far().values()] == [(None, False)] * 3
    for result in wait.results():
        assert wait.so_far()["a"] is result
        break
    assert list(wait.so_far()) == ["a", "b", "c"]
    assert not wait.so_far()["b"].done


# --- thousands


class LateLog(World):
    """The run log is not answered before the wait gives up."""

    gave_up = False

    def take_queued(self):
        self.gave_up = True
        return super().take_queued()

    def next(self, deadline):
        if not self.gave_up and self.asked and all(isinstance(poll, RunLogSearch) for poll in self.asked):
            self.now += deadline.remaining()
            return None
        return super().next(deadline)


def test_thousands_are_given_up_but_for_those_that_have_ended_and_those_looked_for():
    """One has ended and its reason was awaited, one is looked for in the run log: these are few."""
    scripts = {f"x{number}": [RUNNING] for number in range(299)}
    world = LateLog(
        {"x": [RUNNING], "ended": [RUNNING, FAILED], "lost": [LOGGED, UNKNOWN], **scripts},
        told={"ended": [(0.0, COMING)]},
        log=RunLog().add(ENDED),
        round_trip=0.0075,
    )
    results = world.results(timeout=2.6, interval=2.0)
    found = {result.token: result for result in results}
    assert world.gave_up
    assert len(found) == len(results) == 302
    assert found["ended"].error is None
    assert found["lost"].succeeded
    assert {type(found[token].error) for token in scripts} == {WaitTimeoutError}


class QuickLog(World):
    """The run log is asked before statuses."""

    def submit(self, poll):
        if isinstance(poll, RunLogSearch):
            self.asked.appendleft(poll)
        else:
            super().submit(poll)


def test_of_thousands_one_whose_run_is_to_be_looked_for_again_is_lost_and_not_late():
    """When the wait gives up, the search is in a pause."""
    scripts = {f"x{number}": [RUNNING] for number in range(300)}
    world = QuickLog(
        {"x": [RUNNING], "lost": [LOGGED, UNKNOWN], **scripts},
        log=lambda _: TransportError("cut"),
        round_trip=0.0075,
    )
    found = {result.token: result for result in world.results(timeout=2.65, interval=2.0)}
    # It is given up 6 ms before the end.
    assert [moment for _, moment, _ in world.searches if moment < 2.65] == pytest.approx(
        [2.27, 2.38, 2.6], abs=0.01
    )
    assert type(found["lost"].error) is TaskVanishedError
    assert {type(found[token].error) for token in scripts} == {WaitTimeoutError}
