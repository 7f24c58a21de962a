"""`rocketride-sync stop`: end a task."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Optional

from ..errors import RocketRideError, TaskNotFoundError
from . import command_result, output, shared_options, status_text
from .exit_codes import ExitCode
from .server_options import Environment, add_server_options, make_client
from .token_options import add_token_argument, task_token
from .wording import in_command_line_words

if TYPE_CHECKING:
    from ..client.client import RocketRideClient
    from ..models import TaskStatus

HELP = "end a task, and print its terminal status"
EPILOG = f"""It returns when the task has ended. To stop a task that has ended already does no harm.

{command_result.JSON_HELP}The status is null if the server has forgotten the task already, or does not send it.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_token_argument(parser)
    shared_options.add_json(parser)
    shared_options.add_quiet(parser)
    add_server_options(parser)


def run(args: argparse.Namespace) -> ExitCode:
    environment = Environment(args.env_file)
    token = task_token(args, environment)
    with make_client(args, environment) as client:
        client.terminate(token)
        status = _final_status(client, token)
    if args.json:
        output.print_result(command_result.json_document(status, code=ExitCode.SUCCEEDED))
    elif status is not None and not args.quiet:
        output.print_result(status_text.status_block(status, messages=False))
    return ExitCode.SUCCEEDED


def _final_status(client: RocketRideClient, token: str) -> Optional[TaskStatus]:
    try:
        return client.get_task_status(token)
    except TaskNotFoundError:  # stopped right after its start: the server forgets such tasks at once
        return None
    except RocketRideError as error:
        why = in_command_line_words(str(error))
        output.print_problem(f"warning: the task was ended, but its status cannot be read: {why}")
        return None
