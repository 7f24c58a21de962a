"""The wait: when to look at a task again, when it has ended, and when to give up.

It knows no transport: it looks through one function, pauses through another, and tells time by a clock.
The rules are those of docs/protocol.md, "The life of a task".
"""

from __future__ import annotations

import logging
import math
import time
from typing import Callable, Generator, Optional, Union

from .deadline import Clock, Deadline
from .errors import (
    TaskNotFoundError,
    TaskReplacedError,
    TaskVanishedError,
    TransientError,
    WaitTimeoutError,
)
from .models import TaskStatus
from .options import RetryPolicy
from .redact import shorten

log = logging.getLogger("rocketride_sync")

Look = Callable[[Deadline], TaskStatus]
Pause = Callable[[float], None]

RETENTION = 300.0
"""Seconds for which a server remembers a finished task, at least (docs/protocol.md)."""

_SHORTEST_ROUND_TRIP = 0.005  # what a sleep may overshoot by: a last look needs room for that too
_HAIR = 0.001  # moments this close are one: a sleep may end a little early, and sums of floats are not exact


def check_same_run(token: str, previous: Optional[TaskStatus], status: TaskStatus) -> None:
    """Raise `TaskReplacedError` if `status` belongs to another run of `token` than `previous`.

    A ``startTime`` of 0.0 (before the start) tells nothing, and a restart keeps it.
    """
    if previous and previous.start_time and status.start_time not in (0.0, previous.start_time):
        raise TaskReplacedError(
            f"task {shorten(token)}: another run took over the token; the run before {_fate(previous)}",
            last_status=previous,
            new_status=status,
        )


def vanished(token: str, last_status: TaskStatus) -> TaskVanishedError:
    """The error for a task that was seen before and that the server no longer knows."""
    return TaskVanishedError(
        f"task {shorten(token)}: the server no longer knows it (it ended over {RETENTION:.0f} s ago, or the server "
        f"restarted); it {_fate(last_status)}",
        last_status=last_status,
    )


def _fate(last_status: TaskStatus) -> str:
    if last_status.is_terminal:
        return f"had ended, {last_status.outcome.value}"
    return f"was last seen as {last_status.state.name}, its outcome is unknown"


class Schedule:
    """When to look: at fixed ticks from the start, missed ones skipped, and once more just before the end."""

    def __init__(self, interval: float, timeout: Optional[float], clock: Clock) -> None:
        self._interval = interval
        self._clock = clock
        self.started = clock()
        self.deadline = Deadline(timeout, clock)
        self.round_trip = _SHORTEST_ROUND_TRIP

    @property
    def elapsed(self) -> float:
        return self._clock() - self.started

    def looked(self, began: float) -> None:
        """Note how long a look took: the last one must begin early enough to be answered."""
        self.round_trip = max(_SHORTEST_ROUND_TRIP, self._clock() - began)

    def until_last_look(self) -> float:
        """Seconds until the last look, two round trips before the deadline; less than 0 once it is past."""
        return self.deadline.remaining() - 2 * self.round_trip

    def until_tick(self) -> float:
        """Seconds until the next tick; never 0, and one that is due within a hair counts as reached."""
        left = self._interval - self.elapsed % self._interval
        return left if left > min(self._interval / 100, _HAIR) else left + self._interval


class Wait:
    """One wait for the end of one task.

    Args:
        look: reads the status within a deadline, raising errors of `rocketride_sync.errors`.
        pause: returns after some seconds, or sooner when there is reason to look.
        token: the task's token, for messages, where it is shortened.
        timeout: seconds for the whole wait; None is unlimited; 0 looks once.
        interval: seconds between looks.
        call_timeout: seconds for one look; None is unlimited.
        retry: what to do about transient faults.
        previous: an earlier status of the same token.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        look: Look,
        pause: Pause,
        *,
        token: str,
        timeout: Optional[float],
        interval: float,
        call_timeout: Optional[float],
        retry: RetryPolicy,
        previous: Optional[TaskStatus] = None,
        clock: Clock = time.monotonic,
    ) -> None:
        self._look = look
        self._pause = pause
        self._token = token
        self._once = timeout == 0
        self._call_timeout = call_timeout
        self._retry = retry
        self._last = previous
        self._run = previous  # the latest status that says when its run started
        self._clock = clock
        self._schedule = Schedule(interval, call_timeout if self._once else timeout, clock)
        self._outage: Optional[Outage] = None

    def statuses(self) -> Generator[TaskStatus, None, None]:
        """Every status seen, the terminal one last and once.

        Raises:
            WaitTimeoutError, TaskNotFoundError, TaskVanishedError, TaskReplacedError, and what `look` raises:
            a `TransientError` only after `RetryPolicy.max_outage` seconds of nothing else.
        """
        while True:
            seen = self._try_to_look()
            if isinstance(seen, TransientError):
                pause = self._pause_after_fault(seen)
            else:
                yield seen
                if seen.is_terminal:
                    return
                pause = self._schedule.until_tick()
            room = self._schedule.until_last_look()
            if self._once or room < _HAIR:
                raise self._timed_out(seen) from (seen if isinstance(seen, TransientError) else None)
            self._pause(min(pause, room))

    def _try_to_look(self) -> Union[TaskStatus, TransientError]:
        began = self._clock()
        try:
            status = self._look(self._schedule.deadline.within(self._call_timeout))
        except TransientError as fault:
            self._outage = self._outage or Outage(began, self._retry, self._clock)
            return fault
        except TaskNotFoundError:
            if self._last is None:
                raise
            lost = self._last
        else:
            self._outage = None
            self._schedule.looked(began)
            self._remember(status)
            return status
        raise vanished(self._token, lost)

    def _remember(self, status: TaskStatus) -> None:
        check_same_run(self._token, self._run, status)
        self._last = status
        if status.start_time:
            self._run = status

    def _pause_after_fault(self, fault: TransientError) -> float:
        assert self._outage is not None
        pause = self._outage.pause_after(fault)
        log.info("task %s: %s; looking again in %.1f s at the latest", shorten(self._token), fault, pause)
        return pause

    def _timed_out(self, seen: Union[TaskStatus, TransientError]) -> WaitTimeoutError:
        elapsed = self._schedule.elapsed
        task = f"task {shorten(self._token)}"
        if self._last is None:
            message = f"{task}: no status could be read for {elapsed:.1f} s"
        else:
            message = f"{task} has not ended after {elapsed:.1f} s (last seen as {self._last.state.name})"
        if isinstance(seen, TransientError):
            message += f"; the last look failed: {seen}"
        else:
            message += "; it runs on"
        return WaitTimeoutError(message, token=shorten(self._token), elapsed=elapsed, last_status=self._last)


class Outage:
    """A row of transient faults without a success between them."""

    def __init__(self, began: float, retry: RetryPolicy, clock: Clock) -> None:
        self._retry = retry
        self._clock = clock
        self._attempt = 0
        self._ends = math.inf if retry.max_outage is None else began + retry.max_outage

    def pause_after(self, fault: TransientError) -> float:
        """Seconds to pause before the next try, cut so that one more fits before the outage has lasted too long.

        Raises:
            TransientError: `fault` itself, once it has.
        """
        left = self._ends - self._clock()
        if left < _HAIR:
            raise fault
        delay = self._retry.delay(self._attempt, fault.retry_after)
        self._attempt += 1
        return min(delay, left)
