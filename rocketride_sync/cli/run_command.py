"""`rocketride-sync run`: start a pipeline, send files, wait for its end, and print the results."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ..errors import RocketRideError
from . import command_result, durations, file_results, shared_options, signals
from .exit_codes import ExitCode
from .server_options import add_server_options, make_client

if TYPE_CHECKING:
    from .pipeline_run import RunWithOutput

HELP = "run a pipeline: start it, send files, wait, print the results, and end it"
EPILOG = f"""A pipeline whose source is a webhook, chat or dropper takes data and never ends by itself. run sends it
the FILEs, and ends the task after the last one. The run succeeded if every FILE succeeded. A pipeline
with another source takes no FILEs: run waits for its end.

While it waits, run outlives an outage of the server of up to 300 s. It says on stderr when one begins, and
when it is over (not with --quiet).

run ends its task on every way out: after an error, a timeout, Ctrl-C or SIGTERM. If the task still starts
then, run does not know its token yet. It looks for the task by project and source, which takes WebSocket
and a project_id in the pipeline. HTTP cannot look it up, so over HTTP such a task may run on. A run that
was there before the start is not ended. If run cannot end its task within 10 seconds, it prints the
project and the source. So it does at once if Ctrl-C, SIGTERM or SIGHUP comes a second time meanwhile.
After that, SIGTERM and SIGHUP end the process without a word.

With --keep, the task goes on until stop. run waits only for the FILEs. The task's token is the first
line on stdout (with --json: the member "token"). If the token cannot be written, run ends the task.
Without --ttl, the task has no ttl. HTTP cannot ask for that: over HTTP, the server ends the task when 15
minutes pass without data, even if it is busy.

If run is killed by SIGKILL, or by a signal other than SIGINT (Ctrl-C), SIGTERM and SIGHUP, such as the
SIGQUIT of Ctrl-\\, it cannot end its task, which may go on for ever, and the server refuses the next run
of the pipeline. stop --project P --source S ends that task; with --ttl, the server does so if the task is
idle.

Variables ${{ROCKETRIDE_...}} in the pipeline are taken from the environment and --env-file. The API key
is not. What is not set stays in the pipeline as it is; a line on stderr says so.

{command_result.JSON_HELP}{file_results.JSON_HELP}"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "pipeline",
        metavar="PIPELINE",
        help="the pipeline's file (.pipe or JSON; JSON5 with the extra json5)",
    )
    add("files", metavar="FILE", nargs="*", default=[], help="a file to send")
    add("--source", metavar="ID", help="the component to start at (default: the pipeline's own)")
    add("--threads", type=_threads, metavar="N", help="1 to 64 (default: the server's choice)")
    add(
        "--name",
        help="the task's name in its status (NAME.SOURCE), in lines on stderr and in the report (default: the server makes "
        "one of the token and the source). list shows the pipeline's own name, and the token stays the same. Needs "
        "WebSocket",
    )
    add("--keep", action="store_true", help="leave the task running, and print its token")
    add(
        "--ttl",
        type=durations.duration,
        metavar="DURATION",
        default=0.0,
        help="let the server end the task when it has been idle for that long, even if run was killed (default: 0, no "
        "limit); an older server takes a task for idle that gets no data, even if it is busy. Needs WebSocket",
    )
    shared_options.add_wait_options(
        parser,
        timeout_help="end the task that long after the key was read (default: never); ending may take 10 s more, and "
        "a FILE that is being sent as long again; with --keep, it limits the start and the FILEs, and the task runs on",
        timeout_type=durations.positive_duration,
        forgiven="items or FILEs failed",
    )
    shared_options.add_output_options(parser)
    add_server_options(parser)


def _threads(text: str) -> int:
    return shared_options.whole_number(text, range(1, 65), "invalid number: it must be one from 1 to 64")


def run(args: argparse.Namespace) -> ExitCode:
    from ..task_fate import NOT_STARTED
    from .pipeline_run import RunWithOutput  # other commands need neither it nor what it uses

    try:
        pipeline_run = RunWithOutput(args)  # which may read the pipeline and the key from a terminal
    except signals.STOP_EXCEPTIONS as error:
        stop = signals.with_task_state(error, NOT_STARTED)
    else:
        with make_client(args, pipeline_run.environment) as client, pipeline_run.owning_its_task(client):
            return _run(pipeline_run)
    raise stop


def _run(pipeline_run: RunWithOutput) -> ExitCode:
    try:
        return _run_and_report(pipeline_run)
    except signals.STOP_EXCEPTIONS as stop:
        again = stop
    # It broke off the report, which may not have told yet what became of the task.
    return pipeline_run.print_error(again)


def _run_and_report(pipeline_run: RunWithOutput) -> ExitCode:
    from .pipeline_run import TokenNotDeliveredError

    failure: BaseException
    try:
        with pipeline_run.printer:
            status = pipeline_run.run()
    except (RocketRideError, TokenNotDeliveredError, *signals.STOP_EXCEPTIONS) as error:
        failure = error
    except Exception:  # a defect, or too little memory: `main` tells it
        pipeline_run.tell_if_may_run_on()
        raise
    else:
        return pipeline_run.print_result(status)
    return pipeline_run.print_error(failure)
