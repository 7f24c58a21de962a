"""The options that say which server and with which key, and the client and the token made of them."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Optional

from ..errors import ConfigurationError
from ..transports import NAMES
from . import env_file, output, secret_files

if TYPE_CHECKING:
    from ..client.client import RocketRideClient

FROM_STDIN = "-"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a command that asks a server, before or after the command's name.

    They have no defaults, lest a command's overwrite what was given before its name; `DEFAULTS` has them.
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
    add_verbose(parser)


def add_verbose(parser: argparse.ArgumentParser) -> None:
    _add(parser, "--verbose", action="store_true", help="log what happens on stderr")


def _add(parser: argparse.ArgumentParser, option: str, **details: Any) -> None:
    parser.add_argument(option, default=argparse.SUPPRESS, **details)


DEFAULTS = {"uri": None, "apikey_file": None, "env_file": None, "transport": "auto", "verbose": False}


class Environment:
    """The ``ROCKETRIDE_*`` variables: those of the process, and behind them those of ``--env-file``."""

    def __init__(self, path: Optional[str]) -> None:
        self._file: Dict[str, str] = {} if path is None else env_file.read(path)

    def get(self, name: str) -> Optional[str]:
        """The variable's value; None if it is not set or blank."""
        return os.environ.get(name, "").strip() or self._file.get(name, "").strip() or None

    def of_file(self, names: Iterable[str]) -> Dict[str, str]:
        """Those variables of ``--env-file`` that are in `names`, and that the process does not set."""
        return {name: self._file[name] for name in names if name in self._file and name not in os.environ}


def api_key(args: argparse.Namespace, environment: Environment) -> Optional[str]:
    """The key of ``--apikey-file``, else of the environment, else None."""
    if args.apikey_file is not None:
        return secret_files.only_word(
            secret_files.read_text(args.apikey_file), args.apikey_file, "the API key"
        )
    return environment.get("ROCKETRIDE_APIKEY")


def connect(args: argparse.Namespace, environment: Environment) -> RocketRideClient:
    """A client of the server that the options name. Does no I/O but reading the key's file."""
    key = api_key(args, environment)
    if key is None:
        raise ConfigurationError("no API key: set ROCKETRIDE_APIKEY, or use --apikey-file or --env-file")
    output.conceal(key)

    from ..client.client import RocketRideClient

    return RocketRideClient(args.uri or environment.get("ROCKETRIDE_URI"), key, transport=args.transport)


def add_token(parser: argparse.ArgumentParser) -> None:
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
        return secret_files.only_word(_standard_input(), "standard input", "the token")
    return _given(args.token)


def add_tokens(parser: argparse.ArgumentParser) -> None:
    """As `add_token`, for a command that takes several."""
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
            tokens += secret_files.words_of_lines(
                _standard_input(secret_files.LARGEST_LIST), "standard input", "the token"
            )
        else:
            tokens.append(_given(token))
    return list(dict.fromkeys(tokens))


def _given(token: str) -> str:
    # The one in the environment may be another task's.
    if not token.strip():
        raise ConfigurationError("a TOKEN is empty; is a variable of the script not set?")
    return token


def _standard_input(largest: int = secret_files.LARGEST) -> str:
    if sys.stdin is None:
        raise ConfigurationError("standard input is closed; the task's token was expected there")
    return secret_files.decode(sys.stdin.buffer, "standard input", largest)


def _default_token(environment: Environment) -> str:
    token = environment.get("ROCKETRIDE_TOKEN")
    if not token:
        raise ConfigurationError(
            "no task token: give TOKEN, or - to read it from standard input, or set ROCKETRIDE_TOKEN"
        )
    return token
