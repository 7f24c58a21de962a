"""One of many tasks that are waited for."""

from __future__ import annotations

import math
from typing import Optional

from ..deadline import Deadline
from ..protocol import operations
from ..transports.end_backoff import EndBackoff
from .task_result import TaskResult
from .wait_rules import Wait


class TrackedTask:
    """One task of many.

    Attributes:
        number: its place among them.
        token: its token.
        wait: the rules of the wait for it.
        operation, until, begin, answered: as of `rocketride_sync.transports.poller.Poll`.
        due: when to poll it; infinite while it is polled, and when it has ended.
        backoff: what makes its pauses short, or None if its end was not told.
        failing: whether the latest poll of it failed.
        result: what became of it, or None.
    """

    __slots__ = ("backoff", "due", "failing", "number", "operation", "result", "token", "wait")

    def __init__(self, number: int, token: str, wait: Wait) -> None:
        self.number = number
        self.token = token
        self.wait = wait
        self.operation = operations.get_task_status(token)
        self.due = -math.inf
        self.backoff: Optional[EndBackoff] = None
        self.failing = False
        self.result: Optional[TaskResult] = None

    @property
    def until(self) -> Deadline:
        return self.wait.until

    def begin(self) -> Deadline:
        return self.wait.begin()

    def mark_answered(self) -> None:
        self.wait.mark_answered()
