"""Fixtures of the tests of the client's methods: clients of a local server over one transport, or each of several."""

import pytest
from counting_tasks import KEY, client, server, task
from leaping import leaping

from rocketride_sync import RocketRideClient

__all__ = ["client", "leaping", "server", "task"]


@pytest.fixture
def websocket_client(server):
    with RocketRideClient(server.uri, KEY, transport="websocket") as made:
        yield made


@pytest.fixture(params=["websocket", "http"])
def either(request, server):
    """A client over each transport, without the choice that `auto` makes."""
    with RocketRideClient(server.uri, KEY, transport=request.param) as made:
        yield made
