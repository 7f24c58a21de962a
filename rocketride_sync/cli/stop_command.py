"""`rocketride-sync stop`: end a task."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Optional

from ..errors import RocketRideError, TaskNotFoundError
from . import output, presentation, shared_options
from .exit_codes import ExitCode
from .server_options import Environment, add_options, add_token, connect, task_token

if TYPE_CHECKING:
    from ..client.client import RocketRideClient
    from ..models import TaskStatus

HELP = "end a task, and print its terminal status"
EPILOG = f"""It returns once the task is ended. Stopping one that has ended already does no harm.

{presentation.JSON_HELP}The status is null where the server has forgotten the task already, or does not tell it.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_token(parser)
    shared_options.add_json(parser)
    shared_options.add_quiet(parser)
    add_options(parser)


def run(args: argparse.Namespace) -> ExitCode:
    environment = Environment(args.env_file)
    token = task_token(args, environment)
    with connect(args, environment) as client:
        client.terminate(token)
        seen = _last_look(client, token)
    if args.json:
        output.result(presentation.document(seen))
    elif seen is not None and not args.quiet:
        output.result(presentation.block(seen, messages=False))
    return ExitCode.SUCCEEDED


def _last_look(client: RocketRideClient, token: str) -> Optional[TaskStatus]:
    try:
        return client.get_task_status(token)
    except TaskNotFoundError:  # it was stopped right after its start: such tasks are forgotten at once
        return None
    except RocketRideError as error:
        output.problem(f"warning: the task was ended, but its status cannot be read: {error}")
        return None
