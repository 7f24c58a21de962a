"""One chapter of the run log: which events are its own, and what they tell."""

import pytest
from logged_runs import ENDED, LIFECYCLE, RUNNING, STATUS

from rocketride_sync import Outcome
from rocketride_sync.models._task_run import TaskRun
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


def chapter(*events, start_time=100.0, until=20):
    made = Chapter(RUN, until, start_time)
    made.take(list(events))
    return made


@pytest.mark.parametrize(("number", "own"), [(9, False), (10, True), (19, True), (20, False), (None, True)])
def test_which_events_are_its_own(number, own):
    """An event without a number is among those that were asked for."""
    assert (chapter(final(number)).final is not None) is own


@pytest.mark.parametrize("number", [20, 1000])
def test_the_last_chapter_has_no_end(number):
    assert chapter(final(number), until=None).final is not None


@pytest.mark.parametrize("number", [None, 15])
def test_of_several_final_statuses_the_last_counts(number):
    assert chapter(final(12), final(number, FAILED)).final.exit_message == "text"


def test_unless_its_number_says_that_it_was_earlier():
    assert chapter(final(15), final(12, FAILED)).final.exit_message == ""


@pytest.mark.parametrize("number", [15, None])
def test_the_reason_is_that_of_the_end_which_was_logged_last(number):
    assert chapter(final(14), ended(number, "user")).found().outcome is Outcome.CANCELLED
    assert chapter(final(14), ended(15, "user"), ended(number, action="run-restart")).final.end_reason is None
    assert chapter(ended(11, "user"), final(14)).final.end_reason is None
    assert chapter(final(), ended(None, "user")).final.end_reason == "user"


def test_other_entries_of_the_log_are_no_end():
    told = chapter(final(14), ended(15, "user"), ended(16, "ttl", action="run-note"))
    assert told.final.end_reason == "user"


def test_what_was_cut_short_keeps_the_reason_and_may_be_read_again():
    told = chapter(final(14), ended(15, "user"))
    told.cut_short()
    assert told.final is None
    assert told.found().outcome is Outcome.CANCELLED
    told.take([final(13)])
    assert told.final is not None


@pytest.mark.parametrize(
    ("started", "own"), [(90.5, False), (90.6, True), (100.0, True), (110.4, True), (110.5, False)]
)
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


@pytest.mark.parametrize(
    ("end_time", "outcome", "still"),
    [(None, None, True), (200.0, None, False), (None, "ok", False), (200.0, "ok", False)],
)
def test_a_chapter_is_open_until_its_end_is_known_in_one_way_or_another(end_time, outcome, still):
    assert is_open(TaskRun(end_time=end_time, outcome=outcome)) is still


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
