"""The wait for many tasks: the rules of `Wait` for each of them, and one way to poll all."""

from __future__ import annotations

import contextlib
import heapq
import math
import time
from typing import Any, Callable, Dict, Generator, Optional, Sequence, Tuple

from ..deadline import Clock, Deadline
from ..errors import (
    AuthenticationError,
    CertificateError,
    ConfigurationError,
    RocketRideError,
    WaitTimeoutError,
)
from ..logs import DEBUG, log
from ..models import TaskStatus
from ..redact import shorten
from ..transports.end_backoff import EndBackoff
from ..transports.poller import Poller, WakeUp
from .poll_schedule import CLOCK_TOLERANCE
from .task_result import TaskResult
from .tracked_task import TrackedTask
from .wait_rules import PollOutcome, Wait

OnProgress = Callable[[str, TaskStatus], object]

_MOMENTS = 20
_CONCERNS_ALL = (AuthenticationError, CertificateError, ConfigurationError)
_LOGGED_AGAIN_AFTER = 10.0
_IN_FLIGHT = math.inf

_NOTHING: Tuple[Optional[TrackedTask], Any] = (None, None)


class ManyTasksWait:
    """The wait for many tasks.

    Args:
        tokens: theirs, each once.
        interval: seconds between polls of the same task.
        make_wait: the rules of the wait for a task, whose ticks are put off by so many seconds.
        make_poller: a way to poll them.
        on_progress: told of every status that comes in time, and of every end; or None.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        tokens: Sequence[str],
        interval: float,
        make_wait: Callable[[str, float], Wait],
        make_poller: Callable[[Sequence[TrackedTask]], Poller],
        on_progress: Optional[OnProgress] = None,
        clock: Clock = time.monotonic,
    ) -> None:
        # Several at each of a few moments: one by one would wake us and the server each time, all at once is a burst.
        moments = min(len(tokens), _MOMENTS)
        self._tasks = [
            TrackedTask(number, token, make_wait(token, interval * (number % moments) / moments))
            for number, token in enumerate(tokens)
        ]
        self._interval = interval
        self._make_poller = make_poller
        self._on_progress = on_progress
        self._clock = clock
        self._agenda = [
            (task.due, task.number) for task in self._tasks
        ]  # a heap; what is put off stays in it too
        self._logged = ("", -math.inf)
        self._left = self._in_last_round = len(self._tasks)
        self._first_answered: Optional[float] = None

    def results(
        self, enough: Callable[[TaskResult], bool] = lambda _: False
    ) -> Generator[TaskResult, None, None]:
        """A result for each task, as they end; after one that is `enough`, only those that are at hand already.

        Raises:
            AuthenticationError, CertificateError, ConfigurationError: they concern all tasks.
        """
        if not self._left:
            return
        ending = False
        with contextlib.closing(self._make_poller(self._tasks)) as poller:
            while self._left and not (ending and not poller.has_results):
                if not ending:
                    self._ask(poller, self._clock() + CLOCK_TOLERANCE)
                task, answer = poller.next(Deadline(self._until_due(), self._clock)) or _NOTHING
                if isinstance(answer, WakeUp):
                    self._wake_up(poller, task, answer)
                elif task is not None:
                    self._take(task, answer)
                    if task.result is not None:
                        self._count_out(task.result)
                        poller.remove(task)
                        ending = ending or enough(task.result)
                        yield task.result

    def so_far(self) -> Dict[str, TaskResult]:
        """What is known by now of each task, by token."""
        return {
            task.token: task.result or TaskResult(token=task.token, status=task.wait.last)
            for task in self._tasks
        }

    def _count_out(self, result: TaskResult) -> None:
        self._left -= 1
        # One whose time is up has had its last poll, in the turn that was kept for it.
        self._in_last_round -= not isinstance(result.error, WaitTimeoutError)

    def _next(self) -> Optional[TrackedTask]:
        """The task to poll next, None if all are under way."""
        while self._agenda:
            due, number = self._agenda[0]
            task = self._tasks[number]
            if task.due == due:
                return task
            heapq.heappop(self._agenda)
        return None

    def _until_due(self) -> Optional[float]:
        task = self._next()
        return None if task is None else max(0.0, task.due - self._clock())

    def _ask(self, poller: Poller, until: float) -> None:
        """Poll all tasks that are due before then."""
        task = self._next()
        while task is not None and task.due < until:
            task.due = _IN_FLIGHT
            task.wait.fell_due()
            poller.submit(task)
            task = self._next()

    def _put(self, task: TrackedTask, due: float) -> None:
        task.due = due
        heapq.heappush(self._agenda, (due, task.number))

    def _wake_up(self, poller: Poller, task: Optional[TrackedTask], wake_up: WakeUp) -> None:
        if task is None:
            task = self._next()
            if task is not None:
                self._ask(poller, task.due + CLOCK_TOLERANCE)
            return
        if wake_up is WakeUp.ENDED:
            task.backoff = task.backoff or EndBackoff()
            task.backoff.start(self._interval)
        # After a fault, the pause is the backoff that the server may have asked for.
        if task.due != _IN_FLIGHT and not task.failing:
            self._put(task, self._clock())

    def _take(self, task: TrackedTask, answer: Any) -> None:
        """Take in what a poll brought, and plan the next unless it was the last."""
        seen = _read(answer)
        if self._first_answered is None:
            self._first_answered = task.wait.answered_at
        if task.wait.last is None:
            # The first poll is one of all at once, and so will be the last.
            task.wait.reserve_turn(self._first_answered)
        error = _error_of(task.wait.take, seen)
        if error is None and isinstance(seen, TaskStatus):
            if log.isEnabledFor(DEBUG):
                log.debug("task %s: %r", shorten(task.token), seen)
            if self._on_progress is not None and (seen.is_terminal or not task.wait.deadline.expired):
                self._on_progress(task.token, seen)
            if seen.is_terminal:
                task.result = TaskResult(token=task.token, status=seen)
                return
        error = error or _error_of(self._plan, task, seen)
        if isinstance(error, _CONCERNS_ALL):
            raise error
        if error is not None:
            task.result = TaskResult(token=task.token, status=task.wait.last, error=error)

    def _plan(self, task: TrackedTask, seen: PollOutcome) -> None:
        pause = task.wait.pause(self._in_last_round / len(self._tasks))
        was_failing, task.failing = task.failing, not isinstance(seen, TaskStatus)
        if task.failing:
            self._log_fault(task, seen, pause)
        elif was_failing:
            self._log_recovery(task)
        elif task.backoff is not None:
            pause = task.backoff.shorten(pause)
        # What is due within a hair is due now: with less, polls could follow each other without a pause.
        self._put(task, self._clock() + max(pause, CLOCK_TOLERANCE))

    def _log_fault(self, task: TrackedTask, fault: PollOutcome, pause: float) -> None:
        """Log a fault; what befalls many tasks alike once in a while."""
        text, now = str(fault), self._clock()
        if text != self._logged[0] or now - self._logged[1] > _LOGGED_AGAIN_AFTER:
            self._logged = (text, now)
            log.info(
                "task %s, and maybe others: %s; polling again in %.1f s at the latest",
                shorten(task.token),
                text,
                pause,
            )

    def _log_recovery(self, task: TrackedTask) -> None:
        """Log that what was told last is over."""
        if self._logged[0]:
            self._logged = ("", -math.inf)
            log.info("task %s, and maybe others: seen again", shorten(task.token))


def _read(answer: Any) -> PollOutcome:
    # Results are kept: their errors must not keep the frames, and with them the connections, that they came through.
    if isinstance(answer, RocketRideError):
        return answer.with_traceback(None)
    try:
        return TaskStatus.from_dict(answer)
    except RocketRideError as error:
        return error.with_traceback(None)


def _error_of(step: Callable[..., None], *args: Any) -> Optional[RocketRideError]:
    try:
        step(*args)
    except RocketRideError as error:
        return error.with_traceback(None)
    return None
