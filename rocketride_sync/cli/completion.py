"""`--print-completion`: prints a script with which a shell completes the command line."""

from __future__ import annotations

import argparse
from typing import Any, Iterator

from ..errors import ConfigurationError
from ..extras import install
from . import output

_SHELLS = ("bash", "zsh", "tcsh", "fish")

# Arguments with these names in the help are completed from the file system.
_FILE_METAVARS = ("FILE", "PIPELINE")
_DIRECTORY_METAVARS = ("DIR",)


def add_option(parser: argparse.ArgumentParser) -> None:
    """Add the option to the program's own parser."""
    parser.add_argument(
        "--print-completion",
        action=_PrintCompletion,
        choices=_SHELLS,
        help="print a completion script for this shell, and exit (extra: completion)",
    )


class _PrintCompletion(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, _: object, shell: Any, __: object = None) -> None:
        output.print_result(_script(parser, str(shell)))
        parser.exit()


def _script(parser: argparse.ArgumentParser, shell: str) -> str:
    try:
        import shtab
    except ImportError:
        script = None
    else:
        if shell not in shtab.SUPPORTED_SHELLS:
            raise ConfigurationError(
                f"completion for {shell} needs a newer shtab, and with it Python 3.9: pip install --upgrade shtab"
            )
        for action in _actions(parser):
            if action.metavar in _FILE_METAVARS:
                action.complete = shtab.FILE  # type: ignore[attr-defined]  # how shtab is told
            elif action.metavar in _DIRECTORY_METAVARS:
                action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
        script = shtab.complete(parser, shell)
    if script is None:
        raise ConfigurationError(f"shell completion needs shtab: {install('completion')}")
    return script.rstrip()


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:  # argparse has no public way to list them
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield from _actions(child)
