"""Every argument of every method of the client, with values of every wrong kind: what comes out is an error of this library."""

import contextlib
import inspect
import itertools

import pytest

from rocketride_sync import ConfigurationError, MemoryTransport, RocketRideClient, RocketRideError

PIPELINE = {"project_id": "p", "source": "s", "components": [{"id": "s", "provider": "webhook"}]}
ANSWER = {"state": 5, "startTime": 1.0, "endTime": 2.0, "completed": True, "token": "tk_1"}
RIGHT = {
    "token": "tk_1",
    "tokens": ["tk_1"],
    "pipeline": PIPELINE,
    "files": [__file__],
    "mimetype": "text/plain",
}
MORE = {name: {"pipeline": PIPELINE} for name in ("use", "validate", "restart")}
BY_PLACE = {"call": ["command"]}
MORE["run"] = {"pipeline": PIPELINE, "files": [__file__]}
WRONG = [
    *(None, True, 5, -1, 0, 1.5, float("nan"), float("inf"), 1 << 70, "", "x", "x\ud800", b"x", ()),
    *([5], [len], {"a": 5}, {5: "a"}, object(), iter([]), range(3)),
]


def methods():
    """The names of methods; for each, arguments with which it can be called, and the names of all."""
    for name, method in inspect.getmembers(RocketRideClient, inspect.isfunction):
        if not name.startswith("_"):
            given = [each for each in inspect.signature(method).parameters.values() if each.name != "self"]
            given = [each for each in given if each.kind is not each.VAR_KEYWORD]
            needed = {each.name: RIGHT.get(each.name, "x") for each in given if each.default is each.empty}
            yield name, ({**needed, **MORE.get(name, {})}, [each.name for each in given])


METHODS = dict(methods())


def called(name, arguments):
    client = RocketRideClient("h", "key", transport=MemoryTransport(itertools.repeat(ANSWER)), timeout=1)
    by_name = dict(arguments)
    by_place = [by_name.pop(each) for each in BY_PLACE.get(name, [])]
    result = getattr(client, name)(*by_place, **by_name)
    if inspect.isgenerator(result):
        list(itertools.islice(result, 3))


@pytest.mark.filterwarnings("ignore::rocketride_sync.RocketRideWarning")
@pytest.mark.parametrize("name", METHODS)
def test_a_wrong_argument_is_taken_or_refused(name):
    right, parameters = METHODS[name]
    for parameter, wrong in itertools.product(parameters, WRONG):
        arguments = {**right, parameter: wrong}
        if parameter == "filepath":
            arguments.pop("pipeline")
        with contextlib.suppress(RocketRideError):  # any other is a fault
            called(name, arguments)


CALLED_LATER = {
    "wait_until_complete": ["on_progress"],
    "wait_all": ["on_progress"],
    "as_completed": ["on_progress"],
    "run": ["on_progress", "on_upload"],
    "send_files": ["on_progress"],
}


@pytest.mark.parametrize("name", CALLED_LATER)
def test_what_is_called_later_must_be_a_function(name):
    right, _ = METHODS[name]
    for parameter in CALLED_LATER[name]:
        with pytest.raises(ConfigurationError, match=f"{parameter} must be a function, not int"):
            called(name, {**right, parameter: 5})
