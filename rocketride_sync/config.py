"""The checked settings of a client, from arguments and the environment."""

from __future__ import annotations

import functools
import os
import warnings
from typing import TYPE_CHECKING, Any, Callable, Iterable, Iterator, Mapping, Optional, Tuple, Union

from . import connection_arguments
from .address import DEFAULT_URI, NO_ADDRESS, Address, check_quotes, is_surely_address
from .errors import ConfigurationError, RocketRideWarning
from .frozen import Frozen
from .options import RetryPolicy, Seconds, SizeLimit, optional_seconds
from .redact import SHORTEST_SECRET, Secret, proxy_secrets

if TYPE_CHECKING:
    from .key_source import KeySource
    from .protocol.operations import Operation

DEFAULT_CONNECT_TIMEOUT = 10.0
DEFAULT_MAX_RESPONSE_BYTES = 250 * 1024 * 1024
DEFAULT_MAX_STATUS_BYTES = 32 * 1024 * 1024
DEFAULT_RETRY = RetryPolicy()

# What people write for our variables, used to other programs.
_OTHER_NAMES = {
    "ROCKETRIDE_URI": ("ROCKETRIDE_URL", "ROCKETRIDE_HOST", "ROCKETRIDE_SERVER", "ROCKETRIDE_ADDRESS"),
    "ROCKETRIDE_APIKEY": ("ROCKETRIDE_API_KEY", "ROCKETRIDE_KEY", "ROCKETRIDE_AUTH"),
}
Auth = Union[str, Callable[[], str]]
Verify = Union[bool, str]
Cert = Union[None, str, Tuple[str, str]]


@functools.lru_cache(maxsize=8)
def _size_limit(option: str, size: int) -> SizeLimit:
    """The limit: the same object for each call."""
    return SizeLimit(option, size)


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
        checked = connection_arguments.headers(headers)
        through = connection_arguments.proxies(proxies)
        self._set(
            address=address,
            auth=_credential(auth, (*_parts(checked), *proxy_secrets((through or {}).values()))),
            headers={name: Secret(value) for name, value in checked.items()},
            timeout=optional_seconds("timeout", timeout),
            connect_timeout=optional_seconds("connect_timeout", connect_timeout),
            retry=connection_arguments.retry_policy(retry),
            verify=connection_arguments.verify(verify),
            cert=connection_arguments.certificate(cert),
            proxies=through,
            max_response_bytes=connection_arguments.byte_count("max_response_bytes", max_response_bytes),
            max_status_bytes=connection_arguments.byte_count("max_status_bytes", max_status_bytes),
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
        if self.max_status_bytes < self.max_response_bytes and operation.asks_status:
            return _size_limit("max_status_bytes", self.max_status_bytes)
        return _size_limit("max_response_bytes", self.max_response_bytes)

    def risks(self) -> Iterator[str]:
        """The warnings that a user should get."""
        if not (self.address.secure or self.address.is_loopback):
            yield f"the API key travels unencrypted to {self.address}; use https://"
        if self.address.secure and self.verify is False:
            yield f"verify=False: {self.address} may be anybody, and the API key is sent to it"


def environment_value(name: str, raw: str) -> str:
    """The value `raw` of the environment variable `name`, without white space around it.

    Warns:
        RocketRideWarning: there was white space.

    Raises:
        ConfigurationError: it stands in quotes, which no address, key or token does.
    """
    value = raw.strip()
    check_quotes(name, value)
    if value and value != raw:
        message = f"{name}: white space stands around its value, and was left out"
        warnings.warn(message, RocketRideWarning, stacklevel=6)
    return value


def misnamed(name: str, variables: Mapping[str, str]) -> str:
    """A hint at a variable that is set and may be meant for `name`, which is not set; empty if there is none.

    It is for the end of a message, and has no value in it.
    """
    other = next((other for other in _OTHER_NAMES[name] if variables.get(other, "").strip()), None)
    return f"; {other} is set: should it be {name}?" if other else ""


def _parts(headers: Mapping[str, str]) -> Iterator[str]:
    """The secrets among the values of the headers: short words are none."""
    # Whole, and their words: ``Bearer …`` may come back without its first.
    parts = (part for value in headers.values() for part in (value, *value.split()))
    return (part for part in parts if len(part) >= SHORTEST_SECRET)


def _credential(auth: Any, along: Iterable[str]) -> Union[Secret, KeySource]:
    """The credential, which knows the secrets that are sent along with it."""
    if isinstance(auth, Secret) or hasattr(auth, "renew"):
        return auth  # type: ignore[no-any-return]  # of the settings that these are a copy of
    along = tuple(dict.fromkeys(along))
    if not callable(auth):
        hint = "" if auth else misnamed("ROCKETRIDE_APIKEY", os.environ)
        return Secret(connection_arguments.api_key(auth, hint_if_missing=hint), along)
    from .import_lock import import_lock

    with import_lock:
        from .key_source import KeySource  # most clients have a plain key

    return KeySource(auth, along)


def resolve(uri: Optional[str], auth: Optional[Auth]) -> Tuple[Address, Auth]:
    """The address and the credential: as given, else from the environment, else the documented default.

    Environment: ``ROCKETRIDE_URI`` and ``ROCKETRIDE_APIKEY``. An empty value there counts as not given.

    Warns:
        RocketRideWarning: the address is the default, and a variable is set whose name may be meant for ``ROCKETRIDE_URI``.

    Raises:
        ConfigurationError: for an unusable address, a variable in quotes, or an address in place of a key. A missing
            credential is left to `Settings`.
    """
    if uri is not None and not isinstance(uri, str):
        raise ConfigurationError(f"uri must be a string, not {type(uri).__name__}")
    credential = _variable("ROCKETRIDE_APIKEY") if auth is None else auth
    # Before the address is read: it may be the key, whose host would be looked up, and told in messages.
    if isinstance(credential, str) and is_surely_address(credential):
        raise ConfigurationError("the API key is an address (RocketRideClient takes uri first, then auth)")
    # An empty one is none, and not the default, which would get the key.
    written, name = (
        (_variable("ROCKETRIDE_URI") or _default_uri(), "ROCKETRIDE_URI") if uri is None else (uri, "uri")
    )
    if isinstance(credential, str) and credential.strip() and written.strip() == credential.strip():
        raise ConfigurationError(f"{name}: {NO_ADDRESS}")
    return Address.parse(written, name), credential


def _default_uri() -> str:
    """The documented default. It gets the key, so whoever seems to have meant another address is warned."""
    hint = misnamed("ROCKETRIDE_URI", os.environ)
    if hint:
        message = f"ROCKETRIDE_URI is not set, so the address is the default, {DEFAULT_URI}{hint}"
        warnings.warn(message, RocketRideWarning, stacklevel=5)
    return DEFAULT_URI


def _variable(name: str) -> str:
    return environment_value(name, os.environ.get(name, ""))
