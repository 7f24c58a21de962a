"""One run of a pipeline, for `rocketride-sync run`: what is done with its options, and what is printed."""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
from typing import TYPE_CHECKING, Any, Dict, Iterator, Optional

from ..client import pipeline_source, pipelines
from ..client.pipeline_run import PipelineRun
from ..deadline import system_time
from ..errors import (
    ConfigurationError,
    RocketRideError,
    TaskAlreadyRunningError,
)
from ..redact import printable
from . import command_result, file_results, output, shared_options, signals
from .exit_codes import ExitCode
from .server_options import Environment, api_key
from .upload_progress import UploadWithProgress

if TYPE_CHECKING:
    from ..client.client import RocketRideClient
    from ..client.task import Task
    from ..models import TaskStatus

_INTERRUPTED = (
    "interrupted while the task starts; looking for it, so that it is not lost (once more: leave at once)"
)
_HTTP_TTL_WARNING = (
    "warning: over HTTP the server ends the task when 15 minutes pass without data, even if it is busy"
)


class TokenNotDeliveredError(OSError):
    """The token of a task that was to be kept could not be printed, so that nobody could reach the task."""


class RunWithOutput:
    """One run of a pipeline, and what to print about it when it ends.

    Args:
        args: the options of the command. Its timeout begins when the pipeline and the key have been read.

    Attributes:
        printer: prints progress and messages.
        environment: the variables of the process and of ``--env-file``.

    Raises:
        ConfigurationError: the pipeline or a FILE cannot be read, or they do not fit each other.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self._args = args
        self.environment = Environment(args.env_file)
        self._pipeline = pipelines.load(args.pipeline, None, args.source)
        # What the problems are about: a name, or a file, which the one who reads cron's mail knows.
        self._name = output.safe_text(args.name or os.path.basename(args.pipeline))
        if args.keep and args.report is not None and not args.files:
            raise ConfigurationError("--report needs a wait, and --keep does not wait: leave one of them out")
        with _about(os.path.basename(args.pipeline)):
            _check_files(args, takes_data=pipeline_source.takes_data(self._pipeline))
        self.printer = shared_options.make_progress_printer(args, self._title())
        api_key(args, self.environment)
        self._began = system_time.monotonic()
        self._upload = UploadWithProgress(args.files, self.printer, args.timeout)
        self._deadline = self._upload.deadline
        self._token_delivered = False

    def _title(self) -> str:
        """The name of the pipeline for a report: what the server makes of it has more in it than that."""
        name = self._args.name or self._pipeline.get("name")
        return name if isinstance(name, str) else os.path.basename(self._args.pipeline)

    @property
    def _stop(self) -> str:
        """The command that ends the run of this pipeline that is active."""
        project = self._pipeline.get("project_id")
        if not (isinstance(project, str) and project):
            return "stop (list --show-tokens prints its token)"
        # As words of a shell: a component may have any name.
        words = (
            shlex.quote(output.safe_text(word))
            for word in (project, pipeline_source.source_id(self._pipeline))
        )
        return "stop --project {} --source {}".format(*words)

    @property
    def _advice(self) -> str:
        return f"; end it with {self._stop}"

    @contextlib.contextmanager
    def owning_its_task(self, client: RocketRideClient) -> Iterator[None]:
        """On leaving the block, end a task that was to be kept, but whose token has not been printed."""
        self._client = client
        self._core = _CommandRun(
            client,
            self._pipeline,
            self._deadline,
            {
                "threads": self._args.threads,
                "name": self._args.name,
                "env": self.environment.variables_for(self._pipeline),
                "ttl": self._args.ttl,
            },
            advice=self._advice,
            began=self._began,
        )
        self._core.quiet = self._args.quiet
        self._core.kept = self._args.keep and self._args.json  # else once its token is printed
        signals.say_if_stuck(self._tell_state)
        try:
            yield
        finally:
            task = self._core.task
            if self._args.keep and task is not None and not (self._token_delivered or task.ended):
                try:
                    self._core.end_or_tell()
                finally:
                    output.print_problem(f"nobody got the task's token; {self._core.state}")

    def _tell_state(self, came: str) -> None:
        if self._core.state:
            output.print_problem(f"{self._name}: {came}; {self._core.state}")

    def run(self) -> Optional[TaskStatus]:
        """Run it; return the terminal status of the task, or the last one before the task is ended or kept."""
        try:
            status = self._core.run(self._follow)
            self.printer.note_task_fate(self._core.fate)
            self.tell_if_may_run_on()
            return status
        except TaskAlreadyRunningError as error:
            text = f"a run of this pipeline is active already: wait for its end, or end it with {self._stop}"
            failure = TaskAlreadyRunningError(text, code=error.code, operation=error.operation)
        raise failure

    def tell_if_may_run_on(self) -> None:
        """Print a warning, if the task was to be ended, and is not known to have ended."""
        if self._core.may_run_on:
            output.print_problem(f"warning: the task could not be ended: {self._core.state}")

    def _follow(self, task: Task) -> Optional[TaskStatus]:
        output.add_secret(task.token)
        if self._args.keep:
            self._core.state = "the task runs on"
            self._print_token(task.token)
            self._core.kept = True
        if task.status is not None:
            self.printer.add_status(task.status)
        if self._args.files:
            return self._upload.send(self._client, task.token)
        if self._args.keep:
            return task.status
        return self._core.wait(task, self._args.interval, self.printer)

    def _print_token(self, token: str) -> None:
        """Print the token at once, so that the caller can reach the task whatever happens later."""
        if self._args.json:  # then it is a member of the document
            return
        output.print_result(printable(token))
        self._note_delivery()
        if not self._token_delivered:
            raise TokenNotDeliveredError("the task's token could not be written")

    def _note_delivery(self) -> None:
        self._token_delivered = output.delivery.failure is None

    def print_result(self, status: Optional[TaskStatus]) -> ExitCode:
        """Print the results; return the exit code."""
        args = self._args
        if args.files and status is not None:
            code = file_results.print_results(
                self._upload.results,
                status,
                as_json=args.json,
                quiet=args.quiet,
                allow_failures=args.allow_failures,
                fresh=True,
                name=self._name,
                print_held=self.printer.print_held_errors,
                **self._token_member(),
            )
        elif status is not None and not args.keep:
            code = command_result.print_outcome(
                status,
                as_json=args.json,
                quiet=args.quiet,
                judgement=shared_options.judgement(args),
                name=self._name,
                print_held=self.printer.print_held_errors,
            )
        else:
            code = ExitCode.SUCCEEDED
            if args.json:
                output.print_result(command_result.json_document(status, code=code, **self._token_member()))
        self._note_delivery()
        return code

    def print_error(self, error: BaseException) -> ExitCode:
        """Print the results so far and the error; return the exit code."""
        state = self._core.state
        if state and isinstance(error, signals.STOP_EXCEPTIONS):
            error = signals.with_task_state(error, state)
        elif isinstance(error, TokenNotDeliveredError):
            error = TokenNotDeliveredError(f"{error}; {state}")
        elif isinstance(error, RocketRideError):
            self._core.tell(error)
        code = file_results.print_error(
            error,
            self._upload.results,
            self.printer.last,
            as_json=self._args.json,
            quiet=self._args.quiet,
            name=self._name,
            print_held=self.printer.print_held_errors,
            **self._token_member(),
        )
        self._note_delivery()
        return code

    def _token_member(self) -> Dict[str, Any]:
        """The token of a task that is kept, as a member of the JSON document."""
        task = self._core.task
        return {"token": task.token} if self._args.keep and task is not None and not task.ended else {}


class _CommandRun(PipelineRun):
    """The core of the run, which says on stderr what it has to say meanwhile."""

    quiet = False

    def warn_of_ttl(self) -> None:
        if not self.quiet:
            output.print_problem(_HTTP_TTL_WARNING)

    def tell_of_search(self) -> None:
        output.print_problem(_INTERRUPTED)


@contextlib.contextmanager
def _about(file: str) -> Iterator[None]:
    """Begin the message of a ConfigurationError in the block with the name of the pipeline's file."""
    try:
        yield
        return
    except ConfigurationError as error:
        problem = str(error)
    raise ConfigurationError(f"{output.safe_text(file)}: {problem}")


def _check_files(args: argparse.Namespace, *, takes_data: bool) -> None:
    if args.files and not takes_data:
        raise ConfigurationError(
            "the pipeline's source takes no data, so give no FILEs: only a webhook, chat or dropper does"
        )
    if takes_data and not args.files and not args.keep:
        raise ConfigurationError(
            "the pipeline's source takes data, so its task never ends by itself: name FILEs to send, or --keep it"
        )
