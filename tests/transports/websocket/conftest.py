"""Fixtures of the tests of the WebSocket transport."""

import pytest

from rocketride_sync.address import Address
from rocketride_sync.config import Settings
from rocketride_sync.transports.websocket import WebSocketTransport

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
