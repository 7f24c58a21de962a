"""The WebSocket transport: one answer in half a millisecond, and the end of a task the moment it happens.

    transport.py    asks over pooled connections, a few of which are made at a time
    watch.py        one wait: a connection of its own, and a pause that an event cuts short
    pipe.py         one object piece by piece, through a connection of its own
    uploads.py      whole objects, several at a time through one connection
    pool.py         connections that nobody uses at the moment
    connection.py   upgrade, authentication, asking, listening
    upgrade.py      what a refused upgrade means
    framing.py      websocket-client over a socket that keeps a deadline
    masking.py      the frames we send
    dialing.py      TCP, proxy, TLS

Only connection.py and framing.py import websocket-client.
"""

from __future__ import annotations

from .transport import WebSocketTransport

__all__ = ["WebSocketTransport"]
