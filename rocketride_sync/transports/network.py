"""TLS and proxy settings, the same for both transports: an argument, else the environment, else the default."""

from __future__ import annotations

import errno
import os
import ssl
import sys
from typing import Any, Callable, Mapping, NamedTuple, Optional, Sequence, Tuple, TypeVar
from urllib.parse import unquote, urlsplit

from ..address import Address, split_zone
from ..config import Cert, Verify
from ..errors import ConfigurationError, TransportError
from ..loading import load
from ..redact import printable, reason_of

T = TypeVar("T")

_SHORTAGES = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_OPENSSL_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")

Authorities = Sequence[Tuple[str, str]]
"""Files and directories of certificates, each with the setting that names it."""


def _authorities(verify: Verify) -> Authorities:
    """What the server's certificate is verified with.

    True means the first of ``REQUESTS_CA_BUNDLE`` and ``CURL_CA_BUNDLE`` that is set; else ``SSL_CERT_FILE`` and
    ``SSL_CERT_DIR``, both if both are set, as OpenSSL has it; else the authorities that certifi ships.
    """
    if isinstance(verify, str):
        return [("verify", verify)]
    found = [(name, os.environ[name]) for name in _CA_VARIABLES if os.environ.get(name)][:1]
    found = found or [(name, os.environ[name]) for name in _OPENSSL_VARIABLES if os.environ.get(name)]
    return found or [("verify", load(_certifi).where())]


def tls_context(verify: Verify, cert: Cert) -> ssl.SSLContext:
    """A TLS context for `verify` and `cert`, as `RocketRideClient` takes them.

    Raises:
        ConfigurationError: a file that they name, or that ``SSLKEYLOGFILE`` names, cannot be used.
    """
    key_log = None if sys.flags.ignore_environment else os.environ.get("SSLKEYLOGFILE")
    if key_log:
        _usable("SSLKEYLOGFILE", setattr, _unverified(), "keylog_filename", key_log)
    context = _unverified() if verify is False else _verifying(_authorities(verify))
    if key_log:
        context.keylog_filename = key_log
    if cert is not None:
        chain, *key = (cert,) if isinstance(cert, str) else cert
        _usable("cert", context.load_cert_chain, chain, key[0] if key else None, _no_password)
    return context


class _EncryptedKeyError(Exception):
    pass


def _no_password() -> str:
    # Without a function that says so, OpenSSL would ask at the terminal, and wait there for ever.
    raise _EncryptedKeyError


def _verifying(authorities: Authorities) -> ssl.SSLContext:
    locations = [(setting, path) for setting, named in authorities for path in _existing(setting, named)]
    # The named authorities replace those of the system, which Python loads only if none are named.
    setting, path = locations[0]
    context: ssl.SSLContext = _usable(setting, _load_authorities, ssl.create_default_context, path)
    for setting, path in locations[1:]:
        _usable(setting, _load_authorities, context.load_verify_locations, path)
    return context


def _load_authorities(step: Callable[..., T], path: str) -> T:
    return step(capath=path) if os.path.isdir(path) else step(cafile=path)


def _existing(setting: str, named: str) -> Sequence[str]:
    """The paths of a setting. Of several directories, some may be missing, but not all."""
    paths = [path for path in named.split(os.pathsep) if path] if setting == "SSL_CERT_DIR" else [named]
    found = [path for path in paths if not _is_missing(path)]
    if not found:
        raise ConfigurationError(f"{setting}: there is no file or directory {named!r}")
    return found


def _is_missing(path: str) -> bool:
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: it holds a null character
        return True
    except OSError:
        return False
    return False


def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _usable(name: str, step: Callable[..., T], *args: Any) -> T:
    """The result of `step`, which uses the files of the setting `name`."""
    passes = False
    try:
        return step(*args)
    except _EncryptedKeyError:
        reason = "the private key is encrypted, and there is no way to give its pass phrase; decrypt it"
    except (ssl.SSLError, OSError) as error:
        reason = reason_of(error)
        passes = error.errno in _SHORTAGES and not isinstance(error, ssl.SSLError)
    except ValueError as error:
        reason = type(error).__name__
    if passes:
        raise TransportError(f"{name}: the certificate or key file could not be read: {reason}")
    raise ConfigurationError(f"{name}: the certificate or key file cannot be used: {reason}")


_PROXY_PORTS = {"http": 80, "https": 443, "socks4": 1080, "socks4a": 1080, "socks5": 1080, "socks5h": 1080}


class Proxy(NamedTuple):
    """A proxy.

    Attributes:
        scheme: ``http``, ``https``, ``socks4``, ``socks4a``, ``socks5`` or ``socks5h``.
        host: its name or address, with its zone if it has one.
        port: its port.
        credentials: ``user:password``, or None.
        origin: where it was set, for messages.
    """

    scheme: str
    host: str
    port: int
    credentials: Optional[str]
    origin: str = "proxies="

    def __str__(self) -> str:
        """For messages: without the password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"the proxy {self.scheme}://{printable(host)}:{self.port} (set by {self.origin})"

    def __repr__(self) -> str:
        return f"Proxy(scheme={self.scheme!r}, host={self.host!r}, port={self.port!r})"

    @property
    def secure(self) -> bool:
        """Whether the proxy itself wants TLS."""
        return self.scheme == "https"

    @property
    def is_socks(self) -> bool:
        return self.scheme.startswith("socks")

    @property
    def resolves(self) -> bool:
        """Whether a SOCKS proxy is given names, as curl and requests do it, and not their addresses."""
        return self.scheme in ("socks4a", "socks5h")

    @classmethod
    def parse(cls, url: str, origin: str = "proxies=") -> Proxy:
        """Read ``[scheme://][user:password@]host[:port]``, which `origin` has set.

        Raises:
            ConfigurationError: it has another form. The message does not repeat the URL, which may hold a password.
        """
        try:
            parts = urlsplit(url if "://" in url else f"http://{url}")
            port = parts.port or _PROXY_PORTS.get(parts.scheme, 0)
        except ValueError:
            parts, port = None, 0
        # A password with a slash, not written as %2F, would be read as a part of host and port, and be shown.
        if parts is not None and any("@" in rest for rest in parts[2:]):
            parts = None
        if parts is None or not parts.hostname or parts.scheme not in _PROXY_PORTS:
            raise ConfigurationError(
                f"{origin}: the address of the proxy is unusable; write it as scheme://user:password@host:port, the scheme "
                f"one of {', '.join(_PROXY_PORTS)}, and special characters in user or password as %XX"
            )
        user = None
        if parts.username is not None:
            user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            _check_utf_8(user, origin)
        host, zone = split_zone(parts.hostname)
        return cls(parts.scheme, f"{host}%{zone}" if zone else host, port, user, origin)


def _check_utf_8(credentials: str, origin: str) -> None:
    try:
        credentials.encode()
    except UnicodeEncodeError:
        pass
    else:
        return
    raise ConfigurationError(
        f"{origin}: the proxy's user or password holds bytes that are not UTF-8; write it as %XX"
    )


def proxy_for(address: Address, proxies: Optional[Mapping[str, str]]) -> Optional[Proxy]:
    """The proxy for `address`, chosen as requests chooses: from `proxies` if given, else from the environment."""
    known = environment_proxies(address) if proxies is None else proxies
    scheme = "https" if address.secure else "http"
    keys = (f"{scheme}://{address.host}", scheme, f"all://{address.host}", "all")
    key = next((key for key in keys if known.get(key)), None)
    if key is None:
        return None
    return Proxy.parse(known[key], _variable(key) if proxies is None else f"proxies[{key!r}]")


def _variable(key: str) -> str:
    """The variable of the environment that sets the proxies with this key, as `urllib.request` reads them."""
    names = [name for name in os.environ if name.lower() == f"{key}_proxy" and os.environ[name]]
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
    except ValueError:  # one entry that is something else spoils nothing
        return False


def is_certificate_alert(error: object) -> bool:
    """Whether it is the TLS alert of a server that refused our client certificate, or got none."""
    alert = reason_of(error) if isinstance(error, ssl.SSLError) else ""
    return "ALERT" in alert and ("CERT" in alert or "UNKNOWN_CA" in alert)


# What is loaded when it is first needed.


def _certifi() -> Any:
    import certifi

    return certifi


def _system_proxies() -> Tuple[Callable[[], Mapping[str, str]], Callable[[str], Any]]:
    from urllib.request import getproxies, proxy_bypass  # slow to load

    return getproxies, proxy_bypass


def _networks() -> Tuple[Any, Any]:
    from ipaddress import ip_address, ip_network

    return ip_address, ip_network
