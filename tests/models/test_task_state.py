"""`TaskState`: the documented states, and those of servers to come."""

import copy
import json
import pickle

import pytest
from cases import each

from rocketride_sync.models import TaskState

DOCUMENTED = ["NONE", "STARTING", "INITIALIZING", "RUNNING", "STOPPING", "COMPLETED", "CANCELLED"]


def test_the_documented_states():
    assert [state.name for state in TaskState] == DOCUMENTED
    assert [int(state) for state in TaskState] == list(range(7))


@pytest.mark.parametrize(("state", "name"), [(TaskState(3), "RUNNING"), (TaskState(9), "UNKNOWN_9")])
def test_text_is_the_same_on_every_python(state, name):
    number = int(state)
    assert str(state) == f"{state}" == f"{state:d}" == json.dumps(state) == str(number)
    assert f"{state:>3}" == f"{number:>3}"
    assert repr(state) == f"<TaskState.{name}: {number}>"
    assert state.name == name
    assert state.value == number


@pytest.mark.parametrize("state", [TaskState.RUNNING, TaskState(9), TaskState(-1)])
def test_states_equal_their_numbers_and_travel(state):
    assert state == int(state)
    assert hash(state) == hash(int(state))
    assert state in {int(state)}
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(state, protocol))
        assert again == state
        assert type(again) is TaskState
        assert again.name == state.name
    assert copy.deepcopy(state) == copy.copy(state) == state


def test_known_members_are_singletons():
    assert TaskState(5) is TaskState.COMPLETED
    assert pickle.loads(pickle.dumps(TaskState.COMPLETED)) is TaskState.COMPLETED


def test_unknown_members_are_not_remembered():
    """Else a server could fill the memory with them."""
    before = len(TaskState.__members__), len(TaskState._value2member_map_)
    for number in range(1000, 2000):
        TaskState(number)
    assert (len(TaskState.__members__), len(TaskState._value2member_map_)) == before
    assert len(TaskState) == 7


@each("value", ["3", 3.5, None, 2**63, -(2**70)])
def test_what_is_no_state_is_refused(value):
    with pytest.raises(ValueError, match="TaskState"):
        TaskState(value)
