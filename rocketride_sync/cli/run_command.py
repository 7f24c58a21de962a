"""`rocketride-sync run`: the whole life of a task, from a pipeline's file to the results."""

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
from . import file_results, output, pipeline_source, presentation, shared_options, signals
from .exit_codes import ExitCode
from .server_options import Environment, add_options, connect
from .upload_progress import Uploads

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

{presentation.JSON_HELP}{file_results.JSON_HELP}"""

_ACTIVE = "a run of this pipeline is active already: wait for its end or stop it (list --show-tokens prints its token)"
_OVER_HTTP = (
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
    add_options(parser)


def run(args: argparse.Namespace) -> ExitCode:
    job = Job(args)
    failure: BaseException
    try:
        with job.follower:
            seen = job.run()
    except (RocketRideError, *signals.STOPS) as error:
        failure = error
    else:
        return job.conclude(seen)
    return job.fail(failure)


class Job:
    """One run, and what has to be told of it however it ends.

    Args:
        args: the command's.

    Attributes:
        follower: where progress is shown.

    Raises:
        ConfigurationError: the pipeline or a FILE cannot be read, or they do not fit each other.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self._args = args
        self._environment = Environment(args.env_file)
        self._pipeline = pipelines.load(args.pipeline, None, args.source)
        _check_files(args, takes_data=pipeline_source.takes_data(self._pipeline))
        shared_options.check_times(args)
        self.follower = shared_options.follower(args)
        self._uploads = Uploads(args.files, self.follower, args.timeout)
        self._task: Optional[Task] = None
        self._kept: Dict[str, Any] = {}

    def run(self) -> Optional[TaskStatus]:
        """The task's status after all is done: its terminal one, or the last before it is ended or left."""
        with connect(self._args, self._environment) as client, ExitStack() as ending:
            with signals.held_back(_tell_interrupted):  # or nobody would know the task that was being started
                task = self._task = self._start(client)
                if self._args.keep:
                    self._tell_token(task.token)
                else:
                    ending.enter_context(task)
            if task.status is not None:
                self.follower.look(task.status)
            if self._args.files:
                return self._uploads.send(client, task.token)
            return task.status if self._args.keep else self._wait(task)

    def _start(self, client: RocketRideClient) -> Task:
        try:
            return self._use(client)
        except TaskAlreadyRunningError as error:
            code, operation = error.code, error.operation
        raise TaskAlreadyRunningError(_ACTIVE, code=code, operation=operation)

    def _use(self, client: RocketRideClient) -> Task:
        names = pipelines.references(self._pipeline) - {pipelines.KEY_VARIABLE}
        use = functools.partial(
            client.use,
            pipeline=self._pipeline,
            threads=self._args.threads,
            name=self._args.name,
            env=self._environment.of_file(names),
        )
        try:
            return use(ttl=0)
        except UnsupportedOperationError:
            if not self._args.quiet:
                output.problem(_OVER_HTTP)
        return use()

    def _tell_token(self, token: str) -> None:
        """At once: whatever comes, the caller can reach the task."""
        self._kept["token"] = token
        if not self._args.json:
            output.result(printable(token))

    def _wait(self, task: Task) -> TaskStatus:
        try:
            return task.wait_until_complete(self._args.timeout, self._args.interval, self.follower)
        except WaitTimeoutError as error:
            elapsed, last, token = error.elapsed, error.last_status, error.token
        message = f"the task had not ended after {elapsed:.1f} s"
        raise WaitTimeoutError(message, token=token, elapsed=elapsed, last_status=last)

    def conclude(self, seen: Optional[TaskStatus]) -> ExitCode:
        """Print the results; return the exit code."""
        args = self._args
        if args.files and seen is not None:
            return file_results.conclusion(
                self._uploads.results,
                seen,
                as_json=args.json,
                quiet=args.quiet,
                allow_failures=args.allow_failures,
                **self._kept,
            )
        if seen is not None and not args.keep:
            return presentation.conclusion(
                seen, as_json=args.json, quiet=args.quiet, allow_failures=args.allow_failures
            )
        if args.json:
            output.result(presentation.document(seen, **self._kept))
        return ExitCode.SUCCEEDED

    def fail(self, error: BaseException) -> ExitCode:
        """Print the results there are, and what went wrong; return the exit code."""
        fate = self._fate()
        if fate and isinstance(error, signals.STOPS):
            error = signals.told(error, fate)
        elif fate and isinstance(error, WaitTimeoutError):
            error = WaitTimeoutError(
                f"{error}; {fate}", token="", elapsed=error.elapsed, last_status=error.last_status
            )
        return file_results.failure(
            error,
            self._uploads.results,
            self.follower.last,
            as_json=self._args.json,
            quiet=self._args.quiet,
            **self._kept,
        )

    def _fate(self) -> str:
        """What became of the task, empty if there is none."""
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


def _tell_interrupted() -> None:
    output.note(
        "interrupted while the task starts; waiting for it, so that it is not lost (once more: leave at once)"
    )
