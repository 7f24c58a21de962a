"""What the result of one of many tasks says."""

import pytest
from cases import each

from rocketride_sync import RocketRideError, TransportError
from rocketride_sync.waiting.task_result import TaskResult

from .fake_world import DONE, RUNNING

FAULT = TransportError("reset")


@each(
    ("status", "error", "done", "succeeded"),
    [
        (None, None, False, False),
        (RUNNING, None, False, False),
        (DONE, None, True, True),
        (None, FAULT, True, False),
        (RUNNING, FAULT, True, False),
        (DONE, FAULT, True, False),
    ],
)
def test_only_an_end_with_success_and_without_an_error_is_one(status, error, done, succeeded):
    result = TaskResult(token="tk_1", status=status, error=error)
    assert (result.done, result.succeeded) == (done, succeeded)
    if succeeded:
        assert result.result() is status
        return
    with pytest.raises(RocketRideError) as caught:
        result.result()
    assert caught.value is error or "was not known to have ended" in str(caught.value)
