"""The WebSocket transport: one answer in half a millisecond, and the end of a task the moment it happens.

    transport.py           asks over pooled connections, a few of which are made at a time
    watch.py               one wait: a connection of its own, and a pause that an event cuts short
    websocket_poller.py    polls of many tasks over one connection
    in_flight.py           which of these polls go out next, and which are lost with a connection
    subscriptions.py       which of these tasks the connection is subscribed to
    event_filter.py        which events are of a task
    websocket_pipe.py      one object piece by piece, through a connection of its own
    websocket_uploads.py   whole objects, several at a time through one connection
    pool.py                idle connections, kept for the next call
    connection.py          upgrade, authentication, asking, listening
    upgrade.py             what a refused upgrade means
    framing.py             frames: websocket-client's reading, our own masking
    steady_socket.py       a socket that keeps a deadline and reads ahead
    dialing.py             TCP, proxy, TLS

Only connection.py and framing.py import websocket-client.
"""

from __future__ import annotations

from .transport import WebSocketTransport

__all__ = ["WebSocketTransport"]
