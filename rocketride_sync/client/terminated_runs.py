"""The runs that a client has terminated, so that a status that shows the end of one can say so."""

from __future__ import annotations

import math
from typing import Callable, Dict, Optional

from ..deadline import system_time
from ..errors import RocketRideError, TaskNotFoundError, TransportError, TransportTimeoutError
from ..handler_exceptions import pass_on
from ..models import TaskStatus
from ..models.outcome import shows_life

_MAX_KEPT = 1000


class _Run:
    """One that was terminated. A restart keeps the start time, so the end time tells the lives of a run apart."""

    __slots__ = ("end_time", "start_time", "terminated_at")

    def __init__(self, start_time: float) -> None:
        self.start_time = start_time
        self.end_time = math.inf  # the first end that was seen; infinite until then
        self.terminated_at = math.inf  # monotonic, when the server had answered; infinite until then

    def ended_as(self, status: TaskStatus) -> bool:
        """Whether a terminal status shows the end of this life of the run. The first one that is read is taken for it."""
        if not status.end_time:
            return True
        self.end_time = min(self.end_time, status.end_time)
        return status.end_time == self.end_time


class TerminatedRuns:
    """The latest 1,000 runs that a client has terminated. Threads may share it: each step is a single one of a dict."""

    def __init__(self) -> None:
        self._runs: Dict[str, _Run] = {}

    def terminate(
        self,
        token: str,
        before: Optional[TaskStatus],
        step: Callable[[], object],
        look: Callable[[], TaskStatus],
    ) -> None:
        """Terminate a task with `step`; `before`: its status just before, None if it could not be read. `look` reads it.

        Only a run that had not ended then counts, and only if the step succeeds. Statuses that are read in the
        meantime may show its end already.
        """
        if before is None or before.is_terminal or not before.start_time:
            step()
            return
        earlier = self._runs.get(token)
        run = _Run(before.start_time)
        try:
            self._keep(token, run)
            _end(before, step, look)
        except BaseException:
            self.forget(token)
            if earlier is not None:
                self._keep(token, earlier)
            raise
        run.terminated_at = system_time.monotonic()
        self._keep(token, run)

    def mark(self, token: str, status: TaskStatus, asked_at: float) -> TaskStatus:
        """The status, with the fact that its run was terminated if it shows the end of that run, and of no restart of it.

        `asked_at` is the monotonic time at which it was asked for.
        """
        run = self._runs.get(token)
        # Of the next run this tells nothing. The run that was terminated may be found in the run log after that.
        if run is None or run.start_time != status.start_time:
            return status
        if status.is_terminal:
            return status._with_facts(terminated_by_client=True) if run.ended_as(status) else status
        if asked_at > run.terminated_at and shows_life(status.state, status.completed):
            self.forget(token)  # a restart
        return status

    def forget(self, token: str) -> None:
        """The task runs again, or its end will be another's doing."""
        self._runs.pop(token, None)

    def _keep(self, token: str, run: _Run) -> None:
        self.forget(token)
        self._runs[token] = run
        for oldest in list(self._runs)[:-_MAX_KEPT]:
            self.forget(oldest)


def _end(run: TaskStatus, step: Callable[[], object], look: Callable[[], TaskStatus]) -> None:
    """End `run` with `step`; again if the connection broke, and `run` goes on. The next run has the same token."""
    try:
        step()
        return
    except TransportError as error:
        pass_on(error)
        if isinstance(error, TransportTimeoutError) or not error.request_sent:
            raise
        fault = error
    if _goes_on(run, look, fault):
        step()


def _goes_on(run: TaskStatus, look: Callable[[], TaskStatus], fault: TransportError) -> bool:
    """Whether `run` goes on. Raises `fault` if that cannot be seen."""
    try:
        now = look()
    except TaskNotFoundError as error:
        pass_on(error)
        return False
    except RocketRideError as error:
        pass_on(error)
        now = None
    if now is None:
        raise fault
    return now.start_time == run.start_time and not now.is_terminal
