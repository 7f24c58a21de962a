"""Turning a fault into an error cannot itself fail, and leaves no connection open."""

import pytest
from cases import each

from rocketride_sync import RocketRideError
from rocketride_sync.address import Address
from rocketride_sync.deadline import Deadline
from rocketride_sync.options import SizeLimit
from rocketride_sync.transports.dialing import guarded
from rocketride_sync.transports.websocket.connection import Connection

from ..dap_peer import KEY
from ..odd_faults import FOR_WEBSOCKET, odd_faults

ADDRESS = Address.parse("localhost")


class Failing:
    """A socket each step of which fails, its closing too."""

    def __init__(self, fault):
        self._fault = fault
        self.closed = False

    def settimeout(self, seconds):
        pass

    def send(self, data):
        raise self._fault

    def close(self):
        self.closed = True
        raise OSError(5, "Input/output error")


def connect(sock):
    return Connection(
        sock,
        ADDRESS,
        KEY,
        client_name="test",
        client_version="1",
        limit_of=lambda operation: SizeLimit("max_response_bytes", 1000),
        dead_after=45.0,
        connect_deadline=Deadline(0.05),
        deadline=Deadline(0.05),  # a socket that times out is asked again until then
    )


@each("fault", list(odd_faults(*FOR_WEBSOCKET)), ids=lambda fault: f"{type(fault).__name__}{len(fault.args)}")
def test_a_fault_of_a_connection_becomes_an_error_of_ours(fault):
    sock = Failing(fault)
    with pytest.raises(RocketRideError) as caught:
        connect(sock)
    assert sock.closed
    assert caught.value.__context__ is None
    assert str(caught.value).isprintable()


@each("fault", list(odd_faults()), ids=lambda fault: f"{type(fault).__name__}{len(fault.args)}")
def test_a_fault_in_connecting_becomes_an_error_of_ours(fault):
    def step():
        raise fault

    with pytest.raises(RocketRideError) as caught:
        guarded(ADDRESS, step)
    assert caught.value.__context__ is None
    assert str(caught.value).isprintable()
