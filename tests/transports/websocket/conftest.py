"""Fixtures of the tests of the WebSocket transport."""

import pytest

from rocketride_sync import deadline
from rocketride_sync.address import Address
from rocketride_sync.config import Settings
from rocketride_sync.transports.websocket import (
    WebSocketTransport,
    in_flight,
    pool,
    reconnecting,
    websocket_poller,
)

from ..dap_peer import KEY


@pytest.fixture
def connect():
    """Transports for servers; closed at the end."""
    made = []

    def make(server, auth=KEY, dead_after=45.0, **settings):
        made.append(
            WebSocketTransport(
                Settings(address=Address.parse(server.url), auth=auth, **settings), dead_after=dead_after
            )
        )
        return made[-1]

    yield make
    for transport in made:
        transport.close()


class Clock:
    """Monotonic time, which passes while somebody sleeps, and when a test says so."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += max(seconds, 1e-9)  # as little as a float of this size can tell


@pytest.fixture
def clock(monkeypatch):
    """The time of deadlines, and of the modules that note when something happened."""
    clock = Clock()
    for module in (deadline, in_flight, pool, reconnecting, websocket_poller):
        monkeypatch.setattr(module, "system_time", clock)
    return clock
