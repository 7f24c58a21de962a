"""What the server's run log says of one run: its final status, or only how its chapter ended. No I/O.

Source of the facts: docs/protocol.md, "The run log".
"""

from __future__ import annotations

import itertools
import math
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ..frozen import Frozen
from ..models import Outcome, TaskStatus
from ..models._task_run import TaskRun
from .log_events import LIFECYCLE_EVENT, STATUS_EVENT, final_status, log_number, number_of, text_of
from .run_list import is_open, overlap

_END_REASONS = {"user": "that somebody terminated it", "ttl": "that its ttl ran out"}
_LONGEST_DELAY = 10.0  # seconds from the start of a run to the begin of its chapter
_OUTCOMES = ("ok", "cancelled", "interrupted", "error")
_Final = Tuple[float, Optional[TaskStatus]]  # the number of its event, and the status
_NO_FINAL: _Final = (-math.inf, None)


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
        following: that of the next chapter; None if it is the last.
        start_time: the ``startTime`` of the run that is searched for; None if it is this chapter's, whichever that is.

    Attributes:
        until: the number of the first event after it; None if it is the last.
        overruns: whether the next chapter begins before the end of this one, and so may hold it.
        delay: seconds from that start to the begin of the chapter; 0.0 if it is not known.
        may_end_later: whether a final status of the run counts outside of it: not if a nearer chapter is open, which
            may be the run's, so that it may go on.
        rivals: the numbers at which other chapters begin that may be the one of the run in place of this.
    """

    def __init__(self, run: TaskRun, following: Optional[TaskRun], start_time: Optional[float]) -> None:
        self.run = run
        self.until = None if following is None else following.begin_seq
        self.overruns = following is not None and overlap(run, following)
        self.delay = run.begin_time - (run.begin_time if start_time is None else start_time)
        self.may_end_later = False
        self.rivals: List[float] = []
        self._wanted = start_time
        self._finals: Dict[float, _Final] = {}  # the last final status of each run, by its start
        self._end: Tuple[float, Optional[str]] = (-math.inf, None)  # the last `run-end`, and its reason
        self._begins: List[float] = []  # the numbers of each `run-begin`
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
        if any(begin < self.run.begin_seq for begin in self.rivals):
            return True
        number, status = self._final
        # A final status outside of the chapter came when the next run had begun.
        if self.overruns if status is None else number != -math.inf and not self._holds(number):
            return True
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
        life = [self._last_life.get(start, -math.inf) for start in (self._start_time, None)]
        return self._final[0] > max(life)

    @property
    def _reason(self) -> Optional[str]:
        """Why the run was stopped at its end; of an end before a restart, the reason says nothing."""
        if self._is_shared:
            return None
        at, reason = self._end
        final = self._final[0]
        # It is the next run's if that had begun by then, when the chapters had been listed.
        is_next = any(max(final, self.run.begin_seq) < begin <= at for begin in self._begins)
        return self.run.reason or (reason if at >= final and not self._others and not is_next else None)

    def take(self, events: List[Any], *, by_number: bool) -> None:
        """Process events, in any order. Malformed ones and those of other chapters are ignored.

        But the final status of the run that is searched for says by itself whose it is: a later chapter may hold it.

        Args:
            events: a page of the log.
            by_number: whether the numbers of this chapter were asked for. Otherwise a begin or an end without a number
                may be another run's, and is ignored.
        """
        for event in events:
            body = event.get("body") if isinstance(event, dict) else None
            if not isinstance(body, dict):
                continue
            number = log_number(body)
            if event.get("event") == STATUS_EVENT:
                self._take_status(body, number)
            elif event.get("event") == LIFECYCLE_EVENT and (
                by_number if number is None else self._holds(number)
            ):
                self._take_lifecycle(body, number)

    def _holds(self, number: float) -> bool:
        return number >= self.run.begin_seq and (self.until is None or number < self.until)

    def _take_lifecycle(self, body: Mapping[str, Any], number: Optional[float]) -> None:
        action = body.get("action")
        at = math.inf if number is None else number
        if action in ("run-end", "run-restart") and at >= self._end[0]:
            self._end = (at, text_of(body.get("reason")))
        if action == "run-restart":
            self._note_life(None, number)
        if action == "run-begin":
            # Without a number, the first one is this run's.
            self._begins.append(at if number is not None or self._begins else self.run.begin_seq)

    def _take_status(self, body: Mapping[str, Any], number: Optional[float]) -> None:
        started = number_of(body.get("startTime"))
        status = final_status(body)
        is_inside = number is None or self._holds(number)
        is_end = status is not None and started == self._wanted and self.may_end_later
        if not started or not (is_inside or is_end):
            return
        before = self._finals.setdefault(started, _NO_FINAL)
        place = before[0] if number is None else number
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
    chapters = [Chapter(run, following, start_time) for run, following in zip(runs, [*runs[1:], None])]
    near = [chapter for chapter in chapters if chapter.delay >= earliest]
    near.sort(key=lambda chapter: abs(chapter.delay))
    for chapter in itertools.takewhile(lambda chapter: not is_open(chapter.run), near):
        chapter.may_end_later = True
    return near


def note_rivals(chapters: List[Chapter], near: List[Chapter]) -> None:
    """Set `Chapter.rivals` of some of the chapters that `chapters_near` returned."""
    possible = [chapter.run for chapter in near if chapter.delay <= _LONGEST_DELAY]
    for chapter in chapters:
        chapter.rivals = [other.begin_seq for other in possible if overlap(chapter.run, other)]
