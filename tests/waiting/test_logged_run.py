"""One chapter of the run log: which events are its own, and what they tell."""

import math
import sys

import pytest
from cases import each
from logged_runs import ENDED, LIFECYCLE, RUNNING, STATUS

from rocketride_sync import Outcome
from rocketride_sync.models._task_run import TaskRun
from rocketride_sync.waiting.log_events import number_of
from rocketride_sync.waiting.logged_run import Chapter, chapters_near
from rocketride_sync.waiting.run_list import is_open

FAILED = {**ENDED, "state": 6, "exitCode": 1, "exitMessage": "text"}
RUN = TaskRun(begin_time=100.5, begin_seq=10, end_time=200.0, outcome="ok")


def event(kind, number=None, **body):
    numbered = {} if number is None else {"logSeq": number}
    return {"event": kind, "body": {**body, **numbered}}


def final(number=None, status=ENDED):
    return event(STATUS, number, **status, final=True)


def ended(number=None, reason=None, action="run-end"):
    return event(LIFECYCLE, number, action=action, **({"reason": reason} if reason else {}))


NEXT = TaskRun(begin_time=201.0, begin_seq=20, end_time=None)


def chapter(*events, start_time=100.0, following=NEXT, run=RUN, by_number=True, later=True):
    made = Chapter(run, following, start_time)
    made.may_end_later = later
    made.take(list(events), by_number=by_number)
    return made


OWN = [(9, False), (10, True), (19, True), (20, False), (None, True)]


@each(("number", "own"), OWN)
def test_which_ends_are_its_own(number, own):
    """An event without a number is among those that were asked for."""
    told = chapter(ended(number, "user"))
    assert (told.found().outcome is Outcome.CANCELLED) is own


@each("number", [9, 10, 19, 20, 1000, None])
@each("by_number", [True, False])
def test_a_status_says_by_itself_whose_it_is(number, by_number):
    assert chapter(final(number), by_number=by_number).final is not None


@each(("number", "own"), OWN)
def test_behind_a_nearer_chapter_that_is_open_only_statuses_of_its_own_count(number, own):
    """That may be this run's, which then may go on."""
    told = chapter(final(number), later=False)
    assert (told.final is not None, told.confirmed) == (own, own)


@each(("number", "own"), OWN)
def test_a_status_that_is_not_final_makes_no_other_chapter_this_runs(number, own):
    assert chapter(event(STATUS, number, **RUNNING)).confirmed is own


@each(("number", "own"), OWN)
def test_another_runs_status_says_nothing_of_this_chapter_from_outside(number, own):
    told = chapter(final(number, {**FAILED, "startTime": 101.0}))
    assert told.refuted is own
    told = chapter(final(number, {**FAILED, "startTime": 101.0}), start_time=None)
    assert (told.final is not None) is own


@pytest.mark.parametrize("number", [20, 1000])
def test_the_last_chapter_has_no_end(number):
    assert chapter(ended(number, "user"), following=None).found().outcome is Outcome.CANCELLED


@each("following", [NEXT, None])
@each("status", [FAILED, None], ids=["final status", "no status"])
def test_an_end_without_a_number_that_was_read_by_time_may_be_anothers(status, following):
    events = [ended(None, "user")] if status is None else [final(14, status), ended(None, "user")]
    told = chapter(*events, following=following, by_number=False)
    assert told.found().outcome is not Outcome.CANCELLED
    assert getattr(told.final, "end_reason", None) is None


@pytest.mark.parametrize("by_number", [True, False])
def test_one_with_a_number_is_its_own_whatever_was_asked_for(by_number):
    told = chapter(final(14), ended(15, "user"), ended(25, "ttl"), by_number=by_number)
    assert told.final.end_reason == "user"


@each(
    ("numbers", "backwards"),
    [
        ((10, 14, 15, 16, 17), False),
        ((10, 14, 15, 16, 17), True),
        ((10, 14, None, None, None), False),
        ((None,) * 5, False),
    ],
)
def test_the_end_after_another_run_has_begun_is_not_its_own(numbers, backwards):
    """It took over the token when the list of chapters had been made, and has been stopped before its start."""
    first, last, end, begin, next_end = numbers
    events = [
        ended(first, action="run-begin"),
        final(last, FAILED),
        ended(end),
        ended(begin, action="run-begin"),
        ended(next_end, "user"),
    ]
    assert chapter(*(events[::-1] if backwards else events), following=None).final.end_reason is None
    assert chapter(*events[:2], ended(end, "user"), following=None).final.end_reason == "user"


@pytest.mark.parametrize("backwards", [True, False])
def test_the_end_before_another_run_began_is_its_own(backwards):
    events = [ended(10, action="run-begin"), final(14), ended(15, "user"), ended(16, action="run-begin")]
    assert chapter(*(events[::-1] if backwards else events), following=None).final.end_reason == "user"


def test_nor_is_the_end_after_another_runs_status():
    """Its begin could not be read."""
    other = event(STATUS, 16, **{**RUNNING, "startTime": 200.0})
    assert chapter(final(14), other, ended(17, "user"), following=None).final.end_reason is None


@pytest.mark.parametrize(("end_time", "known"), [(200.0, "user"), (0.0, None)])
def test_without_its_time_an_end_may_be_that_of_a_run_that_began_later(end_time, known):
    run = TaskRun(begin_time=100.5, begin_seq=10, end_time=200.0, outcome="cancelled", reason="user")
    other = event(STATUS, 16, **{**RUNNING, "startTime": 300.0})
    told = chapter(final(14, {**FAILED, "endTime": end_time}), other, run=run)
    assert told.final.end_reason == known


@pytest.mark.parametrize("number", [9, 20])
def test_a_run_whose_end_lies_outside_of_its_chapter_has_another_beside_it(number):
    run = TaskRun(begin_time=100.5, begin_seq=10, end_time=200.0, outcome="cancelled", reason="user")
    told = chapter(final(number, FAILED), run=run)
    assert (told.final.exit_message, told.final.end_reason) == ("text", None)
    assert told.found().outcome is None


@each(("began", "known"), [(199.9, False), (200.0, True)])
@each("reason", [None, "user"])
def test_without_a_final_status_the_end_of_a_chapter_that_outlasts_the_next_ones_begin_is_not_known(
    began, known, reason
):
    run = TaskRun(begin_time=100.5, begin_seq=10, end_time=200.0, outcome="ok", reason=reason)
    following = TaskRun(begin_time=began, begin_seq=20)
    told = chapter(event(STATUS, 11, **RUNNING), run=run, following=following)
    expected = Outcome.CANCELLED if reason else Outcome.SUCCEEDED
    assert told.found().outcome is (expected if known else None)
    told.take([final(19)], by_number=True)
    assert told.final.end_reason == reason


@pytest.mark.parametrize("number", [None, 15])
def test_of_several_final_statuses_the_last_counts(number):
    assert chapter(final(12), final(number, FAILED)).final.exit_message == "text"


def test_unless_its_number_says_that_it_was_earlier():
    assert chapter(final(15), final(12, FAILED)).final.exit_message == ""


@pytest.mark.parametrize("number", [15, None])
def test_the_reason_is_that_of_the_end_which_was_logged_last(number):
    assert chapter(final(14), ended(number, "user")).found().outcome is Outcome.CANCELLED
    assert chapter(final(14), ended(15, "user"), ended(number, action="run-restart")).final.end_reason is None
    assert chapter(final(12), ended(15, "user"), ended(14)).final.end_reason == "user"
    assert chapter(ended(11, "user"), final(14)).final.end_reason is None
    assert chapter(final(), ended(None, "user")).final.end_reason == "user"


def test_other_entries_of_the_log_are_no_end():
    told = chapter(final(14), ended(15, "user"), ended(16, "ttl", action="run-note"))
    assert told.final.end_reason == "user"


def test_events_that_were_not_asked_for_tell_nothing():
    body = {"action": "run-end", "reason": "user", "logSeq": 15}
    assert chapter({"event": "apaevt_newer", "body": body}).found().outcome is Outcome.SUCCEEDED


def test_what_follows_a_malformed_event_is_read():
    told = chapter(5, {"event": STATUS}, {"event": STATUS, "body": []}, final(14), ended(15, "user"))
    assert told.final.end_reason == "user"


def test_what_was_cut_short_keeps_the_reason_and_may_be_read_again():
    told = chapter(final(14), ended(15, "user"))
    told.cut_short()
    assert told.final is None
    assert told.found().outcome is Outcome.CANCELLED
    told.take([final(13)], by_number=True)
    assert told.final is not None


@each(("started", "own"), [(90.5, False), (90.6, True), (100.0, True), (110.4, True), (110.5, False)])
def test_a_chapter_may_be_that_of_a_run_whose_start_is_not_known(started, own):
    """If that lies within ten seconds of its own beginning."""
    told = chapter(final(12, {**ENDED, "startTime": started}), start_time=None)
    assert (told.final is not None, told.confirmed, told.refuted) == (own, own, not own)


def test_its_start_is_that_of_the_first_status():
    told = chapter(
        event(STATUS, 11, **{**RUNNING, "startTime": 0.0}),
        event(STATUS, 12, **RUNNING),
        final(13),
        final(14, {**FAILED, "startTime": 101.0}),
        start_time=None,
    )
    assert told.final.exit_message == ""
    assert told.confirmed


@each(
    ("end_time", "outcome", "still"),
    [(None, None, True), (200.0, None, False), (None, "ok", False), (200.0, "ok", False)],
)
def test_a_chapter_is_open_until_its_end_is_known_in_one_way_or_another(end_time, outcome, still):
    assert is_open(TaskRun(end_time=end_time, outcome=outcome)) is still


def test_which_chapters_may_have_their_end_in_a_later_one():
    closed, still_open = ({"end_time": 200.0, "outcome": "ok"}, {})
    kinds = (closed, still_open, closed, closed)
    runs = [
        TaskRun(begin_time=at, begin_seq=int(at), **kind) for at, kind in zip((103, 102, 101, 100), kinds)
    ]
    near = chapters_near(runs[::-1], 100.0, -2.0)
    assert [(found.run.begin_seq, found.may_end_later) for found in near] == [
        (100, True),
        (101, True),
        (102, False),
        (103, False),
    ]


def test_the_chapters_near_a_start():
    """The nearest first; none that began longer before it than clocks may differ."""
    runs = [
        TaskRun(begin_time=at, begin_seq=number) for number, at in enumerate((97.9, 98.0, 99.5, 100.1, 104.0))
    ]
    near = chapters_near(runs, 100.0, -2.0)
    assert [found.run.begin_seq for found in near] == [3, 2, 1, 4]
    assert [found.until for found in near] == [4, 3, 2, None]
    assert near[0].delay == pytest.approx(0.1)
    assert chapters_near(runs, 104.0, -2.0)[0].until is None


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (sys.float_info.max, sys.float_info.max),
        (-sys.float_info.max, -sys.float_info.max),
        (math.inf, None),
        (10**309, None),
        (True, None),
        ("1", None),
        (0, 0),
    ],
    ids=str,
)
def test_a_number_is_reckoned_with_if_a_float_can_be_as_large(value, number):
    assert number_of(value) == number
