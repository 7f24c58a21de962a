"""`rocketride-sync status`: print the status of a task."""

from __future__ import annotations

import argparse

from . import command_result, shared_options
from .exit_codes import ExitCode
from .server_options import Environment, add_server_options, make_client
from .token_options import add_token_argument, task_token

HELP = "print the status of a task"
EPILOG = command_result.JSON_HELP


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_token_argument(parser)
    shared_options.add_json(parser)
    add_server_options(parser)


def run(args: argparse.Namespace) -> ExitCode:
    environment = Environment(args.env_file)
    token = task_token(args, environment)
    with make_client(args, environment) as client:
        status = client.get_task_status(token)
    command_result.print_status(status, as_json=args.json, messages=True)
    return ExitCode.SUCCEEDED
