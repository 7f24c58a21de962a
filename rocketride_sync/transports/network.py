"""TLS and proxy settings, the same for both transports: an argument, else the environment, else the default."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Mapping, NamedTuple, Optional
from urllib.parse import unquote, urlsplit

from ..config import Address, Cert, Verify
from ..errors import ConfigurationError
from ..redact import reason_of

if TYPE_CHECKING:
    import ssl

_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


def ca_certificates(verify: Verify) -> Verify:
    """What the server's certificate is verified with: a path to CA certificates, or False for no verification.

    True means the first of ``REQUESTS_CA_BUNDLE``, ``CURL_CA_BUNDLE`` and ``SSL_CERT_FILE`` that is set, else
    the authorities that certifi ships.
    """
    if verify is not True:
        return verify
    for name in _CA_VARIABLES:
        path = os.environ.get(name)
        if path:
            if not os.path.exists(path):
                raise ConfigurationError(f"{name} names a file that does not exist: {path}")
            return path
    import certifi

    return certifi.where()


def tls_context(verify: Verify, cert: Cert) -> ssl.SSLContext:
    """A TLS context for `verify` and `cert`, as `RocketRideClient` takes them.

    Raises:
        ConfigurationError: the files cannot be used.
    """
    import ssl

    ca = ca_certificates(verify)
    try:
        # The named authorities replace those of the system, which Python loads only if none are named.
        if isinstance(ca, str):
            folder = os.path.isdir(ca)
            context = ssl.create_default_context(cafile=None if folder else ca, capath=ca if folder else None)
        else:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if cert is not None:
            context.load_cert_chain(*((cert,) if isinstance(cert, str) else cert))
        return context
    except (ssl.SSLError, OSError) as error:
        reason = reason_of(error)
    raise ConfigurationError(f"verify or cert: the certificate files are unusable: {reason}")


class Proxy(NamedTuple):
    """An HTTP proxy.

    Attributes:
        host: its name or address.
        port: its port.
        credentials: ``user:password``, or None.
    """

    host: str
    port: int
    credentials: Optional[str]

    def __repr__(self) -> str:
        return f"Proxy(host={self.host!r}, port={self.port!r})"

    @classmethod
    def parse(cls, url: str) -> Proxy:
        """Read ``http://[user:password@]host[:port]``.

        Raises:
            ConfigurationError: it has another form. The message does not repeat the URL, which may hold a password.
        """
        try:
            parts = urlsplit(url if "://" in url else f"http://{url}")
            port = parts.port or 80
        except ValueError:
            parts, port = None, 0
        if parts is None or not parts.hostname or parts.scheme != "http":
            raise ConfigurationError("proxy: use http://host:port; WebSocket goes through HTTP proxies only")
        user = None
        if parts.username is not None:
            user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        return cls(parts.hostname, port, user)


def proxy_for(address: Address, proxies: Optional[Mapping[str, str]]) -> Optional[Proxy]:
    """The proxy for `address`, chosen as requests chooses: from `proxies` if given, else from the environment."""
    chosen = _choose(address, environment_proxies(address) if proxies is None else proxies)
    return Proxy.parse(chosen) if chosen else None


def _choose(address: Address, proxies: Mapping[str, str]) -> Optional[str]:
    scheme = "https" if address.secure else "http"
    keys = (f"{scheme}://{address.host}", scheme, f"all://{address.host}", "all")
    return next((proxies[key] for key in keys if proxies.get(key)), None)


def environment_proxies(address: Address) -> Mapping[str, str]:
    """The proxies of the environment, by scheme; none if ``NO_PROXY`` excepts `address`. For both transports."""
    settings = sys.platform in ("win32", "darwin") or any(
        name.lower().endswith("_proxy") for name in os.environ
    )
    if not settings:
        return {}
    from urllib.request import getproxies, proxy_bypass  # slow to import, and seldom needed

    if proxy_bypass(address.host) or proxy_bypass(address.authority) or _in_no_proxy_network(address.host):
        return {}
    return getproxies()


def _in_no_proxy_network(host: str) -> bool:
    """Whether ``NO_PROXY`` names a network, such as ``10.0.0.0/8``, that contains the address `host`."""
    excepted = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    return any(_contains(part.strip(), host) for part in excepted.split(",") if "/" in part)


def _contains(network: str, host: str) -> bool:
    from ipaddress import ip_address, ip_network

    try:
        # As requests reads it: 10.1.2.3/8 is the network of that address. A zone names an interface of this machine.
        return ip_address(host.partition("%")[0]) in ip_network(network, strict=False)
    except ValueError:  # one entry that is something else spoils nothing
        return False


def is_certificate_alert(error: object) -> bool:
    """Whether it is the TLS alert of a server that refused our client certificate, or got none."""
    import ssl

    alert = reason_of(error) if isinstance(error, ssl.SSLError) else ""
    return "ALERT" in alert and ("CERT" in alert or "UNKNOWN_CA" in alert)
