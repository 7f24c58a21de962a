"""`rocketride-sync status`: the status of a task, once."""

from __future__ import annotations

import argparse

from . import presentation, shared_options
from .exit_codes import ExitCode
from .server_options import Environment, add_options, add_token, connect, task_token

HELP = "print the status of a task"
EPILOG = presentation.JSON_HELP


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_token(parser)
    shared_options.add_json(parser)
    add_options(parser)


def run(args: argparse.Namespace) -> ExitCode:
    environment = Environment(args.env_file)
    token = task_token(args, environment)
    with connect(args, environment) as client:
        seen = client.get_task_status(token)
    presentation.status(seen, as_json=args.json, messages=True)
    return ExitCode.SUCCEEDED
