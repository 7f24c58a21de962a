"""Servers that answer every poll with bytes of the test's choice, over either transport."""

import contextlib
import json

import pytest
from transports.dap_peer import dap, frame
from transports.loopback import Server, always, answer

from rocketride_sync import RocketRideClient

KEY = "the-secret-key"
TOKEN = "tk_5f3a0123456789abcdef0123456789ab"
both_transports = pytest.mark.parametrize("transport", ["http", "websocket"])


def _over_http(document):
    return always(answer(b'{"status":"OK","data":' + document + b"}"))


def _over_websocket(document):
    def action(peer):
        while True:
            request = peer.request()
            head = {"type": "response", "seq": 1, "request_seq": request["seq"], "success": True}
            peer.raw(frame(json.dumps(head)[:-1].encode() + b',"body":' + document + b"}"))

    return dap(action)


@contextlib.contextmanager
def client_of(transport, document, **options):
    """A client of a server that answers with `document`, the bytes of a JSON value or of what is none."""
    handler = {"http": _over_http, "websocket": _over_websocket}[transport](document)
    with Server(handler) as server, RocketRideClient(
        server.url, KEY, transport=transport, **options
    ) as client:
        yield client


def poll(transport, document, **options):
    """The status that `document` is taken for; raises what the client raises."""
    with client_of(transport, document, **options) as client:
        return client.get_task_status(TOKEN)
