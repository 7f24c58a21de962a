"""Facts that travel with a status: in pickles and copies, not in the document, nor in comparisons."""

import copy
import pickle

import attrs
import pytest
from cases import each

from rocketride_sync import TaskMetrics, TaskStatus
from rocketride_sync.models.document import _restored

ENDED = TaskStatus.from_dict({"state": 6, "completed": True, "exitCode": 1, "later": [1]})
STOPPED = ENDED._with_facts(end_reason="user", from_run_log=True, terminated_by_client=True)


def facts_of(status):
    return status.end_reason, status.from_run_log, status.terminated_by_client


def test_a_status_has_none_to_begin_with():
    assert facts_of(ENDED) == facts_of(TaskStatus()) == (None, False, False)


def test_a_copy_carries_them_and_the_status_itself_does_not_change():
    assert facts_of(STOPPED) == ("user", True, True)
    assert facts_of(ENDED) == (None, False, False)
    assert type(STOPPED) is TaskStatus


def test_what_it_carries_already_makes_no_copy():
    assert STOPPED._with_facts(end_reason="user") is STOPPED
    assert ENDED._with_facts() is ENDED
    assert facts_of(STOPPED._with_facts(end_reason="ttl")) == ("ttl", True, True)


def test_that_it_is_not_known_is_no_default():
    unknown = ENDED._with_facts(terminated_by_client=None)
    assert facts_of(pickle.loads(pickle.dumps(unknown))) == facts_of(unknown) == (None, False, None)


def test_they_are_not_in_the_document_and_not_compared():
    assert STOPPED.to_dict() == ENDED.to_dict()
    assert STOPPED == ENDED
    assert set(STOPPED) == set(ENDED)
    assert "end_reason" not in STOPPED


@each(
    "again",
    [
        copy.copy,
        copy.deepcopy,
        attrs.evolve,
        *(
            lambda status, p=p: pickle.loads(pickle.dumps(status, p))
            for p in range(pickle.HIGHEST_PROTOCOL + 1)
        ),
    ],
)
def test_copies_and_pickles_carry_them(again):
    assert facts_of(again(STOPPED)) == ("user", True, True)
    assert facts_of(again(ENDED)) == (None, False, False)
    assert again(STOPPED) == STOPPED


def test_pickles_of_other_versions_can_be_read():
    document = ENDED.to_dict()
    assert facts_of(_restored(TaskStatus, document)) == (None, False, False)
    assert facts_of(_restored(TaskStatus, document, {"end_reason": "ttl", "later": 1})) == (
        "ttl",
        False,
        False,
    )


def test_they_may_be_given_and_cannot_be_changed():
    assert facts_of(TaskStatus(end_reason="ttl")) == ("ttl", False, False)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        STOPPED.end_reason = None


def test_other_documents_have_none():
    with pytest.raises(AttributeError, match="end_reason"):
        _ = TaskMetrics().end_reason
    assert pickle.loads(pickle.dumps(TaskMetrics(cpu_percent=1.0))) == TaskMetrics(cpu_percent=1.0)
