"""What importing the package costs and offers."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from cases import each

import rocketride_sync

PACKAGE = Path(rocketride_sync.__file__).parent
HEAVY = ("requests", "urllib3", "websocket", "attr", "attrs", "cattr", "cattrs", "asyncio", "logging", "json")


def modules_after(statement):
    # The package under test, not one that is installed elsewhere: without PYTHONPATH, that would be another.
    code = (
        f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r}); {statement}; print(' '.join(sys.modules))"
    )
    return subprocess.run(
        [sys.executable, "-I", "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()


def test_importing_the_package_loads_nothing_heavy():
    assert not set(HEAVY) & set(modules_after("import rocketride_sync"))


def test_importing_the_package_loads_no_module_but_its_own():
    """Not even `typing`, which an editable installation may have loaded before: hence without site."""
    code = (
        f"import sys; sys.path.append({str(PACKAGE.parent)!r}); before = set(sys.modules); "
        "import rocketride_sync; print(' '.join(set(sys.modules) - before))"
    )
    command = [sys.executable, "-I", "-S", "-c", code]
    loaded = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert set(loaded) == {"__future__", "rocketride_sync", "rocketride_sync._version"}


def test_making_a_client_loads_no_transport_library():
    loaded = modules_after("import rocketride_sync; rocketride_sync.RocketRideClient('localhost', 'key')")
    assert not {"requests", "urllib3", "websocket", "attr", "cattrs", "asyncio", "email", "html"} & set(
        loaded
    )


def test_asking_for_a_status_loads_nothing_that_shows_or_records():
    loaded = modules_after(
        "from rocketride_sync import MemoryTransport, RocketRideClient; "
        "RocketRideClient('localhost', 'key', transport=MemoryTransport([{}])).get_task_status('tk_1')"
    )
    assert "rocketride_sync.logs" in loaded
    unwanted = ("progress", "pytest_plugin", "recorder", "reporting", "snapshot")
    assert not {f"rocketride_sync.{name}" for name in unwanted} & set(loaded)


def test_listing_runs_loads_nothing_that_judges_them():
    loaded = modules_after(
        "from rocketride_sync import MemoryTransport, RocketRideClient; "
        "RocketRideClient('localhost', 'key', transport=MemoryTransport([{'chapters': []}])).get_task_runs('p', 's')"
    )
    assert "rocketride_sync.waiting.run_list" in loaded
    assert "rocketride_sync.waiting.logged_run" not in loaded


@each("name", rocketride_sync.__all__)
def test_every_public_name_is_there(name):
    assert getattr(rocketride_sync, name) is not None


def test_the_lazy_names_are_those_that_type_checkers_see():
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {(node.module, node.names[0].asname) for node in block.body}
    lazy = {(module, name) for name, module in rocketride_sync._MODULE_BY_NAME.items()}
    assert seen == lazy


def test_dir_lists_the_lazy_names():
    assert set(rocketride_sync.__all__) <= set(dir(rocketride_sync))
    assert not {"TYPE_CHECKING", "annotations"} & set(dir(rocketride_sync))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = rocketride_sync.nonsense


@pytest.mark.parametrize(
    ("library", "home"), [("requests", "transports/http/"), ("websocket", "transports/websocket/")]
)
def test_each_transport_library_has_one_home(library, home):
    def imports(path):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                yield node.module.split(".")[0]

    importers = {p.relative_to(PACKAGE).as_posix() for p in PACKAGE.rglob("*.py") if library in imports(p)}
    assert importers
    assert all(importer.startswith(home) for importer in importers)


# Modules of ours that a process loads for one status: each costs every cron job some 0.1 ms. Fewer are welcome.
# The address, the encoding of a body, the translation of errors, and the messages of a connection have modules of their own,
# since they are read apart, and so are the arguments of a client. So have signal handlers: none may be loaded in the midst of a
# fault.
MODULES_OF_OURS = 56


@pytest.mark.parametrize("transport", ["websocket", "http"])
def test_one_status_loads_no_more_modules_than_it_did(rocketride_server, rocketride_tasks, transport):
    task = rocketride_tasks(seconds=60)
    code = (
        "import sys; from rocketride_sync import RocketRideClient\n"
        "uri, token, transport = sys.argv[1:]\n"
        "with RocketRideClient(uri, 'key', transport=transport) as client: client.get_task_status(token)\n"
        "print(*(name for name in sys.modules if name.partition('.')[0] == 'rocketride_sync'))"
    )
    command = [sys.executable, "-I", "-c", code, rocketride_server.uri, task.token, transport]
    loaded = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert "rocketride_sync.client.client" in loaded
    assert len(loaded) <= MODULES_OF_OURS, loaded


@pytest.mark.parametrize(
    ("transport", "imports"), [("websocket", "logging, socket, ssl"), ("http", "requests")]
)
def test_a_short_answer_takes_neither_websocket_client_nor_what_reads_pages(
    rocketride_server, rocketride_tasks, transport, imports
):
    """Only what the transport and `logging` need anyway. A wait loads both before it begins, see
    tests/process/test_loading.py.
    """
    task = rocketride_tasks(seconds=60)
    code = (
        f"import sys, {imports}; before = set(sys.modules)\n"
        "from rocketride_sync import RocketRideClient\n"
        "uri, token, transport = sys.argv[1:]\n"
        "with RocketRideClient(uri, 'key', transport=transport) as client: client.get_task_status(token)\n"
        "print(*{'websocket', 'html', 'inspect', 'http.cookies'}.intersection(sys.modules) - before)"
    )
    command = [sys.executable, "-I", "-c", code, rocketride_server.uri, task.token, transport]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout.split() == []


def test_one_status_over_websocket_compiles_nothing(rocketride_server, rocketride_tasks):
    """The first call of `compile` makes some hundred classes: 2 ms. typing calls it for names in place of types."""
    task = rocketride_tasks(seconds=60)
    code = (
        "import builtins, sys; compile, calls = builtins.compile, []\n"
        "def counting(source, *args, **options):\n"
        "    if isinstance(source, str): calls.append(source)\n"
        "    return compile(source, *args, **options)\n"
        "builtins.compile = counting\n"
        "from rocketride_sync import RocketRideClient\n"
        "uri, token = sys.argv[1:]\n"
        "with RocketRideClient(uri, 'key', transport='websocket') as client: client.get_task_status(token)\n"
        "print(*calls)"
    )
    command = [sys.executable, "-I", "-c", code, rocketride_server.uri, task.token]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout.split() == []
