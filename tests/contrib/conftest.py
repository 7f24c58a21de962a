"""Fixtures of the tests with Celery: a broker, a server, and workers, each a process of its own."""

import contextlib
import gc
import os
import signal
import subprocess
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path

import pytest
from redis_server import redis_server
from secrecy.marks import KEY

from rocketride_sync import RocketRideClient
from rocketride_sync.emulator import Emulator

HERE = Path(__file__).parent
FAST = {"init_seconds": 0, "handshake_seconds": 0.001, "early_end": 0, "stop_seconds": 0}

_has_celery = find_spec("celery") and find_spec("redis") and find_spec("fastapi")
collect_ignore_glob = [] if _has_celery else ["test_celery*.py"]


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    with redis_server(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture
def server():
    with Emulator(api_key=KEY, **FAST) as running:
        yield running


@pytest.fixture
def client(server):
    with RocketRideClient(server.uri, KEY) as made:
        yield made


@pytest.fixture
def watch(redis, tmp_path, monkeypatch):
    """The Celery task, as the process sees it that calls it."""
    from watching import make_app

    app, watch = make_app(redis.url, tmp_path)
    yield watch
    # A result that is collected after the broker has ended tries for long to reach it. Old clients of Redis leave
    # sockets to the collector.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    app.control.purge()
    app.close()


class Worker:
    """A worker with one process for its tasks. Attribute: `log`, a path."""

    def __init__(self, redis, server, folder, log):
        self.log = log
        environment = {"ROCKETRIDE_URI": server.uri, "ROCKETRIDE_APIKEY": KEY, "BROKER": redis.url}
        command = "worker --concurrency 1 --loglevel DEBUG --without-gossip --without-mingle"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "celery", "--app", "worker_app", *command.split()],
                cwd=HERE,
                env={**os.environ, **environment, "TOKENS": str(folder)},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def signal(self, number):
        """Send a signal to it and its processes."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def kill(self):
        """End it and its processes without a word to anybody."""
        self.signal(signal.SIGKILL)
        self._process.wait()


@pytest.fixture
def start_worker(redis, server, tmp_path):
    """Starts a worker; all of them are gone when the test is over."""
    workers = []

    def start():
        workers.append(Worker(redis, server, tmp_path, tmp_path / "worker.log"))
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()
