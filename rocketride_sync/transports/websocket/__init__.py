"""The WebSocket transport: an answer in half a millisecond, and an event at the moment a task ends.

    transport.py               calls over pooled connections, a few of which are made at a time
    pool.py                    idle connections, kept for the next call

    watch.py                   one wait: a connection of its own, and a pause that an event cuts short
    websocket_poller.py        polls of many tasks over one connection
    in_flight.py               which of these polls are sent next, and which fail when a connection is lost
    reconnecting.py            when a lost connection is made again
    subscriptions.py           which of these tasks the connection is subscribed to
    subscription_allowance.py  how many more of them it may be subscribed to
    event_filter.py            which events belong to a task
    polled_end.py              what events told of the end that the latest poll shows
    seen_run.py                what events told of a run that is then forgotten or replaced

    websocket_pipe.py          one object in pieces, over a connection of its own
    websocket_uploads.py       whole objects, several at a time over one connection
    outbox.py                  requests that are sent together, for these

    connection.py              upgrade, authentication, requests, events
    channel.py                 messages over a socket, and the errors of this library
    error_translation.py       errors of this library for the exceptions of framing, websocket-client and below
    handshake.py               the opening handshake: request and answer
    upgrade.py                 what a refused upgrade means
    framing.py                 messages in frames: short ones are read here, what is sent is masked here
    frame_reader.py            frames that are not simple, read by websocket-client
    steady_socket.py           a socket that keeps a deadline and reads ahead

Only frame_reader.py imports websocket-client.
"""

from __future__ import annotations

from .transport import WebSocketTransport

__all__ = ["WebSocketTransport"]
