"""The options for server and API key, and the client that is made from them."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Mapping, Optional, Tuple

from ..config import DEFAULT_CONNECT_TIMEOUT
from ..errors import ConfigurationError
from ..options import TRANSPORTS
from . import durations, env_file, output, secret_input

if TYPE_CHECKING:
    from ..client.client import RocketRideClient


def add_server_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a command that talks to a server. They may stand before or after the command's name.

    They have no defaults, because those of the command would overwrite what was given before its name; `DEFAULTS` has
    the defaults.
    """
    _add(
        parser,
        "--uri",
        metavar="URI",
        help="the server's address (else ROCKETRIDE_URI); its port is 5565 unless given, also with https://, but for RocketRide's cloud",
    )
    _add(
        parser,
        "--ca-file",
        metavar="FILE",
        help="check the server's certificate with the authorities in FILE (else REQUESTS_CA_BUNDLE)",
    )
    _add(
        parser,
        "--connect-timeout",
        type=durations.positive_duration,
        metavar="DURATION",
        help="give up one attempt to connect after this time (default: 10)",
    )
    _add(
        parser,
        "--transport",
        choices=TRANSPORTS,
        metavar="NAME",
        help="how to reach the server: auto (the default), websocket or http",
    )
    add_key_options(parser)


def add_key_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of every command that takes an API key."""
    key_help = (
        "read the API key from FILE; - is standard input, where a terminal asks for it and hides it (else "
        "ROCKETRIDE_APIKEY); a key is never an argument"
    )
    _add(parser, "--apikey-file", metavar="FILE", help=key_help)
    env_help = (
        "read ROCKETRIDE_* variables from FILE (lines NAME=VALUE); the process's own variables win; a line that names "
        "one, but gives it no value, is an error; so is an empty ROCKETRIDE_URI, ROCKETRIDE_APIKEY or ROCKETRIDE_TOKEN"
    )
    _add(parser, "--env-file", metavar="FILE", help=env_help)
    add_verbose_option(parser)


def add_verbose_option(parser: argparse.ArgumentParser) -> None:
    _add(parser, "--verbose", action="store_true", help="log what happens on stderr")


def _add(parser: argparse.ArgumentParser, option: str, **details: Any) -> None:
    parser.add_argument(option, default=argparse.SUPPRESS, **details)


DEFAULTS = {
    "uri": None,
    "apikey_file": None,
    "ca_file": None,
    "connect_timeout": DEFAULT_CONNECT_TIMEOUT,
    "env_file": None,
    "transport": "auto",
    "verbose": False,
}


class Environment:
    """The ``ROCKETRIDE_*`` variables: those of the process, else those of ``--env-file``."""

    def __init__(self, path: Optional[str]) -> None:
        self.path = path
        self._file: Dict[str, str] = {} if path is None else env_file.read(path)
        self._values: Dict[str, str] = {}
        self.keys: List[Optional[str]] = []  # what `api_key` has found

    def get(self, name: str) -> Optional[str]:
        """The variable's value; None if it is not set or blank.

        Raises:
            ConfigurationError: it stands in quotes.
        """
        if name not in self._values:  # once, for it may warn
            from ..config import environment_value

            raw = (os.environ.get(name, ""), self._file.get(name, ""))
            self._values[name] = environment_value(name, next(filter(str.strip, raw), ""))
        return self._values[name] or None

    def source(self, name: str) -> Optional[str]:
        """Where `get` has the value from, in words; None if there is none."""
        if os.environ.get(name, "").strip():
            return name
        return f"{name} in {self.path}" if self.get(name) else None

    def misnamed(self, name: str) -> str:
        """A hint at a variable that may be meant for `name`, which is not set: see `config.misnamed`."""
        from ..config import misnamed

        return misnamed(name, {**self._file, **os.environ})

    def variables_for(self, pipeline: Mapping[str, Any]) -> Dict[str, str]:
        """The variables of ``--env-file`` to send with a pipeline that refers to them. The API key is never one."""
        from ..client import pipelines

        return self.file_variables(pipelines.references(pipeline) - {pipelines.KEY_VARIABLE})

    def file_variables(self, names: Iterable[str]) -> Dict[str, str]:
        """The variables of ``--env-file`` that are in `names` and not set in the process."""
        return {name: self._file[name] for name in names if name in self._file and name not in os.environ}


def uri_source(args: argparse.Namespace, environment: Environment) -> Tuple[Optional[str], str]:
    """The address that the options and the environment name, None for the default; and where it is from, in words."""
    uri = environment.get("ROCKETRIDE_URI") if args.uri is None else args.uri
    output.default_address_note = ""
    if uri is None:
        hint = environment.misnamed("ROCKETRIDE_URI")
        output.default_address_note = f"the default address: ROCKETRIDE_URI is not set{hint}"
        return None, f"the default: neither --uri nor ROCKETRIDE_URI is set{hint}"
    return uri, "--uri" if args.uri is not None else environment.source("ROCKETRIDE_URI") or "ROCKETRIDE_URI"


def key_source(args: argparse.Namespace, environment: Environment) -> Optional[str]:
    """Where `api_key` has the key from, in words; None if there is none."""
    if args.apikey_file == secret_input.FROM_STDIN:
        return "standard input"
    return args.apikey_file or environment.source("ROCKETRIDE_APIKEY")


def api_key(args: argparse.Namespace, environment: Environment) -> Optional[str]:
    """The key of ``--apikey-file``, else of the environment, else None. Warns if others can read its file.

    It is read once. A command with a timeout reads it first: who writes it to standard input may take any time.
    """
    if not environment.keys:
        environment.keys.append(_read_api_key(args, environment))
    return environment.keys[0]


def _read_api_key(args: argparse.Namespace, environment: Environment) -> Optional[str]:
    if args.apikey_file == secret_input.FROM_STDIN:
        text = secret_input.read_stdin("the API key", one_line=True)
        return secret_input.api_key(text, "standard input")
    if args.apikey_file is not None:
        secret_input.warn_if_others_can_read(args.apikey_file)
        return secret_input.api_key(secret_input.read_text(args.apikey_file), args.apikey_file)
    key = environment.get("ROCKETRIDE_APIKEY")
    if (
        key
        and environment.path is not None
        and environment.source("ROCKETRIDE_APIKEY") != "ROCKETRIDE_APIKEY"
    ):
        secret_input.warn_if_others_can_read(environment.path)
    return key


def make_client(
    args: argparse.Namespace, environment: Environment, *, key: Optional[str] = None
) -> RocketRideClient:
    """A client of the server that the options name, with their key or `key`. The only I/O is reading the key's file."""
    key = key or api_key(args, environment)
    if key is None:
        hint = environment.misnamed("ROCKETRIDE_APIKEY")
        raise ConfigurationError(
            f"no API key: set ROCKETRIDE_APIKEY, or use --apikey-file or --env-file{hint}"
        )
    output.add_secret(key)

    from ..client.client import RocketRideClient

    return RocketRideClient(
        _uri(args, environment),
        key,
        transport=args.transport,
        verify=True if args.ca_file is None else args.ca_file,
        connect_timeout=args.connect_timeout,
    )


def _uri(args: argparse.Namespace, environment: Environment) -> str:
    """The address as given, else the default; checked here, where it is known what gave it."""
    from ..address import DEFAULT_URI, Address

    uri, name = uri_source(args, environment)
    # An empty one is checked too: in its place, that of the environment or the default would get the key.
    if uri is not None:
        Address.parse(uri, name)
    return DEFAULT_URI if uri is None else uri
