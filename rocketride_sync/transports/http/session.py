"""The HTTP session of one process: its requests are prepared once and sent many times."""

from __future__ import annotations

import copy
import functools
import http.client
import sys
from typing import Any, Dict, List, Mapping, Optional, Tuple
from urllib.parse import quote

import requests
from urllib3 import HTTPResponse

from ..._version import __version__
from ...config import Settings
from ...deadline import Deadline
from ...errors import (
    OverloadedError,
    ProtocolError,
    RocketRideError,
    TransientError,
    TransportError,
    TransportTimeoutError,
)
from ...handler_exceptions import as_it_was_raised, pass_on
from ...loading import load
from ...logs import log
from ...options import SizeLimit
from ...protocol.content_encoding import decompress, too_large
from ...protocol.failures import is_unprocessed, secrets_of
from ...protocol.http_answers import interpret
from ...protocol.operations import Operation
from ...protocol.strict_json import decodes_within
from ...redact import Secret
from ..dialing import Dialer
from ..proxies import Proxy, proxy_for
from .adapter import SLICES, DeadlineAdapter
from .error_translation import FOREIGN, translate
from .exchange import Exchange
from .log_filter import redact_urllib3

Answer = Tuple[int, Mapping[str, str], bytes]
Query = Tuple[Tuple[str, str], ...]

USER_AGENT = "rocketride-sync/{} Python/{}.{}.{}".format(__version__, *sys.version_info[:3])

_MAX_PREPARED = 64
_READ_SIZE = 65_536

redact_urllib3()


class Session:
    """The prepared requests and the connections of an `HttpTransport` in one process.

    Attributes:
        proxy: the proxy that gets whole URLs, or None. Other proxies are the dialer's matter.
    """

    def __init__(self, settings: Settings) -> None:
        headers = {
            **settings.headers,
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": USER_AGENT,
        }
        prepare = functools.partial(_prepare, settings.address.http_url, headers)
        self._prepared = functools.lru_cache(_MAX_PREPARED)(prepare)
        self.proxy = _proxy_for_whole_urls(settings)
        proxy = _url_of(self.proxy) if self.proxy else None
        self._adapter = DeadlineAdapter(settings.address, None if proxy else Dialer(settings))
        # TLS is the dialer's matter: with these, requests looks for no certificates of its own.
        self._options: Dict[str, Any] = {
            "verify": False,
            "cert": None,
            "proxies": {"http": proxy} if proxy else {},
        }
        self._settings = settings

    def call(self, operation: Operation, key: str, deadline: Deadline) -> Any:
        """As `HttpTransport.call`, with `key`."""
        objects = None if operation.data is None else self.load_objects()
        status, headers, body = self._send(operation, key, deadline)
        try:
            plain = self._decompress(operation, key, headers, body, deadline)
            if not decodes_within(plain, deadline.remaining()):
                raise _too_late(operation)
            proxy = str(self.proxy) if self.proxy else None
            data = interpret(operation, status, headers, plain, key, proxy=proxy)
            return data if objects is None else objects.result(operation, data, key)
        except (TransientError, ProtocolError) as error:
            pass_on(error)
            # A proxy may answer in place of a server that still works on the request; a malformed answer says nothing
            # about that.
            error.request_sent = not isinstance(error, OverloadedError) and not is_unprocessed(status)
            raise

    def _decompress(
        self, operation: Operation, key: str, headers: Mapping[str, str], body: bytes, deadline: Deadline
    ) -> bytes:
        encoding = headers.get("Content-Encoding")
        if not encoding:
            return body

        def check_time() -> None:
            if deadline.expired:
                raise _too_late(operation)

        limit = self._settings.limit_of(operation)
        return decompress(encoding, body, limit, secrets_of(operation, key), check_time)

    def _send(self, operation: Operation, key: str, deadline: Deadline) -> Answer:
        """Status, headers and body of the answer. Raises only our errors."""
        for _ in range(2):
            exchange = Exchange(deadline, self._settings.connect_timeout, self._settings.limit_of(operation))
            if not operation.repeatable:
                operation.sent, exchange.operation = False, operation
            try:
                with exchange:
                    # Of a handler's exception, such as a TypeError, urllib3 makes another one.
                    return as_it_was_raised(self._exchange, operation, key, exchange)
            except RocketRideError as error:  # about the answer, or about the object to send
                pass_on(error)
                error.request_sent = isinstance(error, ProtocolError)
                raise
            except FOREIGN as error:
                pass_on(error, foreign_code=True)
                target = self._target(exchange)
                problem = translate(error, operation.name, target, secrets_of(operation, key), exchange)
                Proxy.blame(problem, target)
            if isinstance(problem, (TransportError, ProtocolError)):
                problem.request_sent = not exchange.connecting
            # The server may have closed the idle connection at the moment of the request. For the next request urllib3
            # makes a new connection, in place of this one.
            stale = exchange.reused and not exchange.answered and type(problem) is TransportError
            if not (stale and operation.repeatable):
                break
            log.debug("an HTTP connection is replaced: %s", problem)
        raise problem

    def _target(self, exchange: Exchange) -> object:
        """What `exchange` was with, for messages."""
        if self.proxy is not None and exchange.connecting:
            return self.proxy
        server = self._settings.address.authority
        return server if self.proxy is None else f"{server} through {self.proxy}"

    def _exchange(self, operation: Operation, key: str, exchange: Exchange) -> Answer:
        request = self._prepared(key, operation.method, operation.path, operation.query)
        if operation.public:
            request = _copy(request)
            del request.headers["Authorization"]
        if operation.json is not None:
            request = _copy(request)
            request.prepare_body(None, None, operation.json)
        if operation.data is not None:
            request = _copy(request)
            request.headers.update(self.load_objects().headers(operation))
            request.body = iter(operation.data)  # type: ignore[assignment]  # urllib3 takes it
            exchange.has_body = True
        if exchange.deadline.expired:
            raise TransportTimeoutError(f"{operation.name} failed: no time was left to send it")
        response = self._adapter.send(request, stream=True, timeout=SLICES, **self._options)
        raw = response.raw
        try:
            body = _read_body(raw, self._settings.limit_of(operation))
        finally:
            _close(raw, exchange)
        return response.status_code, raw.headers, body

    @staticmethod
    def load_objects() -> Any:
        """What requests that send an object need, loaded when it is first asked for. Raises TransportError."""

        def objects() -> Any:
            from ...protocol import http_objects  # seldom needed

            return http_objects

        return load(objects)

    @property
    def is_open(self) -> bool:
        """Whether a connection is kept."""
        return self._adapter.is_open

    def close(self) -> None:
        """Close the connections; one in use is closed once its answer has been read."""
        self._adapter.close()


def _too_late(operation: Operation) -> TransportTimeoutError:
    return TransportTimeoutError(f"{operation.name} failed: its answer came too late to be decoded in time")


def _prepare(
    base_url: str, headers: Dict[str, str], key: str, method: str, path: str, query: Query
) -> requests.PreparedRequest:
    """A request ready to be sent. Without a requests.Session, so that no netrc can replace the credential."""
    url = base_url.rstrip("/") + path
    # requests 2.28.0 takes no subclasses of str.
    plain = {name: str(text) for name, text in headers.items()}
    request = requests.Request(
        method, url, headers={"Authorization": f"Bearer {key}", **plain}, params=query
    ).prepare()
    # A plain dict is faster to read, each time the request is sent, than a case-insensitive one.
    request.headers = {name: Secret(text) for name, text in request.headers.items()}  # type: ignore[assignment]
    return request


def _copy(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """A copy with headers of its own. requests' own copy makes a cookie jar, too."""
    copied = copy.copy(request)
    copied.headers = request.headers.copy()
    return copied


def _proxy_for_whole_urls(settings: Settings) -> Optional[Proxy]:
    proxy = proxy_for(settings.address, settings.proxies)
    return proxy if proxy and proxy.gets_whole_urls(settings.address) else None


def _url_of(proxy: Proxy) -> str:
    """With user and password, for urllib3."""
    user, colon, password = (proxy.credentials or "").partition(":")
    at = f"{quote(user, '')}:{quote(password, '')}@" if colon else ""
    host = f"[{proxy.host.replace('%', '%25')}]" if ":" in proxy.host else proxy.host
    return f"http://{at}{host}:{proxy.port}"


class _Closed(HTTPResponse):
    """An answer that was closed."""

    closed = True


def _close(raw: Any, exchange: Exchange) -> None:
    """Close the answer of urllib3, and that of http.client within it.

    Python asks both of them whether they are closed when they are dropped, and closes them if not. Done with lines of
    Python, this would swallow a Ctrl-C.
    """
    # A connection whose answer was read completely is in the pool by now; any other must not get there.
    raw.close()
    if exchange.answer is not None:
        exchange.answer.close()
    if type(raw) is HTTPResponse:
        raw.__class__ = _Closed


def _read_body(raw: Any, limit: SizeLimit) -> bytes:
    """The body as it was sent, of at most `limit`."""
    declared = raw.length_remaining
    if declared is None:
        return _read_undeclared(raw, limit)
    if declared > limit.size:
        raise too_large(limit)
    body: bytes = raw.read(declared or 1, decode_content=False)
    if raw.length_remaining:
        raise http.client.IncompleteRead(body, raw.length_remaining)
    return body


def _read_undeclared(raw: Any, limit: SizeLimit) -> bytes:
    """The body of an answer that does not declare its length."""
    pieces: List[bytes] = []
    size = 0
    while True:
        piece = raw.read(_READ_SIZE, decode_content=False)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)
        size += len(piece)
        if size > limit.size:
            raise too_large(limit)
