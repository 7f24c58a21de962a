"""The rules of a wait: when to poll a task again, when it has ended, and when to give up.

The rules are those of docs/protocol.md, "The life of a task". Here nothing polls and nothing sleeps.
"""

from __future__ import annotations

import math
import time
from typing import Optional, Union

from ..deadline import Clock, Deadline
from ..errors import RocketRideError, TaskNotFoundError, TransientError, WaitTimeoutError
from ..models import TaskStatus
from ..options import RetryPolicy
from ..redact import shorten
from .outage import Outage
from .poll_schedule import CLOCK_TOLERANCE, Schedule
from .same_run import check_same_run, vanished

PollOutcome = Union[TaskStatus, RocketRideError]
"""What one poll of one task brought: its status, or why there is none."""


class Wait:
    """The rules of one wait for the end of one task: when to poll, and what becomes of what was seen.

    It does nothing itself. Whoever polls says when a poll `fell_due`, when it does `begin`, when its answer has `answered`,
    hands what it brought to `take`, and unless that was the end, asks `pause` when to poll again.

    Args:
        token: the task's token, for messages, where it is shortened.
        timeout: seconds for the whole wait; None is unlimited; 0 polls once.
        interval: seconds between polls.
        call_timeout: seconds for one poll; None is unlimited.
        retry: what to do about transient faults.
        previous: an earlier status of the same token.
        phase: for one of many waits: by how many seconds its ticks are put off, so that not all poll at once.
        clock: monotonic seconds.

    Attributes:
        last: the latest status seen, or None.
        deadline: the end of the wait's time.
        answered_at: when the latest poll was answered.
    """

    __slots__ = (
        "_began",
        "_call_timeout",
        "_clock",
        "_due",
        "_fault",
        "_once",
        "_outage",
        "_retry",
        "_run",
        "_schedule",
        "_token",
        "answered_at",
        "last",
    )

    def __init__(
        self,
        token: str,
        *,
        timeout: Optional[float],
        interval: float,
        call_timeout: Optional[float],
        retry: RetryPolicy,
        previous: Optional[TaskStatus] = None,
        phase: float = 0.0,
        clock: Clock = time.monotonic,
    ) -> None:
        self._token = token
        self._once = timeout == 0
        self._call_timeout = call_timeout
        self._retry = retry
        self.last = previous
        self._run = previous  # the latest status that says when its run started
        self._clock = clock
        self._schedule = Schedule(interval, call_timeout if self._once else timeout, clock, phase)
        self._due = self._began = self.answered_at = self._schedule.started
        self._fault: Optional[TransientError] = None
        self._outage: Optional[Outage] = None

    @property
    def deadline(self) -> Deadline:
        return self._schedule.deadline

    @property
    def until(self) -> Deadline:
        """The end of the time for polls: that of the wait, or of the outage that there is, or may be now."""
        left = self._retry.max_outage if self._outage is None else self._outage.left
        return self.deadline if left is None or left == math.inf else self.deadline.within(left)

    def fell_due(self) -> None:
        """It is time to poll."""
        self._due = self._clock()

    def begin(self) -> Deadline:
        """The poll goes out now, having waited for its turn; by when it must be answered."""
        self._began = self._clock()
        return self._schedule.deadline.within(self._call_timeout)

    def mark_answered(self) -> None:
        """The poll has been answered, or has failed, now. What it brought may be taken in later."""
        self.answered_at = self._clock()

    def reserve_turn(self, first_answered: float) -> None:
        """Let the last poll begin early enough to wait for its turn as the latest did, since the first of all that
        wait with it landed: what came before that was not their doing.
        """
        self._schedule.reserve(max(0.0, self._began - max(self._due, first_answered)))

    def take(self, seen: PollOutcome) -> None:
        """Take in what a poll brought.

        Raises:
            TaskNotFoundError, TaskVanishedError, TaskReplacedError: the wait has ended without the task's end.
            RocketRideError: `seen`, unless it is one that may pass.
        """
        self._fault = None
        if isinstance(seen, TransientError):
            self._fault = seen
            # A poll may have waited for its turn for long, or in vain.
            failed_since = self._began if self._began >= self._due else self.answered_at
            self._outage = self._outage or Outage(failed_since, self._retry, self._clock)
        elif isinstance(seen, TaskStatus):
            self._outage = None
            self._schedule.looked(self.answered_at - self._began)
            self._remember(seen)
        elif isinstance(seen, TaskNotFoundError) and self.last is not None:
            raise vanished(self._token, self.last)
        else:
            raise seen

    def pause(self, others: float = 1.0) -> float:
        """Seconds until the next poll; `others`: of those among which it takes its turn, the share that is left.

        Raises:
            WaitTimeoutError: the time is up.
            TransientError: for `RetryPolicy.max_outage` seconds there has been nothing else.
        """
        fault = self._fault
        if fault is None or self._outage is None:
            pause = self._schedule.until_tick()
        else:
            pause = self._outage.pause_after(fault, self.answered_at)
        room = self._schedule.until_last_look(others)
        if self._once or room < CLOCK_TOLERANCE:
            raise self._timed_out() from fault
        return min(pause, room)

    def _remember(self, status: TaskStatus) -> None:
        check_same_run(self._token, self._run, status)
        self.last = status
        if status.start_time:
            self._run = status

    def _timed_out(self) -> WaitTimeoutError:
        elapsed = self._schedule.elapsed
        task = f"task {shorten(self._token)}"
        if self.last is None:
            message = f"{task}: no status could be read for {elapsed:.1f} s"
        else:
            message = f"{task} has not ended after {elapsed:.1f} s (last seen as {self.last.state.name})"
        message += "; it runs on" if self._fault is None else f"; the last poll failed: {self._fault}"
        return WaitTimeoutError(message, token=shorten(self._token), elapsed=elapsed, last_status=self.last)
