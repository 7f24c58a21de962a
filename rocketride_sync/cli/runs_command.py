"""`rocketride-sync runs`: print the runs of a pipeline that the server's run log has."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Sequence, Tuple

from ..reporting.formatting import duration_in_words
from . import command_result, output, shared_options
from .exit_codes import CHECK_PROJECT, ExitCode
from .server_options import Environment, add_server_options, make_client

if TYPE_CHECKING:
    from ..models import TaskRun

HELP = "list the logged runs of a pipeline, how each ended, and why"
EPILOG = """It needs WebSocket and a newer server: older ones have no run log. A server keeps runs for 7 days (30 for
deployments), and may lack some. OUTCOME is the server's word: "ok" (the run ended by itself, or by its
ttl: see REASON), "cancelled" (it was stopped; without a reason, it ended abnormally), "interrupted" (the
server died). A run without an end is running, has just ended, or its server died.

with --json, one document on stdout, whatever happens:
  {"outcome": null, "outcome_certain": null, "status": null,
   "error": null or as of status, "exit_code", "reason": as of status,
   "runs": [{"beginTime", "beginSeq", "endTime", "outcome", "traceLevel",
             "reason"}, ...]}, the oldest first
"""

_COLUMNS = ("STARTED", "ENDED", "DURATION", "OUTCOME", "REASON")
_CELL_WIDTH = 40


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--project", metavar="ID", required=True, help="the pipeline's project_id")
    add("--source", metavar="ID", required=True, help="the component it starts at")
    add("--team", metavar="ID", help="the deployed runs of this team (default: your own runs)")
    shared_options.add_json(parser)
    add_server_options(parser)


def run(args: argparse.Namespace) -> ExitCode:
    with make_client(args, Environment(args.env_file)) as client:
        runs = client.get_task_runs(args.project, args.source, team_id=args.team)
    if args.json:
        documents = [command_result.json_safe(run.to_dict()) for run in runs]
        output.print_result(command_result.json_document(None, code=ExitCode.SUCCEEDED, runs=documents))
    elif runs:
        output.print_result(output.table([_COLUMNS, *map(_row, runs)]))
    else:
        output.print_note(f"no run is logged; {CHECK_PROJECT}")
    return ExitCode.SUCCEEDED


def _row(run: TaskRun) -> Sequence[str]:
    ended = run.end_time or 0.0
    length = duration_in_words(ended - run.begin_time) if ended >= run.begin_time > 0 else ""
    cells: Tuple[str, ...] = (output.unix_time(run.begin_time), output.unix_time(ended), length)
    return (*cells, *(output.shorten(text or "", _CELL_WIDTH) for text in (run.outcome, run.reason)))
