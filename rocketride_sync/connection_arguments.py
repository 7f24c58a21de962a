"""Checks of what a client is made with: the credential, certificates, proxies, headers and limits.

As in `arguments`, each function returns the value if it is valid, and raises `ConfigurationError` if not.
"""

from __future__ import annotations

import stat
from typing import Any, Dict, Mapping, Optional, Union

from .arguments import as_text, is_plain, items_of, mode_of, plain_str
from .errors import ConfigurationError
from .options import RetryPolicy

_NAME_MARKS = "!#$%&'*+-.^_`|~"  # RFC 9110, section 5.6.2
# What the transports set themselves, and what would change how a message is framed.
_OWN_HEADERS = frozenset(
    (
        "accept",
        "accept-encoding",
        "authorization",
        "connection",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "expect",
    )
)
_OWN_PREFIXES = ("content-", "proxy-", "sec-websocket-")


def api_key(value: Any, name: str = "auth", hint_if_missing: str = "") -> str:
    """A credential. It is a secret, so the messages do not repeat it. `hint_if_missing` stands behind that there is none."""
    if not isinstance(value, str):
        hint = ", or a function that returns one" if name == "auth" else ""
        raise ConfigurationError(f"{name} must be a string{hint}, not {type(value).__name__}")
    if not value.strip():
        raise ConfigurationError(f"no API key: pass auth='…' or set ROCKETRIDE_APIKEY{hint_if_missing}")
    if not is_plain(value):
        raise ConfigurationError(
            "the API key holds white space or characters outside ASCII; is it a whole line?"
        )
    return plain_str(value)


def verify(value: Any) -> Union[bool, str]:
    """Whether to verify a server's certificate, or the path of CA certificates, as a string."""
    found = as_text(value)
    if isinstance(found, bool):
        return found
    if not isinstance(found, str):
        raise ConfigurationError(f"verify must be True, False or a path to CA certificates, not {found!r}")
    if not mode_of(found):
        raise ConfigurationError(f"verify: there is no file or directory {found!r}")
    return found


def certificate(value: Any) -> Any:
    """A client certificate: a path, or a tuple of one or two, as strings; or None."""
    found = tuple(map(as_text, value)) if isinstance(value, tuple) else as_text(value)
    files = (found,) if isinstance(found, str) else found
    if files is None:
        return None
    if not isinstance(files, tuple) or not 1 <= len(files) <= 2:
        raise ConfigurationError("cert must be a path, or a tuple of the paths (certificate, key)")
    for file in files:
        if not isinstance(file, str) or not stat.S_ISREG(mode_of(file)):
            raise ConfigurationError(f"cert: there is no file {file!r}")
    return found


def proxies(value: Any) -> Optional[Mapping[str, str]]:
    """A mapping of schemes to proxies, or None. A proxy that is None or empty is none."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise ConfigurationError("proxies must be a mapping such as {'https': 'http://proxy:3128'}")
    known = dict(items_of("proxies", value))
    for scheme, proxy in known.items():
        # The values are not shown: they may hold passwords.
        if not isinstance(scheme, str) or not (proxy is None or isinstance(proxy, str)):
            raise ConfigurationError(
                f"proxies must map strings to strings, not {type(scheme).__name__} to {type(proxy).__name__}"
            )
    return {plain_str(scheme): proxy and plain_str(proxy) for scheme, proxy in known.items()}


def headers(value: Any) -> Dict[str, str]:
    """Headers for a gateway, as a new dict; empty for None. The values are secrets, so the messages do not repeat them."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ConfigurationError(
            f"headers must be a mapping such as {{'X-Gateway': '…'}}, not {type(value).__name__}"
        )
    given = items_of("headers", value)
    found = {plain_str(name): text.strip(" ") for name, text in given if _is_header(name, text)}
    if len(found) < len(given):
        raise ConfigurationError(
            "headers must map names of HTTP headers to values of visible ASCII characters"
        )
    known = [name.lower() for name in found]
    for name in known:
        if name in _OWN_HEADERS or name.startswith(_OWN_PREFIXES):
            raise ConfigurationError(f"headers: {name!r} is not yours to set; the API key is auth=")
        if known.count(name) > 1:
            raise ConfigurationError(f"headers: {name!r} is given twice")
    return found


def _is_header(name: Any, text: Any) -> bool:
    if not (isinstance(name, str) and isinstance(text, str) and name and name.isascii()):
        return False
    return (
        all(char.isalnum() or char in _NAME_MARKS for char in name) and text.isascii() and text.isprintable()
    )


def retry_policy(value: Any) -> RetryPolicy:
    """A `RetryPolicy`."""
    if not isinstance(value, RetryPolicy):
        raise ConfigurationError(f"retry must be a RetryPolicy, not {type(value).__name__}")
    return value


def byte_count(name: str, value: Any) -> int:
    """A positive number of bytes."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigurationError(f"{name} must be a positive number of bytes, not {value!r}")
    return value
