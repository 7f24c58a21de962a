"""Which task a command is about: its token, as an argument, on standard input or in the environment."""

from __future__ import annotations

import argparse
import re
from typing import Callable, List

from ..arguments import task_token as checked_token
from ..errors import ConfigurationError
from ..redact import TOKEN_PREFIXES
from . import output, secret_input, token_lines
from .secret_input import FROM_STDIN
from .server_options import Environment
from .wording import NOT_SET, WAYS_TO_NAME_TASK

_SEPARATORS = re.compile(r"[\s,;]+")
_ONE = "this command takes one token"
_SEVERAL = "give them as an argument each, or one a line on standard input"


def add_token_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "token",
        metavar="TOKEN",
        nargs="?",
        help="the task's token; - reads it from standard input, because other users may see arguments "
        "(default: ROCKETRIDE_TOKEN)",
    )


def task_token(args: argparse.Namespace, environment: Environment) -> str:
    """The token given as argument, on standard input or in the environment. From now on it is not shown."""
    token = _task_token(args, environment)
    output.add_secret(token)
    return token


def _task_token(args: argparse.Namespace, environment: Environment) -> str:
    if args.token is None:
        return _default_token(environment, _ONE)
    if args.token == FROM_STDIN:
        text = _standard_input(args, one_line=True)
        return secret_input.single_word(text, "standard input", "the token", _listed_token(_ONE))
    return _one_token(args.token, _ONE)


def add_tokens_argument(parser: argparse.ArgumentParser) -> None:
    """As `add_token_argument`, for a command that takes several."""
    parser.add_argument(
        "tokens",
        metavar="TOKEN",
        nargs="*",
        help="the tokens of one task or several; - reads them from standard input, because other users may see "
        f"arguments: one a line, blank lines and # comments are skipped; {token_lines.HELP} "
        "(default: ROCKETRIDE_TOKEN)",
    )


def task_tokens(args: argparse.Namespace, environment: Environment) -> List[str]:
    """The tokens given as arguments, on standard input or in the environment, each once."""
    tokens: List[str] = []
    for token in dict.fromkeys(args.tokens) or [_default_token(environment, _SEVERAL)]:
        if token == FROM_STDIN:
            text = _standard_input(args, secret_input.MAX_LIST_BYTES)
            read = _listed_token(_SEVERAL)
            tokens += secret_input.one_word_per_line(text, "standard input", "the token", read)
        else:
            tokens.append(_one_token(token, _SEVERAL))
    tokens = list(dict.fromkeys(tokens))
    if len(tokens) == 1:  # of several, each is hidden in what is printed of its task
        output.add_secret(tokens[0])
    return tokens


def _standard_input(
    args: argparse.Namespace, max_bytes: int = secret_input.MAX_BYTES, *, one_line: bool = False
) -> str:
    if args.apikey_file == FROM_STDIN:
        raise ConfigurationError(
            "standard input cannot hold both, token and API key: put the key into a file for --apikey-file"
        )
    return secret_input.read_stdin("the task's token", max_bytes, one_line=one_line)


def _listed_token(advice: str) -> Callable[[str], str]:
    """A function that reads a token from a word of a list, as `list --tokens-only` writes it."""
    return lambda word: checked_token(token_lines.decoded(_one_token(word, advice)), "a TOKEN")


def _one_token(text: str, advice: str) -> str:
    """The token in `text`, without blanks around it; `advice` is for who put several into it."""
    token = text.strip()
    if not token:  # no fallback to the token of the environment: it may be another task's
        raise ConfigurationError(f"a TOKEN is empty; {NOT_SET}")
    parts = _SEPARATORS.split(token)
    # Whoever starts a task may choose its token, with a comma in it.
    if len(parts) > 1 and all(part.startswith(TOKEN_PREFIXES) for part in parts if part):
        raise ConfigurationError(f"a TOKEN with commas or blanks in it looks like several: {advice}")
    return token


def _default_token(environment: Environment, advice: str) -> str:
    token = environment.get("ROCKETRIDE_TOKEN")
    if not token:
        raise ConfigurationError(f"no task token: give {WAYS_TO_NAME_TASK}")
    return _one_token(token, advice)
