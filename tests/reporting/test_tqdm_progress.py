"""TqdmProgress: a bar for a wait, in a terminal or a notebook."""

import errno
import gc
import io
import re
import signal
import sys
import threading

import pytest
from cases import each

from rocketride_sync import ConfigurationError, MemoryTransport, RocketRideClient, TaskStatus, TqdmProgress

pytest.importorskip("tqdm")

from tqdm.utils import disp_len

RUNNING = {"state": 3, "startTime": 1700000000.0, "totalCount": 4, "completedCount": 1}
DONE = {**RUNNING, "state": 5, "completed": True, "completedCount": 4}


def status(**fields):
    return TaskStatus.from_dict({**RUNNING, **fields})


def shown(*statuses, **options):
    """All that is on the screen after each of `statuses`, one after the other."""
    screen = io.StringIO()
    with TqdmProgress(file=screen, ascii=True, **options) as progress:
        for seen in statuses:
            progress(seen)
    return screen.getvalue()


def test_a_wait_is_followed_to_its_end(capsys):
    with RocketRideClient("test", "key", transport=MemoryTransport([RUNNING, DONE])) as client:
        client.wait_until_complete("tk_1", on_progress=TqdmProgress(ascii=True))
    lines = capsys.readouterr().err
    assert "running" in lines
    assert "1/4" in lines
    assert "completed" in lines
    assert lines.endswith("\n")  # the bar is closed, and the next line is its own


def test_counts_sizes_failures_and_the_item_are_shown():
    seen = status(completedCount=2, failedCount=1, completedSize=2_500_000, currentObject="a\x1b[2J.txt")
    screen = shown(seen)
    assert "3/4" in screen
    assert "2.50MB, 1 failed, a\\x1b[2J.txt" in screen
    assert "\x1b[2J" not in screen


def test_a_token_in_what_is_worked_on_is_shortened():
    token = "tk_0123456789abcdef"
    screen = shown(status(currentObject=f"{token}.txt"))
    assert token not in screen
    assert "tk_0123…" in screen


def test_bytes_where_no_items_are_counted():
    assert "500/2.00k" in shown(status(totalCount=0, completedCount=0, totalSize=2000, completedSize=500))


def test_an_unknown_total_becomes_known():
    screen = shown(status(totalCount=0, completedCount=7), status(totalCount=9, completedCount=8))
    assert "7 items" in screen
    assert "8/9" in screen


LONG = "reports/2026/november/customer-4711/invoice-000123-scan.pdf"
WIDE = "請求書/二〇二六年/十一月/顧客四七一一/請求書一二三.pdf"


def last_line(*statuses, **options):
    return shown(*statuses, **options).rstrip("\n").split("\r")[-1]


@pytest.mark.parametrize("name", [LONG, WIDE, "a.txt", ""])
@pytest.mark.parametrize("count", [45, 45_000])
@pytest.mark.parametrize("failed", [0, 12])
def test_at_80_columns_there_is_a_bar_with_counts_and_the_time_left(monkeypatch, name, count, failed):
    now = [1000.0]
    monkeypatch.setattr("tqdm.std.time", lambda: now[0])
    fields = {"totalCount": count * 4, "currentObject": name, "completedSize": 25_000_000}
    screen = io.StringIO()
    with TqdmProgress(file=screen, ncols=80) as progress:
        progress(status(**fields, completedCount=count // 9))
        now[0] += 10
        progress(status(**fields, completedCount=count - failed, failedCount=failed))
        line = screen.getvalue().split("\r")[-1]
    assert disp_len(line) <= 80
    bar = line.split("|")[1]
    assert len(bar) >= 20
    assert f"| {count}/{count * 4} [00:10<" in line
    assert not re.search(r"<\?|<00:00", line)  # the time left
    assert ("12 failed" in line) == bool(failed)
    if failed and count > 1000 and len(name) > 20:
        assert line.endswith(", 12 failed]")  # the name gives way
    elif len(name) > 20:
        assert re.search(rf"{name[:3]}[^ ]*…[^ ]*{name[-4:]}\]", line)
    else:
        assert line.endswith(f", {name}]") or not name


def test_where_there_is_room_everything_is_shown():
    line = last_line(status(currentObject=LONG, completedSize=2_500_000), ncols=160)
    assert f", 2.50MB, {LONG}]" in line
    assert "items/s" in line


@each("columns", range(1, 80, 7))
def test_no_width_is_too_small(columns):
    assert disp_len(last_line(status(currentObject=LONG), status(completedCount=2), ncols=columns)) <= columns


def test_an_unknown_total_leaves_room_for_the_name():
    line = last_line(status(totalCount=0, completedCount=7, currentObject=LONG), ncols=80)
    assert len(line) <= 80
    assert line.endswith("scan.pdf]")


def test_without_a_width_the_name_is_cut_to_forty_columns():
    assert f", {LONG[:19]}…{LONG[-20:]}]" in shown(status(currentObject=LONG))


def test_a_restart_begins_a_new_bar():
    screen = shown(status(completedCount=3), status(completedCount=1), status(completedCount=2))
    assert "3/4" in screen
    assert "2/4" in screen


def test_the_rate_counts_from_the_first_poll(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("tqdm.std.time", lambda: now[0])
    screen = io.StringIO()
    progress = TqdmProgress(file=screen, ascii=True)
    progress(status(totalCount=1000, completedCount=500))
    now[0] += 10
    progress(status(totalCount=1000, completedCount=520))
    progress.close()
    assert "2.00 items/s" in screen.getvalue()
    assert "04:00" in screen.getvalue()


def test_it_serves_another_wait_after_the_end():
    screen = shown(TaskStatus.from_dict(DONE), status(completedCount=1), status(completedCount=2))
    assert screen.count("\n") == 2


def test_its_options_are_those_of_tqdm():
    assert not shown(status(), disable=True)
    assert not shown(status(), leave=False).rstrip("\r ").endswith("\n")


@each("disable", [True, None])  # None: if the screen is no terminal, as in a job of cron
def test_a_bar_that_is_switched_off_follows_a_whole_wait(disable):
    begun = status(totalCount=0, completedCount=0, totalSize=2000, completedSize=500)
    restarted = status(completedCount=0, currentObject="b.txt")
    end = TaskStatus.from_dict(DONE)
    assert not shown(
        begun, status(completedSize=600), status(completedCount=2), restarted, end, disable=disable
    )


class Unwritable(io.StringIO):
    """A screen that takes `room` writes, and then has no room, or no reader."""

    def __init__(self, room=0):
        super().__init__()
        self.room = room

    def write(self, text):
        self.room -= 1
        if self.room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(text)


@each("room", range(0, 40, 3))
def test_a_bar_that_cannot_be_written_does_not_break_the_wait(caplog, room):
    """Wherever it begins: at the first line, a later one, that of a new bar, or the end."""
    caplog.clear()
    screen = Unwritable(room)
    unraisable = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "unraisablehook", unraisable.append)
        with TqdmProgress(file=screen, ascii=True) as progress:
            for seen in (
                status(),
                status(completedCount=2),
                status(completedCount=0),
                TaskStatus.from_dict(DONE),
            ):
                progress(seen)
            progress(status())  # of another wait
        del progress
        gc.collect()
    warned = [record.getMessage() for record in caplog.records]
    assert unraisable == []
    if screen.room < 0:
        assert warned == ["no progress bar any more, it cannot be written: No space left on device"]
        assert screen.room == -1  # nothing more was written
    else:
        assert warned == []


def test_an_exception_of_a_signal_handler_in_a_write_ends_the_wait():
    class Interrupted(OSError):
        pass

    class Screen(io.StringIO):
        def write(self, text):
            signal.raise_signal(signal.SIGINT)

    def handler(*_):
        raise Interrupted

    before = signal.signal(signal.SIGINT, handler)
    try:
        progress = TqdmProgress(file=Screen())
        with pytest.raises(Interrupted):
            progress(status())
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the bar's destructor writes
        del progress
        gc.collect()
        signal.signal(signal.SIGINT, before)


@each("options", [{}, {"file": None}, {"disable": None}, {"disable": False}])
def test_a_process_without_stderr_has_no_bar(options):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", None)
        with TqdmProgress(**options) as progress:
            for seen in (status(), status(completedCount=2), TaskStatus.from_dict(DONE), status()):
                progress(seen)


@each("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_a_name_that_the_file_cannot_encode_is_shown_as_far_as_it_can(encoding):
    written = io.BytesIO()
    screen = io.TextIOWrapper(written, encoding)
    with TqdmProgress(file=screen) as progress:
        progress(status())
        progress(status(currentObject="日.txt"))
        progress(status(currentObject="日" * 500))  # cut, with an ellipsis
        progress(TaskStatus.from_dict(DONE))
    screen.flush()
    text = written.getvalue().decode(encoding)
    assert ("日.txt" if encoding == "utf-8" else "?.txt") in text
    assert "completed" in text


def test_a_unit_of_ones_own_does_not_begin_a_new_bar_at_each_status(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("tqdm.std.time", lambda: now[0])
    screen = io.StringIO()
    with TqdmProgress(file=screen, ascii=True, unit=" pages") as progress:
        progress(status(totalCount=1000, completedCount=500))
        now[0] += 10
        progress(status(totalCount=1000, completedCount=520))
    assert "2.00 pages/s" in screen.getvalue()


def test_no_thread_is_left_behind():
    before = set(threading.enumerate())
    shown(status())
    assert set(threading.enumerate()) <= before


def test_without_tqdm_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(ConfigurationError, match="the extra 'progress' of rocketride-sync"):
        TqdmProgress()


def test_the_widget_of_a_notebook_follows_the_total():
    notebook = pytest.importorskip("tqdm.notebook")
    if notebook.IProgress is None:
        pytest.skip("ipywidgets is not installed")
    from rocketride_sync.reporting.snapshot import ITEMS, ProgressSnapshot
    from rocketride_sync.reporting.tqdm_progress import TqdmBar

    bar = TqdmBar(notebook.tqdm, display=False)
    bar.update(ProgressSnapshot("running", 7, 0, ITEMS, 0, ""))
    bar.update(ProgressSnapshot("running", 8, 9, ITEMS, 0, ""))
    bar.update(ProgressSnapshot("running", 8, 20, ITEMS, 0, ""))
    _, widget, _ = bar._bar.container.children
    assert (widget.value, widget.max) == (8, 20)
    bar.close()


@each(
    "wrong",
    [
        {"foo": 1},
        {"unit": 5},
        {"desc": 5},
        {"total": "x"},
        {"ncols": "x"},
        {"bar_format": "{x}"},
        {"unit_scale": "x"},
        {"file": 5},
        {"disable": None, "foo": 1},
    ],
)
def test_what_tqdm_refuses_is_an_error_before_the_wait(wrong):
    with pytest.raises(ConfigurationError, match="TqdmProgress: "):
        TqdmProgress(**wrong)


@each(
    "right",
    [
        {},
        {"disable": True},
        {"disable": None},
        {"position": 1, "leave": False},
        {"unit": " pages", "unit_scale": True},
        {"bar_format": "{n}"},
        {"mininterval": 5, "delay": 3, "colour": "green", "ascii": True, "ncols": 0, "total": 3},
        {"display": False},
    ],
)
def test_what_tqdm_takes_is_tried_without_a_trace(right, capfd):
    TqdmProgress(**right)
    assert capfd.readouterr() == ("", "")
