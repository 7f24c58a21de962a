"""`rocketride-sync wait`: block until a task has ended; the exit code tells how."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ..errors import RocketRideError
from . import options, report, signals
from .connection import Environment, add_options, add_token, connect, task_token
from .exit_codes import ExitCode
from .progress import Follower

if TYPE_CHECKING:
    from ..models import TaskStatus

HELP = "wait for the end of a task, and print its terminal status"
EPILOG = report.JSON_HELP


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_token(parser)
    options.add_wait_options(
        parser, timeout_help="give up after S seconds (0: look once; default: never); the task runs on"
    )
    options.add_output_options(parser)
    add_options(parser)


def run(args: argparse.Namespace) -> ExitCode:
    failure: BaseException
    follower = options.follower(args)
    try:
        with follower:
            seen = _wait(args, follower)
    except RocketRideError as error:
        failure = error
    except signals.STOPS as stop:
        failure = signals.told(stop, "the task runs on")
    else:
        return report.conclusion(
            seen, as_json=args.json, quiet=args.quiet, allow_failures=args.allow_failures
        )
    return report.failure(failure, as_json=args.json, last=follower.last)


def _wait(args: argparse.Namespace, follower: Follower) -> TaskStatus:
    environment = Environment(args.env_file)
    token = task_token(args, environment)
    with connect(args, environment) as client:
        return client.wait_until_complete(token, args.timeout, args.interval, follower)
