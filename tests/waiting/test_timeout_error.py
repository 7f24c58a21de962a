"""What the error for a wait whose time is up says."""

from rocketride_sync import TaskStatus, TransportError
from rocketride_sync.waiting.timeout_error import timeout_error

TOKEN = "tk_5f3a0123456789abcdef0123456789ab"


def test_it_names_the_task_if_it_is_known():
    assert str(timeout_error(TOKEN, 2.04, None, TransportError("no"))) == (
        "task tk_5f3a…: no status could be read for 2.0 s; the last poll failed: no"
    )
    assert str(timeout_error("", 2.0, None, TransportError("no"))).startswith("the task: no status")


def test_it_says_how_the_task_was_last_seen_and_that_it_runs_on():
    last = TaskStatus.from_dict({"state": 3})
    error = timeout_error(TOKEN, 2.0, last, None)
    assert str(error) == "task tk_5f3a… has not ended after 2.0 s (last seen as RUNNING); it runs on"
    assert (error.token, error.elapsed, error.last_status) == ("tk_5f3a…", 2.0, last)


def test_after_a_failed_poll_nobody_knows_that_it_runs_on():
    last = TaskStatus.from_dict({"state": 3})
    assert str(timeout_error(TOKEN, 2.0, last, TransportError("no"))).endswith(
        "(last seen as RUNNING); the last poll failed: no"
    )


def test_of_a_task_that_was_not_looked_at_for_long_nobody_knows_that_it_runs_on():
    last = TaskStatus.from_dict({"state": 3})
    said = "task tk_5f3a… was not seen to end in 64.8 s (last seen as RUNNING, 59.8 s ago)"
    assert str(timeout_error(TOKEN, 64.8, last, None, 59.8)) == f"{said}; whether it runs on is not known"
    assert (
        str(timeout_error(TOKEN, 64.8, last, TransportError("no"), 59.8))
        == f"{said}; the last poll failed: no"
    )
