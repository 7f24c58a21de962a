"""The rules of a wait: when to poll a task again, when it has ended, and when to give up.

The rules are those of docs/protocol.md, "The life of a task". This module does no I/O, and does not sleep.
"""

from __future__ import annotations

import math
from typing import Optional, Union

from ..deadline import Clock, Deadline, system_time
from ..errors import (
    ProtocolError,
    RocketRideError,
    TaskNotFoundError,
    TransientError,
    TransportTimeoutError,
    WaitTimeoutError,
)
from ..models import TaskStatus
from ..options import RetryPolicy
from . import end_reason
from .outage import MALFORMED_IN_A_ROW, Outage
from .poll_schedule import CLOCK_TOLERANCE, Schedule
from .same_run import CONFIRM_AFTER, check_same_run, is_doubtful_end, vanished
from .timeout_error import timeout_error

_WORTH_ANOTHER_POLL = 0.1  # seconds for which a wait goes on after a last poll that failed


def _is_malformed(error: RocketRideError) -> bool:
    """Whether it is no answer of a RocketRide server to this request, and the next one may be: what routes requests to the
    server may answer in its place, with a page or with JSON.
    """
    return error._is_of_address or (isinstance(error, ProtocolError) and not error._is_lasting)


PollOutcome = Union[TaskStatus, RocketRideError]
"""The outcome of one poll of one task: its status, or the error in place of it."""


class Wait:
    """The rules of one wait for the end of one task: when to poll, and what each outcome means.

    It does no I/O. The caller says when a poll is due (`mark_due`), sent (`begin`) and answered (`mark_answered`),
    passes its outcome to `record`, and, unless the wait has ended, asks `next_pause` when to poll again.

    Args:
        token: the task's token, for messages, where it is shortened.
        timeout: seconds for the whole wait; None is unlimited; 0 polls once.
        interval: seconds between polls.
        call_timeout: seconds for one poll; None is unlimited.
        retry: what to do about transient faults.
        previous: an earlier status of the same token.
        phase: for one of many waits: the delay of its ticks in seconds, so that not all poll at once.
        clock: monotonic seconds.
        own_time: the clock of outages and of searches; by default `clock`. See `own_time.OwnTime`.

    Attributes:
        own_time: as given.
        last: the latest status seen, or None.
        deadline: the end of the wait's time.
        answered_at: the time when the latest poll was answered.
        ended: whether the latest status was the end of the task.
        in_doubt: whether the latest status was an end that the next poll has to confirm.
    """

    __slots__ = (
        "_began",
        "_call_timeout",
        "_clock",
        "_due",
        "_last_poll_at",
        "_latest_fault",
        "_malformed",
        "_outage",
        "_retry",
        "_run_status",
        "_schedule",
        "_seen_at",
        "_single_poll",
        "_token",
        "answered_at",
        "ended",
        "in_doubt",
        "last",
        "own_time",
    )

    _latest_fault: RocketRideError  # set where there is an outage

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
        clock: Clock = system_time.monotonic,
        own_time: Optional[Clock] = None,
    ) -> None:
        self.own_time = own_time or clock
        self._token = token
        self._single_poll = timeout == 0
        self._call_timeout = call_timeout
        self._retry = retry
        self.last = previous
        self._run_status = previous  # the latest status with a start time, which identifies the run
        self._clock = clock
        self._schedule = Schedule(interval, call_timeout if self._single_poll else timeout, clock, phase)
        self._due = self._began = self.answered_at = self._schedule.started
        self.ended = self.in_doubt = False
        self._malformed = 0  # answers since the latest status
        self._last_poll_at = math.inf  # as the latest pause planned it
        self._outage: Optional[Outage] = None
        self._seen_at: Optional[float] = None  # when `last` was read; None for `previous`

    @property
    def deadline(self) -> Deadline:
        return self._schedule.deadline

    @property
    def until(self) -> Deadline:
        """The deadline for polls: that of the wait, or the end of the outage that there is, or could begin now."""
        return self.deadline.within(self._retry.max_outage if self._outage is None else self._outage.left)

    @property
    def seconds_left(self) -> float:
        """For how long polls go on if all fail; `math.inf` is without end."""
        outage = math.inf if self._outage is None else self._outage.left
        return min(outage, self.deadline.remaining())

    @property
    def began_at(self) -> float:
        """When the latest poll was sent."""
        return self._began

    def end_reason_deadline(self) -> Deadline:
        """By when the event must have come that tells why the task ended; its terminal status has just been read."""
        return self.deadline.within(0.0 if self._single_poll else end_reason.LONGEST)

    def mark_due(self) -> None:
        """A poll is due now."""
        self._due = self._clock()

    def begin(self) -> Deadline:
        """The poll is sent now, perhaps after it had to wait for its turn. Returns the deadline of its answer."""
        self._began = self._clock()
        return self._schedule.deadline.within(self._call_timeout)

    def mark_answered(self) -> None:
        """The poll was answered, or failed, now. Its outcome may be recorded later."""
        self.answered_at = self._clock()

    def reserve_turn(self, first_answered: float) -> None:
        """Make the last poll begin earlier, by the time that the latest poll had to wait for its turn.

        That time is counted from the first answer of all tasks polled together: the time before, such as connecting,
        was not spent on the others.
        """
        self._schedule.reserve(max(0.0, self._began - max(self._due, first_answered)))

    @property
    def run_status(self) -> Optional[TaskStatus]:
        """The latest status with a start time, which identifies the run; that of `previous` if there was none."""
        return self._run_status

    def for_request(self, deadline: Deadline) -> Deadline:
        """The deadline of one request that begins now, such as one of a search in the run log until `deadline`."""
        return deadline.within(self._call_timeout)

    def record(self, outcome: PollOutcome) -> None:
        """Process the outcome of a poll.

        Raises:
            TaskNotFoundError, TaskVanishedError, TaskReplacedError: the wait has ended, the task's end was not seen.
            RocketRideError: `outcome`, unless it is transient, or the first or second malformed answer in a row.
        """
        if isinstance(outcome, RocketRideError) and self._may_pass(outcome):
            self._latest_fault = outcome
            # A poll may have waited long for its turn, or have failed before it.
            failed_since = self._began if self._began >= self._due else self.answered_at
            self._outage = self._outage or Outage(self._in_own_time(failed_since), self._retry, self.own_time)
            self._outage.add(outcome, self.deadline.remaining() + self._clock() - self._began)
        elif isinstance(outcome, TaskStatus):
            self._outage = None
            self._malformed = 0
            self._schedule.record_round_trip(self.answered_at - self._began)
            self._remember(outcome)
        elif isinstance(outcome, TaskNotFoundError) and self.last is not None and not outcome._is_of_auth:
            raise vanished(self._token, self.last)
        else:
            raise outcome

    def next_pause(self, others: float = 1.0) -> float:
        """Seconds until the next poll. `others`: as of `Schedule.until_last_poll`.

        Raises:
            WaitTimeoutError: the time is up.
            RocketRideError: the latest fault, once every poll has failed for `RetryPolicy.max_outage` seconds.
        """
        if self._is_cut_off:
            raise self.timed_out() from self._cause
        if self._outage is None:
            pause = self._schedule.until_tick()
            pause = min(pause, CONFIRM_AFTER) if self.in_doubt else pause
        else:
            pause = self._outage.pause_after(self._latest_fault, self._in_own_time(self.answered_at))
        room = self._until_last_poll(others)
        if room is None:
            raise self.timed_out() from self._cause
        self._last_poll_at = self._clock() + room
        return min(pause, room)

    def _until_last_poll(self, others: float) -> Optional[float]:
        """Seconds until the last poll; None if it has been made, or if there is no time for it.

        Another one may follow if it failed: a fault may come at once, and the two round trips of a slow server be long.
        """
        if self._single_poll:
            return None
        room = self._schedule.until_last_poll(others)
        if room >= CLOCK_TOLERANCE:
            return room
        if self._outage is not None:
            room = self._schedule.until_last_poll(others, round_trips=1)
            if room >= _WORTH_ANOTHER_POLL:
                return room
        return CLOCK_TOLERANCE if self._may_poll_again() else None

    @property
    def _is_cut_off(self) -> bool:
        """Whether the wait's own deadline made the latest poll fail: the server may be well."""
        is_late = self._outage is not None and isinstance(self._latest_fault, TransportTimeoutError)
        return is_late and self.deadline.remaining() < CLOCK_TOLERANCE

    def _in_own_time(self, moment: float) -> float:
        """A moment of the clock since which no code of the caller ran."""
        return self.own_time() - (self._clock() - moment)

    def _may_pass(self, error: RocketRideError) -> bool:
        """Whether the next poll may be answered well.

        A malformed answer may be made of a good one, by a proxy or by the network. Several in a row come from something
        that is no RocketRide server.
        """
        if error._is_of_auth:
            return False
        if isinstance(error, TransientError):
            return True
        if self._single_poll or not _is_malformed(error):
            return False
        self._malformed += 1
        return self._malformed < MALFORMED_IN_A_ROW

    def _may_poll_again(self) -> bool:
        """Whether there is time for the last poll, and it has not been made.

        A poll that took so long that the time of the last one passed meanwhile was not the last.
        """
        was_last = self._due > self._last_poll_at - CLOCK_TOLERANCE
        return not was_last and self._schedule.has_time_to_poll

    def _remember(self, status: TaskStatus) -> None:
        check_same_run(self._token, self._run_status, status)
        doubtful = is_doubtful_end(self._run_status, status)
        self.in_doubt = doubtful and not self.in_doubt and self._allows_another_poll
        self.ended = status.is_terminal and not self.in_doubt
        if self.in_doubt:
            return
        self.last, self._seen_at = status, self.answered_at
        if status.start_time:
            self._run_status = status

    @property
    def _allows_another_poll(self) -> bool:
        return not self._single_poll and self._schedule.until_last_poll(1.0) > 2 * CLOCK_TOLERANCE

    @property
    def _cause(self) -> Optional[RocketRideError]:
        """Why the latest poll failed; None if it did not."""
        return None if self._outage is None else self._outage.cause

    def timed_out(self, fault: Optional[RocketRideError] = None) -> WaitTimeoutError:
        """The error for a wait whose time is up: made, not raised. `fault`: why no poll was made."""
        unseen_for = None if self._seen_at is None else self._clock() - self._seen_at
        if unseen_for is not None and not self._schedule.is_long_ago(unseen_for):
            unseen_for = None
        return timeout_error(self._token, self._schedule.elapsed, self.last, self._cause or fault, unseen_for)
