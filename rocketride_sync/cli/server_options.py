"""The options for server, API key and token, and the client that is made from them."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Optional

from ..errors import ConfigurationError
from ..transports import NAMES
from . import env_file, output, secret_input

if TYPE_CHECKING:
    from ..client.client import RocketRideClient

FROM_STDIN = "-"


def add_server_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a command that talks to a server. They may stand before or after the command's name.

    They have no defaults, because those of the command would overwrite what was given before its name; `DEFAULTS` has
    the defaults.
    """
    _add(parser, "--uri", metavar="URI", help="the server's address (else ROCKETRIDE_URI)")
    _add(
        parser,
        "--transport",
        choices=NAMES,
        metavar="NAME",
        help="how to ask: auto (the default), websocket or http",
    )
    add_key_options(parser)


def add_key_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of every command that takes an API key."""
    key_help = "read the API key from FILE (else ROCKETRIDE_APIKEY); a key is never an argument"
    _add(parser, "--apikey-file", metavar="FILE", help=key_help)
    env_help = "read ROCKETRIDE_* variables from FILE; those of the process win"
    _add(parser, "--env-file", metavar="FILE", help=env_help)
    add_verbose_option(parser)


def add_verbose_option(parser: argparse.ArgumentParser) -> None:
    _add(parser, "--verbose", action="store_true", help="log what happens on stderr")


def _add(parser: argparse.ArgumentParser, option: str, **details: Any) -> None:
    parser.add_argument(option, default=argparse.SUPPRESS, **details)


DEFAULTS = {"uri": None, "apikey_file": None, "env_file": None, "transport": "auto", "verbose": False}


class Environment:
    """The ``ROCKETRIDE_*`` variables: those of the process, else those of ``--env-file``."""

    def __init__(self, path: Optional[str]) -> None:
        self._file: Dict[str, str] = {} if path is None else env_file.read(path)
        self._values: Dict[str, str] = {}

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

    def file_variables(self, names: Iterable[str]) -> Dict[str, str]:
        """The variables of ``--env-file`` that are in `names` and not set in the process."""
        return {name: self._file[name] for name in names if name in self._file and name not in os.environ}


def api_key(args: argparse.Namespace, environment: Environment) -> Optional[str]:
    """The key of ``--apikey-file``, else of the environment, else None."""
    if args.apikey_file is not None:
        return secret_input.single_word(
            secret_input.read_text(args.apikey_file), args.apikey_file, "the API key"
        )
    return environment.get("ROCKETRIDE_APIKEY")


def make_client(args: argparse.Namespace, environment: Environment) -> RocketRideClient:
    """A client of the server that the options name. The only I/O is reading the key's file."""
    key = api_key(args, environment)
    if key is None:
        raise ConfigurationError("no API key: set ROCKETRIDE_APIKEY, or use --apikey-file or --env-file")
    output.add_secret(key)

    from ..client.client import RocketRideClient

    return RocketRideClient(_uri(args, environment), key, transport=args.transport)


def _uri(args: argparse.Namespace, environment: Environment) -> Optional[str]:
    """The address as given, if one is; checked here, where it is known what gave it."""
    from ..config import Address

    given = (("--uri", args.uri), ("ROCKETRIDE_URI", None if args.uri else environment.get("ROCKETRIDE_URI")))
    for name, uri in given:
        if uri:
            Address.parse(uri, name)
            return str(uri)
    return None


def add_token_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "token",
        metavar="TOKEN",
        nargs="?",
        help="the task's token; other users may see arguments, so - reads it from standard input "
        "(default: ROCKETRIDE_TOKEN)",
    )


def task_token(args: argparse.Namespace, environment: Environment) -> str:
    """The token given as argument, on standard input or in the environment."""
    if args.token is None:
        return _default_token(environment)
    if args.token == FROM_STDIN:
        return secret_input.single_word(_standard_input(one_line=True), "standard input", "the token")
    return _token_argument(args.token)


def add_tokens_argument(parser: argparse.ArgumentParser) -> None:
    """As `add_token_argument`, for a command that takes several."""
    parser.add_argument(
        "tokens",
        metavar="TOKEN",
        nargs="*",
        help="the task's token, or those of several; other users may see arguments, so - reads them from standard "
        "input, one a line (default: ROCKETRIDE_TOKEN)",
    )


def task_tokens(args: argparse.Namespace, environment: Environment) -> List[str]:
    """The tokens given as arguments, on standard input or in the environment, each once."""
    tokens: List[str] = []
    for token in dict.fromkeys(args.tokens) or [_default_token(environment)]:
        if token == FROM_STDIN:
            tokens += secret_input.one_word_per_line(
                _standard_input(secret_input.MAX_LIST_BYTES), "standard input", "the token"
            )
        else:
            tokens.append(_token_argument(token))
    return list(dict.fromkeys(tokens))


def _token_argument(token: str) -> str:
    # No fallback to the token of the environment: it may be another task's.
    if not token.strip():
        raise ConfigurationError("a TOKEN is empty; is a variable of the script not set?")
    return token


def _standard_input(max_bytes: int = secret_input.MAX_BYTES, *, one_line: bool = False) -> str:
    if sys.stdin is None:
        raise ConfigurationError("standard input is closed; the task's token was expected there")
    return secret_input.read_stream(sys.stdin.buffer, "standard input", max_bytes, one_line=one_line)


def _default_token(environment: Environment) -> str:
    token = environment.get("ROCKETRIDE_TOKEN")
    if not token:
        raise ConfigurationError(
            "no task token: give TOKEN, or - to read it from standard input, or set ROCKETRIDE_TOKEN"
        )
    return token
