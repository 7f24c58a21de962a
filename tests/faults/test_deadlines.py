"""One property: whatever the schedule of faults, delays and timeouts, nothing outlives its deadline."""

from hypothesis import given, settings

from .schedules import SCHEDULES, play

ROOM = 10.0


@settings(max_examples=10, deadline=None, derandomize=True)
@given(schedule=SCHEDULES)
def test_nothing_outlives_its_deadline_and_nothing_lies(stage, schedule):
    assert play(schedule, stage, ROOM) == []
