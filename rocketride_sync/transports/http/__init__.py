"""The HTTP transport: what works through every proxy, at ten times the cost for the server.

    transport.py          asks through the session of this process
    session.py            requests, prepared once and sent many times
    adapter.py            requests' adapter with our connections in its pools
    sockets.py            urllib3 connections that keep a total deadline
    error_translation.py  from the exceptions of requests, urllib3 and below to ours
    log_filter.py         keeps tokens out of urllib3's log

Nothing but this package imports requests, and not before the first call.
"""

from __future__ import annotations

from .transport import HttpTransport

__all__ = ["HttpTransport"]
