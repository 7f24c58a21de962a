"""The task of `rocketride-sync run`: its start, what became of it, and its end on every way out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Optional

from ..deadline import Deadline
from ..errors import RocketRideError
from ..redact import shorten
from . import output, signals
from .lost_start import LostStart

if TYPE_CHECKING:
    from ..client.client import RocketRideClient
    from ..client.task import Task

ENDING_SECONDS = 10.0
"""For how long a task is tried to be ended, after the command's own timeout or a signal."""

_INTERRUPTED = (
    "interrupted while the task starts; looking for it, so that it is not lost (once more: leave at once)"
)


class RunTask:
    """The task of a run. Nothing here raises while an error is being handled: that error matters more.

    Args:
        client: a client of the task's server.
        lost_start: finds the task if the answer to its start is not read.

    Attributes:
        task: the task, once it is started.
        state: what became of it, in words; empty while there is none.
    """

    def __init__(self, client: RocketRideClient, lost_start: LostStart) -> None:
        self.task: Optional[Task] = None
        self.state = ""
        self._client = client
        self._lost_start = lost_start

    def start(self, use: Callable[[], Task]) -> Task:
        """Start it with `use`. If that fails or is interrupted, end what may have been started."""
        try:
            self.task = task = use()
            self.state = "the task may run on"
        except BaseException as error:
            self._end_lost(error)
            raise
        return task

    def _end_lost(self, error: BaseException) -> None:
        if self.task is not None:
            self.end_after_error()
            return
        interrupted = isinstance(error, signals.STOP_EXCEPTIONS)
        if not (interrupted or getattr(error, "request_sent", False)):
            return
        self.state = str(self._lost_start)
        if interrupted:
            output.print_note(_INTERRUPTED)
        if self._lost_start.end(self._client, Deadline(ENDING_SECONDS)):
            self.state = "the task was ended"

    def end(self) -> None:
        """End it, unless it has ended or was replaced."""
        if self.task is not None and not self.task.ended:
            self.task.end(timeout=ENDING_SECONDS)
            self.state = "the task was ended"

    def end_after_error(self) -> None:
        """As `end`. If that fails, the state and the log say so."""
        try:
            self.end()
        except RocketRideError as fault:
            from ..logs import log  # logging takes milliseconds to load

            self.state = "the task may run on"
            name = shorten(self.task.token) if self.task is not None else ""
            log.warning("task %s could not be terminated, it may run on: %s", name, fault)
