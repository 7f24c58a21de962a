"""What the server's run log says of one run: its final status, or only how its chapter ended. No I/O.

Source of the facts: docs/protocol.md, "The run log".
"""

from __future__ import annotations

import math
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ..errors import DecodeError
from ..frozen import Frozen
from ..models import Outcome, TaskStatus
from ..models._task_run import TaskRun
from .run_list import overlap

STATUS_EVENT = "apaevt_status_update"
LIFECYCLE_EVENT = "apaevt_log_lifecycle"
_END_REASONS = {"user": "that somebody terminated it", "ttl": "that its ttl ran out"}
_LONGEST_DELAY = 10.0  # seconds from the start of a run to the begin of its chapter
_OUTCOMES = ("ok", "cancelled", "interrupted", "error")
_Final = Tuple[float, Optional[TaskStatus]]  # the number of its event, and the status
_NO_FINAL: _Final = (-math.inf, None)
# These belong to the event.
_STAMPS = ("__id", "eventTime", "final", "logSeq", "runKind", "teamId", "userId")


class LoggedRun(Frozen):
    """What was found of a run.

    Attributes:
        status: its final status, or None.
        outcome: how it ended, as far as the chapter alone says that.
        says: the same for a message; it follows the words "the run log says".
        begin_time: when its chapter begins, moments after its start; 0.0 if the log does not tell.
    """

    __slots__ = ("begin_time", "outcome", "says", "status")

    status: Optional[TaskStatus]
    outcome: Optional[Outcome]
    says: str
    begin_time: float

    def __init__(
        self, *, status: Optional[TaskStatus], outcome: Optional[Outcome], says: str, begin_time: float
    ) -> None:
        self._set(status=status, outcome=outcome, says=says, begin_time=begin_time)


class Chapter:
    """The part of the log that belongs to one run, and what was found in it.

    Another run of the same project and source may go on beside it. Then its events stand in the same chapter, and whose
    end the chapter's reason and outcome tell is not known: only a status says by itself whose it is. If several began
    together, that is so even where the statuses of one stand alone: its own chapter may be an earlier one.

    Args:
        run: its entry in the list of runs.
        until: the number of the first event after it; None if it is the last.
        start_time: the ``startTime`` of the run that is searched for; None if it is this chapter's, whichever that is.

    Attributes:
        delay: seconds from that start to the begin of the chapter; 0.0 if it is not known.
        rivals: the numbers at which other chapters begin that may be the one of the run in place of this.
    """

    def __init__(self, run: TaskRun, until: Optional[int], start_time: Optional[float]) -> None:
        self.run = run
        self.until = until
        self.delay = run.begin_time - (run.begin_time if start_time is None else start_time)
        self.rivals: List[float] = []
        self._wanted = start_time
        self._finals: Dict[float, _Final] = {}  # the last final status of each run, by its start
        self._end: Tuple[float, Optional[str]] = (-math.inf, None)  # the last `run-end`, and its reason
        # The number of the last status before an end, by its start.
        self._last_life: Dict[Optional[float], float] = {}

    @property
    def _start_time(self) -> Optional[float]:
        """The start of the run that is searched for. Without a given one, the nearest to the begin of the chapter."""
        if self._wanted is not None:
            return self._wanted
        nearest = min(self._finals, key=self._distance, default=math.inf)
        return nearest if self._distance(nearest) < _LONGEST_DELAY else None

    def _distance(self, started: float) -> float:
        return abs(self.run.begin_time - started)

    @property
    def _final(self) -> _Final:
        start_time = self._start_time
        return _NO_FINAL if start_time is None else self._finals.get(start_time, _NO_FINAL)

    @property
    def confirmed(self) -> bool:
        """Whether a status in it is one of the run that is searched for."""
        return self._start_time in self._finals

    @property
    def refuted(self) -> bool:
        """Whether its statuses belong to another run."""
        return bool(self._finals) and not self.confirmed

    @property
    def _others(self) -> List[float]:
        """The starts of other runs that have statuses in it."""
        start_time = self._start_time
        return [started for started in self._finals if started != start_time]

    @property
    def _is_shared(self) -> bool:
        """Whether another run went on beside this one. One that started after the end of this one is no such run: it
        took over the token when the list of chapters had been made, and that told how this one ended.

        A run's chapter begins before its first status.
        """
        if any(begin < self.run.begin_seq or not self.confirmed for begin in self.rivals):
            return True
        status = self._final[1]
        end = math.inf if status is None or not status.end_time else status.end_time
        return not all(started >= end for started in self._others)

    @property
    def final(self) -> Optional[TaskStatus]:
        """The final status of the run that is searched for, if it was read."""
        status = self._final[1]
        known = self._reason if self._reason in _END_REASONS else None
        return None if status is None else status._with_facts(from_run_log=True, end_reason=known)

    @property
    def final_stands(self) -> bool:
        """Whether nothing follows the final status: no other of the run, and no restart. A chapter that is open may go on."""
        number, status = self._final
        life = [self._last_life.get(start, -math.inf) for start in (self._start_time, None)]
        return status is not None and number > max(life)

    @property
    def _reason(self) -> Optional[str]:
        """Why the run was stopped at its end; of an end before a restart, the reason says nothing."""
        if self._is_shared:
            return None
        at, reason = self._end
        return self.run.reason or (reason if at >= self._final[0] and not self._others else None)

    def take(self, events: List[Any]) -> None:
        """Process events, in any order. Malformed ones and those of other chapters are ignored."""
        for event in events:
            body = event.get("body") if isinstance(event, dict) else None
            if isinstance(body, dict) and self._holds(body):
                if event.get("event") == STATUS_EVENT:
                    self._take_status(body)
                elif event.get("event") == LIFECYCLE_EVENT:
                    self._take_lifecycle(body)

    def _holds(self, body: Mapping[str, Any]) -> bool:
        number = _number(body.get("logSeq"))
        if number is None:
            return True
        return number >= self.run.begin_seq and (self.until is None or number < self.until)

    def _take_lifecycle(self, body: Mapping[str, Any]) -> None:
        number = _number(body.get("logSeq"))
        at = max(self._end[0], self._final[0]) if number is None else number
        if body.get("action") in ("run-end", "run-restart") and at >= self._end[0]:
            self._end = (at, _text(body.get("reason")))
        if body.get("action") == "run-restart":
            self._note_life(None, number)

    def _take_status(self, body: Dict[str, Any]) -> None:
        started = _number(body.get("startTime"))
        if not started:
            return
        before = self._finals.setdefault(started, _NO_FINAL)
        number = _number(body.get("logSeq"))
        place = before[0] if number is None else number
        status = _terminal(body) if body.get("final") is True else None
        if status is None:
            self._note_life(started, number)
        elif place >= before[0]:
            self._finals[started] = (place, status)

    def _note_life(self, started: Optional[float], number: Optional[float]) -> None:
        """A run went on: the one that started then, or any."""
        place = math.inf if number is None else number
        self._last_life[started] = max(place, self._last_life.get(started, -math.inf))

    def cut_short(self) -> None:
        """Forget the final status: the chapter could not be read to its end, so there may be a later one."""
        self._finals = dict.fromkeys(self._finals, _NO_FINAL)

    def found(self) -> LoggedRun:
        """What the log says of the run."""
        if self._is_shared:
            return self._logged(
                "that another run of its source went on beside it, and not which of them ended how"
            )
        if self._reason:
            return self._logged(_END_REASONS.get(self._reason, "that it was stopped"), Outcome.CANCELLED)
        outcome = Outcome.SUCCEEDED if self.run.outcome == "ok" else None
        # Unknown words are not quoted: a server could put a secret there.
        word = (
            repr(self.run.outcome) if self.run.outcome in _OUTCOMES else "when, with a word that is not known"
        )
        return self._logged(f"no more of its end than {word}", outcome)

    def without_end(self) -> LoggedRun:
        """What the log says of a run whose end it does not have."""
        return LoggedRun(
            status=None,
            outcome=None,
            says="that it began, and nothing of its end",
            begin_time=self.run.begin_time,
        )

    def _logged(self, says: str, outcome: Optional[Outcome] = None) -> LoggedRun:
        return LoggedRun(status=self.final, outcome=outcome, says=says, begin_time=self.run.begin_time)


def chapters_near(runs: List[TaskRun], start_time: float, earliest: float) -> List[Chapter]:
    """The chapters that may belong to the run with this ``startTime``, the nearest first.

    Args:
        runs: all runs, the oldest first.
        start_time: when the run started.
        earliest: the smallest `Chapter.delay`; negative means before the start.
    """
    bounds = [run.begin_seq for run in runs[1:]]
    chapters = [Chapter(run, until, start_time) for run, until in zip(runs, [*bounds, None])]
    near = [chapter for chapter in chapters if chapter.delay >= earliest]
    return sorted(near, key=lambda chapter: abs(chapter.delay))


def note_rivals(chapters: List[Chapter], near: List[Chapter]) -> None:
    """Set `Chapter.rivals` of some of the chapters that `chapters_near` returned."""
    possible = [chapter.run for chapter in near if chapter.delay <= _LONGEST_DELAY]
    for chapter in chapters:
        chapter.rivals = [other.begin_seq for other in possible if overlap(chapter.run, other)]


def _terminal(body: Mapping[str, Any]) -> Optional[TaskStatus]:
    try:
        status = TaskStatus.from_dict({name: value for name, value in body.items() if name not in _STAMPS})
    except DecodeError:
        return None
    return status if status.is_terminal else None


def _number(value: Any) -> Optional[float]:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _text(value: Any) -> Optional[str]:
    return value if isinstance(value, str) and value else None
