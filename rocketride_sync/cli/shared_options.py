"""Options that several commands share, and what is made of them."""

from __future__ import annotations

import argparse
import sys

from . import output, verbose
from .progress import Display, Follower, display


def add_wait_options(parser: argparse.ArgumentParser, *, timeout_help: str) -> None:
    """Add the options of a command that waits for the end of a task."""
    add_timeout(parser, timeout_help)
    add = parser.add_argument
    add("--interval", type=float, metavar="S", default=2.0, help="seconds between looks (default: 2)")
    add(
        "--allow-failures",
        action="store_true",
        help="exit 0 for a task that succeeded, whatever its items did",
    )
    add(
        "--report",
        metavar="FILE.html",
        help="write a page with charts of what was seen, and all messages, however it ends (extra report)",
    )


def add_timeout(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument("--timeout", type=float, metavar="S", help=text)


def check_times(args: argparse.Namespace) -> None:
    """Raise ConfigurationError for useless times, before anything is started that they are for."""
    from ..options import optional_seconds, seconds

    optional_seconds("--timeout", args.timeout)
    seconds("--interval", args.interval)


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what is printed meanwhile and at the end."""
    add_json(parser)
    add_quiet(parser)
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--progress",
        action="store_true",
        default=None,
        help="show progress on stderr (default: on a terminal)",
    )
    group.add_argument("--no-progress", dest="progress", action="store_false", help="show none")


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON document, also on failure")


def add_quiet(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--quiet", action="store_true", help="print problems only (and the document of --json)"
    )


def screen(args: argparse.Namespace) -> Display:
    """Where progress is shown as `add_output_options` let the user choose."""
    wanted = output.is_terminal(sys.stderr) if args.progress is None else args.progress
    shown = bool(wanted and not args.quiet)
    screen = display(shown)
    if shown:  # a reader wants to know why nothing moves
        verbose.log_to(screen.say, "DEBUG" if args.verbose else "INFO")
    return screen


def follower(args: argparse.Namespace) -> Follower:
    """What shows progress and tells of errors as `add_output_options` let the user choose."""
    recorder = None
    path = getattr(args, "report", None)  # send shows progress too, and has no such option
    if path is not None:
        from ..reporting.recorder import RunRecorder

        recorder = RunRecorder(path, secrets=output.concealed)
    return Follower(screen(args), quiet=args.quiet, recorder=recorder)
