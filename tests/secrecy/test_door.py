"""Nothing goes around `rocketride_sync.redact`, where outside text meets a message: looked for in the source, and tried out."""

import ast
from pathlib import Path

import pytest

import rocketride_sync
from rocketride_sync import MemoryTransport, RocketRideClient, RocketRideError, errors
from rocketride_sync.models import TaskStatus
from rocketride_sync.protocol import failures
from rocketride_sync.transports import pipe_interface
from rocketride_sync.transports.websocket import upgrade

from .marks import CHOSEN_TOKEN, KEY, found_in
from .witness import Witness, held_by

PACKAGE = Path(rocketride_sync.__file__).parent
APART = ("emulator", "cli")  # these have no secrets of a client, or print through `cli/output.py`
OURS = {
    name
    for module in (errors, failures, pipe_interface, upgrade)
    for name, thing in vars(module).items()
    if isinstance(thing, type) and issubclass(thing, RocketRideError)
}
# Of these, only what their texts are made of is ours.
OURS |= {
    "TooLargeError",
    "RefusedError",
    "_CallbackError",
    "_EncryptedKeyError",
    "_UnfitError",
    "UPGRADE_REFUSED",
}
# What may be asked of an exception that is not ours: functions that look at it, and attributes without outside text.
DOORS = {"reason_of", "readable", "excerpt", "type", "isinstance", "getattr", "translate", "_why_refused"}
ATTRIBUTES = {"errno", "strerror", "value", "name", "__cause__"}
# Exceptions of Python itself, whose texts are fixed: "can't start new thread", "Expecting ',' delimiter".
FIXED = {("transports/worker_threads.py", "RuntimeError"), ("client/pipelines.py", "JSONDecodeError")}


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        place = path.relative_to(PACKAGE)
        if place.parts[0] not in APART:
            yield place.as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def caught_by(handler):
    """The names of the classes that a handler catches."""
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return {ast.unparse(kind).rpartition(".")[2] for kind in kinds}


def shown(tree):
    """The expressions whose text is shown: in f-strings, `str(…)`, `repr(…)`, `%` and arguments of the logger."""
    if isinstance(tree, ast.FormattedValue):
        yield tree.value
    elif isinstance(tree, ast.Call):
        name = ast.unparse(tree.func)
        if name in DOORS:
            return
        if name in ("str", "repr", "format") or name.startswith(("log.", "warnings.")):
            yield from tree.args
    elif isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Mod):
        yield tree.right
    for child in ast.iter_child_nodes(tree):
        yield from shown(child)


def uses(expression, name):
    """Whether the text of the exception `name` can get into that of `expression`, other than through a door."""
    if isinstance(expression, ast.Call) and ast.unparse(expression.func) in DOORS:
        return False
    if isinstance(expression, ast.Attribute):
        return expression.attr not in ATTRIBUTES and uses(expression.value, name)
    if isinstance(expression, ast.Name):
        return expression.id == name
    return any(uses(child, name) for child in ast.iter_child_nodes(expression))


def goes_around(tree):
    """The places where the text of a foreign exception is shown: lines, and what is shown."""
    for handler in ast.walk(tree):
        if not isinstance(handler, ast.ExceptHandler) or not handler.name or caught_by(handler) <= OURS:
            continue
        for statement in handler.body:
            for expression in shown(statement):
                if uses(expression, handler.name):
                    yield handler, ast.unparse(expression)


@pytest.mark.skipif(not hasattr(ast, "unparse"), reason="needs Python 3.9")
class TestTheSource:
    def test_texts_of_foreign_exceptions_are_not_shown(self):
        found = [
            f"{place}:{handler.lineno}: {expression}"
            for place, tree in modules()
            for handler, expression in goes_around(tree)
            if not {(place, kind) for kind in caught_by(handler)} <= FIXED
        ]
        assert not found, "pass these through rocketride_sync.redact (reason_of, excerpt): " + "; ".join(
            found
        )

    def test_the_search_finds_who_goes_around(self):
        for statement in (
            "raise ServerError(f'no: {error}')",
            "raise ServerError('no: ' + str(error))",
            "raise ServerError('no: %s' % error)",
            "log.debug('no: %s', error)",
            "fault = f'{error.args[0]!r}'",
        ):
            tree = ast.parse(f"try:\n    pass\nexcept (OSError, TransportError) as error:\n    {statement}\n")
            assert list(goes_around(tree)), statement
        for statement in (
            "raise ServerError(f'no: {reason_of(error)}')",
            "log.info('%s', type(error).__name__)",
        ):
            tree = ast.parse(f"try:\n    pass\nexcept OSError as error:\n    {statement}\n")
            assert not list(goes_around(tree)), statement

    def test_no_traceback_is_logged(self):
        """It would show the lines of others, and their exceptions."""
        for place, tree in modules():
            calls = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Call)]
            assert not [
                c for c in calls if c.startswith("log.") and ("exc_info" in c or "exception(" in c)
            ], place


# --- every place in a document


def places(document, path=()):
    """The paths of all values in a document, containers included."""
    yield path
    items = (
        document.items()
        if isinstance(document, dict)
        else enumerate(document)
        if isinstance(document, list)
        else ()
    )
    for key, value in items:
        yield from places(value, (*path, key))


def replaced(document, path, value):
    """A copy of `document` with `value` at `path`."""
    if not path:
        return value
    copy = document.copy()
    copy[path[0]] = replaced(document[path[0]], path[1:], value)
    return copy


def nested(text):
    deep = text
    for _ in range(120):
        deep = [deep]
    return {text: deep}


STATUS = {
    "name": "job", "project_id": "p", "source": "s", "state": 3, "completed": False, "status": "Running",
    "startTime": 100.0, "endTime": 0.0, "exitCode": None, "exitMessage": "", "errors": ["a*b*c"], "warnings": [],
    "notes": ["n", {"a": 1}], "currentObject": "o", "totalCount": 4, "completedCount": 1,
    "pipeflow": {"totalPipes": 2, "byPipe": {"0": ["a"]}}, "metrics": {"cpu_percent": 1.0},
    "tokens": {"cpu_utilization": 1.0, "custom": {"x": 1.0}},
    "componentStats": {"c": {"calls": 1, "totalSeconds": 1.0, "maxSeconds": 1.0}},
    "slowestDocs": [{"name": "d", "elapsed": 1.0, "beginTime": 1.0, "beginSeq": 1}],
}  # fmt: skip
TASKS = {"tasks": [{"id": "x", "token": "t", "projectId": "p", "source": "s", "name": "n", "state": 3}]}
START = {"id": "x", "token": "t", "publicToken": "u", "projectId": "p", "source": "s", "provider": "v"}
RUNS = {
    "chapters": [{"beginTime": 1.0, "beginSeq": 1, "endTime": 2.0, "outcome": "ok", "traceLevel": "none"}]
}
RESULT = {"name": "n", "path": "p", "objectId": "1", "result_types": {"text": "text"}, "text": ["a"]}
PIPELINE = {"project_id": "p", "source": "s", "components": []}
DOCUMENTS = {
    "status": (STATUS, lambda client, token: client.get_task_status(token)),
    "wait": (STATUS, lambda client, token: client.wait_until_complete(token, timeout=0)),
    "wait_all": (STATUS, lambda client, token: [each.error for each in client.wait_all([token], timeout=0)]),
    "tasks": (TASKS, lambda client, token: client.get_tasks()),
    "start": (START, lambda client, token: client.use(pipeline=PIPELINE)),
    "token": ({"token": "t"}, lambda client, token: client.get_task_token("p", "s")),
    "runs": (RUNS, lambda client, token: client.get_task_runs("p", "s")),
    "sent": (RESULT, lambda client, token: client.send(token, b"data")),
    "call": (RESULT, lambda client, token: client.call("rrext_services")),
}


def spoiled(document, secret):
    for path in places(document):
        for value in (secret, {secret: secret}, [secret], nested(secret), {secret: {secret: [None, secret]}}):
            yield path, replaced(document, path, value)


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_a_secret_at_any_place_of_a_document_is_not_shown(kind):
    """Not by an error, and not in the log. A status itself is the server's data, and left as it is."""
    document, act = DOCUMENTS[kind]
    problems, failed = [], 0
    with Witness() as witness:
        for secret in (KEY, CHOSEN_TOKEN):
            for path, wrong in spoiled(document, secret):
                text = told_of(act, wrong, CHOSEN_TOKEN)
                failed += bool(text)
                if found_in(text):
                    problems.append(f"{path}: {found_in(text)}: {text[:400]}")
    assert failed or kind not in ("status", "start", "sent")
    assert not problems, f"{len(problems)} places:\n" + "\n".join(problems[:10])
    assert not found_in(witness.saw), f"the log shows {found_in(witness.saw)}"


def told_of(act, document, token):
    """All that the error tells of that `act` raises for `document`; nothing if it raises none."""
    transport = MemoryTransport([document, TaskStatus.from_dict({})])
    with RocketRideClient("localhost", KEY, transport=transport) as client:
        try:
            act(client, token)
        except RocketRideError as error:
            # The last status that an error may hold is the server's data.
            return f"{error!r} {error.args}" if hasattr(error, "last_status") else held_by(error)
    return ""
