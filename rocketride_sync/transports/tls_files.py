"""The files of TLS, the same for both transports: authorities, our certificate, and a log of keys."""

from __future__ import annotations

import errno
import os
import ssl
import stat
import sys
from typing import Any, Callable, Sequence, Tuple, TypeVar

from ..arguments import mode_of
from ..config import Cert, Verify
from ..errors import ConfigurationError, TransportError
from ..handler_exceptions import pass_on
from ..loading import load
from ..owned_files import named_pipe_problem
from ..redact import reason_of

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
        _check_named_pipe("SSLKEYLOGFILE", key_log)
        _usable("SSLKEYLOGFILE", setattr, _unverified(), "keylog_filename", key_log)
    context = _unverified() if verify is False else _verifying(_authorities(verify))
    if key_log:
        context.keylog_filename = key_log
    if cert is not None:
        chain, *key = (cert,) if isinstance(cert, str) else cert
        for path in (chain, *key):
            _check_readable("cert", path)
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
    return step(capath=path) if stat.S_ISDIR(mode_of(path)) else step(cafile=path)


def _existing(setting: str, named: str) -> Sequence[str]:
    """The paths of a setting. Of several directories, some may be missing, but not all."""
    paths = [path for path in named.split(os.pathsep) if path] if setting == "SSL_CERT_DIR" else [named]
    found = [path for path in paths if not _is_missing(path)]
    if not found:
        raise ConfigurationError(f"{setting}: there is no file or directory {named!r}")
    for path in found:
        _check_readable(setting, path)
    return found


# OpenSSL opens and reads the files, without a timeout and without a look at signals.


def _check_readable(setting: str, path: str) -> None:
    """Raise ConfigurationError if reading the file at `path` might never end."""
    _check_named_pipe(setting, path)
    if stat.S_ISCHR(mode_of(path)):
        raise ConfigurationError(f"{setting}: {path!r} is a device; a file is needed")


def _check_named_pipe(setting: str, path: str) -> None:
    """Raise ConfigurationError if opening the file at `path` might wait for ever."""
    problem = named_pipe_problem(path, mode_of(path))
    if problem:
        raise ConfigurationError(f"{setting}: {path!r} {problem}")


def _is_missing(path: str) -> bool:
    try:
        os.stat(path)
    except (OSError, ValueError) as error:
        pass_on(error)
        # ValueError: it holds a null character.
        return isinstance(error, (FileNotFoundError, NotADirectoryError, ValueError))
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
    except OSError as error:
        pass_on(error)
        reason = reason_of(error)
        passes = error.errno in _SHORTAGES and not isinstance(error, ssl.SSLError)
    except ValueError as error:
        pass_on(error)
        reason = type(error).__name__
    if passes:
        raise TransportError(f"{name}: the certificate or key file could not be read: {reason}")
    raise ConfigurationError(f"{name}: the certificate or key file cannot be used: {reason}")


# What is loaded when it is first needed.


def _certifi() -> Any:
    import certifi

    return certifi
