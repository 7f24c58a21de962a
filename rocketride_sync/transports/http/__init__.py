"""The HTTP transport: it works through every proxy, and costs the server ten times as much as WebSocket.

    transport.py          calls through the session of this process
    session.py            requests, prepared once and sent many times
    adapter.py            requests' adapter with our connections in its pools
    sockets.py            urllib3 connections that keep a total deadline
    exchange.py           what the sockets see of one request: its deadline, its limits, how far it has come
    exact_response.py     answers: their heads, and whether one ended exactly where it should
    error_translation.py  errors of this library for the exceptions of requests, urllib3 and below
    log_filter.py         keeps tokens out of urllib3's log

Only this package imports requests, and only on the first call.
"""

from __future__ import annotations

from .transport import HttpTransport

__all__ = ["HttpTransport"]
