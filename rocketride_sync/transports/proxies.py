"""The proxy on the way to the server, the same for both transports: an argument, else the environment, else none."""

from __future__ import annotations

import os
import sys
from typing import Any, Callable, Mapping, Optional, Tuple
from urllib.parse import unquote, urlsplit

from ..address import Address, bracketed, split_zone
from ..arguments import is_utf_8
from ..errors import ConfigurationError, RocketRideError
from ..frozen import Frozen
from ..handler_exceptions import pass_on
from ..loading import load
from ..redact import printable

_PROXY_PORTS = {"http": 80, "https": 443, "socks4": 1080, "socks4a": 1080, "socks5": 1080, "socks5h": 1080}


class Proxy(Frozen):
    """A proxy.

    Attributes:
        scheme: ``http``, ``https``, ``socks4``, ``socks4a``, ``socks5`` or ``socks5h``.
        host: its name or address, with its zone if it has one.
        port: its port.
        credentials: ``user:password``, or None.
        origin: where it was set, for messages.
    """

    # The order is that of the repr.
    __slots__ = ("scheme", "host", "port", "credentials", "origin")  # noqa: RUF023
    _secret = ("credentials",)

    scheme: str
    host: str
    port: int
    credentials: Optional[str]
    origin: str

    def __init__(
        self, scheme: str, host: str, port: int, credentials: Optional[str], origin: str = "proxies="
    ) -> None:
        self._set(scheme=scheme, host=host, port=port, credentials=credentials, origin=origin)

    def __str__(self) -> str:
        """For messages: without the password."""
        return (
            f"the proxy {self.scheme}://{printable(bracketed(self.host))}:{self.port} (set by {self.origin})"
        )

    @property
    def secure(self) -> bool:
        """Whether the proxy itself wants TLS."""
        return self.scheme == "https"

    @property
    def is_socks(self) -> bool:
        return self.scheme.startswith("socks")

    def gets_whole_urls(self, address: Address) -> bool:
        """Whether HTTP sends it whole URLs for `address`: few proxies open tunnels to other ports than 443."""
        return self.scheme == "http" and not address.secure

    @property
    def resolves(self) -> bool:
        """Whether a SOCKS proxy is given names, as curl and requests do it, and not their addresses."""
        return self.scheme in ("socks4a", "socks5h")

    @staticmethod
    def blame(fault: RocketRideError, target: object) -> None:
        """Let `fault`, for which there is no connection to `target`, carry what set that, if it is a proxy."""
        if isinstance(target, Proxy):
            fault._unreached_proxy = target.origin

    @classmethod
    def parse(cls, url: str, origin: str = "proxies=") -> Proxy:
        """Read ``[scheme://][user:password@]host[:port]``, which `origin` has set.

        Raises:
            ConfigurationError: it has another form. The message does not repeat the URL, which may hold a password.
        """
        try:
            parts = urlsplit(url if "://" in url else f"http://{url}")
            port = parts.port or _PROXY_PORTS.get(parts.scheme, 0)
        except ValueError as error:
            pass_on(error)
            parts, port = None, 0
        # A password with a slash, not written as %2F, would be read as a part of host and port, and be shown.
        if parts is not None and any("@" in rest for rest in parts[2:]):
            parts = None
        if parts is None or not _is_name(parts.hostname) or parts.scheme not in _PROXY_PORTS:
            raise ConfigurationError(
                f"{origin}: the address of the proxy is unusable; write it as scheme://user:password@host:port, the scheme "
                f"one of {', '.join(_PROXY_PORTS)}, and special characters in user or password as %XX"
            )
        user = None
        if parts.username is not None:
            user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            if not is_utf_8(user):
                raise ConfigurationError(
                    f"{origin}: the proxy's user or password holds bytes that are not UTF-8; write it as %XX"
                )
        host, zone = split_zone(parts.hostname or "")
        return cls(parts.scheme, f"{host}%{zone}" if zone else host, port, user, origin)


def _is_name(host: Optional[str]) -> bool:
    return bool(host and host.isprintable() and " " not in host)


def proxy_for(address: Address, proxies: Optional[Mapping[str, str]]) -> Optional[Proxy]:
    """The proxy for `address`, chosen as requests chooses: from `proxies` if given, else from the environment."""
    known = environment_proxies(address) if proxies is None else proxies
    key = key_for(address, known)
    if key is None:
        return None
    return Proxy.parse(known[key].strip(), variable(key) if proxies is None else f"proxies[{key!r}]")


def key_for(address: Address, known: Mapping[str, str]) -> Optional[str]:
    """Which of the `known` proxies is for `address`; None for none. A blank one is none, as an empty one is."""
    keys = (f"{address.scheme}://{address.host}", address.scheme, f"all://{address.host}", "all")
    return next((key for key in keys if (known.get(key) or "").strip()), None)


def variable(key: str) -> str:
    """The variable of the environment that sets the proxies with this key, as `urllib.request` reads them."""
    names = [name for name in os.environ if name.lower() == f"{key}_proxy" and os.environ[name].strip()]
    return next((name for name in sorted(names, reverse=True)), "the system's settings")


def environment_proxies(address: Address) -> Mapping[str, str]:
    """The proxies of the environment, by scheme; none if ``NO_PROXY`` excepts `address`. For both transports."""
    settings = sys.platform in ("win32", "darwin") or any(
        name.lower().endswith("_proxy") for name in os.environ
    )
    if not settings:
        return {}
    getproxies, proxy_bypass = load(_system_proxies)
    if proxy_bypass(address.host) or proxy_bypass(address.authority) or _in_no_proxy_network(address.host):
        return {}
    return getproxies()


def _in_no_proxy_network(host: str) -> bool:
    """Whether ``NO_PROXY`` names a network, such as ``10.0.0.0/8``, that contains the address `host`."""
    excepted = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    return any(_contains(part.strip(), host) for part in excepted.split(",") if "/" in part)


def _contains(network: str, host: str) -> bool:
    ip_address, ip_network = load(_networks)
    try:
        # As requests reads it: 10.1.2.3/8 is the network of that address. A zone names an interface of this machine.
        return ip_address(host.partition("%")[0]) in ip_network(network, strict=False)
    except ValueError as error:  # one entry that is something else spoils nothing
        pass_on(error)
        return False


# What is loaded when it is first needed.


def _system_proxies() -> Tuple[Callable[[], Mapping[str, str]], Callable[[str], Any]]:
    from urllib.request import getproxies, proxy_bypass  # slow to load

    return getproxies, proxy_bypass


def _networks() -> Tuple[Any, Any]:
    from ipaddress import ip_address, ip_network

    return ip_address, ip_network
