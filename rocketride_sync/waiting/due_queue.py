"""The tasks of a wait for many, in the order in which they are to be polled."""

from __future__ import annotations

import heapq
from typing import List, Optional, Sequence, Tuple

from .tracked_task import TrackedTask


class DueQueue:
    """A heap of the times at which tasks are due. An entry whose task has another `due` now is obsolete.

    Args:
        tasks: the tasks; the `number` of each is its place among them.
    """

    def __init__(self, tasks: Sequence[TrackedTask]) -> None:
        self._tasks = tasks
        self._heap: List[Tuple[float, int]] = [(task.due, task.number) for task in tasks]

    def first(self) -> Optional[TrackedTask]:
        """The task to poll next; None if all have ended or are being polled."""
        while self._heap:
            due, number = self._heap[0]
            task = self._tasks[number]
            if task.due == due:
                return task
            heapq.heappop(self._heap)
        return None

    def schedule(self, task: TrackedTask, due: float) -> None:
        """Poll the task at this time, and at no other."""
        task.due = due
        heapq.heappush(self._heap, (due, task.number))
