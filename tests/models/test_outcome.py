"""How a task ended, and how certain that is, row by row: docs/protocol.md, "The life of a task"."""

import pytest
from cases import each

from rocketride_sync import RocketRideError, TaskCancelledError, TaskFailedError, TaskStatus
from rocketride_sync.models import Outcome
from rocketride_sync.models.outcome import needs_end_reason, verdict

RUNNING, SUCCEEDED, FAILED, CANCELLED = Outcome
CERTAIN, UNCERTAIN = True, False

FULL = {"total_count": 3, "completed_count": 3}
SHORT = {"total_count": 3, "completed_count": 2}
SOME_FAILED = {"total_count": 3, "completed_count": 2, "failed_count": 1}
NONE = {}


def ended(state, exit_code, exit_message="", **fields):
    return TaskStatus(state=state, completed=True, exit_code=exit_code, exit_message=exit_message, **fields)


TABLE = [
    # state, exit code, exit message, other fields; outcome, certain
    (5, 0, "", FULL, SUCCEEDED, CERTAIN),
    (5, 0, "Stopped", FULL, SUCCEEDED, CERTAIN),
    (5, 0, "", NONE, SUCCEEDED, CERTAIN),
    (5, None, "", FULL, SUCCEEDED, CERTAIN),
    (5, 0, "", SOME_FAILED, SUCCEEDED, CERTAIN),
    (5, 0, "", SHORT, SUCCEEDED, UNCERTAIN),
    (5, None, "", SHORT, SUCCEEDED, UNCERTAIN),
    (5, 1, "", FULL, FAILED, CERTAIN),
    (5, -9, "text", SHORT, FAILED, CERTAIN),
    (6, 0, "", FULL, CANCELLED, CERTAIN),
    (6, 0, "text", SHORT, CANCELLED, CERTAIN),
    (6, None, "Stopped", FULL, CANCELLED, UNCERTAIN),
    (6, None, "", NONE, CANCELLED, UNCERTAIN),
    (6, 1, "", FULL, SUCCEEDED, UNCERTAIN),
    (6, 1, "", {"total_count": 3, "completed_count": 4}, SUCCEEDED, UNCERTAIN),
    (6, 1, "", NONE, FAILED, UNCERTAIN),
    (6, 1, "", SHORT, FAILED, UNCERTAIN),
    (6, 1, "", SOME_FAILED, FAILED, UNCERTAIN),
    (6, 1, "", {"total_count": 3, "completed_count": 3, "failed_count": 1}, FAILED, UNCERTAIN),
    (6, 1, "", {**FULL, "errors": ["e"]}, FAILED, UNCERTAIN),
    (6, 1, "", {**FULL, "warnings": ["w"]}, SUCCEEDED, UNCERTAIN),
    (6, 1, "text", FULL, FAILED, CERTAIN),
    (6, 1, "Stopped", FULL, FAILED, CERTAIN),
    (6, 1, " ", FULL, FAILED, CERTAIN),
    (6, -15, "Stopped", FULL, FAILED, UNCERTAIN),
    (6, -15, "", FULL, FAILED, CERTAIN),
    (6, -15, "text", FULL, FAILED, CERTAIN),
    (6, 3, "Stopped", FULL, FAILED, CERTAIN),
    (6, -9, "Stopped", FULL, FAILED, CERTAIN),
    (6, 2, "", FULL, FAILED, CERTAIN),
]
ROWS = each(("state", "code", "text", "fields", "outcome", "certain"), TABLE)


@ROWS
def test_the_table(state, code, text, fields, outcome, certain):
    status = ended(state, code, text, **fields)
    assert (status.outcome, status.outcome_certain) == (outcome, certain)
    assert status.succeeded is (outcome is SUCCEEDED)
    assert verdict(status) == (outcome, status._doubt)
    assert bool(status._doubt) is not certain


@ROWS
@each("fact", [{"end_reason": "user"}, {"end_reason": "ttl"}, {"terminated_by_client": True}], ids=str)
def test_that_it_was_stopped_outweighs_a_state_of_6_alone(fact, state, code, text, fields, outcome, certain):
    status = ended(state, code, text, **fields)._with_facts(**fact)
    expected = (outcome, certain) if state == 5 else (CANCELLED, CERTAIN)
    assert (status.outcome, status.outcome_certain) == expected
    assert not needs_end_reason(status)


@ROWS
def test_that_this_client_may_have_terminated_it_is_not_certain(state, code, text, fields, outcome, certain):
    status = ended(state, code, text, **fields)._with_facts(terminated_by_client=None)
    settled = state == 5 or code == 0
    assert (status.outcome, status.outcome_certain) == ((outcome, certain) if settled else (CANCELLED, False))
    assert needs_end_reason(status) is not settled
    told = status._with_facts(end_reason="user")
    assert (told.outcome, told.outcome_certain) == ((outcome, certain) if settled else (CANCELLED, CERTAIN))


@ROWS
def test_the_reason_is_needed_only_where_it_would_change_something(
    state, code, text, fields, outcome, certain
):
    status = ended(state, code, text, **fields)
    stopped = status._with_facts(end_reason="user")
    changes = (stopped.outcome, stopped.outcome_certain) != (outcome, certain)
    assert needs_end_reason(status) is changes


@ROWS
def test_the_errors_follow(state, code, text, fields, outcome, certain):
    status = ended(state, code, text, **fields)
    expected = {SUCCEEDED: None, FAILED: TaskFailedError, CANCELLED: TaskCancelledError}[outcome]
    if expected is None:
        assert status.raise_for_outcome() is None
    else:
        with pytest.raises(expected) as caught:
            status.raise_for_outcome()
        assert type(caught.value) is expected
        assert ("not certain" in str(caught.value)) is not certain


@ROWS
def test_the_repr_follows(state, code, text, fields, outcome, certain):
    shown = repr(ended(state, code, text, **fields))
    assert ("not certain" in shown) is not certain
    usual = {5: SUCCEEDED, 6: CANCELLED}[state] is outcome
    assert (f": {outcome}" in shown) is not (usual and certain)


@each(("state", "completed"), [(s, c) for s in range(10) for c in (False, True) if not (c and s in (5, 6))])
@each("fact", [{}, {"end_reason": "user"}, {"terminated_by_client": True}], ids=str)
def test_before_the_end_it_runs_whatever_is_told(state, completed, fact):
    status = TaskStatus(state=state, completed=completed, exit_code=1, **fact)
    assert (status.outcome, status.outcome_certain) == (RUNNING, CERTAIN)
    assert not needs_end_reason(status)
    with pytest.raises(RocketRideError, match="no outcome yet"):
        status.raise_for_outcome()


@pytest.mark.parametrize(
    ("reason", "words"), [("user", "cancelled by a user"), ("ttl", "cancelled by its ttl")]
)
def test_who_stopped_it_is_told(reason, words):
    status = ended(6, 1, "text", end_reason=reason)
    assert words in repr(status)
    with pytest.raises(TaskCancelledError, match=words):
        status.raise_for_outcome()


def test_a_reason_that_is_none_of_the_two_decides_nothing():
    status = ended(6, 1, "text")._with_facts(end_reason="later")
    assert (status.outcome, status.outcome_certain) == (FAILED, CERTAIN)


def test_the_repr_tells_the_run_log():
    assert "from the run log" in repr(ended(5, 0)._with_facts(from_run_log=True))
    assert "log" not in repr(ended(5, 0))
