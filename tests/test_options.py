"""Options fail where they are written."""

import copy
import inspect
import math
import pickle
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from cases import each

from rocketride_sync import (
    ConfigurationError,
    MemoryTransport,
    RetryPolicy,
    RocketRideClient,
    Task,
    WaitTimeoutError,
)
from rocketride_sync.options import LONGEST, optional_seconds, seconds

NOT_SECONDS = [True, "1", -1, 0, math.nan, math.inf, [], 1j]


@each("value", NOT_SECONDS)
def test_a_duration_is_a_positive_finite_number(value):
    with pytest.raises(ConfigurationError, match="timeout must be a positive number of seconds"):
        seconds("timeout", value)


@each(
    ("value", "expected"),
    [
        (timedelta(minutes=1, milliseconds=500), 60.5),
        (Decimal("1.5"), 1.5),
        (Fraction(3, 2), 1.5),
        (timedelta.max, LONGEST),
        (Decimal("1e400"), LONGEST),
        (Fraction(10**400), LONGEST),
    ],
)
def test_a_duration_may_be_any_real_number_or_a_timedelta(value, expected):
    assert seconds("timeout", value) == expected
    assert type(seconds("timeout", value)) is float


@each(
    "value",
    [
        timedelta(),
        timedelta(seconds=-1),
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        Fraction(-1),
        "3",
        b"3",
    ],
)
def test_what_is_no_duration_is_refused_whatever_its_type(value):
    with pytest.raises(ConfigurationError, match="positive number of seconds, or a timedelta"):
        seconds("timeout", value)


def test_the_numbers_of_numpy_are_durations():
    numpy = pytest.importorskip("numpy")
    for value in (numpy.float32(1.5), numpy.float64(1.5), numpy.timedelta64(1500, "ms")):
        assert seconds("timeout", value) == 1.5
    assert seconds("timeout", numpy.int64(2)) == 2.0
    for value in (
        numpy.bool_(True),
        numpy.float32("nan"),
        numpy.array([1.0, 2.0]),
        numpy.timedelta64("NaT", "s"),
        numpy.timedelta64(1, "M"),
    ):
        with pytest.raises(ConfigurationError, match="timeout"):
            seconds("timeout", value)


def test_every_duration_is_taken_in_every_form():
    soon, often = timedelta(seconds=0.1), Decimal("0.01")
    retry = RetryPolicy(
        max_outage=timedelta(minutes=1), initial_delay=often, max_delay=Fraction(1, 2), jitter=Decimal(0)
    )
    assert (retry.max_outage, retry.initial_delay, retry.max_delay) == (60.0, 0.01, 0.5)
    transport = MemoryTransport({"t": [{"state": 3}] * 99})
    client = RocketRideClient(
        "h", "key", transport=transport, timeout=timedelta(seconds=9), connect_timeout=often, retry=retry
    )
    client.get_task_status("t", timeout=soon)
    for wait in (
        client.wait_until_complete,
        lambda *a: list(client.iter_task_status(a[0], timeout=a[1], interval=a[2])),
    ):
        with pytest.raises(WaitTimeoutError):
            wait("t", timedelta(), often)
    (result,) = client.wait_all(["t"], timedelta(), often)
    assert isinstance(result.error, WaitTimeoutError)


def test_signatures_do_not_speak_of_a_sentinel():
    for owner in (RocketRideClient, Task):
        for name, method in inspect.getmembers(owner, inspect.isfunction):
            if not name.startswith("_"):
                assert "mitted" not in str(inspect.signature(method)).lower(), name
    assert "timeout: 'Optional[Seconds]' = <the client's>" in str(inspect.signature(Task.get_status))


def test_zero_is_allowed_where_it_means_something():
    assert seconds("timeout", 0, zero=True) == 0.0
    with pytest.raises(ConfigurationError, match="0 or a positive number"):
        seconds("timeout", -1, zero=True)


def test_none_is_unlimited():
    assert optional_seconds("timeout", None) is None
    assert optional_seconds("timeout", 3) == 3.0


@each(
    "wrong",
    [
        {"max_outage": 0},
        {"max_outage": "long"},
        {"initial_delay": None},
        {"max_delay": math.nan},
        {"multiplier": 0.5},
        {"multiplier": True},
        {"jitter": 1.5},
    ],
)
def test_a_retry_policy_names_the_wrong_option(wrong):
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        RetryPolicy(**wrong)


def test_the_delay_grows_up_to_its_cap():
    policy = RetryPolicy(initial_delay=1.0, max_delay=5.0, multiplier=2.0, jitter=0)
    assert [policy.delay(n) for n in range(5)] == [1.0, 2.0, 4.0, 5.0, 5.0]
    assert policy.delay(10**9) == 5.0


def test_jitter_only_takes_off_its_share():
    policy = RetryPolicy(initial_delay=1.0, jitter=0.5)
    delays = [policy.delay(0) for _ in range(200)]
    assert all(0.5 <= d <= 1.0 for d in delays)
    assert len(set(delays)) > 1


def test_retry_after_is_a_floor():
    policy = RetryPolicy(initial_delay=1.0, max_delay=5.0, jitter=0)
    assert policy.delay(0, retry_after=60.0) == 60.0
    assert policy.delay(0, retry_after=0.1) == 1.0


def test_a_policy_is_a_value():
    policy = RetryPolicy(jitter=0.25)
    assert policy == RetryPolicy(jitter=0.25)
    assert hash(policy) == hash(RetryPolicy(jitter=0.25))
    assert policy not in (RetryPolicy(), "a policy")
    assert copy.copy(policy) == pickle.loads(pickle.dumps(policy)) == policy
    assert repr(policy) == (
        "RetryPolicy(max_outage=300.0, initial_delay=0.25, max_delay=15.0, multiplier=2.0, jitter=0.25)"
    )


@pytest.mark.parametrize("name", ["jitter", "unknown"])
def test_a_policy_cannot_be_changed(name):
    policy = RetryPolicy()
    with pytest.raises(AttributeError, match="make another one"):
        setattr(policy, name, 0.0)
    with pytest.raises(AttributeError, match="make another one"):
        del policy.jitter


@pytest.mark.parametrize("value", [10**400, 1e300, 2**63, 1e10])
def test_numbers_beyond_clocks_count_as_31_years(value):
    assert seconds("timeout", value) == LONGEST


@pytest.mark.parametrize("value", [-(10**400), float("inf"), float("nan")])
def test_numbers_that_are_no_duration(value):
    with pytest.raises(ConfigurationError, match="timeout"):
        seconds("timeout", value)
