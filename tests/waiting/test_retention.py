"""The check of an interval against the time for which servers remember a finished task."""

import pytest

from rocketride_sync import RocketRideWarning
from rocketride_sync.waiting.retention import check_interval


def test_an_interval_of_less_than_that_time_is_as_it_should_be():
    assert check_interval(300) == 300.0


def test_a_longer_one_may_miss_ends():
    with pytest.warns(
        RocketRideWarning, match=r"interval=300\.5: a server forgets a finished task after 300 s"
    ):
        assert check_interval(300.5) == 300.5
