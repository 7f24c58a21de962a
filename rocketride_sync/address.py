"""The address of a server, as people write it and as the transports need it."""

from __future__ import annotations

from typing import Optional, Tuple
from urllib.parse import SplitResult, urlsplit

from .arguments import is_plain
from .errors import ConfigurationError
from .frozen import Frozen
from .handler_exceptions import pass_on
from .redact import TOKEN_PREFIXES

DEFAULT_URI = "https://api.rocketride.ai"
DEFAULT_PORT = 5565
CLOUD_DOMAIN = "rocketride.ai"
_QUOTED = "quotes stand at its beginning or end, and are a part of it; leave them out"
NO_ADDRESS = "it is a task's token or the API key, which belongs elsewhere (RocketRideClient takes uri first, then auth)"
_QUOTES = "'\"\u2018\u2019\u201c\u201d"

_WEBSOCKET_PATH = "/task/service"
_SCHEMES = {"http": False, "https": True, "ws": False, "wss": True}


class Address(Frozen):
    """The server's address, for either transport.

    Attributes:
        secure: whether TLS is spoken (``https``, ``wss``).
        host: name or IP address; an IPv6 address without brackets.
        port: None for the default port of the scheme.
        path: the base path, without a slash at its end: ``""`` or ``/rocketride``.
        zone: of an IPv6 address, the interface of this machine that leads to it: ``eth0``. It is used to connect, and
            never sent (RFC 6874).
        port_assumed: whether `port` is `DEFAULT_PORT` because none was given. No part of equality.
    """

    # The order is that of the repr.
    __slots__ = ("secure", "host", "port", "path", "zone", "port_assumed")  # noqa: RUF023
    _not_compared = ("port_assumed",)

    secure: bool
    host: str
    port: Optional[int]
    path: str
    zone: str
    port_assumed: bool

    def __init__(
        self,
        secure: bool,
        host: str,
        port: Optional[int],
        path: str,
        zone: str = "",
        port_assumed: bool = False,
    ) -> None:
        self._set(secure=secure, host=host, port=port, path=path, zone=zone, port_assumed=port_assumed)

    @classmethod
    def parse(cls, uri: str, name: str = "uri") -> Address:
        """Read ``host``, ``host:port``, or an ``http(s)://`` or ``ws(s)://`` URI, with or without a base path.

        Port 5565 is assumed where none is given, except for the cloud service (docs/protocol.md, "Addresses").

        Args:
            uri: what to read.
            name: what the messages call it: where it was given.

        Raises:
            ConfigurationError: it has another form, or holds credentials, a query or a fragment, or names the
                WebSocket's path or a task's token, which would be shown, and looked up.
        """
        text = uri.strip()
        problem = _odd_characters(text) or _scheme_slip(text) or (NO_ADDRESS if _holds_token(text) else "")
        if problem:
            raise ConfigurationError(f"{name}: {problem}")
        if not _has_scheme(text):
            text = ("https://" if _is_cloud(text) else "http://") + text
        parts, port = _split(text, name)
        if parts.scheme not in _SCHEMES:
            raise ConfigurationError(f"{name}: unknown scheme {parts.scheme!r}; use http, https, ws or wss")
        hostname = parts.hostname or ""
        host, zone = split_zone(hostname)
        if not _is_host(host) or ("%" in hostname and not (zone and ":" in host)):
            raise ConfigurationError(
                f"{name}: no usable host name in it; give host[:port] or http(s)://host[:port]"
            )
        assumed = port is None and not _is_cloud(host)
        if assumed:
            port = DEFAULT_PORT
        return cls(_SCHEMES[parts.scheme], host, port, parts.path.rstrip("/"), zone, assumed)

    @property
    def scheme(self) -> str:
        """``https`` or ``http``, also if it was written as ``wss`` or ``ws``."""
        return "https" if self.secure else "http"

    @property
    def scheme_port(self) -> int:
        """The port that the scheme has by default."""
        return 443 if self.secure else 80

    @property
    def another_port(self) -> Optional[Address]:
        """If the port was assumed: the address with the scheme's own, as a pattern for how to give another one."""
        return self._replace(port=self.scheme_port) if self.port_assumed else None

    @property
    def authority(self) -> str:
        """Host and port, as in a URL and in a Host header."""
        host = bracketed(self.host)
        return host if self.port is None else f"{host}:{self.port}"

    @property
    def http_url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"

    @property
    def websocket_path(self) -> str:
        return self.path + _WEBSOCKET_PATH

    @property
    def dialled_host(self) -> str:
        """The host as a socket takes it, with its zone."""
        return f"{self.host}%{self.zone}" if self.zone else self.host

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine, by its name or address alone: names are not looked up."""
        if self.host in ("localhost", "::1") or self.host.endswith(".localhost"):
            return True
        parts = self.host.split(".")
        return (
            parts[0] == "127" and len(parts) == 4 and all(part.isdigit() and len(part) <= 3 for part in parts)
        )

    def __str__(self) -> str:
        return self.http_url.replace("]", f"%25{self.zone}]", 1) if self.zone else self.http_url


def bracketed(host: str) -> str:
    """A host as it stands before a port: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def split_zone(host: str) -> Tuple[str, str]:
    """Address and zone of an IPv6 address: ``fe80::1%25eth0``, as it is written in a URI, or ``fe80::1%eth0``."""
    address, _, zone = host.partition("%")
    return address, zone[2:] if zone.startswith("25") and zone != "25" else zone


def check_quotes(name: str, text: str) -> None:
    """Raise `ConfigurationError` if `text`, which `name` gives, is in quotes, which no address, key or token is."""
    if is_in_quotes(text):
        raise ConfigurationError(f"{name}: {_QUOTED}")


def is_in_quotes(text: str) -> bool:
    """Whether `text` begins or ends with a quote, as a variable does that was set where no shell removes quotes."""
    return text[:1] in _QUOTES or text[-1:] in _QUOTES if text else False


def is_surely_address(text: str) -> bool:
    """Whether `text` is an address and no key: it names one of the schemes, or the host ``localhost``."""
    start = text.strip().lower()
    return (
        start.startswith(tuple(f"{each}://" for each in _SCHEMES)) or start.partition(":")[0] == "localhost"
    )


def _odd_characters(text: str) -> str:
    """What is wrong with the characters of an address; empty if nothing is."""
    if not text:
        return "it is empty"
    if is_in_quotes(text):
        return _QUOTED
    if not text.isascii():
        return "it holds characters outside ASCII"
    return "" if is_plain(text) else "it holds white space or control characters"


def _scheme_slip(text: str) -> str:
    """What is wrong with how a scheme is joined to the address; empty if nothing is.

    Without this, the scheme would be taken for a host of that name: ``http//host``, ``http:/host``.
    """
    if _has_scheme(text):
        rest = text.partition("://")[2]
        return "it begins with two schemes; leave one out" if _has_scheme(rest) or _scheme_slip(rest) else ""
    scheme = next(
        (each for each in _SCHEMES if text[: len(each) + 1].lower() in (f"{each}:", f"{each}/")), ""
    )
    rest = text[len(scheme) :]
    if scheme and rest.startswith("//"):
        return f"a ':' is missing after {scheme!r}; write {scheme}://host[:port]"
    # A number is the port of a host of that name.
    if scheme and rest.startswith(":") and not rest[1:].partition("/")[0].isdigit():
        return f"'//' must stand after '{scheme}:'; write {scheme}://host[:port]"
    return ""


def _split(text: str, name: str) -> Tuple[SplitResult, Optional[int]]:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        pass_on(error)
        parts, port = None, None
    # The URI itself is not repeated in these messages: it may hold a password.
    if parts is None or port == 0:
        raise ConfigurationError(f"{name}: not a valid address; the port must be a number from 1 to 65535")
    if "@" in parts.netloc:
        raise ConfigurationError(f"{name}: no user or password belongs in it; give the API key separately")
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


def _holds_token(text: str) -> bool:
    """Whether a task's token is in `text`. What may be an API key is not told from a host's name: some look like one."""
    parts = text.lower().partition("://")[2 if _has_scheme(text) else 0].split("/")
    return any(part.startswith(TOKEN_PREFIXES) for part in parts)


def _is_cloud(address: str) -> bool:
    host = address.replace("/", ":").partition(":")[0].lower()
    return host == CLOUD_DOMAIN or host.endswith("." + CLOUD_DOMAIN)


def _is_host(host: str) -> bool:
    """Whether it can be a host name: DNS accepts no label that is empty or longer than 63 characters."""
    labels = (host[:-1] if host.endswith(".") else host).split(".")
    return all(0 < len(label) < 64 for label in labels)
