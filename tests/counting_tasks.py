"""A server that counts words, a task on it that takes data, and fixtures of both: import them in a `conftest.py`."""

import contextlib

import pytest

from rocketride_sync import RocketRideClient
from rocketride_sync.emulator import Emulator

KEY = "testkey-123"
FAST = {"init_seconds": 0, "handshake_seconds": 0.001, "early_end": 0, "stop_seconds": 0}
GENEROUS = 60.0

_numbers = iter(range(10**6))


def pipeline(provider="webhook", **config):
    """A pipeline that counts the words of what it gets."""
    source = {"id": "src_1", "provider": provider, "config": config}
    count = {"id": "count_1", "provider": "wordcount", "input": [{"lane": "text", "from": "src_1"}]}
    return {"project_id": f"sending-{next(_numbers)}", "source": "src_1", "components": [source, count]}


@contextlib.contextmanager
def counting(client, **options):
    """A task that counts the words of what `client` sends to it."""
    with client.use(pipeline=pipeline(), **options) as task:
        yield task


def words(result):
    return result["wordcount"]["wordsCount"]


@pytest.fixture(scope="module")
def server():
    with Emulator(api_key=KEY, **FAST) as running:
        yield running


@pytest.fixture(params=["websocket", "http", "auto"])
def client(request, server):
    with RocketRideClient(server.uri, KEY, transport=request.param, timeout=GENEROUS) as made:
        yield made


@pytest.fixture
def task(client):
    with counting(client) as started:
        yield started
