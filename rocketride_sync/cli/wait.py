"""`rocketride-sync wait`: block until a task has ended; the exit code tells how."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from ..errors import RocketRideError
from . import output, report, verbose
from .connection import Environment, add_options, add_token, connect, task_token
from .exit_codes import ExitCode
from .progress import Follower, display

if TYPE_CHECKING:
    from ..models import TaskStatus

HELP = "wait for the end of a task, and print its terminal status"
EPILOG = report.JSON_HELP


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_token(parser)
    add = parser.add_argument
    add("--timeout", type=float, metavar="S", help="give up after S seconds (0: look once; default: never)")
    add("--interval", type=float, metavar="S", default=2.0, help="seconds between looks (default: 2)")
    add(
        "--allow-failures",
        action="store_true",
        help="exit 0 for a task that succeeded, whatever its items did",
    )
    add("--json", action="store_true", help="print one JSON document, also on timeout and failure")
    add("--quiet", action="store_true", help="print problems only (and the document of --json)")
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--progress",
        action="store_true",
        default=None,
        help="show progress on stderr (default: on a terminal)",
    )
    group.add_argument("--no-progress", dest="progress", action="store_false", help="show none")
    add_options(parser)


def run(args: argparse.Namespace) -> ExitCode:
    failure: BaseException
    follower = _follower(args)
    try:
        with follower:
            seen = _wait(args, follower)
    except RocketRideError as error:
        failure = error
    except KeyboardInterrupt:
        failure = KeyboardInterrupt("interrupted; the task runs on")
    else:
        return report.conclusion(
            seen, as_json=args.json, quiet=args.quiet, allow_failures=args.allow_failures
        )
    return report.failure(failure, as_json=args.json, last=follower.last)


def _follower(args: argparse.Namespace) -> Follower:
    wanted = output.is_terminal(sys.stderr) if args.progress is None else args.progress
    shown = bool(wanted and not args.quiet)
    screen = display(shown)
    if shown:
        verbose.log_to(screen.say, everything=args.verbose)  # a reader wants to know why nothing moves
    return Follower(screen, quiet=args.quiet)


def _wait(args: argparse.Namespace, follower: Follower) -> TaskStatus:
    environment = Environment(args.env_file)
    token = task_token(args, environment)
    with connect(args, environment) as client:
        return client.wait_until_complete(token, args.timeout, args.interval, follower)
