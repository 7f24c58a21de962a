"""`rocketride-sync list`: print the running tasks."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Dict, Mapping

from ..redact import printable, shorten
from . import command_result, output, shared_options
from .exit_codes import ExitCode
from .server_options import Environment, add_server_options, make_client

if TYPE_CHECKING:
    from ..models import TaskInfo

HELP = "list the running tasks of the account"
EPILOG = """It takes WebSocket.
Whoever has a task's token can read and end it, so tokens are shortened unless you ask for them.

with --json, one document on stdout, whatever happens:
  {"outcome": null, "error": null or as of status, "status": null,
   "tasks": [{"token", "name", "description", "project", "source", "status"}, ...]}
"""

_COLUMNS = ("token", "name", "project", "source", "status")
_CELL_WIDTH = 40


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--show-tokens", action="store_true", help="print whole tokens; they are secrets")
    shared_options.add_json(parser)
    add_server_options(parser)


def run(args: argparse.Namespace) -> ExitCode:
    with make_client(args, Environment(args.env_file)) as client:
        tasks = client.get_tasks()
    rows = [_row(task, show_token=args.show_tokens) for task in tasks]
    if args.json:
        output.print_result(command_result.json_document(None, tasks=rows))
    elif rows:
        cells = ([_cell(row, column) for column in _COLUMNS] for row in rows)
        output.print_result(output.table([[column.upper() for column in _COLUMNS], *cells]))
    else:
        output.print_note("no task is running")
    return ExitCode.SUCCEEDED


def _row(task: TaskInfo, *, show_token: bool) -> Dict[str, str]:
    """The known members of a task. The others hold its pipeline, and with it perhaps keys of other services."""
    pipeline = task.extra.get("pipeline")
    project = pipeline.get("project_id") if isinstance(pipeline, Mapping) else None
    known = {
        "name": task.name,
        "description": task.description,
        "project": project if isinstance(project, str) else "",
        "source": task.source,
        "status": task.status,
    }
    return {"token": task.token if show_token else shorten(task.token), **command_result.json_safe(known)}


def _cell(row: Dict[str, str], column: str) -> str:
    text = row[column]
    return printable(text) if column == "token" else output.shorten(text, _CELL_WIDTH)
