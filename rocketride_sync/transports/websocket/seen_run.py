"""What events told of the end of the run that the polls show."""

from __future__ import annotations

from typing import Optional, Tuple


class SeenRun:
    """The end of the run that a poll showed alive, for when a later poll shows another run, or that the task is forgotten.

    The first `end` event after that poll is of this run. A second one that tells something else leaves it in doubt: the
    first may have waited unread since the run before. So does a restart, which revives a run that has ended, and a pause
    in listening. After a `begin` event, an `end` event is of this run only if a later poll has shown it alive again.
    """

    __slots__ = ("_begun", "_begun_before_poll", "_reason", "_start_time", "_told", "_told_before_poll")

    def __init__(self) -> None:
        self._begun = self._begun_before_poll = False  # since the latest poll was sent, or before
        self.subscribed()

    def subscribed(self) -> None:
        """A subscription was requested: events may have been missed before."""
        self._see(None)

    def _see(self, start_time: Optional[float]) -> None:
        self._start_time = start_time
        self._told = self._told_before_poll = False  # whether an `end` event has come
        self._reason: Optional[str] = None  # that it gave

    @property
    def end(self) -> Optional[Tuple[float, str]]:
        """When the run started, and why the server ended it; None if it did not, or if that is not certain."""
        return (self._start_time, self._reason) if self._start_time and self._reason else None

    def ended(self, reason: Optional[str]) -> None:
        """An `end` event of the task has come."""
        may_be_of_next = not self._told and (self._begun or self._begun_before_poll)
        if may_be_of_next or (self._told and self._reason != reason):
            self._see(None)
        elif self._start_time:
            self._told, self._reason = True, reason

    def begun(self) -> None:
        """A `begin` event of the task has come."""
        self._begun = True

    def restarted(self) -> None:
        """A `restart` event of the task has come."""
        if self._told:
            self._see(None)

    def poll_sent(self) -> None:
        """The status is asked for now."""
        self._told_before_poll = self._told
        self._begun_before_poll = self._begun_before_poll or self._begun
        self._begun = False

    def shown(self, start_time: Optional[float]) -> None:
        """The poll found a run alive: the one that started then; before its start, that is 0.0.

        Another run than before takes nothing back.
        """
        if self._start_time and start_time != self._start_time:
            return
        self._begun_before_poll = False
        if not self._start_time or self._told_before_poll:
            self._see(start_time)
