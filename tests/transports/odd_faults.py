"""Exceptions as no library should make them, but some do: without arguments, with odd ones, without a text."""

import contextlib
import http.client
import socket
import ssl

import requests
import urllib3
import websocket


class Speechless(OSError):
    def __str__(self):
        raise RuntimeError("no text")


class OddReason(ssl.SSLError):
    reason = 7


ARGUMENTS = [
    (),
    ("text",),
    (None,),
    (5,),
    (5, None),
    (5, "text"),
    (5, b"bytes"),
    (Speechless(),),
    ("\ud800\x1b[2J",),
]
KINDS = [
    OSError,
    ConnectionResetError,
    socket.gaierror,
    socket.timeout,
    ssl.SSLError,
    ssl.SSLCertVerificationError,
    ssl.SSLEOFError,
    OddReason,
    Speechless,
    ValueError,
    UnicodeError,
]
FOR_HTTP = [
    http.client.BadStatusLine,
    http.client.HTTPException,
    http.client.IncompleteRead,
    requests.ConnectionError,
    urllib3.exceptions.HTTPError,
    urllib3.exceptions.ProtocolError,
    urllib3.exceptions.SSLError,
]
FOR_WEBSOCKET = [
    TypeError,
    websocket.WebSocketException,
    websocket.WebSocketProtocolException,
    websocket.WebSocketConnectionClosedException,
]


def odd_faults(*more):
    """One of each kind with each of the arguments that it can be made with."""
    for kind in [*KINDS, *more]:
        for arguments in ARGUMENTS:
            with contextlib.suppress(TypeError):
                yield kind(*arguments)
