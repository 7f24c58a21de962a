"""The wait for many tasks: a `Wait` for each of them, and one poller for all."""

from __future__ import annotations

import contextlib
import math
from collections import deque
from typing import Any, Callable, Deque, Dict, Generator, Optional, Sequence, Tuple

from ..deadline import Clock, Deadline, system_time
from ..errors import (
    AuthenticationError,
    CertificateError,
    ConfigurationError,
    RocketRideError,
    TaskLostError,
    WaitTimeoutError,
)
from ..handler_exceptions import pass_on
from ..logs import DEBUG, log
from ..models import TaskStatus
from ..redact import shorten
from ..transports.end_backoff import EndBackoff
from ..transports.end_told import end_told
from ..transports.poller import Poller, WakeUp
from . import end_reason
from .due_queue import DueQueue
from .fault_log import FaultLog
from .own_time import OwnTime
from .poll_schedule import CLOCK_TOLERANCE
from .run_log_search import RunLogSearch
from .task_result import TaskResult
from .tracked_task import TrackedTask
from .wait_rules import PollOutcome, Wait

OnProgress = Callable[[str, TaskStatus], object]
Decode = Callable[[str, Any, float], TaskStatus]

_MAX_PHASES = 20
_AFFECTS_ALL_TASKS = (AuthenticationError, CertificateError, ConfigurationError)
_IN_FLIGHT = math.inf
# Results of more tasks than these are made at once when the time is up: for so many it takes no time one by one.
_FEW = 200
_SECONDS_PER_RESULT = 20e-6

_NO_RESULT: Tuple[Any, Any] = (None, None)


def _decode(_token: str, document: Any, _asked_at: float) -> TaskStatus:
    return document if isinstance(document, TaskStatus) else TaskStatus.from_dict(document)


class ManyTasksWait:
    """The wait for many tasks.

    Args:
        tokens: the tokens of the tasks, each once.
        interval: seconds between polls of the same task.
        make_wait: makes the `Wait` for a token. Its other arguments are those of `Wait` of these names: `phase`, `own_time`.
        make_poller: makes the poller of the tasks.
        on_progress: called with every status that comes before the timeout, and every terminal one; or None.
        clock: monotonic seconds.
        decode: makes the status of a token's document, which was asked for at a moment of the clock. A status of the run
            log is passed in place of a document.
    """

    def __init__(
        self,
        tokens: Sequence[str],
        interval: float,
        make_wait: Callable[[str, float, Clock], Wait],
        make_poller: Callable[[Sequence[TrackedTask]], Poller],
        on_progress: Optional[OnProgress] = None,
        clock: Clock = system_time.monotonic,
        decode: Decode = _decode,
    ) -> None:
        # Polls are grouped in a few phases of the interval: one by one they would wake us and the server each time,
        # all at once they would be a burst.
        phases = min(len(tokens), _MAX_PHASES)
        self._own_time = own_time = OwnTime(clock)
        self._tasks = [
            TrackedTask(number, token, make_wait(token, interval * (number % phases) / phases, own_time))
            for number, token in enumerate(tokens)
        ]
        self._interval = interval
        self._make_poller = make_poller
        self._on_progress = on_progress
        self._clock = clock
        self._decode = decode
        self._due_queue = DueQueue(self._tasks)
        self._fault_log = FaultLog(clock)
        self._unfinished = self._polled_at_end = len(self._tasks)
        self._first_answered: Optional[float] = None
        self._gave_up = False
        self._finished: Deque[TaskResult] = deque()  # not yet yielded

    def results(
        self, enough: Callable[[TaskResult], bool] = lambda _: False
    ) -> Generator[TaskResult, None, None]:
        """Yield a result for each task as it ends. After one that is `enough`, only those that need no more I/O.

        Raises:
            AuthenticationError, CertificateError, ConfigurationError: they affect all tasks alike.
        """
        if not self._unfinished:
            return
        ending = False
        with contextlib.closing(self._make_poller(self._tasks)) as poller:
            while self._unfinished or self._finished:
                if self._finished:
                    result = self._finished.popleft()
                    ending = ending or enough(result)
                    with self._own_time.standing_still():
                        yield result
                elif ending and not poller.has_results:
                    self._finish_ended(poller)
                    if not self._finished:
                        break
                else:
                    if not ending and self._seconds_to_poll() <= 0.0:
                        self._give_up(poller)
                    elif not ending:
                        self._submit_due(poller, self._clock() + CLOCK_TOLERANCE)
                    if not self._finished:
                        self._receive(poller)

    def _seconds_to_poll(self) -> float:
        """Seconds until only the time to make the results of very many tasks is left."""
        if self._gave_up or self._unfinished <= _FEW:
            return math.inf
        return self._tasks[0].wait.deadline.remaining() - self._unfinished * _SECONDS_PER_RESULT

    def _give_up(self, poller: Poller) -> None:
        """Finish all tasks but those that are being polled: if each waited for its turn, the last would come late."""
        self._gave_up = True
        queued, fault = poller.take_queued()
        for poll in queued:
            if isinstance(poll, RunLogSearch):
                poller.submit(poll)  # these are few, and have a deadline of their own
            else:
                poll.due = self._clock()
        self._finish_ended(poller)
        for task in self._tasks:
            if task.due != _IN_FLIGHT and not task.search:
                self._fail(poller, task, task.wait.timed_out(fault))

    def so_far(self) -> Dict[str, TaskResult]:
        """The results known so far, by token; those of tasks that have not ended hold the latest status."""
        return {
            task.token: task.result or TaskResult(token=task.token, status=task.wait.last)
            for task in self._tasks
        }

    def _receive(self, poller: Poller) -> None:
        """Process the next result of the poller, or wait until a poll is due."""
        poll, answer = poller.next(Deadline(self._seconds_until_next(), self._clock)) or _NO_RESULT
        if isinstance(answer, WakeUp):
            self._handle_wake_up(poller, poll, answer)
        elif isinstance(poll, RunLogSearch):
            self._advance_search(poller, poll, answer)
        elif poll is not None:
            self._take_answer(poller, poll, answer)

    def _finish(self, poller: Poller, task: TrackedTask, result: TaskResult) -> None:
        """The wait for the task has ended, with this result."""
        task.result = result
        task.due = _IN_FLIGHT
        self._finished.append(result)
        self._unfinished -= 1
        # A task whose timeout passed has used its turn among the last polls: it still counts among those polled then.
        self._polled_at_end -= not isinstance(result.error, WaitTimeoutError)
        poller.remove(task)

    def _seconds_until_next(self) -> float:
        """Seconds until a poll is due or the time is up; `math.inf` if neither is to come."""
        task = self._due_queue.first()
        until_due = math.inf if task is None else task.due - self._clock()
        return min(until_due, self._seconds_to_poll())

    def _submit_due(self, poller: Poller, until: float) -> None:
        """Submit all tasks that are due before `until`; finish those that have ended."""
        task = self._due_queue.first()
        while task is not None and task.due < until:
            task.due = _IN_FLIGHT
            if task.ended is None:
                task.wait.mark_due()
                poller.submit(task.search or task)
            else:  # the event has been awaited for long enough
                self._finish_with_status(poller, task, task.ended)
            task = self._due_queue.first()

    def _handle_wake_up(self, poller: Poller, task: Optional[TrackedTask], wake_up: WakeUp) -> None:
        if task is None:
            task = self._due_queue.first()
            if task is not None:
                self._submit_due(poller, task.due + CLOCK_TOLERANCE)
            return
        if task.ended is not None:
            if task.result is None and not end_reason.is_awaited(task.ended, end_told(poller, task)):
                self._finish_with_status(poller, task, task.ended)
            return
        if wake_up is WakeUp.ENDED:
            task.backoff = task.backoff or EndBackoff()
            task.backoff.start(self._interval)
        # After a fault the pause is a retry delay, which the server may have asked for: it is not shortened.
        if task.due != _IN_FLIGHT and not (task.failing or task.search):
            self._due_queue.schedule(task, self._clock())

    def _take_answer(self, poller: Poller, task: TrackedTask, answer: Any) -> None:
        """Process the answer to a poll: the task has ended, its next poll is planned, or the wait for it is over."""
        outcome = self._outcome(task, answer)
        if self._first_answered is None:
            self._first_answered = task.wait.answered_at
        if task.wait.last is None:
            # The first polls of all tasks are made at once, and so are the last: the turn of the last takes as long.
            task.wait.reserve_turn(self._first_answered)
        error = _error_of(task.wait.record, outcome)
        if error is None and isinstance(outcome, TaskStatus):
            if task.wait.ended:
                self._end(poller, task, outcome)
                return
            self._report(task, outcome)
        if isinstance(error, TaskLostError) and not error._is_of_auth:
            task.search = RunLogSearch(task, error, end_told(poller, task))
            self._advance_search(poller, task.search)
            return
        error = error or _error_of(self._plan_next_poll, task, outcome)
        if error is not None and (error._is_of_auth or _affects_all_tasks(error)):
            raise error
        if error is not None:
            self._fail(poller, task, error)

    def _outcome(self, task: TrackedTask, answer: Any) -> PollOutcome:
        # Results are kept. The traceback of an error would keep frames alive, and connections with them.
        if isinstance(answer, RocketRideError):
            return answer.with_traceback(None)
        try:
            return self._decode(task.token, answer, task.wait.began_at)
        except RocketRideError as error:
            pass_on(error)
            return error.with_traceback(None)

    def _end(self, poller: Poller, task: TrackedTask, status: TaskStatus) -> None:
        """The task has ended: finish, or first wait for the event that tells why."""
        task.ended = status
        if task.failing:
            self._fault_log.recovery(task.token)
        if end_reason.is_awaited(status, end_told(poller, task)):
            self._due_queue.schedule(task, self._clock() + task.wait.end_reason_deadline().remaining())
        else:
            self._finish_with_status(poller, task, status)

    def _finish_ended(self, poller: Poller) -> None:
        """Finish all tasks that have ended: nothing is awaited any more."""
        for task in self._tasks:
            if task.ended is not None and task.result is None:
                self._finish_with_status(poller, task, task.ended)

    def _finish_with_status(self, poller: Poller, task: TrackedTask, status: TaskStatus) -> None:
        status = task.wait.last = end_reason.with_reason(status, end_told(poller, task))
        self._report(task, status)
        self._finish(poller, task, TaskResult(token=task.token, status=status))

    def _advance_search(self, poller: Poller, search: RunLogSearch, answer: Any = None) -> None:
        """Process an answer of the run log, or begin to ask it. Either the task has a result then, or more is asked."""
        pause = search.advance(answer)
        task, settled = search.task, search.settled
        if settled is None:
            self._due_queue.schedule(task, self._clock() + pause)
        elif isinstance(settled, TaskStatus):
            status = task.wait.last = self._decode(task.token, settled, task.wait.began_at)
            self._report(task, status)
            self._finish(poller, task, TaskResult(token=task.token, status=status))
        else:
            self._fail(poller, task, settled)

    def _fail(self, poller: Poller, task: TrackedTask, error: RocketRideError) -> None:
        self._finish(poller, task, TaskResult(token=task.token, status=task.wait.last, error=error))

    def _report(self, task: TrackedTask, status: TaskStatus) -> None:
        """Tell the log and the caller of a status."""
        if log.isEnabledFor(DEBUG):
            log.debug("task %s: %s", shorten(task.token), status._progress())
        wait = task.wait
        if self._on_progress is not None and (wait.ended or not (wait.in_doubt or wait.deadline.expired)):
            with self._own_time.standing_still():
                self._on_progress(task.token, status)

    def _plan_next_poll(self, task: TrackedTask, outcome: PollOutcome) -> None:
        if self._gave_up:
            raise task.wait.timed_out()
        pause = task.wait.next_pause(self._polled_at_end / len(self._tasks))
        was_failing, task.failing = task.failing, not isinstance(outcome, TaskStatus)
        if task.failing:
            self._fault_log.fault(task.token, outcome, pause, task.wait.seconds_left)
        elif was_failing:
            self._fault_log.recovery(task.token)
        elif task.backoff is not None:
            pause = task.backoff.shorten(pause)
        # At least the tolerance: a poll that is due sooner counts as due now, so polls could follow without a pause.
        self._due_queue.schedule(task, self._clock() + max(pause, CLOCK_TOLERANCE))


def _affects_all_tasks(error: RocketRideError) -> bool:
    return isinstance(error, _AFFECTS_ALL_TASKS) and not error._is_of_one_task


def _error_of(step: Callable[..., None], *args: Any) -> Optional[RocketRideError]:
    try:
        step(*args)
    except RocketRideError as error:
        pass_on(error)
        return error.with_traceback(None)
    return None
