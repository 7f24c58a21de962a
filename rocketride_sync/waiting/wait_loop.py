"""The wait for one task: poll, then pause, until it has ended. It knows no transport."""

from __future__ import annotations

import time
from typing import Callable, Generator, Optional

from ..deadline import Deadline
from ..errors import RocketRideError
from ..logs import log
from ..models import TaskStatus
from ..redact import shorten
from .wait_rules import PollOutcome, Wait

Read = Callable[[Deadline], TaskStatus]
Sleep = Callable[[float], None]


class _WaitLog:
    """What is logged of a wait.

    Args:
        token: the task's token.
    """

    def __init__(self, token: str) -> None:
        self._task = shorten(token)
        self._failing_since: Optional[float] = None

    def saw(self, status: TaskStatus) -> None:
        """A poll brought a status."""
        if self._failing_since is not None:
            log.info("task %s: seen again after %.1f s", self._task, time.monotonic() - self._failing_since)
            self._failing_since = None
        log.debug("task %s: %r", self._task, status)

    def failed(self, fault: RocketRideError, pause: float) -> None:
        """A poll failed, and there will be another."""
        if self._failing_since is None:
            self._failing_since = time.monotonic()
        log.info("task %s: %s; polling again in %.1f s at the latest", self._task, fault, pause)


def statuses(token: str, wait: Wait, read: Read, sleep: Sleep) -> Generator[TaskStatus, None, None]:
    """Every status of a task that is waited for, the terminal one last and once.

    Args:
        token: the task's token, for the log, where it is shortened.
        wait: the rules of the wait.
        read: reads the status within a deadline, raising errors of `rocketride_sync.errors`.
        sleep: returns after some seconds, or sooner when there is reason to poll.

    Raises:
        RocketRideError: what ended the wait: see `Wait.take` and `Wait.pause`.
    """
    wait_log = _WaitLog(token)
    while True:
        wait.fell_due()
        seen = _try_to_read(read, wait.begin())
        wait.mark_answered()
        wait.take(seen)
        if isinstance(seen, TaskStatus):
            wait_log.saw(seen)
            yield seen
            if seen.is_terminal:
                return
        pause = wait.pause()
        if not isinstance(seen, TaskStatus):
            wait_log.failed(seen, pause)
        sleep(pause)


def _try_to_read(read: Read, deadline: Deadline) -> PollOutcome:
    try:
        return read(deadline)
    except RocketRideError as error:
        return error
