"""The cattrs converter agrees with the generated decoders."""

import subprocess
import sys
from typing import Dict, List, Optional

import attrs
import pytest
from cases import each
from hypothesis import given, settings
from strategies import newer_documents

from rocketride_sync import DecodeError, converter
from rocketride_sync.models import TaskMetrics, TaskState, TaskStatus

CONVERTER = converter()


@attrs.frozen
class Report:
    title: str
    last: Optional[TaskStatus]
    states: List[TaskState]


@given(newer_documents())
@settings(max_examples=30)
def test_both_ways_agree(document):
    status = TaskStatus.from_dict(document)
    assert CONVERTER.structure(document, TaskStatus) == status
    assert CONVERTER.unstructure(status) == status.to_dict()


def test_inside_containers():
    documents = [{"state": 5}, {"state": 77, "metrics": {"cpu_percent": 1}}]
    statuses = CONVERTER.structure(documents, List[TaskStatus])
    assert statuses == [TaskStatus.from_dict(document) for document in documents]
    assert CONVERTER.unstructure(statuses) == [status.to_dict() for status in statuses]
    assert CONVERTER.structure({"a": {}}, Dict[str, TaskMetrics]) == {"a": TaskMetrics()}


def test_inside_other_classes():
    document = {"title": "x", "last": TaskStatus(state=3).to_dict(), "states": [3, 9]}
    report = CONVERTER.structure(document, Report)
    assert report == Report("x", TaskStatus(state=3), [TaskState.RUNNING, TaskState(9)])
    unstructured = CONVERTER.unstructure(report)
    assert unstructured == document
    assert type(unstructured["states"][0]) is int


@each(
    ("document", "kind", "path"),
    [
        ({"totalCount": "3"}, TaskStatus, "$.totalCount"),
        ([{}, {"errors": "abc"}], List[TaskStatus], "$.errors"),
        ("3", TaskState, "$"),
        ({"title": "x", "last": {"name": 1}, "states": []}, Report, "$.name"),
    ],
)
def test_errors_are_the_decoders(document, kind, path):
    with pytest.raises(DecodeError) as caught:
        CONVERTER.structure(document, kind)
    assert caught.value.path == path


def test_each_call_gives_a_converter_of_its_own():
    """So that hooks which a user registers stay with the user."""
    assert converter() is not converter()


def test_the_models_do_not_load_cattrs():
    code = "import sys, rocketride_sync.models; print([m for m in ('cattrs', 'cattr', 'asyncio') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"
