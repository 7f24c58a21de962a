"""`rocketride-sync wait --project P --source S`: wait for the latest run of a pipeline, or read how it ended."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Callable, Optional, TypeVar

from ..deadline import Deadline, system_time
from ..errors import (
    ConfigurationError,
    RocketRideError,
    ServerError,
    TaskNotFoundError,
    TaskVanishedError,
    TransientError,
    WaitTimeoutError,
)
from ..options import CLIENT_TIMEOUT, optional_seconds
from . import output
from .wording import in_command_line_words

if TYPE_CHECKING:
    from ..client.client import RocketRideClient
    from ..models import TaskStatus
    from .progress import ProgressPrinter

T = TypeVar("T")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that name a run in place of TOKEN."""
    parser.add_argument(
        "--project",
        metavar="ID",
        help="in place of TOKEN: the pipeline's project_id; wait for its latest run. If the server has forgotten that "
        "run, look for it in the run log. Needs WebSocket",
    )
    parser.add_argument("--source", metavar="ID", help="with --project: the component the pipeline starts at")


def is_wanted(args: argparse.Namespace) -> bool:
    """Whether the options name a run by project and source. Raises ConfigurationError if they do so by half."""
    if args.project is None and args.source is None:
        return False
    if args.tokens:
        raise ConfigurationError("name the task in one way: TOKEN, or --project and --source")
    if not (args.project and args.source):
        raise ConfigurationError("give both --project and --source, neither empty: they name a run together")
    return True


def wait(client: RocketRideClient, args: argparse.Namespace, printer: ProgressPrinter) -> TaskStatus:
    """The terminal status of the latest run.

    Raises:
        TaskNotFoundError: server and run log know no run.
        TaskVanishedError: it is over, and the run log has no final status of it.
        WaitTimeoutError: the time is up, and the run log has no end of it yet.
        RocketRideError: as `RocketRideClient.wait_until_complete`.
    """
    deadline = Deadline(optional_seconds("--timeout", args.timeout, zero=True))
    token = _patiently(client, args, deadline, lambda: _find_token(client, args, deadline))
    if token is not None:
        try:
            return client.wait_until_complete(
                token, args.timeout and deadline.remaining(), args.interval, printer
            )
        except TaskNotFoundError:
            pass  # forgotten between the two calls
    if args.timeout == 0:  # each question is asked once, in the time of a call
        deadline = Deadline(client._settings.timeout)
    return _logged_end(client, args, deadline)


def _find_token(client: RocketRideClient, args: argparse.Namespace, deadline: Deadline) -> Optional[str]:
    limit = deadline.clamp(client._settings.timeout)
    # A wait of 0 seconds asks once, in the time of a call.
    return client.get_task_token(args.project, args.source, timeout=CLIENT_TIMEOUT if limit == 0.0 else limit)


def _patiently(
    client: RocketRideClient, args: argparse.Namespace, deadline: Deadline, step: Callable[[], T]
) -> T:
    """The result of `step`, repeated after faults that may pass as a wait does."""
    from ..waiting.outage import Outage, beginning

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


def _logged_end(client: RocketRideClient, args: argparse.Namespace, deadline: Deadline) -> TaskStatus:
    from ..waiting.run_log import latest

    which = f"of project {args.project!r}, source {args.source!r}"
    failure: RocketRideError
    time_is_up = False
    try:
        found = latest(args.project, args.source, client._call_until, deadline)
        reason = "the server's run log has none"
    except ServerError as error:
        found, reason = None, str(error)
    except TransientError as error:
        if not (args.timeout and deadline.expired):
            raise
        found, reason, time_is_up = None, str(error), True
    if time_is_up:
        failure = WaitTimeoutError(
            f"no end of the latest run {which} was seen within {args.timeout:.1f} s: none is active or has just ended; "
            f"the search of the server's run log: {reason}",
            elapsed=args.timeout,
        )
    elif found is None:
        failure = TaskNotFoundError(
            f"no run {which}: none is active or has just ended, and {reason}", operation="wait"
        )
    elif found.status is not None:
        return found.status
    else:
        failure = TaskVanishedError(
            f"the latest run {which} is forgotten; the server's run log says {found.says}",
            outcome=found.outcome,
        )
    raise failure
