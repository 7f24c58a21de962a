"""Decoding, the two ways to read a value, and what an instance can and cannot do."""

import copy
import enum
import inspect
import json
import pickle
import re
from collections import OrderedDict
from pathlib import Path

import pytest
from cases import each
from hypothesis import given, settings
from strategies import STATUS, full_documents, newer_documents, partial_documents

from rocketride_sync import DecodeError, models
from rocketride_sync.models import TaskMetrics, TaskState, TaskStatus, TaskStatusFlow, TaskTokens

SCHEMA = Path(__file__).resolve().parents[2] / "schema" / "task_status.schema.json"

# The example of the reference page.
EXAMPLE = {
    "name": "text_analyzer",
    "project_id": "my-project",
    "state": 3,
    "completed": False,
    "startTime": 1700000000.0,
    "endTime": 0.0,
    "totalCount": 100,
    "completedCount": 45,
    "failedCount": 2,
    "rateCount": 5,
    "errors": [],
    "warnings": [],
    "metrics": {"cpu_percent": 25.3, "cpu_memory_mb": 512.0, "gpu_memory_mb": 1024.0},
    "tokens": {"cpu_utilization": 1.5, "cpu_memory": 0.8, "gpu_memory": 2.1, "total": 4.4},
    "pipeflow": {
        "totalPipes": 2,
        "byPipe": {"0": ["source", "transform", "filter"], "1": ["source", "transform"]},
    },
}


@pytest.fixture
def status():
    return TaskStatus.from_dict(EXAMPLE)


def test_the_pages_snippets_work(status):
    assert f"State: {status['state']}" == "State: 3"
    assert f"Progress: {status['completedCount']}/{status['totalCount']}" == "Progress: 45/100"
    assert not status["completed"]
    assert not status["errors"]
    assert status["exitCode"] == 0
    assert status["metrics"]["cpu_percent"] == 25.3
    assert status["pipeflow"]["byPipe"] == {0: ("source", "transform", "filter"), 1: ("source", "transform")}


def test_attributes_and_documented_names_are_the_same_values(status):
    for wire, attribute in TaskStatus._attributes.items():
        assert status[wire] is getattr(status, attribute)
    assert status.completed_count == 45
    assert status.metrics.peak_cpu_percent == 0.0


def test_it_reads_as_a_mapping(status):
    assert "completedCount" in status
    assert "completed_count" not in status
    assert status.get("completedCount") == 45
    assert status.get("nothing", 7) == 7
    assert list(status) == list(STATUS_ORDER)
    assert list(status) == list(status.keys())
    assert dict(status.items())["name"] == "text_analyzer"
    assert len(status) == len(list(status.values())) == len(STATUS_ORDER)
    with pytest.raises(KeyError, match="nothing"):
        status["nothing"]


STATUS_ORDER = json.loads(SCHEMA.read_text("utf-8"))["properties"]


def test_the_strategies_cover_the_schema():
    assert STATUS.keys() == STATUS_ORDER.keys()


@given(full_documents())
def test_a_full_document_comes_back_as_it_went_in(document):
    before = copy.deepcopy(document)
    assert TaskStatus.from_dict(document).to_dict() == document == before


@given(newer_documents())
def test_unknown_keys_come_back_too(document):
    decoded = TaskStatus.from_dict(document)
    assert decoded.to_dict() == document
    assert decoded.extra == {key: value for key, value in document.items() if key not in STATUS}


@given(partial_documents())
def test_missing_keys_have_defaults(document):
    assert TaskStatus.from_dict(document).to_dict() == {**TaskStatus().to_dict(), **document}


@given(full_documents())
@settings(max_examples=30)
def test_json_text_goes_there_and_back(document):
    decoded = TaskStatus.from_dict(json.loads(json.dumps(document)))
    assert TaskStatus.from_dict(json.loads(json.dumps(decoded.to_dict()))) == decoded


def test_missing_and_unknown_keys_may_balance():
    """A document of the usual length can lack one key and have another."""
    document = TaskStatus(total_count=3).to_dict()
    del document["slowestDocs"]
    assert TaskStatus.from_dict({**document, "new": 1}) == TaskStatus(total_count=3, extra={"new": 1})


def test_null_where_none_is_allowed_is_the_default():
    decoded = TaskStatus.from_dict(dict.fromkeys(STATUS_ORDER))
    assert decoded.exit_code is None
    assert decoded == TaskStatus(exit_code=None)
    assert TaskMetrics.from_dict({"cpu_percent": None}) == TaskMetrics()


def test_whole_numbers_are_taken_either_way():
    decoded = TaskStatus.from_dict(
        {"startTime": 5, "totalCount": 3.0, "state": 5.0, "metrics": {"cpu_percent": 1}}
    )
    assert (type(decoded.start_time), type(decoded.total_count)) == (float, int)
    assert decoded == TaskStatus(start_time=5.0, total_count=3, state=5, metrics=TaskMetrics(cpu_percent=1.0))


class Shade(enum.IntEnum):
    DARK = 4


class Word(str):
    __slots__ = ()


def test_subclasses_become_the_plain_types():
    decoded = TaskStatus.from_dict(
        OrderedDict(name=Word("x"), totalCount=Shade.DARK, errors=type("List", (list,), {})([Word("e")]))
    )
    values = (decoded.name, decoded.total_count, decoded.errors, decoded.errors[0])
    assert [type(value) for value in values] == [str, int, tuple, str]
    assert decoded == TaskStatus(name="x", total_count=4, errors=["e"])


@each("size", [1, 15, 16, 17, 18, 1000])
def test_texts_are_plain_in_lists_of_any_length(size):
    plain = TaskStatus.from_dict({"warnings": ["w"] * size}).warnings
    mixed = TaskStatus.from_dict({"warnings": ["w"] * (size - 1) + [Word("w")]}).warnings
    assert plain == mixed == ("w",) * size
    assert {type(text) for text in mixed} == {str}


def test_an_unknown_key_in_the_place_of_a_known_one_is_kept():
    document = TaskStatus().to_dict()
    del document["status"]
    decoded = TaskStatus.from_dict({**document, "new": 1})
    assert (decoded.extra, decoded.status) == ({"new": 1}, "")
    assert TaskStatus.from_dict(document).extra == {}


def test_a_dict_that_lies_is_read_as_it_is():
    class Liar(dict):
        def __getitem__(self, key):
            raise RuntimeError("must not be asked")

        get = keys = items = __iter__ = copy = __getitem__

    assert TaskStatus.from_dict(Liar(totalCount=3)).total_count == 3


NAN, INFINITE = float("nan"), float("inf")
DEEP = {"a": "end"}
for _ in range(100_000):
    DEEP = {"a": DEEP}

WRONG = [
    (None, "$", "an object", "null"),
    ([], "$", "an object", "an array"),
    ("{}", "$", "an object", "a string"),
    ({"name": 3}, "$.name", "a string", "the integer 3"),
    ({"name": b"x"}, "$.name", "a string", "a Python bytes"),
    ({"completed": 1}, "$.completed", "true or false", "the integer 1"),
    ({"completed": "no"}, "$.completed", "true or false", "a string"),
    ({"totalCount": True}, "$.totalCount", "an integer", "true"),
    ({"totalCount": "3"}, "$.totalCount", "an integer", "a string"),
    ({"totalCount": 3.5}, "$.totalCount", "an integer", "the number 3.5"),
    ({"totalCount": NAN}, "$.totalCount", "an integer", "the number nan"),
    ({"totalCount": INFINITE}, "$.totalCount", "an integer", "the number inf"),
    ({"exitCode": "0"}, "$.exitCode", "an integer", "a string"),
    ({"state": "3"}, "$.state", "an integer", "a string"),
    ({"state": False}, "$.state", "an integer", "false"),
    ({"state": 2**64}, "$.state", "an integer of at most 64 bits", "an integer of 65 bits"),
    ({"startTime": NAN}, "$.startTime", "a finite number", "the number nan"),
    ({"startTime": -INFINITE}, "$.startTime", "a finite number", "the number -inf"),
    ({"startTime": "1.0"}, "$.startTime", "a finite number", "a string"),
    ({"startTime": True}, "$.startTime", "a finite number", "true"),
    ({"startTime": 10**400}, "$.startTime", "a finite number", "an integer of 1329 bits"),
    ({"errors": "abc"}, "$.errors", "an array", "a string"),
    ({"errors": ("a",)}, "$.errors", "an array", "a Python tuple"),
    ({"errors": ["a", None]}, "$.errors[1]", "a string", "null"),
    ({"errors": [*"a" * 1000, None]}, "$.errors[1000]", "a string", "null"),
    ({"errors": 0}, "$.errors", "an array", "the integer 0"),
    ({"notes": [["x"]]}, "$.notes[0]", "a string or an object", "an array"),
    ({"notes": [{"a": {"b": NAN}}]}, "$.notes[0].a.b", "a JSON value", "the number nan"),
    ({"pipeflow": []}, "$.pipeflow", "an object", "an array"),
    ({"pipeflow": {"byPipe": []}}, "$.pipeflow.byPipe", "an object", "an array"),
    ({"pipeflow": {"byPipe": {"0": ["a", 3]}}}, "$.pipeflow.byPipe.0[1]", "a string", "the integer 3"),
    (
        {"pipeflow": {"byPipe": {"0": None, "x": []}}},
        "$.pipeflow.byPipe.x",
        "a decimal number as key",
        "a string",
    ),
    (
        {"pipeflow": {"byPipe": {"9" * 30: []}}},
        '$.pipeflow.byPipe["9999"…]',
        "a decimal number as key",
        "a string",
    ),
    ({"metrics": {"cpu_percent": "1"}}, "$.metrics.cpu_percent", "a finite number", "a string"),
    ({"tokens": {"custom": {"a b": None}}}, '$.tokens.custom["a b"]', "a finite number", "null"),
    ({"tokens": {"custom": {3: 1.0}}}, "$.tokens.custom[3]", "a string", "the integer 3"),
    ({"componentStats": {"x": {"calls": "1"}}}, "$.componentStats.x.calls", "an integer", "a string"),
    ({"slowestDocs": [{}, {"beginSeq": "1"}]}, "$.slowestDocs[1].beginSeq", "an integer", "a string"),
    ({"new": {"a": [1, {2}]}}, "$.new.a[1]", "a JSON value", "a Python set"),
    ({3: "x"}, "$[3]", "a string", "the integer 3"),
    ({"deep": DEEP}, "$.deep" + ".a" * 99, "at most 100 levels of nesting", "an object"),
]


@each(("document", "path", "expected", "actual"), WRONG, ids=[case[1][:30] for case in WRONG])
def test_a_wrong_type_says_where_and_what(document, path, expected, actual):
    with pytest.raises(DecodeError) as caught:
        TaskStatus.from_dict(document)
    error = caught.value
    assert (error.path, error.expected, error.actual) == (path, expected, actual)
    assert error.__context__ is None


def test_a_key_is_shown_short_and_without_secrets():
    token = "tk_5f3a0123456789abcdef"
    with pytest.raises(DecodeError) as caught:
        TaskStatus.from_dict({"tokens": {"custom": {f"\x1b[31m{token}" + "x" * 10_000: "?"}}})
    assert token not in str(caught.value)
    assert len(str(caught.value)) < 150
    assert "\x1b" not in str(caught.value)


SECRET = "a-key-of-somebody"


@each(
    "document",
    [
        {"pipeflow": {"byPipe": {SECRET: []}}},
        {"tokens": {"custom": {SECRET: "?"}}},
        {"componentStats": {SECRET: 5}},
        {"componentStats": {SECRET: {"calls": "?"}}},
        {"notes": [{SECRET: NAN}]},
        {"notes": [{"a": {SECRET: {"b": NAN}}}]},
        {SECRET: DEEP},
        {"new": {SECRET: {1, 2}}},
    ],
)
def test_a_name_from_outside_may_be_a_secret_and_is_cut(document):
    with pytest.raises(DecodeError) as caught:
        TaskStatus.from_dict(document)
    for text in (str(caught.value), repr(caught.value), caught.value.path):
        assert SECRET[:8] not in text
        assert '["a-ke"…]' in text


def test_instances_are_frozen_slotted_and_not_hashable(status):
    for value in (status, status.metrics, TaskStatus()):
        with pytest.raises(AttributeError):
            value.extra = {}
        with pytest.raises(AttributeError):
            del value.extra
        with pytest.raises((AttributeError, TypeError)):
            value.other = 1
        with pytest.raises(TypeError, match="unhashable"):
            hash(value)
    assert type(status) is TaskStatus
    assert not hasattr(status, "__dict__")


def test_nothing_inside_can_be_changed(status):
    assert isinstance(status.errors, tuple)
    by_pipe = status.pipeflow.by_pipe
    changes = [
        lambda: by_pipe.__setitem__(0, ()),
        lambda: by_pipe.__delitem__(0),
        lambda: by_pipe.__ior__({}),
        by_pipe.clear,
        by_pipe.popitem,
        lambda: by_pipe.pop(0),
        lambda: by_pipe.setdefault(7, ()),
        lambda: by_pipe.update({7: ()}),
        lambda: status.extra.update(x=1),
    ]
    for change in changes:
        with pytest.raises(TypeError, match="read-only"):
            change()
    assert by_pipe == {0: ("source", "transform", "filter"), 1: ("source", "transform")}


def test_it_shares_nothing_with_the_documents():
    document = {"notes": [{"a": [1]}], "new": {"b": [2]}, "errors": ["e"]}
    decoded = TaskStatus.from_dict(document)
    twin = TaskStatus.from_dict(copy.deepcopy(document))
    document["notes"][0]["a"].append(9)
    document["new"]["b"].append(9)
    document["errors"].append("f")
    assert decoded == twin
    given_back = decoded.to_dict()
    given_back["notes"][0]["a"].append(9)
    given_back["new"]["b"].append(9)
    assert decoded == twin


def test_to_dict_is_made_of_plain_json_types():
    document = TaskStatus.from_dict({**EXAMPLE, "new": {"a": [None]}, "notes": [{}]}).to_dict()
    kinds = set()

    def visit(value):
        kinds.add(type(value))
        for inner in value.values() if type(value) is dict else value if type(value) is list else ():
            visit(inner)

    visit(document)
    assert kinds == {dict, list, str, int, float, bool, type(None)}
    assert list(document["pipeflow"]["byPipe"]) == ["0", "1"]


def test_equality_is_by_value(status):
    assert status == TaskStatus.from_dict(copy.deepcopy(EXAMPLE))
    assert status != TaskStatus.from_dict({**EXAMPLE, "totalCount": 101})
    assert status != TaskStatus.from_dict({**EXAMPLE, "new": 1})
    assert status != status.to_dict()
    assert TaskMetrics() != TaskTokens()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_it_pickles(status, protocol):
    again = pickle.loads(pickle.dumps(status, protocol))
    assert again == status
    assert type(again.metrics) is TaskMetrics
    by_pipe = pickle.loads(pickle.dumps(status.pipeflow.by_pipe, protocol))
    assert by_pipe == status.pipeflow.by_pipe
    assert type(by_pipe) is type(status.pipeflow.by_pipe)


def test_it_copies(status):
    for again in (copy.copy(status), copy.deepcopy(status)):
        assert again == status
        assert again.state is TaskState.RUNNING
    assert copy.deepcopy(status.pipeflow.by_pipe) == status.pipeflow.by_pipe


def test_a_pickle_of_an_older_version_gets_the_new_fields():
    """What is pickled is the wire document, so that fields may be added."""
    rebuild, (cls, document) = TaskStatus(total_count=3).__reduce__()
    del document["slowestDocs"]
    assert rebuild(cls, document) == TaskStatus(total_count=3)


def test_it_can_be_made_by_hand():
    made = TaskStatus(
        state=5, completed=True, errors=["a"], pipeflow=TaskStatusFlow(total_pipes=1, by_pipe={0: ("x",)})
    )
    assert made.state is TaskState.COMPLETED
    assert made.errors == ("a",)
    assert TaskStatus.from_dict(made.to_dict()) == made


def test_the_documented_names_are_importable():
    for name in ("TASK_STATUS", "TASK_STATE", "TASK_METRICS", "TASK_TOKENS", "TASK_STATUS_FLOW"):
        assert getattr(models, name).__name__.lower() == name.replace("_", "").lower()


@each(
    "fields",
    [
        {},
        {"name": "x" * 10_000, "source": "y" * 10_000},
        {"source": "a\nb\x1b[31m", "totalCount": 10**30, "failedCount": 10**4400},
        {
            "source": "tk_5f3a0123456789abcdef",
            "name": "tk_5f3a0123456789abcdef",
            "notes": ["tk_5f3a0123456789abcdef"],
        },
        {"state": -(2**62), "completedCount": -(10**20)},
        {"source": "\u202e" * 30, "exitMessage": "tk_5f3a0123456789abcdef"},
    ],
)
def test_repr_is_one_short_line_without_secrets(fields):
    shown = repr(TaskStatus.from_dict(fields))
    assert len(shown) < 80
    assert shown.isprintable()
    assert shown.startswith("<TaskStatus ")
    assert "0123456789" not in shown


def test_repr_says_how_the_task_stands(status):
    assert repr(status) == "<TaskStatus RUNNING 45/100, 2 failed>"
    assert repr(status.metrics) == "<TaskMetrics cpu_percent=25.3 cpu_memory_mb=512.0 gpu_memory_mb=1024.0>"
    assert repr(TaskMetrics()) == "<TaskMetrics>"


def test_repr_of_the_parts_is_bounded():
    wide = TaskMetrics.from_dict(dict.fromkeys(TaskMetrics._attributes, -1.2345678901234e-100))
    huge = TaskStatusFlow(total_pipes=10**5000)
    for part in (wide, huge):
        assert len(repr(part)) < 80


def test_every_field_is_documented_with_its_unit():
    for model in (TaskStatus, TaskMetrics, TaskTokens):
        for attribute in model._attributes.values():
            assert re.search(rf"^    {attribute}: \S", inspect.getdoc(model), re.MULTILINE), attribute
    assert "Unit: MB." in TaskMetrics.__doc__


def test_a_documented_name_used_as_attribute_is_told_the_right_one():
    with pytest.raises(AttributeError, match="the attribute is 'completed_count'"):
        _ = TaskStatus.from_dict({}).completedCount
    with pytest.raises(AttributeError, match=r"no attribute 'nonsense'$"):
        _ = TaskStatus.from_dict({}).nonsense


@each(
    ("name", "hint"),
    [
        ("outcome", "'outcome' is not in the document: it is an attribute, .outcome"),
        ("elapsed", "'elapsed' is not in the document: it is an attribute, .elapsed"),
        (
            "completed_count",
            "'completed_count' is an attribute; its name in the document is 'completedCount'",
        ),
        ("no such", "no such"),
        ("__class__", "__class__"),
        ("_doubt", "_doubt"),
        (0, 0),
    ],
)
def test_an_attribute_used_as_documented_name_is_told_the_right_way(name, hint):
    status = TaskStatus.from_dict({})
    with pytest.raises(KeyError) as caught:
        status[name]
    assert caught.value.args == (hint,)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert name not in status
    assert status.get(name) is None


def test_to_json_is_the_document_as_text():
    document = {**EXAMPLE, "notes": ["caf\u00e9", {"deep": ["\ud800"]}], "new": {"deep": [1, None]}}
    status = TaskStatus.from_dict(document)
    text = status.to_json()
    assert text.isascii()
    assert "\n" not in text
    assert TaskStatus.from_dict(json.loads(text)) == status
    assert json.loads(status.to_json(indent=2)) == json.loads(text) == status.to_dict()


def test_nothing_in_it_can_be_changed_but_within_the_objects_of_the_server():
    document = {
        "notes": [{"a": 1}],
        "new": 1,
        "errors": ["e"],
        "pipeflow": {"byPipe": {"0": ["a"]}},
        "tokens": {"custom": {"x": 1.0}},
        "componentStats": {"c": {}},
    }
    status = TaskStatus.from_dict(document)
    assert [type(part) for part in (status.notes, status.errors, status.pipeflow.by_pipe[0])] == [tuple] * 3
    mappings = (
        status.notes[0],
        status.extra,
        status.pipeflow.by_pipe,
        status.tokens.custom,
        status.component_stats,
    )
    for mapping in (*mappings, status, status.tokens):
        with pytest.raises(TypeError, match=r"read-only|item assignment"):
            mapping["a"] = 1
    for part in (status, status.tokens, status.component_stats["c"]):
        with pytest.raises(AttributeError):
            part.extra = {}
