"""`rocketride-sync wait --project P --source S`: wait for the latest run of a pipeline, or read how it ended."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Callable, Optional, TypeVar

from ..deadline import Deadline, system_time
from ..errors import (
    ConfigurationError,
    ServerError,
    TaskNotFoundError,
    TaskVanishedError,
    TransientError,
    WaitTimeoutError,
)
from ..options import CLIENT_TIMEOUT, optional_seconds
from . import durations, output, project_options
from .run_age import EarlierRun, Since
from .wording import in_command_line_words

if TYPE_CHECKING:
    from ..client.client import RocketRideClient
    from ..models import TaskStatus
    from ..waiting.logged_run import LoggedRun
    from .progress import ProgressPrinter

T = TypeVar("T")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that name a run in place of TOKEN."""
    project_options.add_project_options(
        parser,
        "wait for its latest run. If the server has forgotten that run, look for it in the run log. Needs WebSocket",
    )
    parser.add_argument(
        "--since",
        type=durations.positive_duration,
        metavar="DURATION",
        help="with --project: a run that started longer ago is none, whether it has ended or is still active (exit "
        "code 6); without it, the latest run may be a week old",
    )


def is_wanted(args: argparse.Namespace) -> bool:
    """Whether the options name a run by project and source. Raises ConfigurationError if they do not fit together."""
    wanted = project_options.are_given(args)
    if args.since is not None and not wanted:
        raise ConfigurationError(
            "--since is about the latest run of a pipeline: it needs --project and --source"
        )
    return wanted


def wait(client: RocketRideClient, args: argparse.Namespace, printer: ProgressPrinter) -> TaskStatus:
    """The terminal status of the latest run.

    Raises:
        TaskNotFoundError: server and run log know no run, or none that started within ``--since``.
        TaskVanishedError: it is over, and the run log has no final status of it.
        WaitTimeoutError: the time is up, and the run log has no end of it yet.
        RocketRideError: as `RocketRideClient.wait_until_complete`.
    """
    since = Since(args.since)
    try:
        return _latest_end(client, args, printer, since)
    except EarlierRun as found:
        earlier = found
    raise since.error(project_options.named_run(args), earlier)


def _latest_end(
    client: RocketRideClient, args: argparse.Namespace, printer: ProgressPrinter, since: Since
) -> TaskStatus:
    def look_at(status: TaskStatus) -> None:
        since.check(status)  # before it is shown
        printer(status)

    deadline = Deadline(optional_seconds("--timeout", args.timeout, zero=True))
    token = _patiently(client, args, deadline, lambda: _find_token(client, args, deadline))
    if token is not None:
        output.add_secret(token)
        try:
            left = 0.0 if args.timeout == 0 else deadline.for_call()
            return client.wait_until_complete(token, left, args.interval, look_at)
        except TaskNotFoundError:
            pass  # forgotten between the two calls
    if args.timeout == 0:  # each question is asked once, in the time of a call
        deadline = Deadline(client._settings.timeout)
    return _logged_end(client, args, deadline, since)


def _find_token(client: RocketRideClient, args: argparse.Namespace, deadline: Deadline) -> Optional[str]:
    # A wait of 0 seconds asks once, in the time of a call.
    limit = CLIENT_TIMEOUT if args.timeout == 0 else deadline.for_call(client._settings.timeout)
    return client.get_task_token(args.project, args.source, timeout=limit)


def _patiently(
    client: RocketRideClient, args: argparse.Namespace, deadline: Deadline, step: Callable[[], T]
) -> T:
    """The result of `step`, repeated after faults that may pass as a wait does."""
    from ..logs import beginning
    from ..waiting.outage import Outage

    outage: Optional[Outage] = None
    while True:
        try:
            result = step()
        except TransientError as error:
            fault = error
        else:
            if outage is not None:
                _tell(args, "the server answers again")
            return result
        is_first = outage is None
        outage = outage or Outage(system_time.monotonic(), client._settings.retry, system_time.monotonic)
        pause = outage.pause_after(fault)
        left = min(outage.left, deadline.remaining())
        if deadline.remaining() <= pause:
            raise fault
        if is_first:
            _tell(args, beginning(str(fault), left))
        deadline.sleep(pause)


def _tell(args: argparse.Namespace, text: str) -> None:
    """Print that an outage begins, or is over, as the log's lines on outages are printed."""
    if not args.quiet:
        output.print_problem(in_command_line_words(text))


def _logged_end(
    client: RocketRideClient, args: argparse.Namespace, deadline: Deadline, since: Since
) -> TaskStatus:
    found = _logged_run(client, args, deadline)
    since.check_start(found.begin_time)
    if found.status is not None:
        return found.status
    raise TaskVanishedError(
        f"the latest run {project_options.named_run(args)} is forgotten; the server's run log says {found.says}",
        outcome=found.outcome,
    )


def _logged_run(client: RocketRideClient, args: argparse.Namespace, deadline: Deadline) -> LoggedRun:
    """What the run log says of the latest run."""
    from ..waiting.run_log import latest

    which = project_options.named_run(args)
    time_is_up = False
    try:
        found = latest(args.project, args.source, client._call_until, deadline)
        if found is not None:
            return found
        reason = "the server's run log has none"
    except ServerError as error:
        reason = in_command_line_words(str(error))
    except TransientError as error:
        if not (args.timeout and deadline.expired):
            raise
        reason, time_is_up = in_command_line_words(str(error)), True
    if time_is_up:
        raise WaitTimeoutError(
            f"no end of the latest run {which} was seen within {args.timeout:.1f} s: none is active or has just ended; "
            f"the search of the server's run log: {reason}",
            elapsed=args.timeout,
        )
    raise TaskNotFoundError(
        f"no run {which}: none is active or has just ended, and {reason}", operation="wait"
    )
