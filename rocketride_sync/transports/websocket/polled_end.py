"""What `end` events told of the end that the latest poll shows."""

from __future__ import annotations

from typing import Any, Mapping, Optional

_SLACK = 1.0  # seconds between the end that a status names and its event, whichever is first
_LATE = 60.0  # the same, where nothing else tells whose event it is
_UNITS = (1.0, 1e3, 1e6, 1e9)  # in a second: the protocol does not tell in which one an event names its time
_ANOTHER_UNIT = 1e8  # seconds; what lies further from the start of a run is no time of its end
_LONGEST = 1e300  # no time, but a float


class _Told:
    """What was told of the end of one run.

    Attributes:
        start_time: when the run started that a poll had shown alive before; None if there was none.
        sent_at: the server's time when it sent the event, if that names it.
        is_before_loss: whether the connection was lost since: other runs may have begun and ended unheard.
    """

    __slots__ = ("is_before_loss", "reason", "restarted", "sent_at", "start_time", "told")

    def __init__(self) -> None:
        self.told = False  # whether an `end` event has come
        self.reason: Optional[str] = None  # that it gave
        self.restarted = False  # since then
        self.start_time: Optional[float] = None
        self.sent_at: Optional[float] = None
        self.is_before_loss = False

    def ended(self, reason: Optional[str], sent_at: Optional[float], start_time: Optional[float]) -> None:
        is_another = self.restarted or self.is_before_loss
        self.reason = reason if is_another else reason or self.reason
        self.told, self.restarted, self.is_before_loss = True, False, False
        self.sent_at, self.start_time = sent_at, start_time

    def may_be_of(self, document: Mapping[str, Any]) -> bool:
        """Whether this was told of the run in a status that was read after a loss, and not of a later end.

        A restart keeps the start time. One that began and ended unheard shows where the event names its time. Without
        that, no reason counts: that of another end would be worse than none.
        """
        start, end = _seconds(document.get("startTime")), _seconds(document.get("endTime"))
        sent_at = self._sent_near(start)
        if self.start_time and start != self.start_time:
            return False
        if sent_at is None:
            return bool(self.start_time) and self.reason is None
        is_in_time = end <= sent_at + _SLACK
        if self.start_time:
            return is_in_time
        return bool(start and end) and start <= sent_at <= end + _LATE and is_in_time

    def _sent_near(self, start: float) -> Optional[float]:
        """The time of the event in seconds, where that can be the time of the end of a run that started then."""
        if self.sent_at is None:
            return None
        times = (self.sent_at / unit for unit in _UNITS)
        return next((time for time in times if abs(time - start) <= _ANOTHER_UNIT), None)


class PolledEnd:
    """What was told of the end of the run that the latest poll shows.

    The server shows another run before it tells of its begin. So a `begin` event that comes before a poll is sent is of
    the run that the poll shows, or of an earlier one. If it comes later, what follows it is kept for the next poll: it may
    be of the next run. A restart begins no other run.

    What was told before the connection was lost counts if the next poll shows the run that it was told of.
    """

    __slots__ = ("_alive", "_next", "_shown", "_told_before_poll")

    def __init__(self) -> None:
        self._shown = _Told()
        self._next: Optional[_Told] = None  # since a `begin` event that came after the latest poll was sent
        self._told_before_poll = False
        self._alive: Optional[float] = None  # when the run started that a poll showed alive last

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

    def shown(self, document: Mapping[str, Any], *, alive: bool) -> None:
        """The poll found this. A run that is alive: what was told before is the end of the run before, or of a restart."""
        is_of_another = self._shown.is_before_loss and not self._shown.may_be_of(document)
        if is_of_another or (alive and self._told_before_poll):
            self._shown = _Told()
        if alive:
            self._alive = _seconds(document.get("startTime"))

    def connection_lost(self) -> None:
        """Events may have been missed, or will be, before the next poll is sent."""
        for told in (self._shown, self._next):
            if told is not None:
                told.is_before_loss = told.told

    def begun(self) -> None:
        """A `begin` event of the task has come."""
        self._next = _Told()

    def restarted(self) -> None:
        """A `restart` event of the task has come."""
        (self._next or self._shown).restarted = True

    def ended(self, reason: Optional[str], sent_at: Any) -> None:
        """An `end` event of the task has come, sent at this time, if it names one."""
        (self._next or self._shown).ended(reason, _seconds(sent_at) or None, self._alive)


def _seconds(value: Any) -> float:
    """0.0 for what is no number of seconds: neither is NaN, nor an integer that no float can hold."""
    return float(value) if type(value) in (int, float) and 0 < value < _LONGEST else 0.0
