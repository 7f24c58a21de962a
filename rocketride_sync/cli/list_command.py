"""`rocketride-sync list`: print the running tasks."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, Callable, Dict, Mapping, Optional, Sequence, Tuple

from .. import arguments
from ..errors import ConfigurationError, ServerError
from ..redact import printable, shorten
from . import command_result, output, shared_options, token_lines
from .exit_codes import ExitCode
from .server_options import Environment, add_server_options, make_client

if TYPE_CHECKING:
    from ..client.client import RocketRideClient
    from ..models import TaskInfo

HELP = "list the running tasks of the account"
EPILOG = f"""It needs WebSocket. It reads the status of each task, to show when the task started.
Anybody who has a task's token can read and end the task, so tokens are shortened unless you ask for them.
If no task is running, stdout stays empty, and a line on stderr says so. Then list --tokens-only | wait -
exits with 2: wait cannot know whether no task is running, or the list failed. --tokens-only writes every
token as one word of ASCII, which wait - and stop - read back:
{token_lines.HELP}.

with --json, one document on stdout, whatever happens:
  {{"outcome": null, "outcome_certain": null, "status": null,
   "error": null or as of status, "exit_code", "reason": as of status,
   "tasks": [{{"token", "name", "description", "project", "source",
              "startTime", "status"}}, ...]}}
"""

_CELL_WIDTH = 40


def add_arguments(parser: argparse.ArgumentParser) -> None:
    tokens = parser.add_mutually_exclusive_group()
    tokens.add_argument("--show-tokens", action="store_true", help="print whole tokens; they are secrets")
    tokens.add_argument(
        "--tokens-only",
        action="store_true",
        help="print only whole tokens, one a line: wait - reads them so",
    )
    shared_options.add_json(parser)
    add_server_options(parser)


def run(args: argparse.Namespace) -> ExitCode:
    if args.tokens_only and args.json:
        raise ConfigurationError("--tokens-only prints lines: leave out --json, or use --show-tokens with it")
    with make_client(args, Environment(args.env_file)) as client:
        tasks = client.get_tasks()
        if not (tasks or args.json):
            output.print_note("no task is running")
        if args.tokens_only:
            return _print_tokens(tasks)
        rows = [_row(task, _start_time(client, task.token), show_token=args.show_tokens) for task in tasks]
    if args.json:
        output.print_result(command_result.json_document(None, code=ExitCode.SUCCEEDED, tasks=rows))
    elif rows:
        header = [column.upper() for column in _CELLS]
        output.print_result(output.table([header, *map(_cells, rows)]))
    return ExitCode.SUCCEEDED


def _print_tokens(tasks: Sequence[TaskInfo]) -> ExitCode:
    tokens = [token_lines.encoded(task.token) for task in tasks if task.token]
    if tokens:
        output.print_result("\n".join(tokens))
    return ExitCode.SUCCEEDED


def _start_time(client: RocketRideClient, token: str) -> Optional[float]:
    """When the task started, in Unix time; None if its status says nothing of it, or is refused, or it has just ended."""
    if not (token and arguments.is_utf_8(token)):  # no such token can be sent
        return None
    try:
        return client.get_task_status(token).start_time or None
    except ServerError:
        return None


def _row(task: TaskInfo, start_time: Optional[float], *, show_token: bool) -> Dict[str, Any]:
    """The known members of a task. The others hold its pipeline, and with it perhaps keys of other services."""
    pipeline = task.extra.get("pipeline")
    project = pipeline.get("project_id") if isinstance(pipeline, Mapping) else None
    known = {
        "name": task.name,
        "description": task.description,
        "project": project if isinstance(project, str) else "",
        "source": task.source,
        "startTime": start_time,
        "status": task.status,
    }
    with output.hiding(task.token):
        shown = command_result.json_safe(known)
    return {"token": task.token if show_token else shorten(task.token), **shown}


def _time(seconds: Optional[float]) -> str:
    return output.unix_time(seconds or 0.0)


def _text(text: str) -> str:
    return output.shorten(text, _CELL_WIDTH)


# The columns, and from which member of a row each is made, and how.
_CELLS: Mapping[str, Tuple[str, Callable[[Any], str]]] = {
    "token": ("token", printable),
    "name": ("name", _text),
    "project": ("project", _text),
    "source": ("source", _text),
    "started": ("startTime", _time),
    "status": ("status", _text),
}


def _cells(row: Dict[str, Any]) -> Sequence[str]:
    return [show(row[member]) for member, show in _CELLS.values()]
