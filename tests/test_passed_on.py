"""What a signal handler raises is taken for nothing else, wherever it comes: not for a bad file, number or document."""

import ast
import builtins
import importlib
import os
import socket
import sys
import tempfile
import types
from collections.abc import Mapping
from contextlib import suppress
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import pytest
from cases import each
from handlers import raise_as_handler, that_raises

import rocketride_sync
from rocketride_sync import (
    MemoryTransport,
    RocketRideClient,
    RunRecorder,
    address,
    connection_arguments,
    documents,
    errors,
    loading,
    options,
    owned_files,
)
from rocketride_sync.cli.signals import STOP_EXCEPTIONS
from rocketride_sync.client import pipelines
from rocketride_sync.models import checks
from rocketride_sync.protocol import http_answers
from rocketride_sync.reporting import report_file
from rocketride_sync.sending import question
from rocketride_sync.transports import check_findings, chunks, proxies, socks, spooled_pipe, tcp, tls_files
from rocketride_sync.transports.http import error_translation, exact_response

PACKAGE = Path(rocketride_sync.__file__).parent


class SoftTimeLimitExceeded(Exception):
    """As Celery's."""


# What handlers raise. A KeyError or a FileNotFoundError is not among it.
RAISED = (
    SoftTimeLimitExceeded,
    TimeoutError,
    socket.timeout,
    OSError,
    ValueError,
    TypeError,
    RuntimeError,
    AttributeError,
    ImportError,
)


def subclasses(kind):
    return [kind, *(found for child in kind.__subclasses__() for found in subclasses(child))]


# What handlers raise that use a client.
RAISED_BY_CLIENTS = tuple(subclasses(errors.RocketRideError))

# Not looked at: the emulator is a server of its own. The handlers of the command raise what is no `Exception`.
NOT_LOOKED_AT = ("emulator/", "cli/")

# Clauses that need not pass it on, with the reason.
LOSES_NOTHING = {
    "contrib/airflow.py:": "when it is imported; what it raises is an ImportError too",
    "client/many_tasks_methods.py:_exhaust": "raises it again, but for the one that a generator makes of a StopIteration",
    "client/status_methods.py:wait_until_complete": "as `_exhaust`",
    "pytest_plugin.py:rocketride_server": "of the emulator, which uses no server; it loads nothing of the package before pytest does",
    "sending/file_batch.py:_handle_event": "`send` raises it again as it is",
    "transports/bounded_names.py:look_up": "in a thread of its own, where no signal is handled; raised where it is awaited",
    "transports/http/sockets.py:_new_conn": "the session finds it in what urllib3 makes of it",
    "sending/upload_threads.py:_send": "raised again as it is where the thread is awaited",
    "transports/thread_poller.py:_poll": "raised again as it is where the thread is awaited",
}


def test_the_handlers_of_the_command_raise_no_exceptions_of_these():
    assert not any(issubclass(kind, Exception) for kind in STOP_EXCEPTIONS)


def catches(types_node, names, raised):
    """Whether a clause for these types catches any of the classes `raised`; also if they are not known."""
    if types_node is None:
        return True
    try:
        types_caught = eval(ast.unparse(types_node), dict(names))
    except (AttributeError, NameError):
        return True
    caught = types_caught if isinstance(types_caught, tuple) else (types_caught,)
    return any(issubclass(one, kind) for one in raised for kind in caught)


def asks(body):
    """Whether it asks where the exception comes from."""
    nodes = [node for statement in body for node in ast.walk(statement)]
    called = {ast.unparse(node.func).rpartition(".")[2] for node in nodes if isinstance(node, ast.Call)}
    return bool(called & {"pass_on", "is_fault", "_found_in"})


def passes_on(body):
    """Whether it calls what passes it on, or does no more than work that ends with `raise`."""
    nodes = [node for statement in body for node in ast.walk(statement)]
    if asks(body):
        return True
    leaves = any(isinstance(node, (ast.Return, ast.Continue, ast.Break)) for node in nodes)
    return isinstance(body[-1], ast.Raise) and body[-1].exc is None and not leaves


def loses(types_node, names, body):
    """Whether a clause might take what a handler raised for something else.

    One that catches errors of this library by their class draws conclusions from it, also if it raises them again.
    """
    if catches(types_node, names, RAISED):
        return not passes_on(body)
    return catches(types_node, names, RAISED_BY_CLIENTS) and not (asks(body) or is_bare_raise(body))


def is_bare_raise(body):
    return len(body) == 1 and isinstance(body[0], ast.Raise) and body[0].exc is None


def clauses(tree):
    """The `except` clauses and calls of `suppress`, each with the name of its function, its types, and its body."""

    def walk(node, function):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ExceptHandler):
                yield function, child.type, child.body
            if isinstance(child, ast.Call) and ast.unparse(child.func).rpartition(".")[2] == "suppress":
                yield function, ast.Tuple(child.args, ast.Load()), [ast.Expr(child)]
            is_function = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef))
            yield from walk(child, child.name if is_function else function)

    return walk(tree, "")


def that_lose(path):
    """The functions of the file at `path` with clauses that might take it for something else."""
    name = path.relative_to(PACKAGE).with_suffix("").as_posix().replace("/", ".")
    known = {**vars(builtins), **vars(errors)}
    with suppress(ImportError):  # an extra
        known.update(vars(importlib.import_module(f"rocketride_sync.{name}")))
    for function, kinds, body in clauses(ast.parse(path.read_text(encoding="utf-8"))):
        if loses(kinds, known, body):
            yield f"{path.relative_to(PACKAGE).as_posix()}:{function}"


@pytest.mark.skipif(not hasattr(ast, "unparse"), reason="new in Python 3.9")
def test_every_clause_passes_on_what_a_handler_raises():
    found = set()
    for path in PACKAGE.rglob("*.py"):
        if path.name != "__main__.py" and not path.relative_to(PACKAGE).as_posix().startswith(NOT_LOOKED_AT):
            found.update(that_lose(path))
    assert found - set(LOSES_NOTHING) == set()
    assert set(LOSES_NOTHING) - found == set(), "not needed any more"


@pytest.mark.skipif(not hasattr(ast, "unparse"), reason="new in Python 3.9")
@each(
    "code, expected",
    [
        ("try: f()\nexcept OSError: pass", True),
        ("try: f()\nexcept: pass", True),
        ("try: f()\nexcept (KeyError, ValueError) as error: raise LookupError(error)", True),
        ("with contextlib.suppress(OSError): f()", True),
        ("try: f()\nexcept Exception:\n    if x: pass\n    raise", False),
        ("for x in y:\n    try: f()\n    except Exception:\n        if x: continue\n        raise", True),
        ("try: f()\nexcept OSError as error: pass_on(error)", False),
        ("try: f()\nexcept (KeyError, FileNotFoundError): pass", False),
        ("try: f()\nexcept unknown.Error: pass", True),
        ("try: f()\nexcept TransportError: pass", True),
        ("try: f()\nexcept TransportError as error:\n    error.request_sent = True\n    raise", True),
        ("try: f()\nexcept TransportError: raise", False),
        ("try: f()\nexcept (KeyError, TaskNotFoundError) as error: pass_on(error)", False),
        ("try: f()\nexcept RocketRideError as error:\n    if is_fault(error): g()\n    raise", False),
        ("try: f()\nexcept BaseException:\n    g()\n    raise", False),
    ],
)
def test_which_clauses_are_found(code, expected):
    known = {**vars(builtins), **vars(errors)}
    assert [
        loses(*clause) for clause in ((kinds, known, body) for _, kinds, body in clauses(ast.parse(code)))
    ] == [expected]


needs_report = pytest.mark.skipif(
    not (find_spec("pygal") and find_spec("jinja2")), reason="needs the extra report"
)
KINDS = [SoftTimeLimitExceeded, TimeoutError, ValueError, TypeError, RuntimeError]


def comes_out(step, error):
    with pytest.raises(type(error)) as caught:
        step()
    assert caught.value is error, caught.value


@needs_report
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["page.render_page", "page.charts", "facts.glance"])
def test_while_a_page_is_drawn(monkeypatch, name, kind):
    recorder, error = RunRecorder(), kind("from the handler")
    monkeypatch.setattr(f"rocketride_sync.reporting.{name}", that_raises(error))
    comes_out(recorder.html, error)


@needs_report
@pytest.mark.parametrize("kind", KINDS)
def test_within_a_template(monkeypatch, kind):
    """Jinja2 puts another frame in the place of the template's."""
    error = kind("from the handler")

    def handler(_):
        frame = sys._getframe(1)
        assert frame.f_globals.get("__jinja_template__")
        raise error

    RunRecorder().html()  # compiles the template
    monkeypatch.setattr("rocketride_sync.reporting.page._shown", lambda _: handler)
    comes_out(RunRecorder().html, error)


def of_files(path):
    client = RocketRideClient("localhost", "key", transport=MemoryTransport([{}]))
    name = os.fspath(path)
    return {
        "use": lambda: client.use(filepath=name),
        "run": lambda: client.run(name),
        "validate": lambda: client.validate(filepath=name),
        "send_files": lambda: client.send_files([name], "tk_1"),
        "kind of file": lambda: owned_files.mode_of(name),
        "size": lambda: chunks.size_of(name),
        "readable": lambda: chunks.check_readable(name),
        "TLS": lambda: tls_files.tls_context(name, None),
        "TLS client": lambda: tls_files.tls_context(True, name),
        "verify=": lambda: connection_arguments.verify(name),
        "cert=": lambda: connection_arguments.certificate(name),
        "check of a report": lambda: report_file.check_writable(name),
        "report": lambda: report_file.write(name, "text"),
    }


FUNCTIONS_OF_FILES = {
    "os.stat": (
        "use",
        "run",
        "validate",
        "send_files",
        "kind of file",
        "size",
        "TLS",
        "TLS client",
        "verify=",
        "cert=",
        "report",
    ),
    "os.open": ("use", "run", "validate", "readable"),
    "os.replace": ("report",),
    "os.unlink": ("report",),
    "builtins.open": ("report", "check of a report"),
    "os.fstat": ("use", "run", "readable"),
}


@each("kind", [ImportError, ModuleNotFoundError, *KINDS])
def test_while_modules_are_loaded(kind):
    """Only what the import system raises tells of the installation."""
    error = kind("from the handler")
    comes_out(lambda: loading.load(that_raises(error)), error)


@each("name", ["no_such_module_of_anybody", "os.no_such_module"])
def test_a_module_that_is_not_there_is_a_fault(name):
    with pytest.raises(errors.TransportError, match="is not there"):
        loading.load(lambda: importlib.import_module(name))


@pytest.mark.parametrize("kind", [TimeoutError, OSError])
def test_while_a_temporary_file_is_opened(monkeypatch, kind):
    """Once: `tempfile` would try another way."""
    error, real, opened = kind("from the handler"), os.open, []

    def open_and_be_interrupted(*args, **options):
        opened.append(real(*args, **options))
        return opened[-1] if len(opened) > 1 else raise_as_handler(error)

    tempfile.gettempdir()
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", open_and_be_interrupted)
        comes_out(lambda: spooled_pipe.SpooledPipe(None, None), error)
    os.close(*opened)


@pytest.mark.parametrize("kind", KINDS)
def test_while_a_host_is_encoded(monkeypatch, kind):
    """Python raises another exception of the same class for what comes to a codec that is written in Python."""
    error = kind("from the handler")
    monkeypatch.setattr("encodings.idna.ToASCII", that_raises(error))
    comes_out(lambda: tcp.system_network.resolve("b\xfccher.invalid", 80), error)
    comes_out(lambda: socks._resolved("b\xfccher.invalid", 80, socket.AF_INET), error)


def test_no_file_is_looked_at_with_a_function_that_ignores_every_fault():
    """An alarm is an OSError too."""
    ignorant = {"exists", "lexists", "isfile", "isdir", "islink", "is_file", "is_dir", "is_symlink"}
    for path in PACKAGE.rglob("*.py"):
        if not path.relative_to(PACKAGE).as_posix().startswith(NOT_LOOKED_AT):
            called = {getattr(node, "attr", "") for node in ast.walk(ast.parse(path.read_bytes()))}
            assert not ignorant & called, path


@pytest.mark.parametrize("kind", KINDS)
def test_while_urllib3_makes_another_exception_of_it(monkeypatch, kind):
    error = kind("from the handler")

    def send(*_, **__):
        try:
            raise_as_handler(error)
        except kind:
            raise kind("of urllib3") from None

    monkeypatch.setattr("rocketride_sync.transports.http.adapter.DeadlineAdapter.send", send)
    with RocketRideClient("http://127.0.0.1:1", "key", transport="http", timeout=5) as client:
        comes_out(lambda: client.send("tk_1", b"x"), error)


def test_no_text_is_read_with_a_codec_that_is_written_in_python():
    for path in PACKAGE.rglob("*.py"):
        if not path.relative_to(PACKAGE).as_posix().startswith(NOT_LOOKED_AT):
            constants = {getattr(node, "value", "") for node in ast.walk(ast.parse(path.read_bytes()))}
            assert not {"idna", "punycode", "utf-8-sig"} & {
                each for each in constants if type(each) is str
            }, path


def test_a_fault_of_the_codec_of_hosts_stays():
    with pytest.raises(UnicodeError, match="label"):
        tcp.system_network.resolve("a" * 70 + ".invalid", 80)


@each("kind", [TimeoutError, ValueError, SoftTimeLimitExceeded])
@pytest.mark.parametrize(
    ("function", "step"), [(name, step) for name, steps in FUNCTIONS_OF_FILES.items() for step in steps]
)
def test_while_a_file_is_opened_or_looked_at(monkeypatch, tmp_path, function, step, kind):
    path = tmp_path / "a.pipe"
    path.write_text('{"components": [{"id": "s", "provider": "webhook"}], "source": "s"}')
    run, error = of_files(path)[step], kind("from the handler")
    for each_step in of_files(path).values():
        with suppress(Exception):
            each_step()  # what is loaded at first
    path.write_text('{"components": [{"id": "s", "provider": "webhook"}], "source": "s"}')
    with monkeypatch.context() as patch:
        patch.setattr(function, that_raises(error))
        comes_out(run, error)


class InterruptedMapping(Mapping):
    def __init__(self, error):
        self._error = error

    def __getitem__(self, key):
        return raise_as_handler(self._error)

    __iter__ = __len__ = lambda self: raise_as_handler(self._error)


class InterruptedNumber(Fraction):
    error = None

    def __eq__(self, other):
        return raise_as_handler(self.error)

    __hash__ = Fraction.__hash__


def number(error):
    value = InterruptedNumber(1, 2)
    value.error = error
    return value


class InterruptedAnswer:
    """An answer whose headers are interrupted."""

    def __init__(self, error):
        self.headers = types.SimpleNamespace(get=that_raises(error))
        self.chunked, self._method, self.status = False, "GET", 200

    _has_no_body = staticmethod(lambda: False)


def broken(error):
    """An error that cannot be shown, because that is interrupted."""
    kind = type("Broken", (Exception,), {"__str__": that_raises(error)})
    return kind()


OF_VALUES = {
    "a document": lambda error: documents.document("pipeline", {"a": InterruptedMapping(error)}),
    "an objinfo": lambda error: documents.object_info({"a": InterruptedMapping(error)}),
    "the text of an error": lambda error: documents._told(broken(error)),
    "headers": lambda error: connection_arguments.headers(InterruptedMapping(error)),
    "proxies": lambda error: connection_arguments.proxies(InterruptedMapping(error)),
    "a number of seconds": lambda error: options.seconds("timeout", number(error)),
    "examples": lambda error: question._pairs("examples", map(that_raises(error), [1]), "a", "b"),
    "the text of a fault": lambda error: error_translation._text(broken(error)),
    "a length": lambda error: exact_response.ExactResponse._body_length(InterruptedAnswer(error)),
}


@each(("name", "kind"), [(name, kind) for name in OF_VALUES for kind in KINDS])
def test_while_a_value_is_read(name, kind):
    error = kind("from the handler")
    comes_out(lambda: OF_VALUES[name](error), error)


# What a module calls in a `try`, and a function that comes there.
CALLED = {
    "data": (chunks, "memoryview", lambda: chunks.encoded(b"data")),
    "JSON": (pipelines, "_decode", lambda: pipelines._parse("{}", "a.pipe")),
    "an address": (address, "urlsplit", lambda: address.Address.parse("localhost")),
    "a proxy": (proxies, "urlsplit", lambda: proxies.Proxy.parse("http://localhost")),
    "a network": (proxies, "load", lambda: proxies._contains("10.0.0.0/8", "10.0.0.1")),
    "a SOCKS target": (socks, "ipaddress.ip_address", lambda: socks._packed("10.0.0.1")),
    "a redirect": (http_answers, "urlsplit", lambda: http_answers._without_secrets("http://host")),
    "a status": (http_answers, "http.HTTPStatus", lambda: http_answers._status_name(200)),
    "a key": (checks, "int", lambda: checks._decimal("12", ())),
    "a certificate": (check_findings, "ssl.cert_time_to_seconds", lambda: check_findings._day("today")),
    "a file of TLS": (tls_files, "ssl.SSLContext", lambda: tls_files.tls_context(True, None)),
}


@each(("name", "kind"), [(name, kind) for name in CALLED for kind in KINDS])
def test_while_it_is_converted(name, kind):
    module, called, step = CALLED[name]
    error = kind("from the handler")
    with pytest.MonkeyPatch.context() as patch:
        *path, last = called.split(".")
        patch.setattr(
            getattr(module, path[0]) if path else module, last, that_raises(error), raising=bool(path)
        )
        comes_out(step, error)
