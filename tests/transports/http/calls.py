"""Calls over an HTTP transport to a server of the test's making, and the error of a call that must fail."""

import contextlib
import traceback
from pathlib import Path

import pytest

from rocketride_sync import errors
from rocketride_sync.address import Address
from rocketride_sync.config import Settings
from rocketride_sync.deadline import Deadline
from rocketride_sync.protocol.operations import Operation, get_task_status
from rocketride_sync.transports.http import HttpTransport

from ..loopback import Server

ROOT = Path(__file__).resolve().parents[3]
KEY = "key-0123456789abcdef"
TOKEN = "tk_560d04a8eac4abb1b4af0d8878dc856c"
STATUS = get_task_status(TOKEN)
START = Operation(name="use", command="execute", arguments={}, method="POST", path="/task")


def make(url, auth=KEY, **options):
    options = {"max_response_bytes": 1_000_000, **options}
    return HttpTransport(Settings(address=Address.parse(url), auth=auth, **options))


@contextlib.contextmanager
def using(url, **options):
    transport = make(url, **options)
    try:
        yield transport
    finally:
        transport.close()


@contextlib.contextmanager
def talking(handler, tls=None, **options):
    """A server and a transport to it."""
    with Server(handler, tls) as server, using(server.url, **options) as transport:
        yield server, transport


def through(proxy, **options):
    """A transport to an HTTPS server behind a proxy."""
    return using("https://server.test", proxies={"https": proxy.url}, **options)


def call(transport, operation=STATUS, seconds=20.0):
    return transport.call(operation, Deadline(seconds))


def failing(transport, expected, operation=STATUS, seconds=20.0):
    """The error of a call that must fail with just this type, and show no secret."""
    with pytest.raises(errors.RocketRideError) as caught:
        call(transport, operation, seconds)
    error = caught.value
    assert type(error) is expected, repr(error)
    shown = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    assert KEY not in shown
    assert TOKEN not in shown
    assert error.__context__ is None
    return error
