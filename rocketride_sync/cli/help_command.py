"""`rocketride-sync help`: print the help of the program or of a command."""

from __future__ import annotations

import argparse

from .exit_codes import ExitCode

HELP = "print the help of a command"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "topic", metavar="COMMAND", nargs="?", help="the command's name (default: the program itself)"
    )


def run(args: argparse.Namespace) -> ExitCode:
    args.program.parse_args(["--help"] if args.topic is None else [args.topic, "--help"])
    return ExitCode.SUCCEEDED  # not reached: the parser exits when it has printed the help
