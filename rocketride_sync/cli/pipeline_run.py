"""One run of a pipeline, for `rocketride-sync run`: start it, send files, wait for its end, and end it on every way out."""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
import time
from typing import TYPE_CHECKING, Any, Dict, Iterator, Optional

from ..client import pipelines
from ..errors import (
    ConfigurationError,
    RocketRideError,
    TaskAlreadyRunningError,
    TransientError,
    UnsupportedOperationError,
    WaitTimeoutError,
)
from ..redact import printable
from . import command_result, file_results, output, pipeline_source, shared_options, signals
from .exit_codes import ExitCode
from .lost_start import LostStart
from .run_task import RunTask
from .server_options import Environment
from .upload_progress import UploadWithProgress

if TYPE_CHECKING:
    from ..client.client import RocketRideClient
    from ..client.task import Task
    from ..models import TaskStatus

_ALREADY_RUNNING = "a run of this pipeline is active already: wait for its end or stop it (list --show-tokens prints its token)"
_LONGEST_START = 600.0  # a server gives a slow start 5 minutes and more
_HTTP_TTL_WARNING = (
    "warning: over HTTP the server ends the task when 15 minutes pass without data, even if it is busy"
)


class TokenNotDeliveredError(OSError):
    """The token of a task that was to be kept could not be printed, so that nobody could reach the task."""


class PipelineRun:
    """One run of a pipeline, and what to print about it when it ends.

    Args:
        args: the options of the command. Its timeout begins now.

    Attributes:
        printer: prints progress and messages.
        environment: the variables of the process and of ``--env-file``.

    Raises:
        ConfigurationError: the pipeline or a FILE cannot be read, or they do not fit each other.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self._args = args
        self._began = time.monotonic()
        self.environment = Environment(args.env_file)
        self._pipeline = pipelines.load(args.pipeline, None, args.source)
        _check_files(args, takes_data=pipeline_source.takes_data(self._pipeline))
        self.printer = shared_options.make_progress_printer(args)
        self._upload = UploadWithProgress(args.files, self.printer, args.timeout)
        self._deadline = self._upload.deadline
        self._token_delivered = False
        # What the problems are about: a name, or a file, which the one who reads cron's mail knows.
        self._name = output.safe_text(args.name or os.path.basename(args.pipeline))

    @contextlib.contextmanager
    def owning_its_task(self, client: RocketRideClient) -> Iterator[None]:
        """On leaving the block, end a task that was to be kept, but whose token has not been printed."""
        project, source = self._pipeline.get("project_id"), pipeline_source.source_id(self._pipeline)
        self._client = client
        self._task = RunTask(client, LostStart(project if isinstance(project, str) else "", source))
        try:
            yield
        finally:
            task = self._task.task
            if self._args.keep and task is not None and not (self._token_delivered or task.ended):
                self._task.end_after_error()
                output.print_problem(f"the token of the task reached nobody; {self._task.state}")

    def run(self) -> Optional[TaskStatus]:
        """Run it; return the terminal status of the task, or the last one before the task is ended or kept."""
        try:
            task = self._task.start(self._start)
            status = self._follow(task)
            if not self._args.keep:
                self._task.end()
        except BaseException:
            if not self._args.keep or not (self._args.json or self._token_delivered):
                self._task.end_after_error()
            raise
        return status

    def _start(self) -> Task:
        failure: RocketRideError
        try:
            return self._use()
        except TaskAlreadyRunningError as error:
            failure = TaskAlreadyRunningError(_ALREADY_RUNNING, code=error.code, operation=error.operation)
        except TransientError as error:
            if not self._deadline.expired:
                raise
            failure = self._timeout_error("the task had not started")
            failure.request_sent = error.request_sent
        raise failure

    def _use(self) -> Task:
        names = pipelines.references(self._pipeline) - {pipelines.KEY_VARIABLE}
        use = functools.partial(
            self._client.use,
            pipeline=self._pipeline,
            threads=self._args.threads,
            name=self._args.name,
            env=self.environment.file_variables(names),
        )
        try:
            return use(ttl=0, timeout=self._start_limit())
        except UnsupportedOperationError:
            if not self._args.quiet:
                output.print_problem(_HTTP_TTL_WARNING)
        return use(timeout=self._start_limit())

    def _start_limit(self) -> float:
        return max(0.001, min(_LONGEST_START, self._deadline.remaining()))

    def _follow(self, task: Task) -> Optional[TaskStatus]:
        if self._args.keep:
            self._task.state = "the task runs on"
            self._print_token(task.token)
        if task.status is not None:
            self.printer.add_status(task.status)
        if self._args.files:
            return self._upload.send(self._client, task.token)
        return task.status if self._args.keep else self._wait(task)

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

    def _wait(self, task: Task) -> TaskStatus:
        try:
            return task.wait_until_complete(self._deadline.clamp(None), self._args.interval, self.printer)
        except WaitTimeoutError as error:
            last = error.last_status
        raise self._timeout_error("the task had not ended", last)

    def _timeout_error(self, what: str, last: Optional[TaskStatus] = None) -> WaitTimeoutError:
        elapsed = time.monotonic() - self._began
        return WaitTimeoutError(f"{what} after {elapsed:.1f} s", token="", elapsed=elapsed, last_status=last)

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
                name=self._name,
                **self._token_member(),
            )
        elif status is not None and not args.keep:
            code = command_result.print_outcome(
                status,
                as_json=args.json,
                quiet=args.quiet,
                judgement=shared_options.judgement(args),
                name=self._name,
            )
        else:
            code = ExitCode.SUCCEEDED
            if args.json:
                output.print_result(command_result.json_document(status, **self._token_member()))
        self._note_delivery()
        return code

    def print_error(self, error: BaseException) -> ExitCode:
        """Print the results so far and the error; return the exit code."""
        state = self._task.state
        if state and isinstance(error, signals.STOP_EXCEPTIONS):
            error = signals.with_task_state(error, state)
        elif state and isinstance(error, WaitTimeoutError):
            error = WaitTimeoutError(
                f"{error}; {state}", token="", elapsed=error.elapsed, last_status=error.last_status
            )
        elif isinstance(error, TokenNotDeliveredError):
            error = TokenNotDeliveredError(f"{error}; {state}")
        code = file_results.print_error(
            error,
            self._upload.results,
            self.printer.last,
            as_json=self._args.json,
            quiet=self._args.quiet,
            name=self._name,
            **self._token_member(),
        )
        self._note_delivery()
        return code

    def _token_member(self) -> Dict[str, Any]:
        """The token of a task that is kept, as a member of the JSON document."""
        task = self._task.task
        return {"token": task.token} if self._args.keep and task is not None and not task.ended else {}


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
