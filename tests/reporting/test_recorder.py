"""RunRecorder: what it keeps, how much of it, and the page it makes of it."""

import contextlib
import copy
import errno
import gc
import html
import os
import re
import select
import subprocess
import sys
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path

import pytest
from cases import each
from needing import forget_module

import rocketride_sync
from rocketride_sync import (
    ConfigurationError,
    MemoryTransport,
    Outcome,
    RocketRideClient,
    RunRecorder,
    TaskFailedError,
    TaskStatus,
    TaskVanishedError,
    TransportError,
    WaitTimeoutError,
)
from rocketride_sync.reporting import formatting, report_file, series
from rocketride_sync.reporting.formatting import AxisUnit
from rocketride_sync.reporting.observations import MOST_MESSAGES, MOST_OBSERVATIONS
from rocketride_sync.reporting.readings import readings
from rocketride_sync.reporting.sent_files import LONGEST_MESSAGE
from rocketride_sync.task_fate import HAD_ENDED, TaskFate, note_task_fate

RUNNING = {"name": "words", "state": 3, "startTime": 1700000000.0, "totalCount": 4, "completedCount": 1}
DONE = {**RUNNING, "state": 5, "completed": True, "completedCount": 4, "endTime": 1700000009.0, "exitCode": 0}
TOKEN = "tk_0123456789abcdef"
KEY = "key-5f3a9c1e-secret"


class Clock:
    def __init__(self):
        self.now = 50.0

    def __call__(self):
        return self.now


def record(*documents, seconds=2.0, **options):
    """A recorder that was shown `documents`, so many seconds apart."""
    clock = Clock()
    recorder = RunRecorder(clock=clock, **options)
    for document in documents:
        recorder(TaskStatus.from_dict(document))
        clock.now += seconds
    return recorder


def test_every_observation_is_kept():
    size = {"completedSize": 30, "totalSize": 40}
    recorder = record(RUNNING, {**RUNNING, "completedCount": 2, "failedCount": 1, **size}, DONE)
    assert recorder.polls == 3
    assert [seen.seconds for seen in recorder.observations] == [0, 2, 4]
    assert [seen.state for seen in recorder.observations] == ["RUNNING", "RUNNING", "COMPLETED"]
    _, second, last = recorder.observations
    assert (second.completed, second.failed, second.total) == (2, 1, 4)
    assert (second.completed_size, second.total_size) == (30, 40)
    assert last.completed == 4
    assert recorder.last.is_terminal


def test_peaks_outlive_the_end_of_the_task():
    used = {"cpu_percent": 80.0, "cpu_memory_mb": 300.0, "peak_cpu_percent": 95.5}
    recorder = record({**RUNNING, "metrics": used}, {**RUNNING, "metrics": {"cpu_memory_mb": 200.0}}, DONE)
    assert recorder.peaks == (95.5, 300.0, 0.0)
    assert [seen.measured for seen in recorder.observations] == [True, True, False]


def test_numbers_that_cannot_be_drawn():
    odd = {"cpu_memory_mb": 1e300, "gpu_memory_mb": -1.0}
    recorder = record({**RUNNING, "metrics": odd, "completedCount": 10**5000})
    assert recorder.peaks == (0.0, 1e15, 0.0)
    assert recorder.observations[0].completed == 10**15


@pytest.mark.parametrize("number", [sys.float_info.min * sys.float_info.epsilon, 1e-300, 1e-10, 1e300])
@pytest.mark.parametrize("name", ["cpu_percent", "cpu_memory_mb", "gpu_memory_mb"])
def test_a_page_is_drawn_of_every_number(name, number):
    used = {**RUNNING, "metrics": {name: number}}
    assert "<svg" in record(RUNNING, used, used, DONE).html()


def test_messages_of_the_ring_buffers_are_joined():
    recorder = record(
        {**RUNNING, "errors": ["a", "b"], "warnings": ["w"]},
        {**RUNNING, "errors": ["b", "c"], "warnings": ["w"]},
        {**RUNNING, "errors": ["x", "y"], "warnings": ["w"]},
    )
    assert [(m.seconds, m.text, m.gap) for m in recorder.errors.kept] == [
        (0, "a", False),
        (0, "b", False),
        (2, "c", False),
        (4, "x", True),  # nothing of the window before is left
        (4, "y", False),
    ]
    assert recorder.errors.count == 5
    assert [message.text for message in recorder.warnings.kept] == ["w"]


@pytest.mark.parametrize("polls", [1, MOST_OBSERVATIONS, MOST_OBSERVATIONS + 1, 9_999, 10_000])
def test_memory_is_bounded_and_what_is_kept_is_evenly_spread(polls):
    status = TaskStatus.from_dict(RUNNING)
    clock = Clock()
    recorder = RunRecorder(clock=clock)
    for _ in range(polls):
        recorder(status)
        clock.now += 1
    times = [seen.seconds for seen in recorder.observations]
    assert recorder.polls == polls
    assert min(polls, MOST_OBSERVATIONS // 2) <= len(times) <= MOST_OBSERVATIONS
    assert times[0] == 0
    assert times[-1] == polls - 1
    assert len({later - earlier for earlier, later in zip(times, times[1:-1])}) <= 1


def test_the_newest_messages_are_kept():
    recorder = RunRecorder()
    for first in range(0, MOST_MESSAGES + 500, 500):
        recorder(
            TaskStatus.from_dict({**RUNNING, "errors": [f"{first + n} " + "x" * 2000 for n in range(500)]})
        )
    assert recorder.errors.count == MOST_MESSAGES + 500
    assert len(recorder.errors.kept) == MOST_MESSAGES
    assert recorder.errors.kept[0].text.startswith("500 ")
    assert {len(message.text) for message in recorder.errors.kept} == {LONGEST_MESSAGE}


def test_rates_are_those_of_what_was_counted():
    recorder = record(RUNNING, {**RUNNING, "completedCount": 3, "failedCount": 1}, DONE, seconds=2.0)
    rate = series.rate_over_time(recorder.observations, lambda o: o.completed + o.failed)
    assert rate == [(0, 1.5), (2, 1.5), (2, 0), (4, 0)]


def test_a_last_poll_soon_after_the_one_before_is_no_spike():
    """As the end is told, or just before a deadline."""
    clock = Clock()
    recorder = RunRecorder(clock=clock)
    for moment, count in ((0, 0), (2, 2), (4, 4), (6, 6), (6.01, 7)):
        clock.now = moment
        recorder(TaskStatus.from_dict({**RUNNING, "completedCount": count, "failedCount": 0}))
    rate = series.rate_over_time(recorder.observations, lambda o: o.completed)
    assert [moment for moment, _ in rate] == [0, 2, 2, 4, 4, 6.01]
    assert rate[-1][1] == pytest.approx(3 / 2.01)


@each("polls", [1, 2, 3, 9, 10, 11, 12, 25])
@pytest.mark.parametrize("restarts", [False, True])
def test_every_step_has_ten_polls_or_lasts_a_second(polls, restarts):
    """Also the only step of a short run, and those at its end and around a restart."""
    counts = [*range(polls), *(range(polls) if restarts else ())]
    for interval in (0.009, 0.05, 0.1, 0.3, 0.75, 1.0, 1.1):
        recorder = record(
            *[{**RUNNING, "completedCount": count, "failedCount": 0} for count in counts], seconds=interval
        )
        moments = [seen.seconds for seen in recorder.observations]
        rate = series.rate_over_time(recorder.observations, lambda o: o.completed)
        points = [moment for moment, speed in rate if speed is not None]
        for begin, end in zip(points[::2], points[1::2]):
            inside = sum(begin < moment <= end for moment in moments)
            assert end - begin >= 1.0 - 1e-9 or inside >= 10


@pytest.mark.parametrize(("interval", "polls"), [(0.02, 40), (0.25, 40), (0.5, 30)])
def test_short_intervals_are_no_square_wave(interval, polls):
    """Two items a second, counted as whole ones: between two polls there is one or none."""
    counts = [int(2 * interval * number) for number in range(polls)]
    recorder = record(*[{**RUNNING, "completedCount": count} for count in counts], seconds=interval)
    rate = series.rate_over_time(recorder.observations, lambda o: o.completed)
    steps = [later - earlier for (earlier, _), (later, _) in zip(rate[::2], rate[1::2])]
    assert all(step > min(1.0, 10 * interval) - 1e-6 for step in steps)
    assert len(steps) >= 2
    if interval >= 0.25:
        assert all(1 < speed < 3 for _, speed in rate)


def test_a_restart_is_a_gap_and_no_negative_rate():
    recorder = record(
        {**RUNNING, "completedCount": 3}, RUNNING, {**RUNNING, "completedCount": 2}, seconds=1.0
    )
    seen = recorder.observations
    assert series.rate_over_time(seen, lambda o: o.completed) == [(1, None), (1, 1), (2, 1)]
    assert series.counter_over_time(seen, lambda o: o.completed) == [(0, 3), (1, None), (1, 1), (2, 2)]


@each(
    ("unit", "expected"),
    [
        (formatting.time_unit(90), (1, "seconds")),
        (formatting.time_unit(600), (60, "minutes")),
        (formatting.time_unit(9000), (3600, "hours")),
        (formatting.rate_unit(2.0, "items"), (1, "items per second")),
        (formatting.rate_unit(0.1, "items"), (1 / 60, "items per minute")),
        (formatting.rate_unit(0.001, "items"), (1 / 3600, "items per hour")),
        (formatting.size_unit(2e6), (1e6, "MB")),
        (formatting.size_unit(20), (1, "bytes")),
    ],
)
def test_units(unit, expected):
    assert unit == expected


# The page.

needs_extra = pytest.mark.skipif(
    not (find_spec("pygal") and find_spec("jinja2")), reason="needs the extra report"
)


class Page(HTMLParser):
    """What a browser would see of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.addresses, self.texts, self._open = [], [], [], []
        self.feed(text)
        assert self._open == [], f"not closed: {self._open}"

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href", "xlink:href")]
        if tag != "meta":
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)

    def handle_data(self, data):
        if self._open and self._open[-1] != "style":
            self.texts.append(data.strip())

    @property
    def text(self):
        return "\n".join(filter(None, self.texts))


HUGE = {**RUNNING, "completedCount": 10**5000, "totalSize": 10**5000, "exitCode": 10**5000}
USED = {"cpu_percent": 80.0, "cpu_memory_mb": 300.0, "gpu_memory_mb": 7.0}


@needs_extra
def test_the_page_shows_all_of_a_run():
    data = {"totalSize": 4000, "completedSize": 1000}
    page = Page(
        record(
            {**RUNNING, **data, "metrics": USED, "errors": ["no disk"], "project_id": "nightly"},
            {**RUNNING, **data, "completedSize": 3000, "completedCount": 3, "metrics": USED},
            {**DONE, **data, "completedSize": 4000, "project_id": "nightly"},
        ).html()
    )
    assert page.tags.count("svg") == 5
    for text in ("words", "succeeded", "nightly", "4 of 4", "2023-11-14 22:13:20 UTC", "9.0 s", "no disk"):
        assert text in page.texts
    for title in ("Progress", "Item rate", "Data rate", "CPU", "Memory", "Errors (1)"):
        assert title in page.texts
    for axis in (
        "items",
        "items per second",
        "kB per second",
        "percent",
        "MB",
        "seconds since the first poll",
    ):
        assert axis in page.texts
    assert page.texts[page.texts.index("Peak CPU") + 1] == "80 %"


def glance(page):
    """What the page says at a glance."""
    return re.findall(r"<div[^>]*><dt>(.*?)</dt><dd>(.*?)</dd></div>", page)


@needs_extra
def test_a_glance_tells_how_long_how_many_and_how_much():
    used = {**RUNNING, "metrics": USED}
    page = record(used, {**DONE, "failedCount": 1, "completedCount": 3, "wordsCount": 12345}).html()
    assert glance(page) == [
        ("Took", "9.0 s"),
        ("Items", "3 of 4"),
        ("Failed", "1"),
        ("Words", "12,345"),
        ("Peak CPU", "80 %"),
        ("Peak RAM", "300 MB"),
        ("Peak GPU memory", "7 MB"),
    ]
    assert dict(glance(record(used, used).html()))["Watched for"] == "2.0 s"


@needs_extra
@pytest.mark.parametrize("error", [None, KeyboardInterrupt()])
def test_the_time_that_was_watched_goes_up_to_the_end_of_the_block(error):
    """Long waits poll seldom, and what comes after the last poll was watched too."""
    clock = Clock()
    recorder = RunRecorder(clock=clock)
    recorder(TaskStatus.from_dict(RUNNING))
    clock.now += 7.0
    recorder.__exit__(None if error is None else type(error), error, None)
    clock.now += 3600.0  # a notebook shows it later
    assert dict(glance(recorder.html()))["Watched for"] == "7.0 s"
    assert ("Ctrl-C" in recorder.html()) is (error is not None)
    recorder(TaskStatus.from_dict(RUNNING))  # another wait
    assert "Ctrl-C" not in recorder.html()


class Signal(BaseException):
    """As an exception of the command line that a signal raised."""

    signal_name = "SIGTERM"


STOPS = [
    (KeyboardInterrupt(), "Ctrl-C", "Interrupted by Ctrl-C"),
    (Signal(), "SIGTERM", "Ended by SIGTERM"),
    (SystemExit(143), "the program's exit", "The program exited"),
    (
        WaitTimeoutError("the task had not ended after 3.1 s"),
        "the timeout",
        "The task had not ended after 3.1 s",
    ),
]


@needs_extra
@pytest.mark.parametrize(("error", "cause", "words"), STOPS)
def test_a_stop_is_told_in_plain_words(error, cause, words):
    page = Page(record(RUNNING).html(error))
    assert f"not ended before {cause}" in page.texts
    assert "The wait ended before the task" in page.texts
    assert words in page.texts
    assert type(error).__name__ not in page.text


@needs_extra
@pytest.mark.parametrize(("error", "cause", "words"), STOPS)
def test_a_task_that_had_ended_before_a_stop_is_not_said_to_go_on_or_to_be_ended(error, cause, words):
    error = copy.copy(error)
    note_task_fate(error, TaskFate(HAD_ENDED, False))
    page = Page(record(RUNNING).html(error))
    assert {"end not seen", "The end of the task was not seen", f"{words}; the task had ended"} <= set(
        page.texts
    )
    assert not {f"not ended before {cause}", "The wait ended before the task"} & set(page.texts)


@needs_extra
@pytest.mark.parametrize(("error", "cause", "words"), STOPS)
def test_a_task_that_was_ended_after_a_stop_is_cancelled(error, cause, words):
    error = copy.copy(error)
    note_task_fate(error, TaskFate("the task was ended", True))
    page = Page(record(RUNNING).html(error))
    assert f"cancelled: ended by this program after {cause}" in page.texts
    assert f"{words}; the task was ended" in page.texts
    assert page.texts[page.texts.index("State") + 1] == "RUNNING (at the last poll; the task was ended)"


@needs_extra
@pytest.mark.parametrize(
    ("error", "badge", "words"),
    [
        (TransportError("connection refused"), "end not seen", "Connection refused"),
        (TaskVanishedError("task tk_0123… is gone"), "end not seen", "Task tk_0123… is gone"),
        (
            TaskVanishedError("gone", outcome=Outcome.SUCCEEDED),
            "succeeded, by the run log",
            "Gone",
        ),
        (ZeroDivisionError("secret"), "end not seen", "An unexpected error: ZeroDivisionError"),
    ],
)
def test_an_error_that_ended_the_wait(error, badge, words):
    page = Page(record(RUNNING).html(error))
    assert badge in page.texts
    assert words in page.texts
    assert "secret" not in page.text


@needs_extra
def test_an_error_after_the_end_of_the_task_does_not_change_its_outcome():
    page = Page(record(RUNNING, DONE).html(TransportError("connection refused")))
    assert "succeeded" in page.texts
    assert "After the end of the task" in page.texts
    assert "The wait ended before the task" not in page.texts


@needs_extra
@pytest.mark.parametrize(
    ("end", "badge", "kind"),
    [
        ({"completedCount": 7, "failedCount": 3}, "succeeded, 3 of 10 items failed", "partly"),
        ({"completedCount": 8}, "succeeded, not certain, 2 of 10 items missing", "partly"),
        ({"completedCount": 10}, "succeeded", "succeeded"),
        ({"completedCount": 7, "failedCount": 3, "exitCode": 2}, "failed, 3 of 10 items failed", "failed"),
        (
            {"totalCount": 0, "completedCount": 0, "failedCount": 3},
            "succeeded, 3 of 3 items failed",
            "partly",
        ),
    ],
)
def test_the_badge_tells_of_items_that_failed(end, badge, kind):
    page = record(RUNNING, {**DONE, "totalCount": 10, **end}).html()
    assert f'<span class="outcome {kind}">{badge}</span>' in page
    assert f"<title>words: {badge}</title>" in page


@needs_extra
@pytest.mark.parametrize("count", [1, 5, 6, 40])
def test_the_newest_errors_stand_above_the_charts(count):
    messages = [f"Failed*bad input {number:02}*pipe.cpp:10" for number in range(count)]
    text = record(RUNNING, {**DONE, "errors": messages}).html()
    above, below = text.split('<div class="charts">')
    assert re.findall(r"bad input (\d\d)", above) == [f"{n:02}" for n in range(max(0, count - 5), count)]
    assert len(re.findall(r"bad input", below)) == (count if count > 5 else 0)
    assert (f"Errors ({count})" in above) is (count <= 5)
    assert ("The newest errors" in above) is (count > 5)


def uploaded(recorder, name, error=None, seconds=1.5):
    """Tell `recorder` of a file as `on_upload` is told of it."""
    event = {"filepath": name, "bytes_sent": 0, "file_size": 1234}
    recorder.on_upload({**event, "action": "open"})
    recorder.on_upload({**event, "action": "write", "bytes_sent": 1234})
    end = {**event, "bytes_sent": 1234, "upload_time": seconds, "result": None}
    if error is None:
        recorder.on_upload({**end, "action": "complete", "result": {"text": ["secret result"]}})
    else:
        recorder.on_upload({**end, "action": "error", "error": error})


@needs_extra
@pytest.mark.parametrize("status", [RUNNING, None])
def test_files_that_were_sent_are_a_success(status):
    recorder = RunRecorder()
    uploaded(recorder, "texts/fox.txt")
    if status:
        recorder(TaskStatus.from_dict(status))
    text = recorder.html()
    page = Page(text)
    assert '<span class="outcome succeeded">succeeded, 1 of 1 files sent</span>' in text
    assert dict(glance(text))["Files sent"] == "1 of 1"
    assert "Took" in dict(glance(text))
    assert re.findall(r"<tr><td>(.*?)</td><td>(.*?)</td><td>(.*?)</td><td>(.*?)</td></tr>", text) == [
        ("1.5 s", "sent", "texts/fox.txt", "1,234 bytes")
    ]
    assert "secret result" not in page.text


@needs_extra
def test_files_that_failed_come_first_and_colour_the_badge():
    recorder = RunRecorder(secrets=[KEY])
    for number in range(7):
        uploaded(recorder, f"good-{number}")
    uploaded(recorder, f"bad <b> {TOKEN}", error=f"refused {KEY}\x1b[2J")
    for _ in range(2):  # polls, so that there are charts
        recorder(TaskStatus.from_dict(RUNNING))
    text = recorder.html()
    page = Page(text)
    assert '<span class="outcome failed">failed, 1 of 8 files failed</span>' in text
    above, below = text.split('<div class="charts">')
    for part in (above, below):
        assert "bad &lt;b&gt; tk_0123…: refused ***" in part
    assert "Files (8)" in below
    assert dict(glance(text))["Files failed"] == "1"
    assert not {"\x1b"} & set(text)
    assert KEY not in text
    assert TOKEN not in text
    assert "<b> tk" not in page.tags


@needs_extra
def test_files_that_were_not_all_sent():
    recorder = record(RUNNING)
    recorder.files.total = 5
    uploaded(recorder, "a")
    assert "not ended, 1 of 5 files sent" in Page(recorder.html()).texts
    assert "1 of 5 files sent before the timeout" in Page(recorder.html(WaitTimeoutError("late"))).texts


@needs_extra
def test_of_many_files_the_newest_are_kept_and_all_are_counted(monkeypatch):
    monkeypatch.setattr("rocketride_sync.reporting.sent_files.MOST_FILES", 10)
    recorder = RunRecorder()
    for number in range(30):
        uploaded(recorder, f"file-{number:02}", error="no" if number == 3 else None)
    text = recorder.html()
    assert "failed, 1 of 30 files failed" in text
    assert "file-03: no" in text  # a failure outlives the good ones
    assert "file-29" in text
    assert "19 more files are not shown." in text


@needs_extra
def test_a_task_that_fails_while_files_are_sent_has_failed():
    recorder = record({**DONE, "exitCode": 2})
    uploaded(recorder, "a")
    assert '<span class="outcome failed">failed, 1 of 1 files sent</span>' in recorder.html()


@needs_extra
@pytest.mark.parametrize(
    ("end", "badge", "reason"),
    [
        ({"state": 6, "exitCode": 2}, "failed", "servers report failed runs as CANCELLED too"),
        (
            {"state": 6, "exitCode": 1},
            "succeeded, not certain",
            "older servers report good ends as CANCELLED too",
        ),
        ({"state": 5, "exitCode": 2}, "failed", "its exit code says that it failed"),
        ({"state": 6, "exitCode": 0}, "cancelled", None),
        ({"state": 5, "exitCode": 0}, "succeeded", None),
    ],
)
def test_a_state_that_is_not_the_outcome_is_explained(end, badge, reason):
    page = Page(record({**DONE, **end}).html())
    state = page.texts[page.texts.index("State") + 1]
    assert badge in page.texts
    assert (reason in state) if reason else "(" not in state


@needs_extra
def test_what_the_engine_said_at_its_end_has_a_line_of_its_own():
    page = record({**DONE, "exitCode": 2, "exitMessage": "Failed*no more room*disk.cpp:8"}).html()
    assert '<p class="exit"><b>Exit text:</b> <span>no more room (Failed, disk.cpp:8)</span></p>' in page


@needs_extra
def test_messages_are_in_columns():
    messages = ["Failed*bad * input*pipe.cpp:10", "a * b * c", "Failed*no place*"]
    page = record(RUNNING, {**RUNNING, "errors": messages}).html()
    rows = re.findall(r"<tr><td>(.*?)</td><td>(.*?)</td><td>(.*?)</td><td>(.*?)</td></tr>", page)
    assert rows == [
        ("2.0 s", "Failed", "bad * input", "pipe.cpp:10"),
        ("2.0 s", "", "a * b * c", ""),
        ("2.0 s", "Failed", "no place", ""),
    ]


@needs_extra
@pytest.mark.parametrize(
    ("name", "title", "shown"),
    [
        ("words", "", "words"),
        ("01234567.files_in.Files", "", "Files"),  # as servers name a task that was given no name
        ("figures of May.files_in.final", "", "figures of May.files_in.final"),  # as somebody named it
        ("", "", "files_in"),
        ("01234567.files_in.Files", "Count <b>", "Count &lt;b&gt;"),
    ],
)
def test_the_title_is_the_name_of_the_pipeline(name, title, shown):
    page = record({**RUNNING, "name": name, "source": "files_in"}, title=title).html()
    assert f"<title>{shown}: not ended</title>" in page
    assert f"<h1><span>{shown}</span> <span" in page


@needs_extra
def test_charts_tell_their_values_on_hover_without_scripts():
    page = record(
        RUNNING, {**RUNNING, "completedCount": 3, "failedCount": 1}, {**RUNNING, "completedCount": 4}
    )
    shown = re.findall(r"<rect [^>]*class=\"reading\"[^>]*><title>(.*?)</title></rect>", page.html())
    assert shown == [
        "0.0 s: completed 1, failed 0, total 4 items",
        "2.0 s: completed 3, failed 1, total 4 items",
        "4.0 s: completed 4, failed 0, total 4 items",
        "0.0 s to 2.0 s: 1.5 items per second",
        "2.0 s to 4.0 s: 0 items per second",
    ]


def test_the_first_and_the_last_reading_are_wide_enough_to_aim_at():
    """The last poll may follow at once on the one before, and its values are those that people look for."""
    line = [(0.0, 1.0), (0.01, 2.0), (50.0, 3.0), (99.99, 4.0), (100.0, 5.0)]
    shown = readings([("completed", "done", line)], AxisUnit(1, "items"), steps=False)
    assert [reading.text[-7:] for reading in (shown[0], shown[-1])] == ["1 items", "5 items"]
    assert all(reading.end - reading.begin >= 2.0 for reading in (shown[0], shown[-1]))
    assert all(before.end == after.begin for before, after in zip(shown, shown[1:]))
    (alone,) = readings([("completed", "done", line[:1])], AxisUnit(1, "items"), steps=False)
    assert alone.end > alone.begin


@needs_extra
def test_a_long_run_has_no_more_readings_than_a_pointer_can_aim_at():
    page = record(*[{**RUNNING, "completedCount": n} for n in range(500)]).html()
    progress = re.findall(r"<title>([^<]*) items</title>", page)
    assert 50 <= len(progress) <= 101
    assert (progress[0], progress[-1]) == (
        "0.0 s: completed 0, total 4",
        "16:38 min: completed 499, total 4",
    )


@needs_extra
def test_the_page_needs_nothing_from_outside_and_runs_nothing():
    html = record({**RUNNING, "metrics": USED}, DONE).html()
    page = Page(html)
    assert "script" not in page.tags
    assert page.addresses == []
    assert not re.search(r"@import|url\(", html)
    assert set(re.findall(r"https?://[^\s\"'<]+", html)) <= {"http://www.w3.org/2000/svg"}
    assert "default-src 'none'" in html


HOSTILE = "<script>alert(1)</script> \"'&\x1b[2J\u202e" + TOKEN + " " + KEY


@needs_extra
@pytest.mark.parametrize(
    "field", ["name", "project_id", "source", "errors", "warnings", "exitMessage", "currentObject"]
)
def test_text_of_the_server_is_only_text(field):
    text = [HOSTILE] if field in ("errors", "warnings") else HOSTILE
    html = record({**DONE, field: text}, secrets=[KEY]).html(TaskFailedError(HOSTILE, status=None))
    page = Page(html)
    assert "script" not in page.tags
    assert "<script>alert(1)</script>" in page.text
    assert not {"\x1b", "\u202e"} & set(html)
    assert TOKEN not in html
    assert KEY not in html
    assert "tk_0123…" in page.text


@needs_extra
@pytest.mark.parametrize("shown", [1, len(KEY) // 2, len(KEY) - 1])
def test_a_secret_that_the_end_of_a_long_message_goes_through_is_not_on_the_page(shown):
    message = "x" * (LONGEST_MESSAGE - shown) + KEY + " and more"
    html = record({**RUNNING, "errors": [message]}, secrets=iter([KEY])).html()
    assert "xxx" + KEY[:1] not in html


@needs_extra
def test_a_secret_with_asterisks_is_not_taken_apart():
    said = "Failed*Key*12*345"
    for key in ("Key*12*345", "Failed*Key*12"):
        recorder = record(RUNNING, {**DONE, "errors": [said], "exitMessage": said, "exitCode": 2})
        recorder._secrets = [key]
        assert "12" not in Page(recorder.html()).text.partition("Errors (1)")[2].partition("Made from")[0]


@needs_extra
def test_a_secret_that_becomes_known_later_is_not_on_the_page():
    secrets = set()
    recorder = record({**RUNNING, "errors": [KEY]}, secrets=secrets)
    secrets.add(KEY)
    assert KEY not in recorder.html()


@each("wrong", [KEY, KEY.encode(), None, 5, [None], [KEY, KEY.encode()], iter([KEY, 5])])
def test_secrets_are_several_texts(wrong):
    """`os.environ.get` returns None for a variable that is not set. Each letter of one text would be left out of the page."""
    with pytest.raises(ConfigurationError, match=r"^secrets must be a list of strings, not ") as caught:
        RunRecorder(secrets=wrong)
    assert KEY not in str(caught.value)


@needs_extra
def test_drawing_leaves_nothing_behind_that_later_imports_complain_of():
    code = "from rocketride_sync import RunRecorder, TaskStatus; r = RunRecorder(); r(TaskStatus()); r.html(); import wave"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@needs_extra
def test_a_page_is_drawn_by_a_package_in_a_zip(tmp_path):
    package = Path(rocketride_sync.__file__).parent
    with zipfile.ZipFile(tmp_path / "app.pyz", "w") as archive:
        for file in package.rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts:
                archive.write(file, file.relative_to(package.parent))
    code = "from rocketride_sync import RunRecorder as R; print(R.__module__, R().html()[:9], R.__init__.__code__.co_filename)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "app.pyz")},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "<!DOCTYPE" in done.stdout
    assert "app.pyz" in done.stdout


@needs_extra
def test_a_page_of_nothing():
    page = Page(record().html(WaitTimeoutError("no status for 3 s", token="", elapsed=3.0)))
    assert "svg" not in page.tags
    assert "none was seen" in page.texts
    assert "No status for 3 s" in page.texts


@needs_extra
@each("document", [RUNNING, DONE, {}, {**RUNNING, "totalCount": 0, "metrics": USED}, HUGE])
@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_page_of_little(document, times):
    """One poll is a dot on an axis without a span: that is no chart."""
    page = Page(record(*[document] * times).html())
    assert page.tags.count("svg") >= 1 if times > 1 else "svg" not in page.tags
    assert any(text.startswith(f"Made from {times} poll") for text in page.texts)


@needs_extra
def test_a_task_that_counts_bytes_only():
    size = {"state": 3, "startTime": 1.0, "totalSize": 3_000_000}
    page = Page(record({**size, "completedSize": 0}, {**size, "completedSize": 2_000_000}).html())
    assert page.tags.count("svg") == 2
    assert "Item rate" not in page.texts
    assert {"MB", "MB per second"} <= set(page.texts)


@needs_extra
def test_a_long_run_makes_a_page_of_bounded_size():
    statuses = [TaskStatus.from_dict({**RUNNING, "completedCount": n, "metrics": USED}) for n in range(3000)]
    recorder = RunRecorder()
    for status in statuses:
        recorder(status)
    assert len(recorder.html()) < 400_000


# Writing it.


def client(*answers):
    return RocketRideClient("test", KEY, transport=MemoryTransport(answers))


@needs_extra
def test_it_follows_a_wait_and_writes_its_page(tmp_path):
    path = tmp_path / "run.html"
    with client(RUNNING, DONE) as asking, RunRecorder(path) as recorder:
        asking.wait_until_complete(TOKEN, on_progress=recorder)
    assert "succeeded" in Page(path.read_text(encoding="utf-8")).texts


@needs_extra
@pytest.mark.parametrize("failure", [WaitTimeoutError, KeyboardInterrupt, ZeroDivisionError])
def test_the_page_is_written_however_the_block_is_left(tmp_path, failure):
    path = tmp_path / "run.html"
    error = failure("late", token="", elapsed=1.0) if failure is WaitTimeoutError else failure("secret")
    recorder = RunRecorder(path)
    recorder(TaskStatus.from_dict(RUNNING))
    with pytest.raises(failure), recorder:
        raise error
    page = Page(path.read_text(encoding="utf-8"))
    assert {"not ended before the timeout", "not ended before Ctrl-C", "end not seen"} & set(page.texts)
    shown = {
        WaitTimeoutError: "Late",
        KeyboardInterrupt: "Interrupted by Ctrl-C",
        ZeroDivisionError: "An unexpected error: ZeroDivisionError",
    }
    assert shown[failure] in page.texts


@needs_extra
def test_a_path_that_cannot_be_written_is_said_at_once(tmp_path):
    for path in (tmp_path, tmp_path / "no" / "run.html"):
        with pytest.raises(ConfigurationError, match="cannot be written to"):
            RunRecorder(path)


@needs_extra
@pytest.mark.parametrize("path", ["", b"page.html", 5, "a\0b"])
def test_what_is_no_path_is_said_at_once(path):
    with pytest.raises(ConfigurationError, match="path must be the path of a file, not "):
        RunRecorder(path)


@needs_extra
def test_checking_whether_a_path_can_be_written_changes_nothing(tmp_path):
    path = tmp_path / "run.html"
    RunRecorder(path)
    assert not path.exists()
    path.write_text("yesterday's")
    RunRecorder(path)
    assert path.read_text() == "yesterday's"


@needs_extra
def test_a_link_to_a_page_that_is_not_yet_there_stays(tmp_path):
    link, target = tmp_path / "run.html", tmp_path / "elsewhere.html"
    try:
        link.symlink_to(target)
    except OSError:
        pytest.skip("no symbolic links here")
    with RunRecorder(link):
        assert link.is_symlink()
        assert not target.exists()
    assert link.is_symlink()
    assert "none was seen" in Page(target.read_text(encoding="utf-8")).texts


class FullDisk:
    """A file on a disk that becomes full: what is written is there in part."""

    def __init__(self, file):
        self._file = file

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()

    def write(self, text):
        self._file.write(text[:100])
        self._file.flush()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def full_disk(monkeypatch):
    def opened(*args, **options):
        return FullDisk(open(*args, **options))

    monkeypatch.setattr(report_file, "open", opened, raising=False)


@pytest.mark.parametrize("old", ["yesterday's", None])
def test_a_full_disk_leaves_the_old_page(tmp_path, full_disk, old):
    path = tmp_path / "run.html"
    if old:
        path.write_text(old)
    with pytest.raises(OSError, match="No space"):
        report_file.write(path, "today's" * 1000)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == (
        [("run.html", old)] if old else []
    )


def test_a_signal_leaves_the_old_page(tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    path = tmp_path / "run.html"
    path.write_text("yesterday's")
    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        report_file.write(path, "today's")
    assert [file.read_text() for file in tmp_path.iterdir()] == ["yesterday's"]


def test_a_page_keeps_its_mode_and_a_link_to_it(tmp_path):
    path, link = tmp_path / "run.html", tmp_path / "link.html"
    path.write_text("yesterday's")
    path.chmod(0o600)
    mode = path.stat().st_mode
    try:
        link.symlink_to(path)
    except OSError:
        pytest.skip("no symbolic links here")
    report_file.write(os.fsencode(link), "today's")
    assert link.is_symlink()
    assert (path.read_text(), path.stat().st_mode) == ("today's", mode)
    assert len(list(tmp_path.iterdir())) == 2


def in_a_folder_that_takes_no_files(path, monkeypatch):
    def refused(name, mode, **options):
        if mode == "x":
            raise PermissionError(errno.EACCES, "Permission denied")
        return open(name, mode, **options)

    monkeypatch.setattr(report_file, "open", refused, raising=False)


def with_another_name(path, monkeypatch):
    os.link(path, path.with_name("other.html"))


def mounted_as_a_file(path, monkeypatch):
    def busy(*_):
        raise OSError(errno.EBUSY, "Device or resource busy")

    monkeypatch.setattr(os, "replace", busy)


@pytest.mark.parametrize(
    "given",
    [in_a_folder_that_takes_no_files, with_another_name, mounted_as_a_file],
    ids=lambda it: it.__name__,
)
def test_a_page_that_cannot_be_replaced_is_written_in_place(tmp_path, monkeypatch, given):
    path = tmp_path / "run.html"
    path.write_text("yesterday's")
    given(path, monkeypatch)
    before = path.stat().st_ino
    report_file.write(path, "today's")
    assert (path.read_text(), path.stat().st_ino) == ("today's", before)
    assert {file.read_text() for file in tmp_path.iterdir()} == {"today's"}


@needs_extra
@pytest.mark.skipif(not os.path.exists("/dev/stdout"), reason="needs /dev")
def test_stdout_is_written_to_if_it_is_a_file(tmp_path):
    """What comes after the page must reach the file, too."""
    code = "from rocketride_sync import RunRecorder\nwith RunRecorder('/dev/stdout'): pass\nprint('later')"
    path = tmp_path / "output"
    with open(path, "ab") as stdout:
        subprocess.run([sys.executable, "-c", code], stdout=stdout, check=True)
    text = path.read_text(encoding="utf-8")
    assert "none was seen" in text
    assert text.endswith("later\n")


@needs_extra
@pytest.mark.skipif(not os.path.exists("/dev/stdout"), reason="needs /dev")
def test_a_pipe_is_written_to():
    code = "from rocketride_sync import RunRecorder\nwith RunRecorder('/dev/stdout'): pass"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr == ""
    assert "none was seen" in Page(done.stdout).texts


@needs_extra
def test_a_path_that_cannot_be_written_any_more(tmp_path, caplog):
    folder = tmp_path / "gone"
    folder.mkdir()
    with pytest.raises(ConfigurationError, match="cannot be written to"), RunRecorder(folder / "run.html"):
        folder.rmdir()
    folder.mkdir()
    recorder = RunRecorder(folder / "run.html")
    folder.rmdir()
    with pytest.raises(ZeroDivisionError), recorder:
        raise ZeroDivisionError
    assert "cannot be written to" in caplog.text


@needs_extra
@pytest.mark.parametrize("fault", [ImportError("a_dependency"), KeyError("x"), MemoryError()])
def test_a_page_that_cannot_be_drawn_does_not_hide_the_error_of_the_block(
    tmp_path, caplog, monkeypatch, fault
):
    def fail(*_):
        raise fault

    recorder = RunRecorder(tmp_path / "run.html")
    monkeypatch.setattr("rocketride_sync.reporting.page.render_page", fail)
    with pytest.raises(ZeroDivisionError) as caught, recorder:
        raise ZeroDivisionError
    assert caught.value.__context__ is None
    assert "cannot be drawn" in caplog.text
    with pytest.raises(ConfigurationError, match="cannot be drawn") as caught, recorder:
        pass
    assert caught.value.__context__ is None
    with pytest.raises(ConfigurationError, match="cannot be drawn"):
        RunRecorder(tmp_path / "run.html")


@needs_extra
def test_the_templates_are_compiled_once(monkeypatch, tmp_path):
    """They are, of a page that is drawn on trial too, most of the work."""
    import jinja2

    record(RUNNING, DONE).html()
    monkeypatch.setattr(jinja2.Environment, "compile", lambda *_: pytest.fail("compiled again"))
    with RunRecorder(tmp_path / "run.html") as recorder:
        pass
    assert KEY not in record(RUNNING, {**DONE, "errors": [KEY]}, secrets=[KEY]).html()
    assert "none was seen" in Page(recorder.html()).texts


def test_without_a_path():
    with pytest.raises(ConfigurationError, match="no path"), RunRecorder() as recorder:
        recorder.save()


@pytest.mark.parametrize("name", ["pygal", "jinja2"])
def test_without_the_extra_it_is_named_at_once(monkeypatch, tmp_path, name):
    forget_module(monkeypatch, "rocketride_sync.reporting.page")
    monkeypatch.setitem(sys.modules, name, None)
    for use in (lambda: RunRecorder(tmp_path / "run.html"), RunRecorder().html):
        with pytest.raises(ConfigurationError, match="the extra 'report' of rocketride-sync"):
            use()
    assert not (tmp_path / "run.html").exists()


def test_a_notebook_shows_the_page_in_a_frame():
    recorder = record({**RUNNING, "errors": ['<script>"quoted"</script>']}, DONE, secrets=[KEY])
    framed = re.fullmatch(r'<iframe srcdoc="([^"]*)" sandbox [^>]*></iframe>', recorder._repr_html_())
    assert framed
    assert html.unescape(framed[1]) == recorder.html()
    assert "<script" not in framed[1]
    assert repr(recorder) == "<RunRecorder: 2 polls>"


@pytest.mark.parametrize("documents", [[], [RUNNING], [{**RUNNING, "errors": [f"{KEY} {TOKEN} <b>"]}]])
def test_without_the_extra_a_notebook_shows_the_latest_status(monkeypatch, documents):
    monkeypatch.setitem(sys.modules, "pygal", None)
    shown = record(*documents, secrets=[KEY])._repr_html_()
    assert "the extra &#x27;report&#x27;" in shown
    assert ("1 of 4" in shown) is bool(documents)
    assert KEY not in shown
    assert TOKEN not in shown
    assert "<b> " not in shown


# A pipe for the page, or a terminal: what need not take it.


@pytest.fixture
def fifo(tmp_path):
    if not hasattr(os, "mkfifo"):
        pytest.skip("needs FIFOs")
    path = str(tmp_path / "page")
    os.mkfifo(path)
    return path


@contextlib.contextmanager
def reader_of(fifo):
    """One that reads nothing unless it is told to."""
    with open(os.open(fifo, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0) as reader:
        os.set_blocking(reader.fileno(), True)
        yield reader


@contextlib.contextmanager
def stopped_terminal(_):
    import termios

    controller, terminal = os.openpty()
    try:
        termios.tcflow(terminal, termios.TCOOFF)
        yield os.ttyname(terminal)
    finally:
        os.close(controller)
        os.close(terminal)


@contextlib.contextmanager
def reader_that_stops(fifo):
    with reader_of(fifo):
        yield fifo


@contextlib.contextmanager
def open_pipe(_):
    """As /dev/stdout of a process whose output goes through a pipe."""
    reading, writing = os.pipe()
    with os.fdopen(reading), os.fdopen(writing):
        yield f"/dev/fd/{writing}"


def in_time(step, fifo):
    """What `step` raises; where it waits for a reader of the FIFO, it is let go."""
    with ThreadPoolExecutor() as executor:
        done = executor.submit(step)
        try:
            return done.exception(20)
        finally:
            while not done.done():
                os.close(os.open(fifo, os.O_RDWR))


@needs_extra
def test_a_pipe_that_nobody_reads_is_refused_at_once(fifo):
    error = in_time(lambda: RunRecorder(fifo), fifo)
    assert isinstance(error, ConfigurationError)
    assert str(error) == (
        f"the report cannot be written to {fifo}: nobody reads this named pipe; start its reader first"
    )
    assert isinstance(in_time(lambda: RunRecorder().save(fifo), fifo), ConfigurationError)


@needs_extra
def test_the_reader_of_a_pipe_gets_the_whole_page(fifo, monkeypatch):
    """And sees no end before that: it reads from the beginning of the wait."""
    page = "<p>" + "x" * 500_000
    monkeypatch.setattr(RunRecorder, "html", lambda *_: page)
    with reader_of(fifo) as reader, ThreadPoolExecutor() as executor:
        with RunRecorder(fifo):
            read = executor.submit(reader.read)
        assert read.result(20) == page.encode()


@needs_extra
def test_a_recorder_that_is_dropped_leaves_nothing_open(fifo):
    with reader_of(fifo) as reader:
        RunRecorder(fifo)
        gc.collect()
        assert reader.read() == b""


@needs_extra
def test_a_pipe_is_written_to_however_many_files_are_open(fifo, monkeypatch):
    """More than `select` has numbers for."""

    def out_of_range(*_):
        raise ValueError("filedescriptor out of range in select()")

    monkeypatch.setattr(select, "select", out_of_range)
    monkeypatch.setattr(report_file, "PATIENCE", 0.05)
    with reader_of(fifo) as reader:
        report_file.write(fifo, "page")
        assert reader.read() == b"page"
        with pytest.raises(TimeoutError):
            report_file.write(fifo, "x" * 500_000)


@needs_extra
@pytest.mark.skipif(os.name != "posix", reason="needs pipes and terminals with names")
@pytest.mark.parametrize("where", [reader_that_stops, open_pipe, stopped_terminal])
def test_a_reader_that_stops_is_not_waited_for(fifo, monkeypatch, caplog, where):
    monkeypatch.setattr(report_file, "PATIENCE", 0.05)
    monkeypatch.setattr(RunRecorder, "html", lambda *_: "x" * 500_000)

    def at_end(error):
        with RunRecorder(path):
            if error is not None:
                raise error

    with where(fifo) as path:
        error = in_time(lambda: at_end(None), path)
        assert isinstance(error, ConfigurationError)
        assert str(error) == f"the report cannot be written to {path}: its reader takes no more of it"
        assert isinstance(in_time(lambda: at_end(ZeroDivisionError()), path), ZeroDivisionError)
    assert "its reader takes no more of it" in caplog.text


@needs_extra
def test_a_reader_that_is_slow_is_waited_for_up_to_a_limit(fifo, monkeypatch):
    monkeypatch.setattr(report_file, "LONGEST", 0.1)
    with reader_of(fifo) as reader, ThreadPoolExecutor() as executor:
        stop = threading.Event()

        def read_slowly():
            while not stop.wait(0.01):
                reader.read(4096)

        executor.submit(read_slowly)
        error = in_time(lambda: report_file.write(fifo, "x" * 5_000_000), fifo)
        stop.set()
    assert error.strerror == "its reader takes no more of it"


@needs_extra
def test_a_reader_that_has_gone(fifo):
    with pytest.raises(ConfigurationError, match="Broken pipe"), reader_of(fifo) as reader, RunRecorder(fifo):
        reader.close()


@needs_extra
def test_without_a_block_the_page_is_saved_when_the_wait_is_over(tmp_path):
    path = tmp_path / "run.html"
    recorder = RunRecorder(path)
    recorder.finish(KeyboardInterrupt())
    assert not path.exists()
    recorder.save()
    assert "Ctrl-C" in path.read_text(encoding="utf-8")
