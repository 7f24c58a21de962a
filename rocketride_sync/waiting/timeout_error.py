"""The error for a wait whose time is up, also where each poll is made by another process (`contrib/stateless_poller.py`)."""

from __future__ import annotations

from typing import Optional

from ..errors import RocketRideError, WaitTimeoutError
from ..models import TaskStatus
from ..redact import shorten
from ..task_fate import RUNS_ON, UNSEEN


def timeout_error(
    token: str,
    elapsed: float,
    last: Optional[TaskStatus],
    fault: Optional[RocketRideError],
    unseen_for: Optional[float] = None,
) -> WaitTimeoutError:
    """The error: made, not raised.

    Args:
        token: the task's token, whole; "" if it is not known.
        elapsed: seconds waited.
        last: the latest status, or None.
        fault: why the latest poll failed; None if it did not: then the task runs on.
        unseen_for: how long ago `last` was read, if that is so long that the task may well have ended since, as after a
            callback that took long, or in a process that was suspended.
    """
    task = f"task {shorten(token)}" if token else "the task"
    if last is None:
        message = f"{task}: no status could be read for {elapsed:.1f} s"
    elif unseen_for is not None:
        state = last.state.name
        message = (
            f"{task} was not seen to end in {elapsed:.1f} s (last seen as {state}, {unseen_for:.1f} s ago)"
        )
    else:
        message = f"{task} has not ended after {elapsed:.1f} s (last seen as {last.state.name})"
    if fault is not None:
        message += f"; the last poll failed: {fault}"
    error = WaitTimeoutError(message, token=shorten(token), elapsed=elapsed, last_status=last)
    error._lost_sight = unseen_for is not None
    if fault is None:
        error._tell_fate(UNSEEN if error._lost_sight else RUNS_ON)
    return error
