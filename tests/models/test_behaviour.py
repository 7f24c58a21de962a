"""What a status means: outcome, progress, times, and what is new in it."""

import itertools
import time
from datetime import datetime, timezone

import pytest
from cases import each
from hypothesis import given
from hypothesis import strategies as st

from rocketride_sync import RocketRideError, TaskCancelledError, TaskFailedError
from rocketride_sync.models import NewMessages, Outcome, TaskStatus
from rocketride_sync.models.messages import new_messages

RUNNING, SUCCEEDED, FAILED, CANCELLED = Outcome


@each(
    ("state", "completed", "exit_code", "outcome"),
    [
        (3, False, 0, RUNNING),
        (4, True, 0, RUNNING),  # stopping: completed turns true early
        (4, True, 1, RUNNING),
        (5, False, 0, RUNNING),
        (6, False, 0, RUNNING),  # a restart passes by here
        (6, False, 1, RUNNING),
        (1, True, 0, RUNNING),
        (9, True, 0, RUNNING),
        (5, True, 0, SUCCEEDED),
        (5, True, None, SUCCEEDED),
        (5, True, 1, FAILED),  # as documented
        (6, True, -9, FAILED),  # as measured
        (6, True, 0, CANCELLED),
        (6, True, None, CANCELLED),
    ],
)
def test_outcome(state, completed, exit_code, outcome):
    status = TaskStatus(state=state, completed=completed, exit_code=exit_code)
    assert status.outcome is outcome
    assert status.is_terminal is (outcome is not RUNNING)
    assert status.succeeded is (outcome is SUCCEEDED)


def test_raise_for_outcome_returns_after_a_success():
    assert TaskStatus(state=5, completed=True, exit_message="Stopped").raise_for_outcome() is None


def test_raise_for_outcome_of_a_failure_says_why():
    token = "tk_5f3a0123456789abcdef"
    status = TaskStatus(
        state=6, completed=True, exit_code=1, exit_message=f"out of\nmemory \x1b[1m{token} " + "x" * 999
    )
    with pytest.raises(TaskFailedError) as caught:
        status.raise_for_outcome()
    assert caught.value.status is status
    message = str(caught.value)
    assert message.startswith(r"the task failed with exit code 1: out of\nmemory \x1b[1mtk_5f3a")
    assert token not in message
    assert len(message) < 260


def test_raise_for_outcome_of_a_cancelled_task():
    status = TaskStatus(state=6, completed=True)
    with pytest.raises(TaskCancelledError, match=r"^the task was cancelled$") as caught:
        status.raise_for_outcome()
    assert caught.value.status is status


def test_raise_for_outcome_of_a_running_task_is_not_silent():
    with pytest.raises(RocketRideError, match="no outcome yet, its state is RUNNING") as caught:
        TaskStatus(state=3).raise_for_outcome()
    assert not isinstance(caught.value, TaskFailedError)


@each(
    ("terminal", "total", "completed", "failed", "expected"),
    [
        (False, 10, 3, 0, False),
        (False, 10, 3, 1, True),
        (True, 10, 10, 0, False),
        (True, 10, 9, 1, True),
        (True, 10, 9, 0, True),  # a killed engine
        (True, 0, 0, 0, False),
        (True, 5, 6, 0, False),
    ],
)
def test_has_failures(terminal, total, completed, failed, expected):
    status = TaskStatus(
        state=5 if terminal else 3,
        completed=terminal,
        total_count=total,
        completed_count=completed,
        failed_count=failed,
    )
    assert status.has_failures is expected


@each(
    ("fields", "expected"),
    [
        ({}, None),
        ({"total_count": 4, "completed_count": 1}, 0.25),
        ({"total_count": 4, "completed_count": 1, "failed_count": 1}, 0.5),
        ({"total_count": 4, "completed_count": 9}, 1.0),
        ({"total_count": 4, "completed_count": -9}, 0.0),
        ({"total_count": 4, "total_size": 10, "completed_size": 9}, 0.0),
        ({"total_size": 10, "completed_size": 4, "failed_size": 1}, 0.5),
        ({"total_count": -1, "total_size": -1}, None),
        ({"total_count": 1, "completed_count": 10**400}, 1.0),
        ({"total_count": 10**400, "completed_count": 10**400}, 1.0),
    ],
)
def test_progress(fields, expected):
    assert TaskStatus(**fields).progress == expected


def test_elapsed():
    assert TaskStatus().elapsed() is None
    assert TaskStatus(start_time=100.0).elapsed(now=160.0) == 60.0
    assert TaskStatus(start_time=100.0).elapsed(now=90.0) == 0.0
    assert TaskStatus(start_time=100.0, end_time=130.0, completed=True, state=5).elapsed(now=999.0) == 30.0
    assert TaskStatus(start_time=100.0, completed=True, state=5).elapsed(now=999.0) is None
    assert TaskStatus(start_time=100.0, end_time=130.0, state=3).elapsed(now=160.0) == 60.0  # restarted
    assert 50 < TaskStatus(start_time=time.time() - 60).elapsed() < 600


def test_times_are_aware():
    status = TaskStatus(start_time=1700000000.5, end_time=1700000001.0)
    assert status.started_at == datetime(2023, 11, 14, 22, 13, 20, 500000, tzinfo=timezone.utc)
    assert status.ended_at.utcoffset().total_seconds() == 0


@each("seconds", [0.0, -1.0, 1e18, 1e300, 253402300800.0])
def test_times_that_are_none_or_out_of_range(seconds):
    assert TaskStatus(start_time=seconds).started_at is None
    assert TaskStatus(end_time=seconds).ended_at is None


@each(
    ("earlier", "current", "messages", "lost"),
    [
        ("", "", "", False),
        ("", "ab", "ab", False),
        ("ab", "ab", "", False),
        ("ab", "abcd", "cd", False),
        ("abc", "bcd", "d", False),
        ("abc", "cde", "de", False),
        ("abc", "def", "def", True),
        ("abc", "", "", False),
        ("abc", "x", "x", True),
        ("aab", "abaab", "aab", False),
        ("xyaba", "abac", "c", False),
        ("aaa", "aaab", "b", False),
        ("abab", "ababab", "ab", False),
        ("abcdef", "ef", "", False),
        ("abcabcab", "abcabd", "d", False),
        ("abcx", "abcabd", "abcabd", True),
    ],
)
def test_new_messages(earlier, current, messages, lost):
    assert new_messages(tuple(current), tuple(earlier)) == NewMessages(tuple(messages), lost)


@given(st.text("ab", max_size=8), st.text("ab", max_size=8))
def test_new_messages_follow_the_longest_overlap(earlier, current):
    longest = max(n for n in range(min(len(earlier), len(current)) + 1) if earlier.endswith(current[:n]))
    assert new_messages(tuple(current), tuple(earlier)).messages == tuple(current[longest:])


def test_a_rolling_window_gives_every_message_once():
    stream = [f"message {i}" for i in range(198)]
    seen, previous = [], None
    for end in itertools.accumulate([0, 30, 49, 49, 1, 20, 49]):
        status = TaskStatus(errors=stream[max(0, end - 50) : end])
        new = status.new_errors(previous)
        assert not new.lost
        seen += new.messages
        previous = status
    assert seen == stream


def test_a_window_that_rolled_past_is_lost():
    assert TaskStatus(warnings=["d"]).new_warnings(TaskStatus(warnings=["a"])) == (("d",), True)
    assert TaskStatus(warnings=["d"]).new_warnings(None) == (("d",), False)


def test_comparing_full_windows_takes_linear_time():
    """The worst case of a naive search: it would compare a hundred million times."""
    window = ["a"] * 20_000
    start = time.perf_counter()
    assert new_messages([*window, "b"], ["c", *window]).messages == ("b",)
    assert new_messages([*window, "b"], window[:-1] * 1 + ["c"]).lost
    assert time.perf_counter() - start < 5


def test_an_outcome_is_its_word():
    assert Outcome.SUCCEEDED == "succeeded"
    assert f"{Outcome.SUCCEEDED} {Outcome.FAILED!s}" == "succeeded failed"
    assert repr(Outcome.CANCELLED) == "<Outcome.CANCELLED: 'cancelled'>"
