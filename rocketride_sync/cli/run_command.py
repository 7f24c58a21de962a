"""`rocketride-sync run`: start a pipeline, send files, wait for its end, and print the results."""

from __future__ import annotations

import argparse
import functools
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Dict, Optional

from ..client import pipelines
from ..errors import (
    ConfigurationError,
    RocketRideError,
    TaskAlreadyRunningError,
    UnsupportedOperationError,
    WaitTimeoutError,
)
from ..redact import printable
from . import command_result, file_results, output, pipeline_source, shared_options, signals
from .exit_codes import ExitCode
from .server_options import Environment, add_server_options, make_client
from .upload_progress import UploadWithProgress

if TYPE_CHECKING:
    from ..client.client import RocketRideClient
    from ..client.task import Task
    from ..models import TaskStatus

HELP = "run a pipeline: start it, send files, wait, print the results, and end it"
EPILOG = f"""A pipeline whose source is a webhook, chat or dropper takes data and never ends by itself: its FILEs
are sent, and the task is ended when all are through; it succeeded if every FILE did. A pipeline
with another source takes no FILEs: run waits for its end.

The task is ended on every way out, also after an error, a timeout, Ctrl-C or SIGTERM; with --keep
on none: its token is the first line on stdout (with --json: the member "token"), nothing is waited
for but the FILEs, and it goes on until stop. It has no ttl; over HTTP, which cannot carry
that, the server ends it when 15 minutes pass without data, even if it is busy.

${{ROCKETRIDE_...}} in the pipeline are taken from the environment and --env-file, but for the API key.

{command_result.JSON_HELP}{file_results.JSON_HELP}"""

_ALREADY_RUNNING = "a run of this pipeline is active already: wait for its end or stop it (list --show-tokens prints its token)"
_HTTP_TTL_WARNING = (
    "warning: over HTTP the server ends the task when 15 minutes pass without data, even if it is busy"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "pipeline", metavar="PIPELINE", help="the pipeline's file (.pipe or JSON; JSON5 with the extra json5)"
    )
    add("files", metavar="FILE", nargs="*", default=[], help="a file to send")
    add("--source", metavar="ID", help="the component to start at (default: the pipeline's own)")
    add("--threads", type=int, metavar="N", help="1 to 64 (default: the server's choice)")
    add("--name", help="the task's name (default: the pipeline's)")
    add("--keep", action="store_true", help="leave the task running, and print its token")
    shared_options.add_wait_options(
        parser,
        timeout_help="end the task S seconds after its start (default: never); a FILE on its way may take that "
        "long again",
    )
    shared_options.add_output_options(parser)
    add_server_options(parser)


def run(args: argparse.Namespace) -> ExitCode:
    pipeline_run = PipelineRun(args)
    failure: BaseException
    try:
        with pipeline_run.printer:
            status = pipeline_run.run()
    except (RocketRideError, *signals.STOP_EXCEPTIONS) as error:
        failure = error
    else:
        return pipeline_run.print_result(status)
    return pipeline_run.print_error(failure)


class PipelineRun:
    """One run of a pipeline, and what to print about it when it ends.

    Args:
        args: the options of the command.

    Attributes:
        printer: prints progress and messages.

    Raises:
        ConfigurationError: the pipeline or a FILE cannot be read, or they do not fit each other.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self._args = args
        self._environment = Environment(args.env_file)
        self._pipeline = pipelines.load(args.pipeline, None, args.source)
        _check_files(args, takes_data=pipeline_source.takes_data(self._pipeline))
        shared_options.check_times(args)
        self.printer = shared_options.make_progress_printer(args)
        self._upload = UploadWithProgress(args.files, self.printer, args.timeout)
        self._task: Optional[Task] = None
        self._token_member: Dict[str, Any] = {}

    def run(self) -> Optional[TaskStatus]:
        """Run it; return the terminal status of the task, or the last one before the task is ended or kept."""
        with make_client(self._args, self._environment) as client, ExitStack() as on_exit:
            # A signal during the start would leave a task behind that nobody knows.
            with signals.defer_signals(_print_interrupted):
                task = self._task = self._start(client)
                if self._args.keep:
                    self._print_token(task.token)
                else:
                    on_exit.enter_context(task)
            if task.status is not None:
                self.printer.add_status(task.status)
            if self._args.files:
                return self._upload.send(client, task.token)
            return task.status if self._args.keep else self._wait(task)

    def _start(self, client: RocketRideClient) -> Task:
        try:
            return self._use(client)
        except TaskAlreadyRunningError as error:
            code, operation = error.code, error.operation
        raise TaskAlreadyRunningError(_ALREADY_RUNNING, code=code, operation=operation)

    def _use(self, client: RocketRideClient) -> Task:
        names = pipelines.references(self._pipeline) - {pipelines.KEY_VARIABLE}
        use = functools.partial(
            client.use,
            pipeline=self._pipeline,
            threads=self._args.threads,
            name=self._args.name,
            env=self._environment.file_variables(names),
        )
        try:
            return use(ttl=0)
        except UnsupportedOperationError:
            if not self._args.quiet:
                output.print_problem(_HTTP_TTL_WARNING)
        return use()

    def _print_token(self, token: str) -> None:
        """Print the token at once, so that the caller can reach the task whatever happens later."""
        self._token_member["token"] = token
        if not self._args.json:
            output.print_result(printable(token))

    def _wait(self, task: Task) -> TaskStatus:
        try:
            return task.wait_until_complete(self._args.timeout, self._args.interval, self.printer)
        except WaitTimeoutError as error:
            elapsed, last, token = error.elapsed, error.last_status, error.token
        message = f"the task had not ended after {elapsed:.1f} s"
        raise WaitTimeoutError(message, token=token, elapsed=elapsed, last_status=last)

    def print_result(self, status: Optional[TaskStatus]) -> ExitCode:
        """Print the results; return the exit code."""
        args = self._args
        if args.files and status is not None:
            return file_results.print_results(
                self._upload.results,
                status,
                as_json=args.json,
                quiet=args.quiet,
                allow_failures=args.allow_failures,
                **self._token_member,
            )
        if status is not None and not args.keep:
            return command_result.print_outcome(
                status, as_json=args.json, quiet=args.quiet, allow_failures=args.allow_failures
            )
        if args.json:
            output.print_result(command_result.json_document(status, **self._token_member))
        return ExitCode.SUCCEEDED

    def print_error(self, error: BaseException) -> ExitCode:
        """Print the results so far and the error; return the exit code."""
        task_state = self._task_state()
        if task_state and isinstance(error, signals.STOP_EXCEPTIONS):
            error = signals.with_task_state(error, task_state)
        elif task_state and isinstance(error, WaitTimeoutError):
            error = WaitTimeoutError(
                f"{error}; {task_state}", token="", elapsed=error.elapsed, last_status=error.last_status
            )
        return file_results.print_error(
            error,
            self._upload.results,
            self.printer.last,
            as_json=self._args.json,
            quiet=self._args.quiet,
            **self._token_member,
        )

    def _task_state(self) -> str:
        """What became of the task; empty if there is none."""
        if self._task is None:
            return ""
        if self._args.keep:
            return "the task runs on"
        return "the task was ended" if self._task.ended else "the task may run on"


def _check_files(args: argparse.Namespace, *, takes_data: bool) -> None:
    if args.keep and args.report is not None and not args.files:
        raise ConfigurationError(
            "--report is about a wait, and with --keep there is none: leave one of them out"
        )
    if args.files and not takes_data:
        raise ConfigurationError(
            "the pipeline's source takes no data, so no FILEs: only a webhook, chat or dropper does"
        )
    if takes_data and not args.files and not args.keep:
        raise ConfigurationError(
            "the pipeline's source takes data, so that its task never ends by itself: name FILEs to send, or --keep it"
        )


def _print_interrupted() -> None:
    output.print_note(
        "interrupted while the task starts; waiting for it, so that it is not lost (once more: leave at once)"
    )
