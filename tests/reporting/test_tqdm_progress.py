"""TqdmProgress: a bar for a wait, in a terminal or a notebook."""

import io
import sys
import threading

import pytest

from rocketride_sync import ConfigurationError, MemoryTransport, RocketRideClient, TaskStatus, TqdmProgress

pytest.importorskip("tqdm")

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


def test_no_thread_is_left_behind():
    before = threading.active_count()
    shown(status())
    assert threading.active_count() == before


def test_without_tqdm_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(ConfigurationError, match=r"rocketride-sync\[progress\]"):
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
