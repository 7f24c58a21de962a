"""What is said of an option that is not known, stands in the wrong place, or is empty: the same before and after the
command's name.

argparse takes the value of an option that it does not know for the command's name, and says so, differently in each
version of Python. So the options before the name are looked at here first.
"""

from __future__ import annotations

import argparse
from typing import Dict, Iterable, Sequence

from ..errors import ConfigurationError
from . import server_options, shared_options
from .wording import NOT_SET, WAYS_TO_NAME_TASK

_LEAST_LIKENESS = 0.7  # of 1
_OF_OTHER_PROGRAMS = {
    "cancel": "stop",
    "exec": "run",
    "history": "runs",
    "kill": "stop",
    "log": "runs",
    "logs": "runs",
    "ls": "list",
    "ps": "list",
    "rm": "stop",
    "start": "run",
    "terminate": "stop",
    "upload": "send",
}
_KEY_OPTIONS = ("--apikey", "--api-key", "--auth", "--key")
_TOKEN_OPTIONS = ("--token", "--task-token")


def suggestion(word: str, known: Iterable[str]) -> str:
    """A hint at the word that may have been meant: one that other programs have for the same, or a similar one; else empty."""
    import difflib

    word, words = word.lower(), list(known)
    same = [each for each in words if each == _OF_OTHER_PROGRAMS.get(word)]
    # Of short words, difflib does not take two letters that were swapped for alike.
    swapped = [each for each in words if sorted(each) == sorted(word)]
    alike = same or swapped or difflib.get_close_matches(word, words, 1, cutoff=_LEAST_LIKENESS)
    return f"; did you mean {alike[0]}?" if alike else ""


def unknown_option(option: str, parsers: Sequence[argparse.ArgumentParser]) -> str:
    """What to say of an option that none of the `parsers` has, of which the first one prints what there is instead.

    Its value is not told: it may be a key or a token.
    """
    if option in _KEY_OPTIONS:
        return (
            f"there is no option {option}: a key is never an argument; use --apikey-file or ROCKETRIDE_APIKEY"
        )
    if option in _TOKEN_OPTIONS and any(map(_takes_token, parsers)):
        return f"there is no option {option}: give {WAYS_TO_NAME_TASK}"
    known = sorted({name for parser in parsers for name in parser._option_string_actions})
    return f"unknown option {option}{suggestion(option, known) or where_to_read_on(parsers[0])}"


def where_to_read_on(parser: argparse.ArgumentParser) -> str:
    """The end of a message about words that are missing or too many: which command prints what `parser` takes."""
    return f"; see {parser.prog} --help"


def _takes_token(parser: argparse.ArgumentParser) -> bool:
    return any(action.metavar == "TOKEN" and not action.option_strings for action in parser._actions)


def check_leading(parser: argparse.ArgumentParser, words: Sequence[str]) -> None:
    """Refuse the first option before the command's name that the program does not have there.

    Args:
        parser: that of the program.
        words: the arguments of the command line.
    """
    own = parser._option_string_actions  # argparse has no public way to list them
    position = 0
    while position < len(words):
        option, is_joined, _ = words[position].partition("=")
        if not option.startswith("-") or option in ("-", "--"):
            return
        if option in own:
            position += 1 if is_joined or own[option].nargs == 0 else 2
        elif option.startswith("--"):
            parser.error(_misplaced(option, parser, words[position + 1 :]))
        else:
            return  # argparse knows how short options are joined


def _misplaced(option: str, parser: argparse.ArgumentParser, later: Sequence[str]) -> str:
    """What to say of an option that the program does not have; `later` are the words after it."""
    commands = _commands(parser)
    name = next((word for word in later if word in commands), None)
    if not any(option in child._option_string_actions for child in commands.values()):
        return unknown_option(option, [parser, *commands.values()])
    if name is not None and option not in commands[name]._option_string_actions:
        return f"{name} has no option {option}"
    return f"{option} comes after the command: {name or 'COMMAND'} {option}"


def _commands(parser: argparse.ArgumentParser) -> Dict[str, argparse.ArgumentParser]:
    """The parsers of the commands by name."""
    return {
        name: child
        for action in parser._actions
        if isinstance(action, argparse._SubParsersAction)
        for name, child in action.choices.items()
    }


def check_taken(args: argparse.Namespace) -> None:
    """Refuse an option before the command's name that the command does not have: it would be ignored."""
    known = {action.dest for action in args.parser._actions}
    for name in (*shared_options.DEFAULTS, *server_options.DEFAULTS):
        if name in args and name not in known:
            args.parser.error(f"{args.command} has no option --{name.replace('_', '-')}")


def check_not_empty(args: argparse.Namespace) -> None:
    """Refuse an option or an argument that was given, but is empty, as of a variable of a script that is not set.

    Nothing takes its place: the server of another address could be asked, or the task of another token.
    """
    for action in args.parser._actions:
        value = getattr(args, action.dest, None)
        if "" in (value if isinstance(value, list) else [value]):
            name = action.option_strings[-1] if action.option_strings else f"a {action.metavar}"
            raise ConfigurationError(f"{name} is empty; {NOT_SET}")
