"""The pytest plugin: its fixtures, run in the test suite of an imaginary user."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import preloaded
import pytest

import rocketride_sync

pytest_plugins = ["pytester"]

NEEDS_EMULATOR = pytest.mark.skipif(not find_spec("fastapi"), reason="needs the extra emulator")

# Of those that are installed here. They cost each run that a test starts three times what it takes itself.
NOT_A_USERS = ("schemathesis", "anyio", "hypothesispytest", "xdist")


@pytest.fixture(autouse=True)
def _without_the_plugins_of_this_project(pytester, monkeypatch):  # `pytester` takes away what was set before
    monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(f"-p no:{name}" for name in NOT_A_USERS))


@pytest.fixture
def forked_emulators(pytester):
    """The emulators of the user's tests are forked, as those of ours are."""
    if hasattr(os, "fork"):
        pytester.makeconftest(
            f"import sys; sys.path.append({str(Path(preloaded.__file__).parent)!r}); import preloaded; "
            f"preloaded.share({preloaded.path_to_share()!r}); preloaded.emulators_are_forked()"
        )


USER_TESTS = """
import os
import pytest
import rocketride_sync
from rocketride_sync import Outcome, RocketRideClient, TaskCancelledError, TaskFailedError

servers = set()
left = []

@pytest.fixture(params=["websocket", "http"])
def client(request, rocketride_server):
    servers.add(rocketride_server.pid)
    with RocketRideClient(rocketride_server.uri, "any", transport=request.param) as client:
        yield client

def test_success(client, rocketride_tasks):
    task = rocketride_tasks(seconds=0.1, total=5, warnings=["beware"], name="nightly")
    status = client.wait_until_complete(task.token, timeout=60, interval=0.05)
    assert status.outcome is Outcome.SUCCEEDED
    assert (status.name, status.completed_count, status.total_count) == ("nightly.scripted", 5, 5)
    assert "beware" in status.warnings[0]

def test_failures(client, rocketride_tasks):
    task = rocketride_tasks(seconds=0, failed=2, errors=["no disk"])
    status = client.wait_until_complete(task.token, timeout=60, interval=0.05)
    assert (status.completed_count, status.failed_count) == (2, 2)
    assert any("no disk" in text for text in status.errors)

def test_a_failed_task(client, rocketride_tasks):
    task = rocketride_tasks(seconds=0.05, exit_code=3, exit_message="out of memory")
    with pytest.raises(TaskFailedError, match="out of memory"):
        client.wait_until_complete(task.token, timeout=60, interval=0.05, check=True)

def test_several_at_once(client, rocketride_tasks):
    tasks = [rocketride_tasks(seconds=0.1) for _ in range(3)]
    results = client.wait_all([task.token for task in tasks], timeout=60, interval=0.05)
    assert [result.succeeded for result in results] == [True] * 3

def test_one_that_never_ends(client, rocketride_tasks):
    task = rocketride_tasks(forever=True)
    left.append(task)
    assert not client.get_task_status(task.token).is_terminal

def test_which_was_ended_after_its_test(client):
    assert left
    for task in left:
        assert client.get_task_status(task.token).outcome is Outcome.CANCELLED

def test_all_had_one_server(rocketride_server):
    assert servers == {rocketride_server.pid}
"""


@NEEDS_EMULATOR
def test_fixtures_in_a_users_test_suite(pytester, forked_emulators):
    pytester.makepyfile(USER_TESTS)
    done = pytester.runpytest_subprocess("-q", "-W", "error", "-p", "no:randomly", timeout=100)
    done.assert_outcomes(passed=13)
    assert not done.errlines


ONE_TEST_OVER_EACH_TRANSPORT = """
import os, pytest
from rocketride_sync import RocketRideClient

@pytest.mark.parametrize("transport", ["websocket", "http"])
def test_it(rocketride_server, rocketride_tasks, transport):
    with RocketRideClient(rocketride_server.uri, "any", transport=transport, timeout=20) as client:
        assert client.get_task_status(rocketride_tasks(forever=True).token).state.name == "RUNNING"
        assert client.get_server_info()["version"]
    assert os.environ["NO_PROXY"] == "example.org,127.0.0.1"
"""


@NEEDS_EMULATOR
def test_fixtures_behind_a_proxy(pytester, forked_emulators, monkeypatch):
    """The proxy of the environment cannot reach this machine's loopback; here there is none at all."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("NO_PROXY", "example.org")
    pytester.makepyfile(ONE_TEST_OVER_EACH_TRANSPORT)
    done = pytester.runpytest_subprocess("-q", "-p", "no:randomly", timeout=100)
    done.assert_outcomes(passed=2)


def test_what_the_environment_says_of_proxies_is_restored(monkeypatch):
    from rocketride_sync.pytest_plugin import reached_without_proxy

    for name, before in (("NO_PROXY", "a"), ("no_proxy", None)):
        monkeypatch.delenv(name, raising=False)
        if before is not None:
            monkeypatch.setenv(name, before)
    with reached_without_proxy("127.0.0.1"):
        assert os.environ["NO_PROXY"] == os.environ["no_proxy"] == "a,127.0.0.1"
    assert os.environ["NO_PROXY"] == "a"
    # Where names of variables have no case, both are one.
    assert os.environ.get("no_proxy") == ("a" if os.name == "nt" else None)


@NEEDS_EMULATOR
@pytest.mark.skipif(sys.version_info < (3, 10), reason="EncodingWarning came with Python 3.10")
def test_fixtures_where_a_default_encoding_is_an_error(pytester, monkeypatch):
    """Without other plugins, which may rely on one."""
    monkeypatch.setenv("PYTHONWARNDEFAULTENCODING", "1")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(
        """
        def test_it(rocketride_server, rocketride_tasks):
            rocketride_tasks(seconds=0.05).wait_until_complete(60, 0.05)
        """
    )
    command = [
        sys.executable,
        "-W",
        "error",
        "-m",
        "pytest",
        "-q",
        "-p",
        "rocketride_sync.pytest_plugin",
        "-W",
        "error",
    ]
    done = pytester.run(*command, timeout=100)
    done.assert_outcomes(passed=1)


@NEEDS_EMULATOR
def test_the_server_stops_after_a_failed_test(pytester, forked_emulators):
    pytester.makepyfile(
        """
        import pathlib
        def test_it(rocketride_server, rocketride_tasks):
            rocketride_tasks(forever=True)
            pathlib.Path("pid").write_text(str(rocketride_server.pid))
            assert 0
        """
    )
    pytester.runpytest_subprocess(timeout=100).assert_outcomes(failed=1)
    psutil = pytest.importorskip("psutil")
    assert not psutil.pid_exists(int((pytester.path / "pid").read_text()))


def test_without_the_extra_tests_fail_and_name_it(pytester, monkeypatch):
    pytester.makepyfile(
        """
        def test_it(rocketride_tasks): pass
        def test_another(): pass
        """
    )
    pytester.makepyfile(sitecustomize="import sys; sys.modules['fastapi'] = None")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(pytester.path), *filter(None, sys.path)]))
    done = pytester.runpytest_subprocess(timeout=100)
    done.assert_outcomes(errors=1, passed=1)
    done.stdout.fnmatch_lines(
        ["*install the extra 'emulator' of rocketride-sync (the extra 'testing' has it too)*"]
    )
    done.stdout.no_fnmatch_line("*Traceback*")


def test_fixtures_have_descriptions(pytester):
    done = pytester.runpytest_subprocess("--fixtures", "-q", timeout=100)
    done.stdout.fnmatch_lines(["rocketride_server [[]session scope[]]*", "rocketride_tasks -- *"])


def test_the_plugin_can_be_disabled(pytester):
    pytester.makepyfile("def test_it(rocketride_tasks): pass")
    done = pytester.runpytest_subprocess("-p", "no:rocketride", timeout=100)
    done.stdout.fnmatch_lines(["*fixture 'rocketride_tasks' not found*"])


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """The package installed as from a wheel, with the file list that pytest reads; the directory of its modules."""
    package = Path(rocketride_sync.__file__).parent
    shutil.copytree(package, tmp_path / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    about = tmp_path / "rocketride_sync-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: rocketride-sync\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[pytest11]\nrocketride = rocketride_sync.pytest_plugin\n")
    (about / "RECORD").write_text("rocketride_sync/__init__.py,,\nrocketride_sync/pytest_plugin.py,,\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path / package.name


def test_pytest_does_not_rewrite_the_package(pytester, installed):
    """Otherwise, it would recompile the modules in every run, because their distribution contains a plugin."""
    pytester.makepyfile(
        """
        import sys
        import rocketride_sync.errors
        from rocketride_sync import RocketRideClient, TaskStatus

        def test_it():
            loaders = {
                name: type(module.__loader__).__name__
                for name, module in sys.modules.items()
                if name.startswith("rocketride_sync.") and name not in BEFORE
            }
            print(rocketride_sync.__file__, sorted(loaders))
            assert set(loaders.values()) == {"SourceFileLoader"}

        BEFORE = {"rocketride_sync._version", "rocketride_sync.pytest_plugin"}
        """
    )
    done = pytester.runpytest_subprocess("-s", "-p", "no:cacheprovider", timeout=100)
    done.assert_outcomes(passed=1)
    done.stdout.fnmatch_lines([f"*{installed}*rocketride_sync.errors*"])


def test_loading_the_plugin_loads_no_other_modules():
    code = (
        "import sys, pytest; before = set(sys.modules); import rocketride_sync.pytest_plugin; "
        "print(' '.join(name for name in set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], check=True, capture_output=True, text=True)
    assert set(done.stdout.split()) <= {
        "rocketride_sync",
        "rocketride_sync._version",
        "rocketride_sync.pytest_plugin",
    }
