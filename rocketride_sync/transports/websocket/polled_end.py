"""What `end` events told of the end that the latest poll shows."""

from __future__ import annotations

from typing import Optional


class _Told:
    """What was told of the end of one run."""

    __slots__ = ("reason", "restarted", "told")

    def __init__(self) -> None:
        self.told = False  # whether an `end` event has come
        self.reason: Optional[str] = None  # that it gave
        self.restarted = False  # since then

    def ended(self, reason: Optional[str]) -> None:
        self.reason = reason if self.restarted else reason or self.reason
        self.told, self.restarted = True, False


class PolledEnd:
    """What was told of the end of the run that the latest poll shows.

    The server shows another run before it tells of its begin. So a `begin` event that comes before a poll is sent is of
    the run that the poll shows, or of an earlier one. If it comes later, what follows it is kept for the next poll: it may
    be of the next run. A restart begins no other run.
    """

    __slots__ = ("_next", "_shown", "_told_before_poll")

    def __init__(self) -> None:
        self._shown = _Told()
        self._next: Optional[_Told] = None  # since a `begin` event that came after the latest poll was sent
        self._told_before_poll = False

    @property
    def told(self) -> bool:
        """Whether an `end` event of that run has come."""
        return self._shown.told

    @property
    def reason(self) -> Optional[str]:
        """Why the server ended that run, if an event has told it."""
        return self._shown.reason

    @property
    def is_over(self) -> bool:
        """Whether no further event counts until the next poll is sent."""
        return self._next is not None

    def poll_sent(self) -> None:
        """The status is asked for now."""
        self._shown, self._next = self._next or self._shown, None
        if self._shown.restarted:  # what the status shows is the end of the restarted run
            self._shown = _Told()
        self._told_before_poll = self._shown.told

    def life_shown(self) -> None:
        """The poll found the run alive: what was told before is the end of the run before, or there was a restart."""
        if self._told_before_poll:
            self._shown = _Told()

    def begun(self) -> None:
        """A `begin` event of the task has come."""
        self._next = _Told()

    def restarted(self) -> None:
        """A `restart` event of the task has come."""
        (self._next or self._shown).restarted = True

    def ended(self, reason: Optional[str]) -> None:
        """An `end` event of the task has come."""
        (self._next or self._shown).ended(reason)
