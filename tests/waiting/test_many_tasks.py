"""The wait for many tasks against a fake clock: when it polls which, and what each comes to."""

from collections import Counter

import pytest
from cases import each
from handlers import of_auth
from hypothesis import given
from hypothesis import strategies as st

from rocketride_sync import (
    AuthenticationError,
    CertificateError,
    ConfigurationError,
    DecodeError,
    PermissionDeniedError,
    RetryPolicy,
    TaskNotFoundError,
    TaskReplacedError,
    TaskState,
    TaskStatus,
    TaskVanishedError,
    TransportError,
    TransportTimeoutError,
    WaitTimeoutError,
)
from rocketride_sync.transports.poller import WakeUp

from .many_world import DONE, RUNNING, UNKNOWN, World, after, tokens

# --- when it polls


def test_it_polls_all_at_once_and_finished_tasks_need_one_poll():
    world = World({token: [DONE] for token in tokens(100)})
    assert [result.token for result in world.results()] == tokens(100)
    assert world.polls == [(token, 0.0) for token in tokens(100)]
    assert world.closed == 1
    assert world.left == tokens(100)


def test_after_that_the_polls_are_spread_over_the_interval():
    world = World({token: [after(9.0, DONE)] for token in tokens(1000)})
    world.results(interval=2.0)
    between = Counter(round(moment, 3) for _, moment in world.polls if 2.0 <= moment < 4.0)
    assert sum(between.values()) == 1000
    assert set(between.values()) == {50}
    assert min(between) == 2.0
    assert max(between) < 4.0


def test_each_task_has_a_fixed_schedule():
    world = World({token: [after(7.0, DONE)] for token in tokens(4)})
    world.results(interval=2.0)
    assert [world.moments(token) for token in tokens(4)] == [
        pytest.approx([0.0, 2.0, 4.0, 6.0, 8.0]),
        pytest.approx([0.0, 0.5, 2.5, 4.5, 6.5, 8.5]),
        pytest.approx([0.0, 1.0, 3.0, 5.0, 7.0]),
        pytest.approx([0.0, 1.5, 3.5, 5.5, 7.5]),
    ]


def test_a_poll_in_flight_is_not_sent_again():
    class Slow(World):
        def next(self, deadline):
            if len(self.asked) == 2 and self.now < 50:
                self.now += min(deadline.remaining(), 50.0)
                return None
            return super().next(deadline)

    world = Slow({token: [DONE] for token in tokens(2)})
    assert len(world.results()) == 2
    assert len(world.polls) == 2


def test_time_in_the_callback_is_followed_by_no_burst():
    def sleep(token, _):
        world.now += 0.5

    world = World({token: [after(30.0, DONE)] for token in tokens(10)})
    world.results(interval=2.0, on_progress=sleep)
    gaps = [
        later - sooner for sooner, later in zip(world.moments(tokens(1)[0]), world.moments(tokens(1)[0])[1:])
    ]
    assert min(gaps) >= 2.0


def test_the_last_polls_are_spread_so_that_all_are_answered_before_the_end():
    """A thousand polls just before the end would not all be answered: nobody would learn of ends shortly before."""
    world = World({token: [after(7.99, DONE)] for token in tokens(1000)}, round_trip=0.001)
    results = world.results(timeout=10.0, interval=4.0)
    assert sum(result.succeeded for result in results) == 1000
    world = World({token: [RUNNING] for token in tokens(1000)}, round_trip=0.001)
    results = world.results(timeout=10.0, interval=4.0)
    assert {type(result.error) for result in results} == {WaitTimeoutError}
    assert not any("the last poll failed" in str(result.error) for result in results)
    assert 9.9 < world.now <= 10.0


def test_polls_that_take_long_for_all_together_do_not_make_a_wait_give_up_early():
    """All polls take 5 s, one after the other, and each has been made again 5 s later: no end before that is missed."""
    world = World({token: [after(8.0, DONE)] for token in tokens(100)}, round_trip=0.05)
    assert all(result.succeeded for result in world.results(timeout=14.0))
    world = World({token: [RUNNING] for token in tokens(100)}, round_trip=0.05)
    errors = [result.error for result in world.results(timeout=14.0)]
    assert min(error.elapsed for error in errors) > 14.0 * 0.7


def test_the_last_that_is_left_has_nobody_to_wait_for():
    """A thousand polls took a while; now it is alone."""
    ended = {token: [DONE] for token in tokens(999)}
    world = World({**ended, "last": [after(58.0, DONE)]}, round_trip=0.02)
    assert all(result.succeeded for result in world.results(timeout=60.0))


def test_time_in_which_a_poll_waited_for_its_turn_is_no_outage():
    slow = {token: [DONE] for token in tokens(9)}
    world = World({**slow, "last": [TransportError("once"), DONE]}, round_trip=40.0)
    results = world.results(retry=RetryPolicy(max_outage=300), call_timeout=60)
    assert all(result.succeeded for result in results)


def test_a_timeout_of_zero_polls_each_once():
    world = World({"a": [RUNNING], "b": [DONE]}, round_trip=1.0)
    found = {result.token: result for result in world.results(timeout=0)}
    assert isinstance(found["a"].error, WaitTimeoutError)
    assert found["a"].status.state is TaskState.RUNNING
    assert found["b"].succeeded
    assert len(world.polls) == 2


def test_nothing_to_wait_for_ends_at_once():
    world = World({})
    assert world.results() == []
    assert world.closed == 0


# --- what each comes to


def test_what_befalls_one_task_does_not_end_the_wait_for_the_rest():
    other_run = {**RUNNING, "startTime": 200.0}
    world = World(
        {
            "finished": [DONE],
            "unknown": [UNKNOWN],
            "vanished": [RUNNING, UNKNOWN],
            "replaced": [RUNNING, other_run],
            "malformed": [{"state": "three"}],
            "denied": [PermissionDeniedError("no")],
            "unreachable": [TransportError("reset")],
            "failed": [RUNNING, {**DONE, "exitCode": 1}],
            "endless": [RUNNING],
        }
    )
    retry = RetryPolicy(initial_delay=1.0, jitter=0, max_outage=20.0)
    found = {result.token: result for result in world.results(timeout=60.0, retry=retry)}
    assert len(found) == 9
    assert found["finished"].succeeded
    errors = {token: type(result.error) for token, result in found.items() if result.error}
    assert errors == {
        "unknown": TaskNotFoundError,
        "vanished": TaskVanishedError,
        "replaced": TaskReplacedError,
        "malformed": DecodeError,
        "denied": PermissionDeniedError,
        "unreachable": TransportError,
        "endless": WaitTimeoutError,
    }
    assert all(result.done for result in found.values())
    assert found["vanished"].status.state is TaskState.RUNNING
    assert found["replaced"].status.start_time == 100.0
    assert found["unknown"].status is None
    assert found["failed"].error is None
    assert not found["failed"].succeeded
    assert world.moments("unreachable")[-1] == pytest.approx(20.0)


def test_no_poll_is_begun_when_the_wait_or_an_outage_is_over():
    class Recording(World):
        def submit(self, poll):
            self.left_then.append(round(poll.until.remaining(), 3))
            super().submit(poll)

    fault = TransportError("refused")
    for timeout, left_then in ((None, [300.0, 299.0, 297.0]), (100.0, [100.0, 99.0, 97.0])):
        world = Recording({"a": [fault, fault, DONE]})
        world.left_then = []
        world.results(timeout=timeout)
        assert world.left_then == left_then


def test_a_status_is_made_of_what_was_asked_for_then():
    asked = []

    def decode(token, document, asked_at):
        asked.append((token, asked_at))
        return TaskStatus.from_dict(document)

    world = World({"a": [RUNNING, DONE]}, round_trip=0.5)
    world.results(decode=decode)
    assert asked == world.polls == [("a", 0.0), ("a", 2.0)]


@each(
    "error",
    [
        AuthenticationError("no"),
        CertificateError("no"),
        ConfigurationError("no"),
        of_auth(TransportError("the vault is down")),
        of_auth(TaskNotFoundError("no such secret")),
        of_auth(TaskVanishedError("no such secret", last_status=None)),
    ],
)
def test_an_error_that_concerns_all_comes_out_at_once(error):
    world = World({"a": [RUNNING], "b": [RUNNING, error]})
    with pytest.raises(type(error)) as caught:
        world.results()
    assert caught.value is error
    assert world.closed == 1


def test_a_bug_comes_out_too():
    def bug(world):
        raise KeyError("a bug")

    world = World({"a": [RUNNING], "b": [bug]})
    with pytest.raises(KeyError):
        world.results()
    assert world.closed == 1


def test_errors_of_results_hold_no_frames():
    def lost(world):
        raised = TransportError("reset")
        try:
            raise raised
        except TransportError:
            return raised

    late, gone = World({"a": [lost], "b": [RUNNING, UNKNOWN]}).results(timeout=5.0)[::-1]
    assert late.error.__cause__ is not None
    assert [error.__traceback__ for error in (late.error, late.error.__cause__, gone.error)] == [None] * 3


def test_faults_are_retried_with_growing_pauses_and_a_success_starts_anew():
    fault = TransportError("refused")
    world = World({"a": [fault, fault, fault, RUNNING, fault, DONE], "b": [after(200.0, DONE)]})
    world.results(interval=100.0)
    assert world.moments("a")[:4] == [0.0, 1.0, 3.0, 7.0]
    assert world.moments("a")[5] - world.moments("a")[4] == pytest.approx(1.0)
    assert world.moments("b")[1:] == pytest.approx([50.0, 150.0, 250.0])


def test_a_fault_that_befalls_all_is_logged_once_and_so_is_its_end(caplog):
    caplog.set_level("INFO", "rocketride_sync")
    scripts = {token: [TransportError("reset"), DONE] for token in tokens(100)}
    World(scripts).results()
    assert [record.getMessage().rpartition(" ")[2] for record in caplog.records] == ["latest", "again"]
    assert "reset" in caplog.text
    assert tokens(1)[0] not in caplog.text


def test_every_status_is_told_with_its_token_and_the_terminal_one_once():
    seen = []
    World({"a": [RUNNING, DONE], "b": [RUNNING, RUNNING, DONE]}).results(
        on_progress=lambda token, status: seen.append((token, status.state.name))
    )
    assert [name for token, name in seen if token == "a"] == ["RUNNING", "COMPLETED"]
    assert [name for token, name in seen if token == "b"] == ["RUNNING", "RUNNING", "COMPLETED"]


@pytest.mark.parametrize(("answer", "told"), [(RUNNING, []), (DONE, ["COMPLETED"])])
def test_of_an_answer_at_the_end_of_the_time_only_an_end_is_told(answer, told):
    seen = []
    world = World({"a": [answer]}, round_trip=1.0)
    world.results(timeout=0, call_timeout=1.0, on_progress=lambda _, status: seen.append(status.state.name))
    assert seen == told


@pytest.mark.parametrize("error", [ValueError("mine"), TransportError("mine too")])
def test_what_the_callback_raises_comes_out_unchanged(error):
    def fail(token, status):
        raise error

    world = World({"a": [RUNNING], "b": [RUNNING]})
    with pytest.raises(type(error)) as caught:
        world.results(on_progress=fail)
    assert caught.value is error
    assert len(world.polls) == 1
    assert world.closed == 1


def test_leaving_early_ends_the_watching():
    world = World({"a": [DONE], "b": [RUNNING]})
    results = world.many().results()
    next(results)
    assert world.closed == 0
    results.close()
    assert world.closed == 1


# --- wake-ups


def test_an_end_event_causes_a_poll_and_then_a_few_quick_ones():
    world = World({"a": [RUNNING], "b": [RUNNING]}, wake_ups=[(10.1, "a", WakeUp.ENDED)])
    world.results(interval=60.0, timeout=100.0)
    moments = [moment for moment in world.moments("a") if 10 < moment < 30]
    gaps = [later - sooner for sooner, later in zip(moments, moments[1:])]
    assert moments[0] == pytest.approx(10.1)
    assert gaps[:4] == pytest.approx([0.002, 0.004, 0.008, 0.016])
    assert len(moments) < 20
    assert len(world.moments("b")) < 6


def test_another_end_event_meanwhile_makes_no_more_of_them():
    wake_ups = [(10.1, "a", WakeUp.ENDED), (10.105, "a", WakeUp.ENDED)]
    world = World({"a": [RUNNING]}, wake_ups=wake_ups)
    world.results(interval=60.0, timeout=100.0)
    moments = [moment for moment in world.moments("a") if 10 < moment < 10.15]
    assert moments == pytest.approx([10.1, 10.102, 10.105, 10.113, 10.129])


def test_a_plain_wake_up_causes_one_poll():
    world = World({"a": [RUNNING], "b": [RUNNING]}, wake_ups=[(10.1, "a", WakeUp.POLL)])
    world.results(interval=60.0, timeout=100.0)
    assert [moment for moment in world.moments("a") if 5 < moment < 55] == pytest.approx([10.1])


def test_a_wake_up_does_not_cut_a_backoff_short():
    busy = TransportError("busy", retry_after=30.0)
    world = World({"a": [busy, DONE]}, wake_ups=[(10.0, "a", WakeUp.ENDED)])
    world.results()
    assert world.moments("a") == pytest.approx([0.0, 30.0])


def test_a_wake_up_for_none_is_for_the_next_that_is_due():
    wake_ups = [(0.1, None, WakeUp.POLL), (0.2, None, WakeUp.POLL)]
    world = World({"a": [RUNNING, DONE], "b": [RUNNING, DONE]}, wake_ups=wake_ups)
    world.results(interval=60.0)
    assert world.polls[2:] == [("b", pytest.approx(0.1)), ("a", pytest.approx(0.2))]


def test_a_poll_just_before_a_tick_stands_for_the_one_at_the_tick():
    world = World({"a": [RUNNING, RUNNING, DONE]}, wake_ups=[(0.0493, "a", WakeUp.POLL)])
    world.results(interval=0.05)
    assert world.moments("a") == pytest.approx([0.0, 0.0493, 0.1])


@pytest.mark.parametrize(
    ("now", "timeout", "interval"),
    [(0.0, 60.0, 1e-4), (1e6, 0.011, 2.0)],
    ids=["interval", "last poll by a coarse clock"],
)
def test_between_two_polls_of_a_task_time_always_passes(now, timeout, interval):
    """Also if the pause is so short that it counts as over."""
    world = World({"a": [RUNNING, after(now + 0.02, DONE)]})
    world.now = now
    world.results(timeout=timeout, interval=interval)
    moments = world.moments("a")
    assert len(moments) == len(set(moments)) > 1


def test_a_wake_up_for_a_task_that_has_ended_is_ignored():
    world = World({"a": [DONE], "b": [after(5.0, DONE)]}, wake_ups=[(1.0, "a", WakeUp.ENDED)])
    assert [result.token for result in world.results()] == ["a", "b"]
    assert world.moments("a") == [0.0]


# --- whatever happens


ANSWERS = st.sampled_from(
    [RUNNING, DONE, UNKNOWN, TransportError("reset"), {"state": []}, {"startTime": 7.0, "state": 3}]
)
SCRIPTS = st.lists(st.lists(ANSWERS, min_size=1, max_size=6), max_size=12)
WAKE_UPS = st.lists(
    st.tuples(st.floats(0, 100), st.one_of(st.none(), st.integers(0, 12)), st.sampled_from(list(WakeUp))),
    max_size=8,
)


@given(SCRIPTS, WAKE_UPS, st.floats(0.001, 60.0), st.floats(0.05, 20.0), st.floats(0, 0.1))
def test_every_task_has_one_result_in_time(scripts, wake_ups, timeout, interval, round_trip):
    named = dict(zip(tokens(len(scripts)), scripts))
    events = [
        (moment, None if number is None else f"tk_{number:032x}", wake_up)
        for moment, number, wake_up in sorted(wake_ups, key=lambda event: event[0])
    ]
    world = World(named, round_trip=round_trip, wake_ups=events)
    results = world.results(timeout=timeout, interval=interval)
    assert sorted(result.token for result in results) == sorted(named)
    assert all(result.done for result in results)
    assert world.now <= timeout + 1e-6
    assert world.closed == bool(named)


# --- thousands of tasks


def test_thousands_whose_turn_does_not_come_end_in_time():
    world = World({token: [RUNNING] for token in tokens(5_000)}, round_trip=0.01)
    results = world.results(timeout=2.0)
    assert len({result.token for result in results}) == len(results) == 5_000
    assert {type(result.error) for result in results} == {WaitTimeoutError}
    assert world.now <= 2.01
    assert 100 < len(world.polls) < 201
    assert sorted(world.left) == sorted(tokens(5_000))
    assert "no status could be read" in str(results[-1].error)


def test_of_thousands_those_that_were_seen_keep_their_status():
    scripts = {token: [DONE if number < 50 else RUNNING] for number, token in enumerate(tokens(1_000))}
    world = World(scripts, round_trip=0.01)
    results = {result.token: result for result in world.results(timeout=2.0)}
    for number, token in enumerate(tokens(1_000)):
        assert results[token].succeeded == (number < 50)
        assert (results[token].status is not None) == (number < len(world.polls))


def test_thousands_that_could_not_be_polled_are_told_why():
    world = World({token: [RUNNING] for token in tokens(1_000)}, round_trip=0.5)
    world.why_not = TransportTimeoutError("no connection")
    results = world.results(timeout=2.0)
    assert "the last poll failed: no connection" in str(results[-1].error)


def test_thousands_end_one_by_one_as_long_as_there_is_time():
    world = World({token: [after(3.0, DONE)] for token in tokens(500)}, round_trip=0.001)
    assert all(result.succeeded for result in world.results(timeout=60.0))


def test_thousands_with_a_single_poll_each_end_in_time():
    world = World({token: [RUNNING] for token in tokens(5_000)}, round_trip=0.01)
    results = world.results(timeout=0, call_timeout=2.0)
    assert len(results) == 5_000
    assert world.now <= 2.01


class InFlight(World):
    """When a wait gives up, some polls are being answered already."""

    gave_up = False
    count = 1

    def take_queued(self):
        begun = [self.asked.popleft() for _ in range(self.count)]
        queued = super().take_queued()
        self.asked += begun
        self.gave_up, self.round_trip = True, 0.001
        return queued

    def next(self, deadline):
        assert not self.gave_up or deadline.remaining() > 0, "it asks again and again"
        return super().next(deadline)


@pytest.mark.parametrize(("answer", "succeeds"), [(DONE, True), (RUNNING, False)])
@pytest.mark.parametrize("count", [1, 300])
def test_thousands_are_given_up_but_for_those_whose_answers_are_under_way(answer, succeeds, count):
    scripts = {token: [RUNNING] for token in tokens(1_000)}
    world = InFlight({**scripts, tokens(21)[20]: [answer]}, round_trip=0.1)
    world.count = count
    results = {result.token: result for result in world.results(timeout=2.015)}
    assert len(world.moments(tokens(21)[20])) == 1  # there are a few milliseconds for another
    assert len(results) == 1_000
    assert world.gave_up
    assert [token for token, result in results.items() if result.succeeded] == tokens(21)[20:] * succeeds
