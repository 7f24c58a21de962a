"""`rocketride-sync stop`: end a task, or several."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Optional

from ..errors import RocketRideError, TaskNotFoundError
from . import command_result, output, project_options, shared_options, status_text, stop_many
from .exit_codes import ExitCode
from .server_options import Environment, add_server_options, make_client
from .token_options import add_tokens_argument, task_tokens
from .wording import in_command_line_words

if TYPE_CHECKING:
    from ..client.client import RocketRideClient
    from ..models import TaskStatus

HELP = "end a task, and print its terminal status; for several tasks, print a line for each"
EPILOG = f"""It returns when the task has ended. To stop a task that has ended already does no harm. But a server
forgets a task 5 to 6 minutes after its end: then the exit code is 6, as for a token that never was one. And
--project and --source name an active run: if none is active, the exit code is 6.

Several tasks are ended one after the other. One that cannot be ended does not keep the others from it. The
exit code is the most severe one: the first in the order 4, 5, 6.

{command_result.JSON_HELP}The status is null if the task was ended, but the server has forgotten it since, or does not send it.
{stop_many.JSON_HELP}"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_tokens_argument(parser)
    project_options.add_project_options(parser, "end its active run. Needs WebSocket")
    shared_options.add_json(parser)
    shared_options.add_quiet(parser)
    add_server_options(parser)


def run(args: argparse.Namespace) -> ExitCode:
    environment = Environment(args.env_file)
    tokens = [] if project_options.are_given(args) else task_tokens(args, environment)
    with make_client(args, environment) as client:
        if len(tokens) > 1:
            return stop_many.run(args, client, tokens, _ended)
        status = _ended(client, tokens[0] if tokens else _active_run(client, args))
    if args.json:
        output.print_result(command_result.json_document(status, code=ExitCode.SUCCEEDED))
    elif status is not None and not args.quiet:
        output.print_result(status_text.status_block(status, messages=False))
    return ExitCode.SUCCEEDED


def _active_run(client: RocketRideClient, args: argparse.Namespace) -> str:
    """The token of the active run that the options name. Raises TaskNotFoundError if there is none."""
    token = client.get_task_token(args.project, args.source)
    output.add_secret(token or "")
    latest = None if token is None else _status(client, token)
    if token is not None and latest is not None and not latest.is_terminal:
        return token
    seen, operation = "the server knows none", "stop"
    if latest is not None:
        seen, operation = "the latest one has ended", "stop: ended"
    raise TaskNotFoundError(
        f"no run {project_options.named_run(args)} is active: {seen}", operation=operation
    )


def _ended(client: RocketRideClient, token: str) -> Optional[TaskStatus]:
    """End a task; return its final status, if the server sends it."""
    client.terminate(token)
    try:
        return _status(client, token)
    except RocketRideError as error:
        why = in_command_line_words(str(error))
        output.print_problem(f"warning: the task was ended, but its status cannot be read: {why}")
        return None


def _status(client: RocketRideClient, token: str) -> Optional[TaskStatus]:
    """The status of a task; None if the server has forgotten it: one that ends right after its start at once."""
    try:
        return client.get_task_status(token)
    except TaskNotFoundError:
        return None
