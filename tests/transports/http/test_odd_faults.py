"""Turning a fault into an error cannot itself fail."""

from cases import each

from rocketride_sync import RocketRideError
from rocketride_sync.deadline import Deadline
from rocketride_sync.transports.http.error_translation import translate
from rocketride_sync.transports.http.exchange import Exchange

from ..odd_faults import FOR_HTTP, odd_faults


@each("fault", list(odd_faults(*FOR_HTTP)), ids=lambda fault: f"{type(fault).__name__}{len(fault.args)}")
@each("connecting", [False, True])
def test_a_fault_becomes_an_error_of_ours(fault, connecting):
    exchange = Exchange(Deadline(None), None)
    exchange.connecting = connecting
    error = translate(fault, "get_task_status", "server.test", ("key",), exchange)
    assert isinstance(error, RocketRideError)
    assert str(error).isprintable()
