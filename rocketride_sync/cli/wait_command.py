"""`rocketride-sync wait`: block until a task has ended; the exit code says how."""

from __future__ import annotations

import argparse
import time
from typing import Optional

from ..errors import ConfigurationError, RocketRideError
from . import command_result, durations, shared_options, signals, wait_latest, wait_many
from .exit_codes import ExitCode
from .server_options import Environment, add_server_options, make_client
from .token_options import add_tokens_argument, task_tokens

HELP = "wait for the end of a task, and print its terminal status; for several tasks, print a line for each"
EPILOG = f"""If the server cannot be reached or is overloaded, wait tries again, and gives up with exit code 5 when this has
lasted for 300 s. It says on stderr when such an outage begins, and when it is over (not with --quiet).

For several tasks, the exit code is the most severe one: the first in the order 4, 5, 6, 1, 3, 124.

{command_result.JSON_HELP}{wait_many.JSON_HELP}"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_tokens_argument(parser)
    wait_latest.add_arguments(parser)
    shared_options.add_wait_options(
        parser,
        timeout_help="give up after that time (0: poll once; default: never); the task runs on",
        timeout_type=durations.duration,
    )
    shared_options.add_output_options(parser)
    add_server_options(parser)


def run(args: argparse.Namespace) -> ExitCode:
    environment = Environment(args.env_file)
    if wait_latest.is_wanted(args):
        return _run(args, environment, None)
    tokens = task_tokens(args, environment)
    if len(tokens) > 1 and args.report is not None:
        raise ConfigurationError("--report is about one task: give one TOKEN")
    if len(tokens) > 1:
        return wait_many.run(args, environment, tokens)
    return _run(args, environment, tokens[0])


def _run(args: argparse.Namespace, environment: Environment, token: Optional[str]) -> ExitCode:
    began = time.time()
    printer = shared_options.make_progress_printer(args)
    failure: BaseException
    try:
        with printer, make_client(args, environment) as client:
            if token is None:
                status = wait_latest.wait(client, args, printer)
            else:
                status = client.wait_until_complete(token, args.timeout, args.interval, printer)
    except RocketRideError as error:
        failure = error
    except signals.STOP_EXCEPTIONS as stop:
        failure = signals.with_task_state(stop, "the task runs on")
    else:
        return command_result.print_outcome(
            status,
            as_json=args.json,
            quiet=args.quiet,
            judgement=shared_options.judgement(args),
            print_held=printer.print_held_errors,
            began=began if token is None else None,  # who has the token of a run knows which one it is
        )
    return command_result.print_error(
        failure, as_json=args.json, last=printer.last, print_held=printer.print_held_errors
    )
