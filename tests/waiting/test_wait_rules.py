"""The wait loop against a fake clock: when it polls, when it ends, when it gives up."""

import math
import re

import pytest
from cases import each
from handlers import of_auth

from rocketride_sync import (
    AuthenticationError,
    CertificateError,
    PermissionDeniedError,
    RetryPolicy,
    RocketRideError,
    ServerError,
    TaskLostError,
    TaskNotFoundError,
    TaskReplacedError,
    TaskState,
    TaskVanishedError,
    TransientError,
    TransportError,
    TransportTimeoutError,
    WaitTimeoutError,
)

from .fake_world import DONE, RUNNING, TOKEN, World, after, status, wait_of

# --- when it polls


def test_it_polls_at_once_and_a_finished_task_needs_one_poll():
    world = World(DONE)
    assert list(world.wait()) == [DONE]
    assert world.polls == [0.0]
    assert world.pauses == []


def test_it_polls_on_a_fixed_schedule_however_long_a_poll_takes():
    world = World(after(9.0, DONE), round_trip=0.5)
    list(world.wait(interval=2.0))
    assert world.polls == [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]


def test_the_schedule_begins_with_the_wait_whatever_its_clock_says_then():
    world = World(RUNNING)
    world.now = 1000.25
    with pytest.raises(WaitTimeoutError, match=r"after 5\.0 s") as caught:
        list(world.wait(timeout=5.0, interval=2.0))
    assert world.polls == pytest.approx([1000.25, 1002.25, 1004.25, 1005.24])
    assert caught.value.elapsed == pytest.approx(4.99)


def test_missed_ticks_are_skipped():
    """A callback of 5 s must not be followed by a burst of polls."""
    world = World(after(9.0, DONE))
    statuses = world.wait(interval=2.0)
    next(statuses)
    world.now += 5.0
    list(statuses)
    assert world.polls == [0.0, 6.0, 8.0, 10.0]


def test_a_sleep_that_ends_slightly_early_causes_no_extra_poll():
    world = World(after(5.0, DONE))
    punctual = world.pause
    world.pause = lambda seconds: punctual(seconds - 0.001)
    list(world.wait(interval=2.0))
    assert len(world.polls) == 4


def test_a_pause_cut_short_leads_to_a_poll_and_back_to_the_schedule():
    world = World(after(3.0, DONE))
    full = world.pause
    world.pause = lambda seconds: full(0.5 if world.now == 0 else seconds)
    list(world.wait(interval=2.0))
    assert world.polls == [0.0, 0.5, 2.0, 4.0]


def test_every_status_is_seen_and_the_terminal_one_once():
    other = status(TaskState.RUNNING, completedCount=1)
    world = World(RUNNING, other, DONE)
    assert list(world.wait()) == [RUNNING, other, DONE]


# --- when it ends


def test_completed_while_stopping_is_not_the_end():
    stopping = status(TaskState.STOPPING, completed=True)
    assert list(World(stopping, stopping, DONE).wait())[-1] is DONE


def test_a_restart_in_progress_is_not_the_end():
    restarting = status(TaskState.CANCELLED, status="Restarting")
    starting = status(TaskState.STARTING)
    assert list(World(RUNNING, restarting, starting, RUNNING, DONE).wait())[-1] is DONE


def test_cancelled_and_failed_are_ends_too():
    for state in (TaskState.COMPLETED, TaskState.CANCELLED):
        end = status(state, completed=True, exitCode=1)
        assert list(World(RUNNING, end).wait())[-1] is end


def test_an_unknown_state_is_not_the_end():
    strange = status(9, completed=True)
    assert list(World(strange, DONE).wait())[-1] is DONE


# --- the deadline


def test_the_last_poll_still_fits_before_the_deadline():
    world = World(RUNNING, round_trip=0.1)
    with pytest.raises(WaitTimeoutError) as caught:
        list(world.wait(timeout=5.0, interval=2.0))
    assert world.polls == pytest.approx([0.0, 2.0, 4.0, 4.8])
    assert 4.8 <= world.now <= 5.0
    assert caught.value.last_status is RUNNING
    assert caught.value.elapsed == pytest.approx(world.now)
    assert TOKEN not in str(caught.value)
    assert str(caught.value).endswith("(last seen as RUNNING); it runs on")
    assert caught.value.token == "tk_5f3a…"


def test_an_end_just_before_the_deadline_is_not_missed():
    world = World(after(4.5, DONE), round_trip=0.1)
    assert list(world.wait(timeout=5.0, interval=2.0))[-1] is DONE


def test_a_slow_first_poll_that_connects_is_no_round_trip_to_reserve():
    def connecting(world):
        world.round_trip = 2.0
        return RUNNING

    def connected(world):
        world.round_trip = 0.1
        return DONE if world.now >= 4.5 else RUNNING

    world = World(connecting, connected)
    assert list(world.wait(timeout=5.0, interval=1.0))[-1] is DONE


def test_a_slow_poll_among_others_is_no_round_trip_to_reserve_either():
    """It may have connected anew."""

    def slow_once(world):
        world.round_trip = 4.0 if 4.0 <= world.now < 8.0 else 0.1
        return DONE if world.now >= 13.0 else RUNNING

    world = World(slow_once)
    assert list(world.wait(timeout=15.0, interval=4.0))[-1] is DONE


def test_after_a_slow_poll_the_last_one_waits_for_its_time():
    def slow_once(world):
        world.round_trip = 4.0 if 8.0 <= world.now < 12.0 else 0.1
        return DONE if world.now >= 13.0 else RUNNING

    world = World(slow_once)
    assert list(world.wait(timeout=15.0, interval=4.0))[-1] is DONE
    assert world.polls == pytest.approx([0.0, 4.0, 8.0, 14.8])


def test_a_server_that_is_always_slow_is_polled_early_enough():
    world = World(after(3.5, DONE), round_trip=3.0)
    assert list(world.wait(timeout=10.0, interval=10.0))[-1] is DONE
    assert world.polls == pytest.approx([0.0, 5.0])  # answered at 8


@pytest.mark.parametrize("ends", [8.1, 8.9])
def test_a_last_poll_that_fails_at_once_is_not_the_last_while_there_is_time_for_another(ends):
    """The round trips of a slow server are long, but a refused connection takes none of them."""

    def refused(world):
        if not 7.9 < world.now < ends:
            world.round_trip = 1.0
            return DONE if world.now > 7.9 else RUNNING
        world.round_trip = 0.0
        return TransportError("connection refused")

    world = World(refused)
    retry = RetryPolicy(initial_delay=0.25, jitter=0)
    assert list(world.wait(timeout=10.0, interval=3.0, retry=retry))[-1] is DONE
    assert world.now <= 10.0


def test_a_poll_after_a_failed_last_one_begins_a_round_trip_before_the_deadline_at_the_latest():
    def down(world):
        world.round_trip = 0.0 if world.now > 7.9 else 1.0
        return TransportError("connection refused") if world.now > 7.9 else RUNNING

    world = World(down)
    with pytest.raises(WaitTimeoutError, match="connection refused"):
        list(world.wait(timeout=10.0, interval=3.0, retry=RetryPolicy(initial_delay=0.25, jitter=0)))
    assert world.polls == pytest.approx([0.0, 3.0, 6.0, 8.0, 8.25, 8.75, 9.0])


def test_where_round_trips_are_short_a_last_poll_that_fails_is_the_last():
    world = World(RUNNING, TransportError("connection refused"))
    with pytest.raises(WaitTimeoutError):
        list(world.wait(timeout=1.0, interval=60.0))
    assert world.polls == pytest.approx([0.0, 0.99])


def test_a_timeout_shorter_than_the_interval_polls_twice():
    world = World(RUNNING)
    with pytest.raises(WaitTimeoutError):
        list(world.wait(timeout=1.0, interval=60.0))
    assert world.polls == pytest.approx([0.0, 0.99])


def test_a_timeout_of_zero_polls_once_under_the_calls_timeout():
    world = World(RUNNING, round_trip=3.0)
    with pytest.raises(WaitTimeoutError) as caught:
        list(world.wait(timeout=0, call_timeout=30.0))
    assert world.budgets == [30.0]
    assert caught.value.last_status is RUNNING
    assert list(World(DONE).wait(timeout=0)) == [DONE]


def test_each_poll_gets_the_smaller_of_the_calls_timeout_and_what_remains():
    world = World(RUNNING)
    with pytest.raises(WaitTimeoutError):
        list(world.wait(timeout=10.0, interval=4.0, call_timeout=5.0))
    assert world.budgets == pytest.approx([5.0, 5.0, 2.0, 0.01])


def test_unlimited_means_unlimited():
    world = World(after(100_000.0, DONE))
    list(world.wait(interval=200.0, call_timeout=None))
    assert world.now == 100_000.0
    assert set(world.budgets) == {float("inf")}


def test_time_in_the_callback_counts():
    world = World(RUNNING)
    statuses = world.wait(timeout=5.0)
    next(statuses)
    world.now += 60.0
    with pytest.raises(WaitTimeoutError):
        next(statuses)
    assert world.polls == [0.0]


def asleep(world, seconds):
    """A pause in which the machine is suspended for so long, on a clock that counts that."""
    awake = world.pause

    def pause(planned):
        awake(planned)
        world.now += seconds

    world.pause = pause


def test_after_a_suspension_it_polls_at_once_and_finds_the_end():
    world = World(after(10.0, DONE))
    asleep(world, 5000.0)
    assert list(world.wait())[-1] is DONE
    assert world.polls == [0.0, 5002.0]


def test_a_suspension_beyond_the_deadline_still_allows_a_last_poll():
    """The deadline has passed; the poll gets no time, and the error says what is known."""
    world = World(RUNNING, TransportTimeoutError("no time"))
    asleep(world, 5000.0)
    with pytest.raises(WaitTimeoutError) as caught:
        list(world.wait(timeout=60.0))
    assert caught.value.last_status is RUNNING


def test_a_task_forgotten_during_a_suspension_has_vanished():
    world = World(RUNNING, TaskNotFoundError("gone"))
    asleep(world, 5000.0)
    with pytest.raises(TaskVanishedError):
        list(world.wait())


# --- transient faults


@pytest.mark.parametrize(
    "fault", [TransportError("reset"), TransportTimeoutError("late"), TransientError("503")]
)
def test_a_transient_fault_does_not_end_a_wait(fault):
    assert list(World(fault, RUNNING, fault, DONE).wait()) == [RUNNING, DONE]


def test_faults_are_retried_with_growing_pauses_and_a_success_starts_anew():
    fault = TransportError("refused")
    world = World(fault, fault, fault, RUNNING, fault, DONE)
    list(world.wait(interval=100.0))
    assert world.pauses[:3] == [1.0, 2.0, 4.0]
    assert world.pauses[4] == 1.0


def test_an_unbroken_outage_ends_the_wait_with_the_last_fault():
    faults = [TransportError(f"fault {n}") for n in range(100)]
    world = World(*faults)
    with pytest.raises(TransportError) as caught:
        list(world.wait(retry=RetryPolicy(initial_delay=1.0, max_delay=8.0, jitter=0, max_outage=20.0)))
    assert world.polls == [0.0, 1.0, 3.0, 7.0, 15.0, 20.0]
    assert caught.value is faults[5]


def test_the_outage_counts_from_the_beginning_of_the_first_failed_poll():
    world = World(TransportTimeoutError("late"), round_trip=12.0)
    with pytest.raises(TransportTimeoutError):
        list(world.wait(retry=RetryPolicy(initial_delay=1.0, jitter=0, max_outage=20.0)))
    assert world.polls == [0.0, 13.0]


FAULT = TransportError("reset")
TWENTY = RetryPolicy(initial_delay=1.0, jitter=0, max_outage=20.0)


def one_of_many(world, retry=TWENTY):
    """The rules for one of many tasks, whose polls wait for their turn."""
    return wait_of(world, retry=retry)


@pytest.mark.parametrize(("first_answered", "turn"), [(0.0, 2.0), (11.5, 0.5), (20.0, 0.0)])
def test_the_last_poll_begins_earlier_by_the_time_that_the_first_one_waited_for_its_turn(
    first_answered, turn
):
    """Half as much again, for there are other polls meanwhile."""
    world = World()
    wait = wait_of(world, timeout=100.0, interval=1000.0, retry=TWENTY)
    world.now = 10.0
    wait.mark_due()
    world.now = 12.0
    wait.begin()
    wait.mark_answered()
    wait.reserve_turn(first_answered)
    wait.record(RUNNING)
    assert wait.next_pause() == pytest.approx(88.0 - 0.01 - 1.5 * turn)


def test_an_outage_does_not_count_the_time_in_which_the_poll_waited_for_its_turn():
    world = World()
    wait = one_of_many(world)
    wait.mark_due()
    world.now = 15.0
    wait.begin()
    world.now = 18.0
    wait.mark_answered()
    wait.record(FAULT)
    assert wait.until.remaining() == 17.0
    assert wait.next_pause() == 1.0
    world.now = 35.0
    wait.mark_due()
    wait.begin()
    wait.mark_answered()
    wait.record(FAULT)
    with pytest.raises(TransportError):
        wait.next_pause()


def test_an_outage_counts_from_the_failure_of_a_poll_that_was_never_sent():
    """There was no connection: it neither began, nor is the one before part of the outage."""
    world = World()
    wait = one_of_many(world)
    wait.begin()
    wait.mark_answered()
    wait.record(RUNNING)
    world.now = 10.0
    wait.mark_due()
    world.now = 18.0
    wait.mark_answered()
    wait.record(FAULT)
    assert wait.until.remaining() == 20.0


def test_an_outage_is_over_when_its_time_is_up_and_not_before():
    for since, over in ((19.99, False), (20.0, True)):
        world = World()
        wait = one_of_many(world)
        for world.now in (0.0, since):
            wait.mark_due()
            wait.begin()
            wait.mark_answered()
            wait.record(FAULT)
            if world.now == 0.0:
                wait.next_pause()
        if over:
            with pytest.raises(TransportError):
                wait.next_pause()
        else:
            assert wait.next_pause() == pytest.approx(0.01)


def test_outages_with_a_success_between_them_do_not_add_up():
    fault = TransportError("reset")
    script = [fault, RUNNING] * 50
    world = World(*script, DONE)
    retry = RetryPolicy(initial_delay=1.0, jitter=0, max_outage=5.0)
    assert list(world.wait(retry=retry))[-1] is DONE


def test_a_deadline_in_an_outage_is_a_wait_timeout_that_tells_the_fault():
    fault = TransportError("connection refused")
    world = World(RUNNING, fault)
    with pytest.raises(WaitTimeoutError, match="connection refused") as caught:
        list(world.wait(timeout=10.0))
    assert caught.value.last_status is RUNNING
    assert caught.value.__cause__ is fault
    assert world.now <= 10.0
    assert world.polls[-1] == pytest.approx(9.99)


def late(until, kind=TransportTimeoutError):
    """The failure of a poll that lasts until then."""

    def answer(world):
        world.now = until
        return kind("no answer")

    return answer


@pytest.mark.parametrize("max_outage", [0.001, 5.0, None])
@pytest.mark.parametrize("script", [(RUNNING, late(10.0)), (late(10.0),)], ids=["the last", "the only one"])
def test_a_poll_that_the_waits_own_deadline_cuts_off_is_no_outage(script, max_outage):
    world = World(*script)
    with pytest.raises(WaitTimeoutError, match="the last poll failed: no answer"):
        list(world.wait(timeout=10.0, interval=60.0, retry=RetryPolicy(max_outage=max_outage)))
    assert world.now == 10.0


@pytest.mark.parametrize(
    "script", [(late(9.998),), (RUNNING, late(10.0, TransportError))], ids=["cut off before", "refused"]
)
def test_any_other_fault_at_the_deadline_may_end_an_outage(script):
    with pytest.raises(TransportError) as caught:
        list(World(*script).wait(timeout=10.0, interval=60.0, retry=RetryPolicy(max_outage=0.001)))
    assert not isinstance(caught.value, WaitTimeoutError)


def test_retry_after_is_honoured_within_the_deadline():
    busy = TransientError("busy", retry_after=30.0)
    world = World(busy, DONE)
    list(world.wait())
    assert world.polls == [0.0, 30.0]
    world = World(busy, DONE)
    assert list(world.wait(timeout=10.0)) == [DONE]
    assert world.polls == pytest.approx([0.0, 9.99])


@pytest.mark.parametrize(("timeout", "left"), [(None, math.inf), (60.0, 60.0)])
def test_polls_that_do_not_fail_go_on_until_the_deadline(timeout, left):
    assert wait_of(World(RUNNING), timeout=timeout).seconds_left == left


def test_unlimited_outages_can_be_asked_for():
    world = World(lambda world: DONE if world.now > 50_000 else TransportError("down"))
    assert list(world.wait(retry=RetryPolicy(max_outage=None))) == [DONE]


@each(
    "error",
    [
        AuthenticationError("no"),
        PermissionDeniedError("no"),
        CertificateError("expired"),
        ServerError("no"),
        KeyError("a bug"),
    ],
)
def test_everything_else_ends_the_wait_at_once(error):
    world = World(RUNNING, error)
    with pytest.raises(type(error)) as caught:
        list(world.wait())
    assert caught.value is error
    assert len(world.polls) == 2


# --- forgotten and replaced runs


def test_a_token_never_seen_is_not_found():
    unknown = TaskNotFoundError("Your pipeline is not running")
    with pytest.raises(TaskNotFoundError):
        list(World(unknown).wait())


def test_a_task_seen_and_then_forgotten_has_vanished():
    with pytest.raises(TaskVanishedError) as caught:
        list(World(RUNNING, TaskNotFoundError("gone")).wait())
    assert caught.value.last_status is RUNNING
    assert caught.value.__context__ is None
    assert TOKEN not in str(caught.value)


def test_previous_makes_a_first_poll_notice_a_forgotten_task():
    with pytest.raises(TaskVanishedError) as caught:
        list(World(TaskNotFoundError("gone")).wait(previous=RUNNING))
    assert caught.value.last_status is RUNNING


def test_another_run_under_the_same_token_is_noticed():
    other = status(TaskState.RUNNING, start=200.0)
    with pytest.raises(TaskReplacedError) as caught:
        list(World(RUNNING, other).wait())
    assert caught.value.last_status is RUNNING
    assert caught.value.new_status is other


def test_another_run_may_have_started_before_the_one_that_was_seen():
    """The clock of the server was set back, or another machine serves the token now."""
    earlier = status(TaskState.RUNNING, start=50.0)
    with pytest.raises(TaskReplacedError) as caught:
        list(World(RUNNING, earlier).wait(timeout=10.0))
    assert caught.value.new_status is earlier


def test_a_finished_run_is_not_mistaken_for_the_one_before():
    with pytest.raises(TaskReplacedError):
        list(World(DONE).wait(previous=status(TaskState.RUNNING, start=50.0)))


def test_a_start_time_of_zero_is_not_another_run():
    before = status(TaskState.NONE, start=0.0)
    assert list(World(before, RUNNING, before, DONE).wait()) == [before, RUNNING, before, DONE]
    assert list(World(RUNNING, DONE).wait(previous=before)) == [RUNNING, DONE]


def test_a_start_time_of_zero_does_not_hide_another_run():
    between = status(TaskState.STARTING, start=0.0)
    other = status(TaskState.RUNNING, start=200.0)
    with pytest.raises(TaskReplacedError) as caught:
        list(World(RUNNING, between, other).wait())
    assert caught.value.last_status is RUNNING


@each(
    ("before", "says"),
    [
        (RUNNING, "was last seen as RUNNING, its outcome is unknown"),
        (DONE, "had ended, succeeded"),
        (status(TaskState.CANCELLED, completed=True, exitCode=None), "had ended, cancelled (not certain)"),
    ],
    ids=["running", "ended", "ended, not certain"],
)
@each("now", [TaskNotFoundError("gone"), status(TaskState.RUNNING, start=200.0)])
def test_the_error_for_a_lost_run_says_how_it_was_last_seen(before, says, now):
    with pytest.raises(TaskLostError) as caught:
        list(World(now).wait(previous=before))
    assert str(caught.value).endswith(says)


@pytest.mark.parametrize("error", [TransportError("the vault is down"), TaskNotFoundError("no such secret")])
def test_what_the_function_for_the_key_raises_ends_the_wait_and_means_nothing_else(error):
    world = World(RUNNING, of_auth(error), DONE)
    with pytest.raises(RocketRideError) as caught:
        list(world.wait())
    assert caught.value is error


def test_a_process_that_was_suspended_until_after_the_deadline_does_not_say_that_the_task_runs_on():
    world = World(RUNNING)
    statuses = world.wait(timeout=30.0)
    next(statuses)
    world.now += 60.0
    with pytest.raises(WaitTimeoutError) as caught:
        next(statuses)
    assert re.search(
        r"was not seen to end in 6\d\.\d s \(last seen as RUNNING, 60\.0 s ago\)", str(caught.value)
    )
    assert str(caught.value).endswith("; whether it runs on is not known")


def test_a_fault_that_has_passed_is_no_reason_of_a_timeout():
    world = World(TransportError("connection refused"), RUNNING)
    with pytest.raises(WaitTimeoutError, match="it runs on") as caught:
        list(world.wait(timeout=10.0))
    assert caught.value.__cause__ is None


def test_an_outage_may_begin_with_a_first_poll_that_was_never_sent():
    world = World()
    wait = one_of_many(world)
    world.now = 10.0
    wait.mark_due()
    world.now = 18.0
    wait.mark_answered()
    wait.record(FAULT)
    assert wait.until.remaining() == 20.0
