"""The server's address, and the checked settings of a client, from arguments and the environment."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any, Callable, Iterator, Mapping, NamedTuple, Optional, Tuple, Union
from urllib.parse import SplitResult, urlsplit

from . import arguments
from .errors import ConfigurationError, RocketRideWarning
from .frozen import Frozen
from .options import RetryPolicy, Seconds, SizeLimit, optional_seconds
from .redact import Secret

if TYPE_CHECKING:
    from .key_source import KeySource
    from .protocol.operations import Operation

DEFAULT_URI = "https://api.rocketride.ai"
DEFAULT_PORT = 5565
CLOUD_DOMAIN = "rocketride.ai"
DEFAULT_CONNECT_TIMEOUT = 10.0
DEFAULT_MAX_RESPONSE_BYTES = 250 * 1024 * 1024
DEFAULT_MAX_STATUS_BYTES = 32 * 1024 * 1024
DEFAULT_RETRY = RetryPolicy()

_WEBSOCKET_PATH = "/task/service"
_SCHEMES = {"http": False, "https": True, "ws": False, "wss": True}
_SHORTEST_SECRET = 8
Auth = Union[str, Callable[[], str]]
Verify = Union[bool, str]
Cert = Union[None, str, Tuple[str, str]]


class Address(NamedTuple):
    """The server's address, for either transport.

    Attributes:
        secure: whether TLS is spoken (``https``, ``wss``).
        host: name or IP address; an IPv6 address without brackets.
        port: None for the default port of the scheme.
        path: the base path, without a slash at its end: ``""`` or ``/rocketride``.
        zone: of an IPv6 address, the interface of this machine that leads to it: ``eth0``. It is used to connect, and
            never sent (RFC 6874).
    """

    secure: bool
    host: str
    port: Optional[int]
    path: str
    zone: str = ""

    @classmethod
    def parse(cls, uri: str, name: str = "uri") -> Address:
        """Read ``host``, ``host:port``, or an ``http(s)://`` or ``ws(s)://`` URI, with or without a base path.

        Port 5565 is assumed where none is given, except for the cloud service (docs/protocol.md, "Addresses").

        Args:
            uri: what to read.
            name: what the messages call it: where it was given.

        Raises:
            ConfigurationError: it has another form, or holds credentials, a query or a fragment, or names the
                WebSocket's path.
        """
        text = uri.strip()
        problem = _odd_characters(text)
        if problem:
            raise ConfigurationError(f"{name}: {problem}")
        if not _has_scheme(text):
            text = ("https://" if _is_cloud(text) else "http://") + text
        parts, port = _split(text, name)
        if parts.scheme not in _SCHEMES:
            raise ConfigurationError(f"{name}: unknown scheme {parts.scheme!r}; use http, https, ws or wss")
        host, zone = split_zone(parts.hostname or "")
        if not _is_host(host) or (zone and ":" not in host):
            raise ConfigurationError(
                f"{name}: no usable host name in it; give host[:port] or http(s)://host[:port]"
            )
        if port is None and not _is_cloud(host):
            port = DEFAULT_PORT
        return cls(_SCHEMES[parts.scheme], host, port, parts.path.rstrip("/"), zone)

    @property
    def authority(self) -> str:
        """Host and port, as in a URL and in a Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    @property
    def http_url(self) -> str:
        return f"{'https' if self.secure else 'http'}://{self.authority}{self.path}"

    @property
    def websocket_path(self) -> str:
        return self.path + _WEBSOCKET_PATH

    @property
    def dialled_host(self) -> str:
        """The host as a socket takes it, with its zone."""
        return f"{self.host}%{self.zone}" if self.zone else self.host

    def __str__(self) -> str:
        return self.http_url.replace("]", f"%25{self.zone}]", 1) if self.zone else self.http_url


def split_zone(host: str) -> Tuple[str, str]:
    """Address and zone of an IPv6 address: ``fe80::1%25eth0``, as it is written in a URI, or ``fe80::1%eth0``."""
    address, _, zone = host.partition("%")
    return address, zone[2:] if zone.startswith("25") and zone != "25" else zone


def _odd_characters(text: str) -> str:
    """What is wrong with the characters of an address; empty if nothing is."""
    if not text:
        return "it is empty"
    if in_quotes(text):
        return QUOTED
    if not text.isascii():
        return "it holds characters outside ASCII"
    return "" if arguments.is_plain(text) else "it holds white space or control characters"


def _split(text: str, name: str) -> Tuple[SplitResult, Optional[int]]:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = None, None
    # The URI itself is not repeated in these messages: it may hold a password.
    if parts is None or port == 0:
        raise ConfigurationError(f"{name}: not a valid address; the port must be a number from 1 to 65535")
    if "@" in parts.netloc:
        raise ConfigurationError(f"{name}: no user or password belongs in it; the API key is given apart")
    if parts.path.rstrip("/").endswith(_WEBSOCKET_PATH):
        raise ConfigurationError(
            f"{name}: leave out {_WEBSOCKET_PATH} at its end; where it is needed, it is added"
        )
    if parts.query or parts.fragment:
        raise ConfigurationError(f"{name}: no query or fragment belongs in it")
    return parts, port


# Without regular expressions: compiling them would add half to the time that this module takes to load.


def _has_scheme(text: str) -> bool:
    scheme, colon, _ = text.partition("://")
    return bool(colon) and scheme[:1].isalpha() and not any(c in "/?#[]@:" for c in scheme)


def _is_cloud(address: str) -> bool:
    host = address.replace("/", ":").partition(":")[0].lower()
    return host == CLOUD_DOMAIN or host.endswith("." + CLOUD_DOMAIN)


def _is_host(host: str) -> bool:
    """Whether it can be a host name: DNS accepts no label that is empty or longer than 63 characters."""
    labels = (host[:-1] if host.endswith(".") else host).split(".")
    return all(0 < len(label) < 64 for label in labels)


def _is_loopback(host: str) -> bool:
    if host in ("localhost", "::1") or host.endswith(".localhost"):
        return True
    parts = host.split(".")
    return parts[0] == "127" and len(parts) == 4 and all(part.isdigit() and len(part) <= 3 for part in parts)


class Settings(Frozen):
    """Everything that a transport needs to know, checked. The repr hides credential, certificates and proxies."""

    # The order is that of the repr.
    __slots__ = (  # noqa: RUF023
        "address",
        "auth",
        "headers",
        "timeout",
        "connect_timeout",
        "retry",
        "verify",
        "cert",
        "proxies",
        "max_response_bytes",
        "max_status_bytes",
    )
    _secret = ("auth", "headers", "cert", "proxies")

    address: Address
    auth: Union[Secret, KeySource]
    headers: Mapping[str, str]
    timeout: Optional[float]
    connect_timeout: Optional[float]
    retry: RetryPolicy
    verify: Verify
    cert: Cert
    proxies: Optional[Mapping[str, str]]
    max_response_bytes: int
    max_status_bytes: int

    def __init__(
        self,
        *,
        address: Address,
        auth: Auth,
        timeout: Optional[Seconds] = 30.0,
        connect_timeout: Optional[Seconds] = DEFAULT_CONNECT_TIMEOUT,
        retry: RetryPolicy = DEFAULT_RETRY,
        verify: Verify = True,
        cert: Cert = None,
        proxies: Optional[Mapping[str, str]] = None,
        headers: Optional[Mapping[str, str]] = None,
        max_response_bytes: int = DEFAULT_MAX_RESPONSE_BYTES,
        max_status_bytes: int = DEFAULT_MAX_STATUS_BYTES,
    ) -> None:
        checked = arguments.headers(headers)
        self._set(
            address=address,
            auth=_credential(auth, tuple(checked.values())),
            headers=checked,
            timeout=optional_seconds("timeout", timeout),
            connect_timeout=optional_seconds("connect_timeout", connect_timeout),
            retry=arguments.retry_policy(retry),
            verify=arguments.verify(verify),
            cert=arguments.certificate(cert),
            proxies=arguments.proxies(proxies),
            max_response_bytes=arguments.byte_count("max_response_bytes", max_response_bytes),
            max_status_bytes=arguments.byte_count("max_status_bytes", max_status_bytes),
        )

    @property
    def key(self) -> Secret:
        """The credential to use now."""
        return self.auth if isinstance(self.auth, Secret) else self.auth.current()

    def renew_key(self, refused: str) -> bool:
        """After the server refused a key: whether `key` is another one now."""
        return not isinstance(self.auth, Secret) and self.auth.renew(refused)

    @property
    def secrets(self) -> Tuple[str, ...]:
        """The texts that messages must not show, as far as they are known."""
        return (self.auth, *self.auth.along) if isinstance(self.auth, Secret) else self.auth.known

    def limit_of(self, operation: Operation) -> SizeLimit:
        """The largest answer to `operation`."""
        if operation.asks_status and self.max_status_bytes < self.max_response_bytes:
            return SizeLimit("max_status_bytes", self.max_status_bytes)
        return SizeLimit("max_response_bytes", self.max_response_bytes)

    def risks(self) -> Iterator[str]:
        """The warnings that a user should get."""
        if not self.address.secure and not _is_loopback(self.address.host):
            yield f"the API key travels unencrypted to {self.address}; use https://"
        if self.address.secure and self.verify is False:
            yield f"verify=False: {self.address} may be anybody, and the API key is sent to it"


QUOTED = "quotes stand at its beginning or end, and are a part of it; leave them out"
_QUOTES = "'\"\u2018\u2019\u201c\u201d"


def in_quotes(text: str) -> bool:
    """Whether `text` begins or ends with a quote, as a variable does that was set where no shell removes quotes."""
    return text[:1] in _QUOTES or text[-1:] in _QUOTES if text else False


def environment_value(name: str, raw: str) -> str:
    """The value `raw` of the environment variable `name`, without white space around it.

    Warns:
        RocketRideWarning: there was white space.

    Raises:
        ConfigurationError: it stands in quotes, which no address, key or token does.
    """
    value = raw.strip()
    if in_quotes(value):
        raise ConfigurationError(f"{name}: {QUOTED}")
    if value and value != raw:
        message = f"{name}: white space stands around its value, and was left out"
        warnings.warn(message, RocketRideWarning, stacklevel=6)
    return value


def _credential(auth: Any, headers: Tuple[str, ...]) -> Union[Secret, KeySource]:
    """The credential, which knows the secrets among the values of the headers."""
    # Whole, and their words: ``Bearer …`` may come back without its first. Short words are no secrets.
    parts = (part for value in headers for part in (value, *value.split()))
    along = tuple(dict.fromkeys(part for part in parts if len(part) >= _SHORTEST_SECRET))
    if not callable(auth):
        return Secret(arguments.api_key(auth), along)
    from .import_lock import import_lock

    with import_lock:
        from .key_source import KeySource  # most clients have a plain key

    return KeySource(auth, along)


def resolve(uri: Optional[str], auth: Optional[Auth]) -> Tuple[Address, Auth]:
    """The address and the credential: as given, else from the environment, else the documented default.

    Environment: ``ROCKETRIDE_URI`` and ``ROCKETRIDE_APIKEY``. An empty value counts as not given.

    Raises:
        ConfigurationError: for an unusable address, or a variable in quotes. A missing credential is left to `Settings`.
    """
    if uri is not None and not isinstance(uri, str):
        raise ConfigurationError(f"uri must be a string, not {type(uri).__name__}")
    if uri:
        address = Address.parse(uri)
    else:
        address = Address.parse(_variable("ROCKETRIDE_URI") or DEFAULT_URI, "ROCKETRIDE_URI")
    return address, _variable("ROCKETRIDE_APIKEY") if auth is None else auth


def _variable(name: str) -> str:
    return environment_value(name, os.environ.get(name, ""))
