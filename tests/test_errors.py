"""The exception tree: its shape, its docstring, and that each error survives pickle and copy."""

import ast
import copy
import inspect
import pickle
import re
from pathlib import Path

import pytest
from cases import each

from rocketride_sync import errors
from rocketride_sync.models import Outcome, TaskStatus

STATUS = TaskStatus.from_dict({"name": "job", "state": 5, "completed": True, "startTime": 1.0})
TREE = {
    "RocketRideError": (RuntimeError,),
    "ConfigurationError": ("RocketRideError", ValueError),
    "TransientError": ("RocketRideError",),
    "TransportError": ("TransientError", ConnectionError),
    "TransportTimeoutError": ("TransportError", TimeoutError),
    "OverloadedError": ("TransientError",),
    "CertificateError": ("RocketRideError", ConnectionError),
    "ProtocolError": ("RocketRideError",),
    "DecodeError": ("ProtocolError", ValueError),
    "AuthenticationError": ("RocketRideError",),
    "UnsupportedOperationError": ("RocketRideError", NotImplementedError),
    "ServerError": ("RocketRideError",),
    "TaskNotFoundError": ("ServerError",),
    "TaskAlreadyRunningError": ("ServerError",),
    "PermissionDeniedError": ("ServerError",),
    "WaitTimeoutError": ("RocketRideError", TimeoutError),
    "TaskLostError": ("RocketRideError",),
    "TaskVanishedError": ("TaskLostError",),
    "TaskReplacedError": ("TaskLostError",),
    "TaskFailedError": ("RocketRideError",),
    "TaskCancelledError": ("TaskFailedError",),
}
EXAMPLES = [
    errors.ConfigurationError("bad"),
    errors.TransientError("later", retry_after=3.0, http_status=503),
    errors.TransportError("reset"),
    errors.TransportTimeoutError("late"),
    errors.OverloadedError("full"),
    errors.CertificateError("expired"),
    errors.ProtocolError("html"),
    errors.DecodeError("$.state", "an integer", "a string"),
    errors.AuthenticationError("refused"),
    errors.ServerError("no", code="X", hint="do", http_status=400, operation="get_task_status"),
    errors.TaskNotFoundError("none", http_status=400),
    errors.UnsupportedOperationError("no"),
    errors.TaskAlreadyRunningError("busy", operation="use"),
    errors.PermissionDeniedError("no", http_status=400),
    errors.WaitTimeoutError("late", token="tk_5f3a…", elapsed=1.5, last_status=STATUS),
    errors.TaskVanishedError("gone", last_status=STATUS),
    errors.TaskVanishedError("gone", last_status=STATUS, outcome=Outcome.SUCCEEDED),
    errors.TaskReplacedError("another", last_status=STATUS, new_status=STATUS),
    errors.TaskFailedError("failed", status=STATUS),
    errors.TaskCancelledError("cancelled", status=STATUS),
]


def all_errors():
    return {n: c for n, c in vars(errors).items() if inspect.isclass(c) and issubclass(c, Exception)}


def test_the_tree_is_the_documented_one():
    found = {n: c for n, c in all_errors().items() if not issubclass(c, Warning)}
    assert set(found) == set(TREE)
    for name, bases in TREE.items():
        expected = tuple(found[b] if isinstance(b, str) else b for b in bases)
        assert found[name].__bases__ == expected


def test_the_docstring_draws_every_error_with_its_builtin_base():
    drawn = dict(re.findall(r"── (\w+)(?: \((\w+)\))?", errors.__doc__))
    assert set(drawn) == set(TREE) - {"RocketRideError"}
    for name, base in drawn.items():
        builtin = [b.__name__ for b in TREE[name] if not isinstance(b, str)]
        assert [base] * bool(base) == builtin


def test_there_is_an_example_of_every_error_that_is_raised():
    abstract = {"RocketRideError", "TaskLostError"}
    assert {type(e).__name__ for e in EXAMPLES} == set(TREE) - abstract


@each("error", EXAMPLES, ids=lambda e: type(e).__name__)
@each("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_errors_pickle_whole(error, protocol):
    again = pickle.loads(pickle.dumps(error, protocol))
    assert type(again) is type(error)
    assert str(again) == str(error) != ""
    assert again.args == error.args
    assert vars(again) == vars(error)


@each("error", EXAMPLES, ids=lambda e: type(e).__name__)
def test_errors_copy_whole(error):
    for again in (copy.copy(error), copy.deepcopy(error)):
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert vars(again) == vars(error)


@each("name", [name for name, value in vars(errors.RocketRideError).items() if value in ("", False)])
def test_errors_keep_what_they_carry_for_this_package(name):
    error = errors.TransportError("reset")
    setattr(error, name, "kept")
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert getattr(again, name) == "kept"


@each("error", EXAMPLES, ids=lambda e: type(e).__name__)
def test_errors_can_be_made_of_their_message_alone(error):
    """What Celery keeps of an error in JSON is its class and its `args`."""
    again = type(error)(*error.args)
    assert str(again) == str(error)
    assert again.args == error.args
    assert set(vars(again)) == set(vars(error))


def test_what_is_known_of_a_fate_is_said_once():
    error = errors.WaitTimeoutError("late; no answer")
    error._tell_fate("it runs on")
    assert str(error) == "late; no answer; it runs on"
    again = pickle.loads(pickle.dumps(error))
    again._tell_fate("it was ended")
    again._tell_fate("it was ended")
    assert (str(again), again._without_fate) == ("late; no answer; it was ended", "late; no answer")
    again.args = ("of the caller",)
    again._tell_fate("it had ended")
    assert str(again) == "of the caller; it had ended"


def test_a_decode_error_is_made_of_its_parts():
    error = errors.DecodeError("$.state", "an integer", actual="a string")
    assert str(error) == "$.state: expected an integer, got a string"
    assert (error.path, error.expected, error.actual) == ("$.state", "an integer", "a string")
    bare = errors.DecodeError(str(error))
    assert (bare.path, bare.expected, bare.actual) == ("", "", "")


def test_the_reference_page_catches_them_as_runtime_errors():
    for error in EXAMPLES:
        with pytest.raises(RuntimeError):
            raise error


def texts_of(module):
    """The texts of the code of `module`, without its docstrings."""
    tree = ast.parse(module.read_text("utf-8"))
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def test_no_message_names_a_file_of_the_documentation():
    """It is not installed."""
    modules = [
        path for path in Path(errors.__file__).parent.rglob("*.py") if "docs/" in path.read_text("utf-8")
    ]
    assert len(modules) > 10
    assert [text for path in modules for text in texts_of(path) if re.search(r"\bdocs/\w+\.md", text)] == []
