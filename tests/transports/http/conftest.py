"""Fixtures of the tests of the HTTP transport."""

import pytest

from rocketride_sync import deadline
from rocketride_sync.transports.http import adapter, sockets

from .fake_sockets import Clock, Socket


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    for module in (deadline, sockets, adapter):
        monkeypatch.setattr(module, "system_time", clock)
    return clock


@pytest.fixture
def sock(clock):
    return Socket(clock)
