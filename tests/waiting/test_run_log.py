"""Which chapter of the run log is a run's, and what it tells; nothing is sent, and nobody waits."""

import copy
import math

import pytest
from cases import each
from handlers import of_auth
from hypothesis import given
from hypothesis import strategies as st
from logged_runs import ENDED, LIFECYCLE, RUNNING, STATUS, RunLog, of_run
from strategies import JSON_VALUES

from rocketride_sync import (
    DecodeError,
    Outcome,
    PermissionDeniedError,
    ProtocolError,
    ServerError,
    TaskReplacedError,
    TaskStatus,
    TaskVanishedError,
    TransportError,
    TransportTimeoutError,
    UnsupportedOperationError,
)
from rocketride_sync.deadline import Deadline
from rocketride_sync.protocol.operations import Operation
from rocketride_sync.transports.end_told import EndTold
from rocketride_sync.waiting.run_list import runs_of
from rocketride_sync.waiting.run_log import latest, recover, search, search_latest, settle

TOKEN = "tk_5f3a0123456789abcdef0123456789ab"
RUN = TaskStatus.from_dict(RUNNING)
FAILED = {**ENDED, "state": 6, "exitCode": 1, "exitMessage": "Failed*disk full*here"}
STOPPED = {**ENDED, "state": 6, "exitCode": 1, "exitMessage": "a line on the way out"}


class Asking:
    """Runs a search: answers from `log`, a `RunLog` or a function of the operation; remembers what it was asked."""

    def __init__(self, log):
        self._answer = log if callable(log) else lambda operation: log.body(operation.arguments)
        self.asked = []
        self.pauses = []

    def find(self, run=RUN, how=search):
        steps, answer = how(run), None
        while True:
            try:
                step = steps.send(answer)
            except StopIteration as end:
                return end.value
            answer = None
            if isinstance(step, Operation):
                self.asked.append(step.arguments["subcommand"])
                answer = self._answer(step)
            else:
                self.pauses.append(step)
                assert len(self.pauses) < 100


def found(log, run=RUN):
    return Asking(log).find(run)


def test_the_final_status_of_the_run_is_found():
    log = RunLog().add(ENDED, 50.0).add(FAILED).add(ENDED, 300.0)
    asking = Asking(log)
    logged = asking.find()
    assert logged.status == TaskStatus.from_dict(FAILED)
    assert (logged.status.from_run_log, logged.status.end_reason) == (True, None)
    assert asking.asked[0] == "chapters"
    assert asking.pauses == []


def test_the_stamps_of_the_event_are_no_part_of_the_status():
    assert found(RunLog().add(ENDED)).status.to_dict() == TaskStatus.from_dict(ENDED).to_dict()
    assert not found(RunLog().add(ENDED)).status.extra


def test_what_the_status_schema_does_not_know_is_kept():
    assert found(RunLog().add({**ENDED, "newer": 1})).status.extra == {"newer": 1}


@pytest.mark.parametrize("reason", ["user", "ttl"])
def test_a_reason_counts_as_that_of_an_end_event(reason):
    """In the chapter, or in `run-end` alone."""
    assert found(RunLog().add(STOPPED, reason=reason)).status.end_reason == reason
    log = RunLog().add(STOPPED, reason=reason)
    del log.chapters[0]["reason"]
    assert found(log).status.end_reason == reason


@pytest.mark.parametrize("last_end_logged", [True, False])
@pytest.mark.parametrize("backwards", [False, True])
def test_the_reason_of_an_end_before_a_restart_is_not_that_of_the_last(last_end_logged, backwards):
    """The run was stopped, restarted, and failed by itself."""
    log = RunLog().add(FAILED)
    if not last_end_logged:
        log.events.pop()
    for number, action, more in ((3, "run-end", {"reason": "user"}), (4, "run-restart", {})):
        body = {"action": action, "logSeq": number, "eventTime": 150.0, **more}
        log.events.insert(1, {"event": "apaevt_log_lifecycle", "seq": 7, "body": body})
    if backwards:
        log.events.reverse()
    status = found(log).status
    assert (status.outcome, status.end_reason) == (Outcome.FAILED, None)


def test_a_reason_that_nobody_knows_is_none():
    assert found(RunLog().add(STOPPED, reason="weather")).status.end_reason is None


def test_a_reason_is_that_of_the_run_and_of_no_other():
    log = RunLog().add(ENDED, 50.0, reason="user").add(FAILED).add(ENDED, 300.0, reason="ttl")
    assert found(log).status.end_reason is None


def beside(reason, twin_reason, *, started=100.01, ends_first=True, final=True):
    """The log of two runs of a source that go on at the same time; the twin's chapter holds the rest of both."""
    log = RunLog()
    begins = [log._log(LIFECYCLE, start, action="run-begin") for start in (100.0, started)]
    runs = [(FAILED, 100.0, reason, final), (STOPPED, started, twin_reason, True)]
    for status, start, why, told in runs if ends_first else runs[::-1]:
        if told:
            log._log(STATUS, 200.0, **of_run(status, start), final=True)
        else:
            log._log(STATUS, 200.0, **of_run(RUNNING, start))
        log._log(LIFECYCLE, 200.0, action="run-end", outcome="cancelled", **({"reason": why} if why else {}))
    for begin, (_, start, why, _) in zip(begins, runs):
        chapter = {"beginTime": start + 0.02, "beginSeq": begin, "endTime": 200.0, "outcome": "cancelled"}
        log.chapters.append({**chapter, **({"reason": why} if why else {})})
    return log


@each("ends_first", [True, False])
@each("started", [100.01, 99.99, 100.5, 130.0])
@each("reasons", [(None, "ttl"), ("user", "ttl"), (None, "user")])
def test_a_reason_may_be_that_of_a_run_that_went_on_beside_this_one(reasons, started, ends_first):
    """Of two runs at a time, in one chapter, only a status says whose it is."""
    status = found(beside(*reasons, started=started, ends_first=ends_first)).status
    assert status.exit_message == FAILED["exitMessage"]
    assert (status.outcome, status.end_reason) == (Outcome.FAILED, None)


@pytest.mark.parametrize("reasons", [("user", None), (None, "user"), ("user", "user")])
def test_nor_is_a_reason_known_if_the_chapter_of_that_run_is_not_in_the_list(reasons):
    log = beside(*reasons, started=95.0)
    del log.chapters[1]
    status = found(log).status
    assert (status.exit_message, status.end_reason) == (FAILED["exitMessage"], None)


@pytest.mark.parametrize("ends_first", [True, False])
def test_without_a_final_status_the_end_of_one_of_two_runs_is_not_known(ends_first):
    logged = found(beside(None, "ttl", ends_first=ends_first, final=False))
    assert (logged.status, logged.outcome) == (None, None)
    error = settle(TOKEN, TaskVanishedError("gone", last_status=RUN), logged)
    assert "another run of its source went on beside it" in str(error)
    assert error.outcome is None


def followed(reason, next_reason, *, gap, lifecycle_numbers, final=True, page=100):
    """The log of a run of a minute and more, and of the next, which was stopped at once, and of one that goes on."""
    log = RunLog(page=page)
    log.add(FAILED, reason=reason, outcome="cancelled", final=final)
    log.add(STOPPED, 200.0 + gap, lasting=0.5, reason=next_reason, outcome="cancelled", updates=0)
    log.add(ENDED, 201.0 + gap, endTime=None, outcome=None)
    del log.events[-2:]
    if lifecycle_numbers:
        return log

    def answer(operation):
        answered = copy.deepcopy(log.body(operation.arguments))
        for event in answered.get("events", ()):
            if event["event"] == LIFECYCLE:
                del event["body"]["logSeq"]
        return answered

    return answer


@each("page", [100, 1])
@each("lifecycle_numbers", [True, False])
@each("gap", [0.0, 1.0, 4.0, 6.0])
@each("reasons", [(None, "user"), (None, "ttl"), ("ttl", "user"), ("user", None)])
def test_the_reason_is_never_that_of_the_run_that_came_next(reasons, gap, lifecycle_numbers, page):
    """Its end may stand in the last seconds that are read, and say nowhere whose it is."""
    log = followed(*reasons, gap=gap, lifecycle_numbers=lifecycle_numbers, page=page)
    status = found(log).status
    assert (status.start_time, status.end_reason) == (100.0, reasons[0])
    logged = found(followed(*reasons, gap=gap, lifecycle_numbers=lifecycle_numbers, page=page, final=False))
    assert logged.status is None
    assert logged.outcome is (Outcome.CANCELLED if reasons[0] else None)


@each("page", [100, 1])
@each(
    ("lasting", "started", "twin_lasting"),
    [
        (104.0, 200.0, 4.02),
        (110.0, 200.0, 4.0),
        (200.0, 200.0, 4.0),
        (104.0, 200.0, 200.0),
        (40.0, 130.0, 15.0),
    ],
)
def test_a_final_status_that_stands_in_the_chapter_of_a_later_run_is_found(
    lasting, started, twin_lasting, page
):
    """That one went on beside this one, and did not begin with it. It is not known whose end closed which chapter."""
    log = overtaken(lasting, started, twin_lasting)
    log.page = page
    status = found(log).status
    assert (status.exit_message, status.outcome) == (FAILED["exitMessage"], Outcome.FAILED)
    assert status.end_reason is None


def overtaken(lasting, started, twin_lasting, *, final=True):
    """The log of a run in which a twin begins much later, while it goes on: its own end stands in the twin's chapter."""
    log = RunLog()
    runs = [(100.0, lasting, FAILED, None), (started, twin_lasting, STOPPED, "user")]
    events = []
    for start, seconds, status, reason in runs:
        told = {"reason": reason} if reason else {}
        events.append((start, LIFECYCLE, {"action": "run-begin"}))
        events.append((start + 0.1, STATUS, of_run(RUNNING, start)))
        if final:
            events.append((start + seconds, STATUS, {**of_run(status, start, seconds), "final": True}))
        end = {"action": "run-end", "outcome": "cancelled", **told}
        events.append((start + seconds, LIFECYCLE, end))
    for time, kind, body in sorted(events, key=lambda event: event[0]):
        number = log._log(kind, time, **body)
        if body.get("action") == "run-begin":
            _, seconds, _, reason = runs[len(log.chapters)]
            told = {"reason": reason} if reason else {}
            chapter = {"beginTime": time + 0.02, "beginSeq": number, "endTime": time + seconds}
            log.chapters.append({**chapter, "outcome": "cancelled", **told})
    return log


def test_a_run_that_begins_at_the_very_end_takes_no_reason_away():
    """The list dates its begin before that end, but by the numbers of their events this run was over."""
    log = RunLog().add(STOPPED, lasting=5.0, reason="user").add(ENDED, 105.0, delay=-0.1)
    status = found(log).status
    assert (status.start_time, status.end_reason) == (100.0, "user")


def test_a_final_status_is_looked_for_in_each_chapter_that_began_within_ten_seconds():
    """Both were open, and the end of the other closed the chapter of this one."""
    log = overtaken(100.0, 109.98, 20.0)
    log.chapters[0]["endTime"], log.chapters[1]["endTime"] = 129.98, 200.0
    assert log.chapters[1]["beginTime"] == 110.0
    assert found(log).status.exit_message == FAILED["exitMessage"]


def test_without_its_final_status_the_end_of_a_run_that_was_overtaken_is_not_known():
    log = overtaken(104.0, 200.0, 50.0, final=False)
    log.chapters[0].update(outcome="ok")
    logged = found(log)
    assert (logged.status, logged.outcome) == (None, None)


def begun_at_once(reason, twin_reason, *, final, closed=True):
    """The log of two runs that began together: all that is read of the first stands in the chapter of the twin, alone.

    So it is if a third one begins before the twin has a status, or if the server dies by then.
    """
    log = RunLog()
    for start, why, is_closed in ((100.0, reason, closed), (100.01, twin_reason, True)):
        end = {"endTime": 200.0, "outcome": "ok"} if is_closed else {"endTime": None, "outcome": None}
        told = {"reason": why} if why and is_closed else {}
        begin = log._log(LIFECYCLE, start, action="run-begin")
        log.chapters.append({"beginTime": start + 0.02, "beginSeq": begin, **end, **told})
    log._log(STATUS, 100.1, **of_run(RUNNING, 100.0))
    if final:
        log._log(STATUS, 200.0, **of_run(STOPPED, 100.0), final=True)
    return log


@each("closed", [True, False])
@each("final", [True, False])
@each("reasons", [(None, "ttl"), ("user", "ttl"), (None, None)])
def test_a_chapter_whose_statuses_are_all_of_this_run_may_be_anothers(reasons, final, closed):
    """An earlier one that is not over by then may be this run's as well."""
    logged = found(begun_at_once(*reasons, final=final, closed=closed))
    assert logged.outcome is None
    assert (logged.status is not None) is final
    assert getattr(logged.status, "end_reason", None) is None


def test_the_final_status_of_a_run_that_began_together_with_others_is_found_in_the_chapter_of_any():
    log = begun_at_once(None, "ttl", final=False)
    end = {"endTime": 200.0, "outcome": "ok", "reason": "ttl"}
    begin = log._log(LIFECYCLE, 100.2, action="run-begin")
    log.chapters.append({"beginTime": 100.2, "beginSeq": begin, **end})
    log._log(STATUS, 200.0, **of_run(FAILED, 100.0), final=True)
    status = found(log).status
    assert (status.exit_message, status.end_reason) == (FAILED["exitMessage"], None)


@each("chapter", [{}, {"endTime": None, "outcome": None}], ids=["closed", "open"])
@each("count", [2, 3, 8])
def test_chapters_of_other_runs_that_began_nearer_take_no_turn_away(count, chapter):
    """Closed ones are read, and the next are looked at while one may yet be closed. Open ones do not count."""
    log = RunLog()
    for number in range(count):
        log.add(ENDED, 99.99 + number / 10000, **chapter)
    log.add(FAILED).add(ENDED, 105.0, endTime=None, outcome=None)
    assert found(log).status.exit_message == FAILED["exitMessage"]


@pytest.mark.parametrize("others", [[100.3], [99.0], [99.0, 100.3]])
def test_without_any_status_one_of_several_chapters_at_a_time_may_be_anothers(others):
    """The statuses of two runs stand after the begin of the second."""
    log = RunLog().add(ENDED, updates=0, final=False)
    for start in others:
        log.add(ENDED, start)
    log.events.sort(key=lambda event: event["body"]["eventTime"])
    for number, event in enumerate(log.events):
        event["body"]["logSeq"] = number
    begins = [event["body"]["logSeq"] for event in log.events if event["body"].get("action") == "run-begin"]
    log.chapters.sort(key=lambda chapter: chapter["beginTime"])
    for chapter, begin in zip(log.chapters, begins):
        chapter["beginSeq"] = begin
    logged = found(log)
    assert logged is None or logged.outcome is None


@pytest.mark.parametrize("lasting", [0.0, 0.5, 1.0])
def test_a_run_that_was_over_when_this_one_began_leaves_its_chapter_alone(lasting):
    log = RunLog().add(ENDED, 99.0, lasting=lasting, reason="user").add(STOPPED, reason="ttl")
    assert found(log).status.end_reason == "ttl"
    log = RunLog().add(ENDED, 99.0, lasting=lasting).add(STOPPED, reason="ttl", final=False)
    assert found(log).outcome is Outcome.CANCELLED


def test_a_run_that_began_when_this_one_was_over_takes_no_reason_away():
    """It took over the token when the chapters had been listed, and has been stopped meanwhile."""
    for reason, next_reason in (("user", None), (None, "ttl"), ("user", "ttl")):
        log = RunLog().add(STOPPED, reason=reason).add(STOPPED, 200.0, reason=next_reason)
        del log.chapters[1:]
        assert found(log).status.end_reason == reason


@pytest.mark.parametrize("backwards", [True, False])
def test_the_latest_run_is_the_one_that_the_chapter_began_with(backwards):
    """Another one, from seconds before, goes on in its chapter."""
    log = beside(None, None, started=95.0)
    log.chapters[:] = [{**log.chapters[0], "beginTime": 100.02}]
    if backwards:
        log.events.reverse()
    logged = Asking(log).find(RUN, search_latest)
    assert logged.status.exit_message == FAILED["exitMessage"]


@pytest.mark.parametrize("how", [search, search_latest])
@pytest.mark.parametrize("name", ["startTime", "endTime", "logSeq"])
@pytest.mark.parametrize("number", [10**400, -(10**400), math.inf], ids=["huge", "-huge", "inf"])
def test_events_with_numbers_that_are_too_large_to_reckon_with_are_ignored(how, name, number):
    log = RunLog().add(ENDED)
    odd = {**RUNNING, "logSeq": 15, "eventTime": 101.0, "final": True, name: number}
    log.events.insert(2, {"event": STATUS, "seq": 7, "body": odd})
    page = {"events": log.events}
    asking = Asking(lambda it: page if it.arguments["subcommand"] == "read" else log.body(it.arguments))
    assert asking.find(RUN, how).status.to_dict() == TaskStatus.from_dict(ENDED).to_dict()


@each("delay", [-2.0, -1.0, -0.5, 0.0, 0.02, 1.0, 5.0, 40.0])
def test_clocks_that_differ(delay):
    """The run before was a short one."""
    log = RunLog().add(ENDED, 97.7, 0.0).add(FAILED, delay=delay).add(ENDED, 300.0)
    assert found(log).status.exit_message == FAILED["exitMessage"]


def test_the_next_run_is_not_taken_for_one_that_was_never_logged():
    for start in (100.3, 101.0, 104.0, 5000.0):
        log = RunLog().add(ENDED, 20.0).add(ENDED, start).add(ENDED, start + 1000.0)
        assert found(log) is None, start


def test_nor_is_it_without_a_status_unless_it_began_at_once():
    """Of its statuses, none can be read."""

    def refusing(log):
        def answer(operation):
            reading = operation.arguments["subcommand"] == "read"
            return PermissionDeniedError("no") if reading else log.body(operation.arguments)

        return answer

    assert found(refusing(RunLog().add(ENDED, 104.0))) is None
    assert found(refusing(RunLog().add(ENDED, 99.0).add(ENDED, 101.0))) is None  # either
    logged = found(refusing(RunLog().add(ENDED, 100.5)))
    assert (logged.status, logged.outcome) == (None, Outcome.SUCCEEDED)


def test_a_log_in_disorder():
    log = RunLog().add(ENDED, 50.0).add(STOPPED, reason="user").add(ENDED, 300.0)
    log.chapters.reverse()
    log.events.reverse()
    assert found(log).status.exit_message == STOPPED["exitMessage"]


def test_of_several_final_statuses_the_last_counts():
    """A finished task that is restarted goes on with its chapter."""
    log = RunLog().add(STOPPED, lasting=20.0)
    log._log(STATUS, 130.0, **RUNNING)
    number = log._log(STATUS, 140.0, **ENDED, final=True)
    assert found(log).status.outcome is Outcome.SUCCEEDED
    log.events.insert(0, log.events.pop())
    assert log.events[0]["body"]["logSeq"] == number
    assert found(log).status.outcome is Outcome.SUCCEEDED


def test_a_status_that_is_not_final_or_not_terminal_is_no_end():
    log = RunLog().add(ENDED, final=False)
    log._log(STATUS, 150.0, **ENDED)
    log._log(STATUS, 150.0, **RUNNING, final=True)
    assert found(log).status is None


def test_pages():
    log = (
        RunLog(page=3).add(ENDED, 50.0).add(FAILED, lasting=20.0, updates=20, reason="user").add(ENDED, 300.0)
    )
    assert found(log).status.end_reason == "user"
    assert len(log.reads) > 5
    first, then = log.reads[:2]
    assert "cursor" not in first
    assert then == {**first, "cursor": then["cursor"]}


def test_of_a_long_run_the_end_is_read_first():
    log = RunLog(page=3).add(ENDED, updates=90)
    log.events = [
        event for event in log.events if event["body"]["eventTime"] < 195 or "final" in event["body"]
    ]
    assert found(log).status is not None
    assert len(log.reads) == 1


def test_many_chapters():
    log = RunLog()
    for number in range(-200, 200):
        log.add(ENDED if number else FAILED, 100.0 + number * 150.0)
    asking = Asking(log)
    assert asking.find().status.outcome is Outcome.FAILED
    assert asking.asked.count("read") <= 2


@each(
    ("chapter", "outcome", "says"),
    [
        ({"outcome": "ok"}, Outcome.SUCCEEDED, "no more of its end than 'ok'"),
        ({"outcome": "ok", "reason": "ttl"}, Outcome.CANCELLED, "that its ttl ran out"),
        ({"outcome": "cancelled", "reason": "user"}, Outcome.CANCELLED, "that somebody terminated it"),
        ({"outcome": "cancelled", "reason": "rain"}, Outcome.CANCELLED, "that it was stopped"),
        ({"outcome": "cancelled"}, None, "no more of its end than 'cancelled'"),
        ({"outcome": "interrupted"}, None, "no more of its end than 'interrupted'"),
        ({"outcome": "\x1b[2Jboom" + 100 * "!"}, None, "no more of its end than when, with a word"),
    ],
)
def test_the_outcome_of_the_chapter_alone(chapter, outcome, says):
    log = RunLog().add(ENDED, final=False).add(ENDED, 300.0)
    log.chapters[0].update(chapter)
    logged = found(log)
    assert (logged.status, logged.outcome) == (None, outcome)
    assert logged.says.startswith(says)
    error = settle(TOKEN, TaskVanishedError("gone", last_status=RUN), logged)
    assert type(error) is TaskVanishedError
    assert (error.outcome, error.last_status) == (outcome, RUN)
    assert says in str(error)
    assert "last seen as RUNNING; the server's run log says" in str(error)
    assert TOKEN not in str(error)
    replaced = TaskReplacedError("replaced", last_status=RUN, new_status=RUN)
    error = settle(TOKEN, replaced, logged)
    assert (type(error), error.outcome, error.new_status) == (TaskReplacedError, outcome, RUN)
    assert "another run took over" in str(error)


def test_an_open_chapter_is_asked_for_again_for_two_seconds():
    log = RunLog().add(ENDED, outcome=None, endTime=None, final=False)
    asking = Asking(log)
    assert asking.find() is None
    assert asking.pauses == [0.1, 0.2, 0.4, 0.6, 0.7]
    assert asking.asked == ["chapters"] * 6 + ["read"]


def left_open(*more, status=STOPPED, start=100.0, **options):
    """The log of a run whose chapter was not closed: its final status, then each of `more`, as (event, body)."""
    log = RunLog().add(status, start, outcome=None, endTime=None, **options)
    log.events = [event for event in log.events if event["body"].get("action") != "run-end"]
    for event, body in more:
        log._log(event, 201.0, **body)
    return log


@each("page", [100, 1])
@each("reason", ["user", None])
def test_the_final_status_in_a_chapter_that_was_left_open_is_found_at_the_end_of_the_search(reason, page):
    more = [(LIFECYCLE, {"action": "run-end", "reason": reason})] if reason else []
    log = left_open(*more)
    log.page = page
    asking = Asking(log)
    status = asking.find().status
    assert (status.exit_message, status.from_run_log) == (STOPPED["exitMessage"], True)
    assert status.end_reason == reason
    assert len(asking.pauses) == 5


@each(
    "more",
    [
        [(STATUS, of_run(RUNNING, 100.0))],
        [(STATUS, {**of_run(ENDED, 100.0), "state": 4, "final": True})],
        [(LIFECYCLE, {"action": "run-restart"})],
        [(LIFECYCLE, {"action": "run-end", "reason": "user"}), (LIFECYCLE, {"action": "run-restart"})],
    ],
    ids=["a status", "no end", "a restart", "an end and a restart"],
)
@each("backwards", [False, True])
def test_a_run_that_went_on_after_it_in_an_open_chapter_did_not_end_so(more, backwards):
    log = left_open(*more)
    if backwards:
        log.events.reverse()
    assert found(log) is None


@pytest.mark.parametrize("event", [(STATUS, of_run(RUNNING, 100.0)), (LIFECYCLE, {"action": "run-restart"})])
def test_nor_did_one_whose_events_have_no_numbers_and_no_order(event):
    for log in (left_open(event), left_open(), left_open(updates=0)):

        def answer(operation, log=log):
            document = copy.deepcopy(log.body(operation.arguments))
            if "events" in document:
                del document["events"][-1]["body"]["logSeq"]
            return document

        assert found(answer) is None


def test_an_open_chapter_that_cannot_be_read_to_its_end_tells_nothing():
    log, reads = left_open((LIFECYCLE, {"action": "run-end"})), []
    log.page = 3

    def answer(operation):
        if operation.arguments["subcommand"] == "read":
            reads.append(operation)
            if len(reads) == 2:
                return ServerError("no")
        return log.body(operation.arguments)

    assert found(answer) is None
    assert len(reads) == 2


def test_another_run_that_goes_on_in_the_open_chapter_takes_the_reason_but_not_the_status():
    end = (LIFECYCLE, {"action": "run-end", "reason": "user"})
    log = left_open(end, (STATUS, of_run(RUNNING, 105.0)))
    status = found(log).status
    assert (status.exit_message, status.end_reason) == (STOPPED["exitMessage"], None)


def test_an_open_chapter_of_another_run_holds_no_end_of_this_one():
    assert found(left_open(start=101.0)) is None


def test_what_an_open_chapter_says_of_another_run_makes_no_closed_one_this_runs():
    log = RunLog().add(ENDED, 99.5, updates=0, final=False).add(ENDED, 100.5, outcome=None, endTime=None)
    assert found(log) is None


def test_what_a_closed_chapter_holds_is_found_without_reading_an_open_one():
    log = RunLog().add(FAILED).add(ENDED, 100.5, outcome=None, endTime=None)
    asking = Asking(log)
    assert asking.find().status.exit_message == FAILED["exitMessage"]
    assert "chapters" not in asking.asked[1:]


def test_an_open_chapter_may_be_closed_meanwhile():
    log = RunLog().add(STOPPED, outcome=None, endTime=None)
    closed = {"endTime": 200.0, "outcome": "cancelled", "reason": "user"}

    def answer(operation):
        if log.lists == 2:
            log.chapters[0].update(closed)
        return log.body(operation.arguments)

    asking = Asking(answer)
    assert asking.find().status.end_reason == "user"
    assert len(asking.pauses) == 2


def test_the_open_chapter_of_a_run_that_began_later_is_not_waited_for():
    log = RunLog().add(ENDED, 50.0).add(ENDED, 300.0, outcome=None, endTime=None)
    asking = Asking(log)
    assert asking.find() is None
    assert asking.pauses == []


@pytest.mark.parametrize(("delay", "awaited"), [(10.0, True), (10.1, False)])
def test_the_open_chapter_of_the_run_begins_within_ten_seconds_of_it(delay, awaited):
    asking = Asking(RunLog().add(ENDED, delay=delay, outcome=None, endTime=None, final=False))
    assert asking.find() is None
    assert bool(asking.pauses) is awaited


def test_no_chapter_begins_longer_before_its_run_than_clocks_may_differ():
    assert found(RunLog().add(FAILED, delay=-2.1)) is None


@pytest.mark.parametrize(("delay", "likely"), [(-2.0, True), (2.0, True), (2.1, False)])
def test_without_a_status_the_chapter_of_a_run_is_one_that_began_with_it(delay, likely):
    log = RunLog().add(ENDED, delay=delay)

    def answer(operation):
        reading = operation.arguments["subcommand"] == "read"
        return PermissionDeniedError("no") if reading else log.body(operation.arguments)

    assert (found(answer) is not None) is likely


@pytest.mark.parametrize("others", [2, 3])
def test_the_three_nearest_chapters_are_read(others):
    log = RunLog()
    for start in (99.0, 101.0, 103.0)[:others]:
        log.add(ENDED, start, 0.0, lasting=0.0)
    log.add(FAILED, delay=5.0)
    assert (found(log) is not None) is (others == 2)


def test_the_final_status_ends_the_search_whatever_else_is_open():
    log = RunLog().add(FAILED).add(ENDED, 105.0, outcome=None, endTime=None)
    asking = Asking(log)
    assert asking.find().status is not None
    assert asking.pauses == []


def test_a_chapter_that_is_the_runs_is_the_only_one_that_is_read():
    log = RunLog().add(ENDED, 99.0, lasting=0.5).add(ENDED, lasting=20.0, final=False)
    asking = Asking(log)
    assert asking.find().outcome is Outcome.SUCCEEDED
    assert asking.asked == ["chapters", "read"]


def test_a_fault_in_the_middle_of_the_runs_chapter_is_asked_again():
    log, faults = RunLog(page=3).add(FAILED, lasting=20.0, updates=5), [TransportError("cut")]

    def answer(operation):
        return faults.pop() if faults and "cursor" in operation.arguments else log.body(operation.arguments)

    asking = Asking(answer)
    assert asking.find().status is not None
    assert asking.pauses == [0.1]


@pytest.mark.parametrize(
    ("lasting", "bounds"),
    [(60.0, [{"fromSeq": 41, "toSeq": 80}]), (60.5, [{"fromTime": 150.5, "toTime": 165.5}])],
)
def test_what_is_asked_for(lasting, bounds):
    """Of a run of more than a minute the last seconds first."""
    log = RunLog().add(ENDED, 50.0, 0.0, lasting=20.0).add(FAILED, delay=0.0, lasting=lasting)
    log.add(ENDED, 300.0)
    assert found(log).status is not None
    names = ("fromSeq", "toSeq", "fromTime", "toTime")
    assert [{name: read[name] for name in names if name in read} for read in log.reads] == bounds


# --- the latest run


def latest_of(log):
    asking = Asking(log)
    return asking.find(TaskStatus(project_id="p", source="s"), search_latest), asking


def test_the_latest_run_is_the_last_in_the_list():
    logged, asking = latest_of(RunLog().add(ENDED, 50.0).add(ENDED, 100.0).add(FAILED, 300.0))
    assert logged.status.exit_message == FAILED["exitMessage"]
    assert logged.status.start_time == 300.0
    assert asking.pauses == []


def test_where_nothing_ever_ran_there_is_no_latest_run():
    logged, asking = latest_of(RunLog())
    assert logged is None
    assert asking.asked == ["chapters"]


def test_of_a_latest_run_that_goes_on_there_is_no_end():
    logged, asking = latest_of(RunLog().add(FAILED, 50.0).add(ENDED, outcome=None, endTime=None))
    assert (logged.status, logged.outcome) == (None, None)
    assert logged.says == "that it began, and nothing of its end"
    assert asking.pauses == [0.1, 0.2, 0.4, 0.6, 0.7]
    assert "read" not in asking.asked


def test_the_end_of_the_latest_run_may_be_told_without_its_status():
    logged, asking = latest_of(RunLog().add(ENDED, final=False))
    assert (logged.status, logged.outcome) == (None, Outcome.SUCCEEDED)
    assert asking.pauses == []


def test_a_refusal_to_tell_the_latest_run_comes_out_at_once():
    refusal, asked = PermissionDeniedError("no"), []
    with pytest.raises(PermissionDeniedError) as caught:
        latest_of(lambda operation: asked.append(operation) or refusal)
    assert caught.value is refusal
    assert len(asked) == 1


def test_so_does_a_fault_that_does_not_pass():
    fault, asked = TransportError("cut"), []
    with pytest.raises(TransportError):
        latest_of(lambda operation: asked.append(operation) or fault)
    assert len(asked) == 6


def test_a_fault_that_passes_hides_no_latest_run():
    log, faults = RunLog().add(FAILED, lasting=20.0), [TransportError("cut"), None, TransportError("cut")]

    def answer(operation):
        fault = faults.pop(0) if faults else None
        return fault or log.body(operation.arguments)

    logged, asking = latest_of(answer)
    assert logged.status is not None
    assert asking.pauses == [0.1, 0.2]


def test_a_latest_run_that_can_never_be_read_is_told_without_its_status():
    log = RunLog().add(ENDED)

    def answer(operation):
        reading = operation.arguments["subcommand"] == "read"
        return TransportError("cut") if reading else log.body(operation.arguments)

    logged, asking = latest_of(answer)
    assert (logged.status, logged.outcome) == (None, Outcome.SUCCEEDED)
    assert len(asking.pauses) == 5


# --- one task


class Clock:
    """Time that passes while somebody sleeps, or asks."""

    def __init__(self, log, takes=0.0):
        self.now = 0.0
        self.asked = []
        self._log = log
        self._takes = takes

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds

    def ask(self, operation, deadline):
        self.asked.append((self.now, deadline.remaining()))
        self.now += self._takes
        answer = self._log(operation) if callable(self._log) else self._log.body(operation.arguments)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def recovered(monkeypatch):
    """Searches for the run of one task; its status or the error, and the clock afterwards."""

    def recovered(log, run=RUN, seconds=None, **options):
        clock = Clock(log, **options)
        monkeypatch.setattr("rocketride_sync.deadline.system_time", clock)
        try:
            status = recover(TOKEN, GONE, run, clock.ask, Deadline(seconds, clock.monotonic))
        except TaskVanishedError as error:
            return error, clock
        assert isinstance(status, TaskStatus)
        return status, clock

    return recovered


GONE = TaskVanishedError("gone", last_status=RUN)


def test_the_status_of_a_lost_task_is_that_of_the_log(recovered):
    status, clock = recovered(RunLog().add(FAILED))
    assert status.exit_message == FAILED["exitMessage"]
    assert clock.now == 0.0


@pytest.mark.parametrize("run", [RUN, None])
def test_a_task_that_is_not_in_the_log_is_lost(recovered, run):
    error, clock = recovered(RunLog(), run)
    assert error is GONE
    assert len(clock.asked) == (run is not None)


def test_faults_are_asked_again_after_pauses(recovered):
    error, clock = recovered(lambda _: TransportError("cut"))
    assert error is GONE
    assert [at for at, _ in clock.asked] == pytest.approx([0.0, 0.1, 0.3, 0.7, 1.3, 2.0])


def test_what_the_function_for_the_key_raises_is_no_answer_of_the_log(recovered):
    mine = of_auth(TransportError("the vault is down"))
    with pytest.raises(TransportError) as caught:
        recovered(lambda _: mine)
    assert caught.value is mine


@pytest.mark.parametrize(("seconds", "left"), [(None, 30.0), (60.0, 30.0), (5.0, 5.0)])
def test_the_search_for_one_task_takes_half_a_minute_at_most(recovered, seconds, left):
    error, clock = recovered(lambda _: TransportError("cut"), seconds=seconds, takes=left)
    assert error is GONE
    assert clock.asked == [(0.0, left)]
    assert clock.now == left


def test_the_latest_run_is_looked_for_with_the_same_limit(monkeypatch):
    clock = Clock(RunLog().add(FAILED))
    monkeypatch.setattr("rocketride_sync.deadline.system_time", clock)
    assert latest("p", "s", clock.ask, Deadline(None, clock.monotonic)).status is not None
    assert clock.asked[0] == (0.0, 30.0)


def test_a_chapter_that_is_another_runs_is_read_once():
    log = RunLog().add(ENDED, 99.0).add(ENDED, outcome=None, endTime=None)
    asking = Asking(log)
    asking.find()
    assert len(asking.pauses) > 3
    # The end first, for it is a long one; and what is open is read last.
    assert asking.asked.count("read") == 3
    assert asking.asked[-1] == "read"


@pytest.mark.parametrize(
    "error",
    [
        ServerError("Invalid command: rrext_log"),
        PermissionDeniedError("Permission 'task.monitor' denied"),
        UnsupportedOperationError("HTTP"),
        ProtocolError("not JSON"),
    ],
)
def test_a_refusal_is_asked_no_second_time(error, caplog):
    caplog.set_level("DEBUG", "rocketride_sync")
    asking = Asking(lambda _: error)
    assert asking.find() is None
    assert "cannot be read" not in caplog.text  # what was refused is not malformed
    assert asking.asked == ["chapters"]
    assert asking.pauses == []


def test_a_fault_that_may_pass_is_asked_again():
    log, faults = RunLog().add(ENDED, lasting=20.0), [TransportError("cut"), None, TransportError("cut")]

    def answer(operation):
        fault = faults.pop(0) if faults else None
        return fault or log.body(operation.arguments)

    asking = Asking(answer)
    assert asking.find().status is not None
    assert len(asking.pauses) == 2
    asking = Asking(lambda _: TransportTimeoutError("late"))
    assert asking.find() is None
    assert math.isclose(sum(asking.pauses), 2.0)


def test_what_could_not_be_read_to_the_end_is_no_final_status():
    """A later one may follow on the pages that are missing."""
    log = RunLog(page=3).add(STOPPED, lasting=20.0, updates=1)
    log._log(STATUS, 130.0, **ENDED, final=True)

    def answer(operation):
        return ProtocolError("cut") if operation.arguments.get("cursor") else log.body(operation.arguments)

    logged = found(answer)
    assert (logged.status, logged.outcome) == (None, Outcome.SUCCEEDED)


GARBLED = [
    None,
    5,
    "no",
    [],
    {},
    {"chapters": None},
    {"chapters": 5},
    {"chapters": [5]},
    {"chapters": [{"beginTime": "x"}]},
]


@each("document", GARBLED)
def test_a_garbled_list_is_none(document):
    assert found(lambda _: document) is None
    with pytest.raises(ProtocolError):
        runs_of(document)


@each(
    "page",
    [
        None,
        7,
        [],
        {},
        {"events": None},
        {"events": {}},
        {"events": [None, 5, {}, {"event": STATUS}, {"event": STATUS, "body": 3}]},
        {"events": [{"event": STATUS, "body": {"startTime": "then", "final": True}}]},
        {"events": [{"event": STATUS, "body": {"startTime": True, "final": True, "logSeq": "5"}}]},
        {"events": [{"event": STATUS, "body": {**ENDED, "final": True, "state": "over"}}]},
        {"events": [{"event": STATUS, "body": {**ENDED, "final": "yes"}}]},
        {"events": [{"event": "apaevt_log_lifecycle", "body": {"action": "run-end", "reason": 5}}]},
        {"events": [], "nextSeq": 5},
        {"events": [], "cursor": {"page": 2}},
    ],
)
def test_a_garbled_page_tells_nothing(page):
    log = RunLog().add(ENDED)
    logged = found(
        lambda operation: log.body(operation.arguments) if "types" not in operation.arguments else page
    )
    assert (logged.status, logged.outcome) == (None, Outcome.SUCCEEDED)


def test_a_run_without_start_project_or_source_is_not_looked_for():
    for name, nothing in (("startTime", 0.0), ("project_id", ""), ("source", "")):
        asking = Asking(RunLog().add(ENDED))
        assert asking.find(TaskStatus.from_dict({**RUNNING, name: nothing})) is None
        assert asking.asked == []


def test_the_runs_are_listed_in_the_order_of_their_begin():
    log = RunLog().add(ENDED, 50.0).add(FAILED, outcome="cancelled", reason="user").add(ENDED, 300.0)
    log.chapters.reverse()
    runs = runs_of(log.body({"subcommand": "chapters"}))
    assert [(run.begin_time, run.end_time, run.outcome, run.reason) for run in runs] == [
        (50.02, 150.0, "ok", None),
        (100.02, 200.0, "cancelled", "user"),
        (300.02, 400.0, "ok", None),
    ]
    with pytest.raises(DecodeError):
        runs_of({"chapters": [{"beginSeq": "first"}]})


def test_a_lost_run_that_is_not_in_the_log_is_the_error_as_it_was():
    error = TaskVanishedError("gone", last_status=RUN)
    assert settle(TOKEN, error, None) is error
    assert error.outcome is None


def test_of_an_error_that_holds_no_status_the_log_says_the_rest():
    """Nothing but its message was kept."""
    error = settle(TOKEN, TaskVanishedError("gone"), found(RunLog().add(ENDED, final=False)))
    assert "; it ended; the server's run log says no more of its end than 'ok'" in str(error)


@pytest.mark.parametrize(("reason", "known"), [(None, "ttl"), ("user", "user")])
def test_a_reason_that_an_event_told_counts_where_the_log_has_none(reason, known):
    told = EndTold(seen_run=(100.0, "ttl"))
    error = TaskVanishedError("gone", last_status=RUN)
    logged = found(RunLog().add(STOPPED, reason=reason))
    assert settle(TOKEN, error, logged, told).end_reason == known
    assert settle(TOKEN, error, logged).end_reason == reason


def test_a_run_of_the_past_whose_first_statuses_tell_no_start():
    log = RunLog()
    log._log(STATUS, 99.0, **of_run(RUNNING, 0.0))
    log.add(FAILED)
    log.chapters[0]["beginSeq"] = 1
    assert found(log).status.outcome is Outcome.FAILED


NUMBERS = st.sampled_from([0, 1, 5, 99.0, 100.0, 101.5, 200.0, -1, 1e308, -1e308, 2**70]) | JSON_VALUES
CHAPTER = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("beginTime", "beginSeq", "endTime"), NUMBERS),
        **dict.fromkeys(("outcome", "reason"), st.sampled_from(["ok", "user", None, "x"]) | JSON_VALUES),
    },
)
BODY = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("startTime", "logSeq", "state"), NUMBERS),
        **dict.fromkeys(("final", "completed"), st.booleans() | JSON_VALUES),
        **dict.fromkeys(("action", "reason"), st.sampled_from(["run-end", "ttl"]) | JSON_VALUES),
    },
)
EVENT = st.fixed_dictionaries(
    {},
    optional={
        "event": st.sampled_from([STATUS, "apaevt_log_lifecycle"]) | JSON_VALUES,
        "body": BODY | JSON_VALUES,
    },
)
ANSWER = st.one_of(
    st.fixed_dictionaries({"chapters": st.lists(CHAPTER | JSON_VALUES, max_size=5)}),
    st.fixed_dictionaries(
        {"events": st.lists(EVENT | JSON_VALUES, max_size=5)},
        optional={"nextSeq": NUMBERS, "cursor": JSON_VALUES},
    ),
    JSON_VALUES,
    st.builds(TransportError, st.just("cut")),
)


@given(st.lists(ANSWER, max_size=12), ANSWER)
def test_whatever_a_server_answers_the_search_ends(answers, last):
    """With no exception, and with no status that is not the run's."""
    left = [*answers, last]
    logged = Asking(lambda _: left.pop(0) if left else ProtocolError("no more")).find()
    if logged is not None and logged.status is not None:
        assert logged.status.start_time == RUN.start_time
        assert logged.status.is_terminal
