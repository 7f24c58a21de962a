"""`rocketride-sync list`: the running tasks."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Dict, Mapping, Sequence

from ..redact import printable, shorten
from . import output, presentation, shared_options
from .exit_codes import ExitCode
from .server_options import Environment, add_options, connect

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
_WIDEST = 40


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--show-tokens", action="store_true", help="print whole tokens; they are secrets")
    shared_options.add_json(parser)
    add_options(parser)


def run(args: argparse.Namespace) -> ExitCode:
    with connect(args, Environment(args.env_file)) as client:
        tasks = client.get_tasks()
    rows = [_row(task, show_token=args.show_tokens) for task in tasks]
    if args.json:
        output.result(presentation.document(None, tasks=rows))
    elif rows:
        output.result(_table(rows))
    else:
        output.note("no task is running")
    return ExitCode.SUCCEEDED


def _row(task: TaskInfo, *, show_token: bool) -> Dict[str, str]:
    """A task by known names: what else the server tells holds its pipeline, and with it perhaps other keys."""
    pipeline = task.extra.get("pipeline")
    project = pipeline.get("project_id") if isinstance(pipeline, Mapping) else None
    known = {
        "name": task.name,
        "description": task.description,
        "project": project if isinstance(project, str) else "",
        "source": task.source,
        "status": task.status,
    }
    return {"token": task.token if show_token else shorten(task.token), **presentation.presentable(known)}


def _table(rows: Sequence[Dict[str, str]]) -> str:
    cells = [[column.upper() for column in _COLUMNS]]
    cells += [[_cell(row, column) for column in _COLUMNS] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths)) for line in cells)
    return "\n".join(line.rstrip() for line in lines)


def _cell(row: Dict[str, str], column: str) -> str:
    text = row[column]
    return printable(text) if column == "token" else output.shorten(text, _WIDEST)
