"""Fixtures of the tests of examples/: a server with files to work on, and the examples as processes."""

import json
import os
import subprocess
import sys
import time
from importlib.util import find_spec

import pytest
from example import EXAMPLES, GENEROUS

from rocketride_sync import RocketRideClient
from rocketride_sync.emulator import Emulator

KEY = "key-5f3a9c1e-secret"
FAST = {"init_seconds": 0, "handshake_seconds": 0.001, "early_end": 0, "stop_seconds": 0}

# Each test file of an example is there if all its packages are.
_NEEDS = {
    "test_apscheduler.py": ["apscheduler"],
    "test_celery_app.py": ["celery", "redis"],
    "test_django_site.py": ["django"],
    "test_flask_app.py": ["flask"],
    "test_gevent_server.py": ["gevent"],
    "test_notebook.py": ["nbclient", "ipykernel", "ipywidgets", "tqdm"],
}
_MISSING = [name for name, needs in _NEEDS.items() if not all(map(find_spec, needs))]
collect_ignore_glob = _MISSING if find_spec("fastapi") else ["test_*.py"]


@pytest.fixture
def server(request, tmp_path_factory):
    """A fast one; a test may give it other options, as the fixture's parameter."""
    root = tmp_path_factory.mktemp("texts")
    for number in range(3):
        (root / f"{number}.txt").write_text("one two three")
    with Emulator(root=root, api_key=KEY, **{**FAST, **getattr(request, "param", {})}) as running:
        yield running


@pytest.fixture
def client(server):
    with RocketRideClient(server.uri, KEY) as made:
        yield made


@pytest.fixture
def server_has_gone(server, client):
    """For `stopped`: kills the server once the task has begun, so that nobody can end it."""

    def server_has_gone():
        begun = client.get_tasks()
        if begun:
            server.kill()
        return begun

    return server_has_gone


@pytest.fixture
def environment(server):
    """What an example is told by its environment."""
    return {**os.environ, "ROCKETRIDE_URI": server.uri, "ROCKETRIDE_APIKEY": KEY, "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def run(environment):
    """Runs Python with `arguments`, in the folder of the examples, to its end."""

    def run(*arguments, cwd=EXAMPLES):
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=cwd,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            timeout=GENEROUS,
        )

    return run


@pytest.fixture
def stopped(environment):
    """Starts Python with `arguments` in the folder `cwd`, and sends it SIGTERMs once it `has_begun`: exit code and stderr.

    It gets more than one, as from timeout(1), which sends one to the process and one to its group, or from who insists.
    """

    def stopped(*arguments, has_begun, cwd=EXAMPLES):
        process = subprocess.Popen(
            [sys.executable, *map(str, arguments)],
            cwd=cwd,
            env=environment,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        with process:
            try:
                while not has_begun() and process.poll() is None:
                    time.sleep(0.02)
                while process.poll() is None:
                    process.terminate()
                    time.sleep(0.005)
                said = process.communicate(timeout=GENEROUS)[1]
            finally:
                process.kill()
        return process.returncode, said

    return stopped


@pytest.fixture
def pipe(tmp_path):
    """Writes a pipeline of work that is made up."""

    def write(**config):
        component = {"id": "s", "provider": "simulate", "config": {"seconds": 0.3, **config}}
        path = tmp_path / "job.pipe"
        path.write_text(json.dumps({"project_id": "job", "source": "s", "components": [component]}))
        return path

    return write
