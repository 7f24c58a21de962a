"""Every exception of requests, urllib3, http.client and ssl becomes an error of ours."""

import contextlib
import http.client
import inspect
import socket
import ssl
from pathlib import Path

import pytest
import requests
import urllib3.exceptions
from cases import each

from rocketride_sync import errors
from rocketride_sync.deadline import Deadline
from rocketride_sync.transports.http.error_translation import FOREIGN, translate
from rocketride_sync.transports.http.exchange import Exchange

from ..loopback import Server
from .calls import TOKEN, call, using


def foreign_exceptions():
    """One of every exception class of requests, urllib3, http.client and ssl, telling a URL where it can."""
    pool, url = urllib3.HTTPConnectionPool("server.test"), f"http://server.test/task?token={TOKEN}"
    refused = OSError(111, "refused")
    special = {
        "HeaderParsingError": ([], b""),
        "IncompleteRead": (3, 5),
        "InvalidChunkLength": (urllib3.HTTPResponse(b""), b"zz"),
        "JSONDecodeError": (url, url, 0),
        "MaxRetryError": (pool, url, refused),
        "NameResolutionError": ("server.test", pool, socket.gaierror(-2, "unknown")),
        "ReadTimeoutError": (pool, url, "timed out"),
        "RequestError": (pool, url, "failed"),
    }
    for module in (requests.exceptions, urllib3.exceptions, http.client, ssl):
        for name, kind in inspect.getmembers(module, inspect.isclass):
            # A name with an underscore: such as one of Python 3.15, with which a function of ssl ends its own loop.
            if (
                not issubclass(kind, Exception)
                or issubclass(kind, Warning)
                or kind.__module__ != module.__name__
                or name.startswith("_")
            ):
                continue
            for args in (
                [special[name]]
                if name in special and module is not http.client
                else [(url,), (pool, url), (url, refused)]
            ):
                with contextlib.suppress(TypeError):
                    yield kind(*args)
                    break
            else:
                raise AssertionError(f"cannot make a {name}")


class TestForeignExceptions:
    @each("foreign", list(foreign_exceptions()), ids=lambda error: type(error).__name__)
    def test_none_escapes(self, foreign, monkeypatch):
        def fail(*args, **kwargs):
            raise foreign

        monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", fail)
        with using("http://server.test") as transport, pytest.raises(errors.RocketRideError) as caught:
            call(transport)
        assert caught.value.__context__ is None
        assert TOKEN not in str(caught.value)

    @each(
        ("foreign", "expected"),
        [
            (requests.ConnectTimeout(), errors.TransportTimeoutError),
            (requests.ReadTimeout(), errors.TransportTimeoutError),
            (socket.timeout(), errors.TransportTimeoutError),
            (TimeoutError(), errors.TransportTimeoutError),
            (
                requests.ConnectionError(urllib3.exceptions.ReadTimeoutError(None, "u", "m")),
                errors.TransportTimeoutError,
            ),
            (urllib3.exceptions.NewConnectionError(None, "refused"), errors.TransportError),
            (requests.ConnectionError(), errors.TransportError),
            (requests.exceptions.ProxyError(), errors.TransportError),
            (requests.exceptions.ChunkedEncodingError(), errors.TransportError),
            (requests.exceptions.SSLError(), errors.TransportError),
            (http.client.RemoteDisconnected("gone"), errors.TransportError),
            (http.client.BadStatusLine("x"), errors.ProtocolError),
            (requests.exceptions.ContentDecodingError(), errors.ProtocolError),
            (requests.exceptions.InvalidURL(), errors.ConfigurationError),
            (requests.exceptions.InvalidHeader(), errors.ConfigurationError),
            (requests.exceptions.MissingSchema(), errors.ConfigurationError),
            (UnicodeError("label too long"), errors.ConfigurationError),
            (requests.exceptions.SSLError(ssl.SSLCertVerificationError(1, "bad")), errors.CertificateError),
        ],
        ids=repr,
    )
    def test_become_the_right_error(self, foreign, expected):
        assert isinstance(foreign, FOREIGN)
        assert (
            type(translate(foreign, "get_task_status", "h:1", (), Exchange(Deadline(1.0), None))) is expected
        )

    @each("text", ["", "\r\n", " \t"])
    def test_each_has_a_reason(self, text):
        foreign = http.client.BadStatusLine(text)
        error = translate(foreign, "get_task_status", "h:1", (), Exchange(Deadline(1.0), None))
        assert not str(error).rstrip().endswith(":")

    def test_the_callers_own_exception_is_not_taken_for_a_cause(self):
        reset = Server(lambda peer: peer.reset())
        fails = pytest.raises(errors.RocketRideError)
        try:
            Path("/nonexistent/file").stat()
        except FileNotFoundError:
            with reset as server, using(server.url) as transport, fails as caught:
                call(transport)
        assert type(caught.value) is errors.TransportError
