"""The runs that a client has terminated, so that a status that shows the end of one can say so."""

from __future__ import annotations

import itertools
import math
from typing import Callable, Dict, Optional

from ..deadline import system_time
from ..errors import RocketRideError, TaskNotFoundError, TransportError, TransportTimeoutError
from ..handler_exceptions import pass_on
from ..models import TaskState, TaskStatus
from ..models.outcome import shows_life

_MAX_KEPT = 1000


class _Run:
    """One that was terminated. A restart keeps the start time, so the end time tells the lives of a run apart.

    Attributes:
        start_time: None if no status had shown it before, until the first one does.
        is_over: whether a restart has been seen since.
        kept_at: which it was among all that the client has kept.
        earlier: where it had not been shown, the run of the same task whose termination the server had answered before.
    """

    __slots__ = ("earlier", "end_time", "is_over", "is_unanswered", "kept_at", "start_time", "terminated_at")

    kept_at: int

    def __init__(self, start_time: Optional[float]) -> None:
        self.start_time = start_time
        self.is_over = False
        self.earlier: Optional[_Run] = None
        self.end_time = math.inf  # the first end that was seen; infinite until then
        self.terminated_at = math.inf  # monotonic, when the server had answered; infinite until then
        self.is_unanswered = False  # whether the server may have been asked, and will not answer any more

    @property
    def is_answered(self) -> bool:
        """Whether the server has said that it was terminated."""
        return self.terminated_at < math.inf

    def answered(self) -> None:
        """The server has terminated it."""
        self.terminated_at, self.is_unanswered = system_time.monotonic(), False

    def of(self, status: TaskStatus) -> _Run:
        """This one, or the earlier one if the status shows that. The first other run that is shown is taken for this one."""
        if self.earlier is not None and self.earlier.start_time == status.start_time:
            return self.earlier
        if self.start_time is None and (status.start_time or status.is_terminal):
            self.start_time = status.start_time
        return self

    def ended_as(self, status: TaskStatus) -> bool:
        """Whether a terminal status shows the end of this life of the run. The first one that is read is taken for it."""
        if not status.end_time:
            return True
        self.end_time = min(self.end_time, status.end_time)
        return status.end_time == self.end_time


class TerminatedRuns:
    """The latest 1,000 runs that a client has terminated. Threads may share it: each step is a single one of a dict."""

    def __init__(self) -> None:
        # No OrderedDict: in Python 3.13 without its lock, threads that share one make the interpreter crash.
        self._runs: Dict[str, _Run] = {}
        self._numbers = itertools.count()

    def terminate(
        self,
        token: str,
        before: Optional[TaskStatus],
        step: Callable[[], object],
        look: Callable[[], TaskStatus],
        was_sent: Callable[[], Optional[bool]] = lambda: None,
    ) -> None:
        """Terminate a task with `step`; `before`: its status just before, None if it could not be read. `look` reads it.

        Only a run that had not ended then counts, and only if the step succeeds, or if it is not known whether it did.
        One that no status had shown counts only in the latter case. One that was shown before its start counts if its end
        is seen just after the answer. Statuses that are read in the meantime may show its end already. `was_sent` tells
        after an interrupt whether the request was sent; None if that is not known.
        """
        if before is None or before.is_terminal or not before.start_time:
            ended_before = before is not None and before.is_terminal
            try:
                step()
            except BaseException as error:
                if not ended_before and _may_have_arrived(error, was_sent):
                    self._keep(token, _unseen_run(self._run_of(token)))
                raise
            if before is not None and before.state < TaskState.RUNNING:
                self._keep_ended(token, look)
            return
        earlier = self._run_of(token)
        run = _Run(before.start_time)
        try:
            self._keep(token, run)
            _end(run, before, step, look)
        except BaseException as error:
            run.is_unanswered = run.is_unanswered or _may_have_arrived(error, was_sent)
            settled = earlier is not None and earlier.is_answered and earlier.start_time == run.start_time
            self._keep(token, run if run.is_unanswered and not settled else earlier)
            raise
        self._keep(token, run)

    def mark(self, token: str, status: TaskStatus, asked_at: float) -> TaskStatus:
        """The status, with the fact that its run was terminated if it shows the end of that run, and of no restart of it.

        The fact is None where the request was not answered: nobody knows whether it ended the run, or that ended by itself.
        `asked_at` is the monotonic time at which it was asked for.
        """
        kept = self._run_of(token)
        if kept is None:
            return status
        run = kept.of(status)
        # Of the next run this tells nothing. The run that was terminated may be found in the run log after that.
        if run.start_time != status.start_time:
            return status
        if status.is_terminal:
            known = None if run.is_unanswered else True
            return status._with_facts(terminated_by_client=known) if run.ended_as(status) else status
        if asked_at > run.terminated_at and shows_life(status.state, status.completed):
            kept.is_over = True  # a restart; not `forget`: another thread may keep the next life under this token just now
        return status

    def _keep_ended(self, token: str, look: Callable[[], TaskStatus]) -> None:
        """Keep the run that has just been terminated, and that had no start time before, if `look` shows its end.

        It cannot be the end of the next run: one that ends within 250 ms of its start is never shown.
        """
        try:
            now = look()
        except RocketRideError as error:  # usually the server has forgotten it: it had not run
            pass_on(error)
            return
        if now.is_terminal:
            run = _Run(now.start_time)
            run.ended_as(now)
            run.answered()
            self._keep(token, run)

    def forget(self, token: str) -> None:
        """The task runs again, or its end will be another's doing."""
        self._runs.pop(token, None)

    def _keep(self, token: str, run: Optional[_Run]) -> None:
        if run is None:
            self.forget(token)
            return
        run.kept_at = next(self._numbers)
        # In one step: a wait of another thread may read the end just now, and would not know whose doing it is.
        self._runs[token] = run
        for oldest in sorted(self._runs, key=self._kept_at)[:-_MAX_KEPT]:
            self.forget(oldest)

    def _run_of(self, token: str) -> Optional[_Run]:
        run = self._runs.get(token)
        return None if run is None or run.is_over else run

    def _kept_at(self, token: str) -> float:
        run = self._runs.get(token)
        return math.inf if run is None else run.kept_at


def _unseen_run(earlier: Optional[_Run]) -> _Run:
    """One that no status had shown, and that the server may have been asked to end."""
    run = _Run(None)
    run.is_unanswered = True
    if earlier is not None:
        run.earlier = earlier if earlier.is_answered else earlier.earlier
    return run


def _end(run: _Run, before: TaskStatus, step: Callable[[], object], look: Callable[[], TaskStatus]) -> None:
    """End `run` with `step`; again if the connection broke, and it goes on. The next run has the same token."""
    try:
        step()
        run.answered()
        return
    except TransportError as error:
        pass_on(error)
        if isinstance(error, TransportTimeoutError) or not error.request_sent:
            raise
        fault = error
    run.is_unanswered = True
    if _goes_on(before, look, fault):
        step()
        run.answered()


def _may_have_arrived(error: BaseException, was_sent: Callable[[], Optional[bool]]) -> bool:
    """Whether the server may have been asked, in spite of `error`, and has not refused."""
    return error.request_sent if isinstance(error, RocketRideError) else was_sent() is not False


def _goes_on(run: TaskStatus, look: Callable[[], TaskStatus], fault: TransportError) -> bool:
    """Whether `run` goes on. Raises `fault` if that cannot be seen."""
    try:
        now = look()
    except TaskNotFoundError as error:
        pass_on(error, of_auth=True)
        return False
    except RocketRideError as error:
        pass_on(error)
        now = None
    if now is None:
        raise fault
    return now.start_time == run.start_time and not now.is_terminal
