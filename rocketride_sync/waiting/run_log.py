"""Searches the server's run log for a run that the server has forgotten or replaced. Knows no transport.

A search is a generator. For an `Operation` that it yields, it is sent the document of the answer, or the error; a number
that it yields is a pause in seconds. So a wait for one task and a wait for many search by the same rules, each with its
own way to send requests.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Generator, Iterator, List, Optional, Set, Union

from ..deadline import Deadline
from ..errors import RocketRideError, TaskLostError, TransientError, TransportTimeoutError
from ..handler_exceptions import pass_on
from ..logs import log
from ..models import TaskStatus
from ..protocol import run_log_operations
from ..protocol.operations import Operation
from ..redact import shorten
from ..transports.end_told import NOTHING_TOLD, EndTold
from . import end_reason
from .log_events import LIFECYCLE_EVENT, STATUS_EVENT
from .logged_run import Chapter, LoggedRun, chapters_near, note_rivals
from .run_list import is_open, runs_of
from .same_run import with_log

Ask = Callable[[Operation, Deadline], Any]
Step = Union[Operation, float]
Search = Generator[Step, Any, Optional[LoggedRun]]

SEARCH_WITHIN = 30.0
"""The most seconds that a search may take."""

# Two seconds in all: a chapter is closed shortly after the end of its run.
_PAUSES = (0.1, 0.2, 0.4, 0.6, 0.7)
# Seconds from the start of a run to the begin of its chapter. Their clocks may differ.
_MIN_DELAY = -2.0
_MAX_DELAY_WITHOUT_STATUS = 2.0  # a chapter that begins later may be that of the next run
_MAX_DELAY_OPEN = 10.0
_MAX_CHAPTERS = 3
# A run has a status about every second. Of a longer run, the last seconds are read first.
_LONG_RUN = 60.0
_LAST_SECONDS = (-10.0, 5.0)


def search(run: Optional[TaskStatus]) -> Search:
    """Search for the end of the run of this status, if there is one. How to use it is said above."""
    if run is None or not (run.start_time and run.project_id and run.source):
        return None
    refuted: Set[int] = set()
    pauses = iter(_PAUSES)
    while True:
        answer = yield run_log_operations.get_task_runs(run.project_id, run.source)
        chapters = _chapters(answer, run.start_time, refuted)
        retry = isinstance(answer, TransientError) or any(map(_may_be_closed_soon, chapters))
        for chapter in chapters:
            if is_open(chapter.run):
                continue
            retry = (yield from _read(run, chapter)) or retry
            if chapter.final is not None or (chapter.confirmed and not retry and not chapter.rivals):
                return chapter.found()
            if chapter.refuted:
                refuted.add(chapter.run.begin_seq)
        pause = next(pauses, None)
        if pause is None or not retry:
            # Before more is read: an open chapter says nothing of a closed one.
            likely = _without_status(chapters)
            return (yield from _read_open(run, chapters)) or likely
        yield pause


def search_latest(run: TaskStatus) -> Search:
    """Search for the end of the latest run of the project and source of `run`, whose other fields mean nothing.

    It returns None if the log has no run of them.

    Raises:
        RocketRideError: the log cannot be read.
    """
    pauses = iter(_PAUSES)
    while True:
        answer = yield run_log_operations.get_task_runs(run.project_id, run.source)
        pause = next(pauses, None)
        if isinstance(answer, RocketRideError):
            if pause is None or not isinstance(answer, TransientError):
                raise answer
        else:
            runs = runs_of(answer)
            if not runs:
                return None
            chapter, retry = Chapter(runs[-1], None, None), True
            if not is_open(chapter.run):
                retry = yield from _read(run, chapter)
            if pause is None or not retry:
                return chapter.without_end() if is_open(chapter.run) else chapter.found()
        yield pause


def _read_open(run: TaskStatus, chapters: List[Chapter]) -> Search:
    """Look for the final status in chapters that were not closed: the server died before, or another run goes on in it."""
    for chapter in chapters:
        if is_open(chapter.run):
            yield from _read(run, chapter)
            if chapter.final_stands:
                return chapter.found()
    return None


def _chapters(answer: Any, start_time: float, refuted: Set[int]) -> List[Chapter]:
    try:
        runs = [] if isinstance(answer, RocketRideError) else runs_of(answer)
    except RocketRideError as error:
        pass_on(error)
        log.debug("the run log cannot be read: %s", error)
        return []
    near = chapters_near(runs, start_time, _MIN_DELAY)
    left = [chapter for chapter in near if chapter.run.begin_seq not in refuted]
    # Of runs that began together, many may go on: they take no turn from one that is over.
    over = [chapter for chapter in left if not is_open(chapter.run)][:_MAX_CHAPTERS]
    going_on = [chapter for chapter in left if is_open(chapter.run)][:_MAX_CHAPTERS]
    chapters = sorted(over + going_on, key=near.index)
    note_rivals(chapters, near)
    return chapters


def _may_be_closed_soon(chapter: Chapter) -> bool:
    return is_open(chapter.run) and chapter.delay <= _MAX_DELAY_OPEN


def _without_status(chapters: List[Chapter]) -> Optional[LoggedRun]:
    """The result without a final status: from the one chapter whose statuses are the run's, or that began when it did."""
    confirmed = [chapter for chapter in chapters if chapter.confirmed]
    near = [
        chapter
        for chapter in chapters
        if abs(chapter.delay) <= _MAX_DELAY_WITHOUT_STATUS and not chapter.refuted
    ]
    likely = confirmed or near
    (chapter,) = likely if len(likely) == 1 else (None,)
    return None if chapter is None or is_open(chapter.run) else chapter.found()


def _read(run: TaskStatus, chapter: Chapter) -> Generator[Step, Any, bool]:
    """Read a chapter until the final status of the run is found. Returns whether it failed with a transient fault."""
    for bounds in _bounds(chapter):  # there are some
        fault = yield from _read_pages(run, chapter, bounds)
        if chapter.final is not None:
            break
    return isinstance(fault, TransientError)


def _bounds(chapter: Chapter) -> Iterator[Dict[str, Any]]:
    begin, end = chapter.run.begin_time, chapter.run.end_time
    if end is not None and (end - begin > _LONG_RUN or chapter.overruns):
        yield {"fromTime": end + _LAST_SECONDS[0], "toTime": end + _LAST_SECONDS[1]}
    until = {} if chapter.until is None else {"toSeq": chapter.until - 1}
    yield {"fromSeq": chapter.run.begin_seq, **until}


def _read_pages(run: TaskStatus, chapter: Chapter, bounds: Dict[str, Any]) -> Generator[Step, Any, Any]:
    """Read all pages within these bounds. Returns what came in place of a page, such as an error; None if nothing did."""
    types, cursor = (STATUS_EVENT, LIFECYCLE_EVENT), None
    while True:
        page = yield run_log_operations.read_run_log(run.project_id, run.source, types, bounds, cursor)
        events = page.get("events") if isinstance(page, dict) else None
        if not isinstance(events, list):
            chapter.cut_short()
            return page
        chapter.take(events, by_number="fromSeq" in bounds)
        before, cursor = cursor, page.get("cursor", page.get("nextSeq"))
        if cursor is None or cursor == before:
            return None


def settle(
    token: str, error: TaskLostError, logged: Optional[LoggedRun], told: EndTold = NOTHING_TOLD
) -> Union[TaskStatus, TaskLostError]:
    """The result for a run that was lost with `error`: its final status, or an error with what the log says.

    `told` is what events have told of its end.
    """
    if logged is None:
        return error
    if logged.status is not None:
        status = end_reason.in_log(logged.status, told)
        log.info("task %s: found in the run log: %s", shorten(token), status._progress())
        return status
    return with_log(token, error, logged.says, logged.outcome)


def recover(
    token: str,
    error: TaskLostError,
    run: Optional[TaskStatus],
    ask: Ask,
    deadline: Deadline,
    told: EndTold = NOTHING_TOLD,
) -> TaskStatus:
    """The final status of a run that was lost with `error`, from the run log.

    Args:
        token: the task's token, for messages, where it is shortened.
        error: the error, which has not been raised yet.
        run: the latest status with a start time, or None.
        ask: sends an operation, and returns the document of the answer.
        deadline: the deadline of the search; it takes `SEARCH_WITHIN` at most.
        told: what events have told of its end.

    Raises:
        TaskLostError: `error`, or a new one with what the log says.
    """
    logged = _run_search(search(run), ask, deadline.within(SEARCH_WITHIN))
    settled = settle(token, error, logged, told)
    if isinstance(settled, TaskLostError):
        raise settled
    return settled


def latest(project_id: str, source: str, ask: Ask, deadline: Deadline) -> Optional[LoggedRun]:
    """What the run log says of the latest run of this project and source; None if it has none.

    Raises:
        RocketRideError: the log cannot be read. `ask` and `deadline` are those of `recover`.
    """
    named = TaskStatus(project_id=project_id, source=source)
    return _run_search(search_latest(named), ask, deadline.within(SEARCH_WITHIN))


def _run_search(steps: Search, ask: Ask, deadline: Deadline) -> Optional[LoggedRun]:
    answer: Any = None
    while True:
        try:
            step = steps.send(answer)
        except StopIteration as end:
            found: Optional[LoggedRun] = end.value
            return found
        if isinstance(step, Operation):
            answer = _answer(ask, step, deadline)
        else:
            deadline.sleep(step)


def _answer(ask: Ask, operation: Operation, deadline: Deadline) -> Any:
    if deadline.expired:
        return TransportTimeoutError(f"{operation.name} failed: no time was left for it")
    try:
        return ask(operation, deadline)
    except RocketRideError as error:
        pass_on(error, of_auth=True)
        return error.with_traceback(None)
