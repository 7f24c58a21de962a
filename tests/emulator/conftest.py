"""Fixtures of the emulator's tests: servers on loopback, each in a separate process."""

from importlib.util import find_spec

import pytest
from emulator_helpers import KEY, execute, pipeline, request

from rocketride_sync.emulator import Emulator

# Without the extra `emulator` there is nothing to test here.
collect_ignore_glob = [] if find_spec("fastapi") else ["test_*.py"]


@pytest.fixture(scope="session")
def texts(tmp_path_factory):
    """A directory of files: texts, an empty file, and one without white space at its end."""
    root = tmp_path_factory.mktemp("texts")
    (root / "deep").mkdir()
    (root / "a.txt").write_text("The quick brown fox\njumps over\tthe lazy dog\n")
    (root / "deep" / "b.txt").write_text("Grüße — from far   away")
    (root / "empty.txt").write_text("")
    (root / "long.txt").write_bytes(b"word " * 200_000 + b"x" * 300_000)
    return root


@pytest.fixture(scope="session")
def server(texts):
    """A server with default settings, except that tasks start faster: no start waits whether its task ends early."""
    with Emulator(
        root=texts, api_key=KEY, init_seconds=0.02, handshake_seconds=0.001, early_end=0
    ) as running:
        yield running


@pytest.fixture
def default_server():
    """A server with default settings."""
    with Emulator(api_key=KEY) as running:
        yield running


@pytest.fixture(scope="session")
def fast_server(texts):
    """A server without start and stop delays. It accepts tasks that end at once, and removes finished tasks soon."""
    settings = {"early_end": 0, "init_seconds": 0, "stop_seconds": 0, "retention": 1.0, "scan_interval": 0.1}
    with Emulator(root=texts, api_key=KEY, **settings) as running:
        yield running


@pytest.fixture(scope="module")
def limited_server():
    """A server with low limits."""
    limits = {
        "max_tasks": 4,
        "max_connections": 12,
        "max_requests": 20,
        "pipe_idle": 2.0,
        "max_pipeline_bytes": 20_000,
    }
    with Emulator(api_key=KEY, early_end=0, init_seconds=0, stop_seconds=0, **limits) as running:
        yield running


@pytest.fixture(scope="module")
def running_token(server):
    """The token of a task that runs until the module's tests have ended."""
    code, answer = execute(server, pipeline("simulate", forever=True, total=4, seconds=0))
    assert code == 200, answer
    yield answer["data"]["token"]
    request(server, "DELETE", f"/task?token={answer['data']['token']}")
