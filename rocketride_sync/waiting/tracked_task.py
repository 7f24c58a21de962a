"""The state of one task in a wait for many."""

from __future__ import annotations

import math
from typing import Optional

from ..deadline import Deadline
from ..models import TaskStatus
from ..protocol import operations
from ..transports.end_backoff import EndBackoff
from .run_log_search import RunLogSearch
from .task_result import TaskResult
from .wait_rules import Wait


class TrackedTask:
    """One task of many, and the `rocketride_sync.transports.poller.Poll` of it.

    Attributes:
        number: its index among them.
        token: its token.
        wait: the rules of the wait for it.
        operation: reads its status.
        due: the time of its next poll; infinite while a poll is in flight, and when it has ended.
        backoff: the backoff after its `end` event; None if there was none.
        ended: its terminal status, while the event is awaited that tells why it ended; else None.
        failing: whether its latest poll failed.
        search: the search for it in the run log; None until its run is lost.
        result: its result; None until the wait for it has ended.
    """

    __slots__ = (
        "backoff",
        "due",
        "ended",
        "failing",
        "number",
        "operation",
        "result",
        "search",
        "token",
        "wait",
    )

    def __init__(self, number: int, token: str, wait: Wait) -> None:
        self.number = number
        self.token = token
        self.wait = wait
        self.operation = operations.get_task_status(token)
        self.due = -math.inf
        self.backoff: Optional[EndBackoff] = None
        self.ended: Optional[TaskStatus] = None
        self.failing = False
        self.search: Optional[RunLogSearch] = None
        self.result: Optional[TaskResult] = None

    @property
    def until(self) -> Deadline:
        return self.wait.until

    def begin(self) -> Deadline:
        return self.wait.begin()

    def mark_answered(self) -> None:
        self.wait.mark_answered()
