"""The search in the run log for one task of many, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Union

from ..deadline import Deadline
from ..errors import TaskLostError
from ..models import TaskStatus
from ..protocol.operations import Operation
from ..transports.end_told import EndTold
from .run_log import SEARCH_WITHIN, search, settle

if TYPE_CHECKING:
    from .tracked_task import TrackedTask


class RunLogSearch:
    """The search in the run log for one task of many, and the `rocketride_sync.transports.poller.Poll` of it.

    Args:
        task: the task.
        error: with which its run was lost.
        told: what events have told of its end.

    Attributes:
        task: the task.
        operation: the next request to the run log.
        settled: at its end, the final status of the task, or the error that ends the wait for it; None until then.
    """

    __slots__ = ("_error", "_limit", "_steps", "_told", "operation", "settled", "task")

    operation: Operation

    def __init__(self, task: TrackedTask, error: TaskLostError, told: EndTold) -> None:
        self.task = task
        limit = task.wait.deadline.within(SEARCH_WITHIN).remaining()
        self._limit = Deadline(limit, task.wait.own_time)
        self.settled: Union[TaskStatus, TaskLostError, None] = None
        self._error = error
        self._told = told
        self._steps = search(task.wait.run_status)

    @property
    def until(self) -> Deadline:
        """The deadline of the search. It moves while the caller's code runs."""
        return self.task.wait.deadline.within(self._limit.remaining())

    def begin(self) -> Deadline:
        return self.task.wait.for_request(self.until)

    def mark_answered(self) -> None:
        """Does nothing: the time of the answer is not needed."""

    def advance(self, answer: Any = None) -> float:
        """Process the answer to `operation`. Returns the seconds until the next request, unless it is `settled`."""
        pause = 0.0
        while self.settled is None:
            try:
                step = self._steps.send(answer)
            except StopIteration as end:
                self.settled = settle(self.task.token, self._error, end.value, self._told)
            else:
                if isinstance(step, Operation):
                    self.operation = step
                    break
                pause, answer = min(step, self.until.remaining()), None
        return pause
