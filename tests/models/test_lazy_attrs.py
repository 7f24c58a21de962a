"""The models are attrs classes to everybody who asks attrs, and load it for nobody else."""

import inspect
import subprocess
import sys
from typing import Optional

import attrs
import pytest

from rocketride_sync import TaskMetrics, TaskStatus
from rocketride_sync.models.document import Document


def test_attrs_knows_their_fields():
    assert attrs.has(TaskStatus)
    assert not attrs.has(Document)
    fields = attrs.fields(attrs.resolve_types(TaskStatus))
    assert [field.name for field in fields] == [*TaskStatus._attributes.values(), "extra", *TaskStatus._facts]
    assert fields.end_reason.type == Optional[str]
    assert (fields.name.default, fields.name.type, fields.name.kw_only) == ("", str, True)
    assert fields.metrics.default.factory is TaskMetrics
    assert fields.errors.converter(["a"]) == ("a",)


def test_attrs_copies_with_changes_and_makes_dicts():
    status = TaskStatus(completed_count=3, errors=["a"])
    changed = attrs.evolve(status, completed_count=4)
    assert type(changed) is TaskStatus
    assert (changed.completed_count, changed.errors) == (4, ("a",))
    assert changed != status
    assert attrs.evolve(changed, completed_count=3) == status
    assert attrs.asdict(status)["metrics"]["cpu_percent"] == 0.0


def test_they_cannot_be_changed():
    status = TaskStatus()
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        status.errors = ()
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        del status.errors
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        status.nonsense = 1


def test_their_arguments_are_checked_by_name():
    with pytest.raises(TypeError, match="unexpected keyword argument 'nonsense'"):
        TaskStatus(nonsense=1)
    with pytest.raises(TypeError, match="positional argument"):
        TaskStatus("name")


def test_two_without_arguments_share_nothing_that_could_be_told_apart():
    assert TaskStatus() == TaskStatus()
    assert TaskStatus().metrics == TaskMetrics()


def test_their_signature_tells_the_defaults():
    parameters = inspect.signature(TaskMetrics).parameters
    assert parameters["cpu_percent"].default == 0.0
    assert parameters["cpu_percent"].kind is inspect.Parameter.KEYWORD_ONLY


def test_decoding_does_without_attrs():
    code = (
        "import sys; from rocketride_sync import TaskStatus; "
        "TaskStatus.from_dict({'metrics': {}, 'componentStats': {'a': {}}}), TaskStatus(state=3); "
        "print([m for m in ('attr', 'attrs') if m in sys.modules])"
    )
    command = [sys.executable, "-I", "-c", code]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "[]\n"
