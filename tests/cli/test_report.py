"""`wait --report` and `run --report`: the page, also when the wait ends otherwise than well."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from importlib.util import find_spec

import pytest
from cases import each
from command import (
    FAILED,
    KEY,
    NOT_RUNNING,
    RUNNING,
    SUCCEEDED,
    TOKEN,
    environment,
    ok,
    run_here,
    run_with,
    start,
)

from rocketride_sync import RocketRideClient
from rocketride_sync.cli.progress import ProgressPrinter
from rocketride_sync.cli.signals import Terminated
from rocketride_sync.reporting import report_file

pytestmark = pytest.mark.skipif(
    not (find_spec("pygal") and find_spec("jinja2")), reason="needs the extra report"
)

FAST = ("--interval", "0.05")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.html"


@pytest.mark.parametrize(
    ("last", "options", "code", "shown"),
    [
        (ok(SUCCEEDED), (), 0, "succeeded"),
        (ok(SUCCEEDED), ("--quiet",), 0, "succeeded"),
        (ok(FAILED), (), 1, "the engine fell over"),
        (ok({**FAILED, "exitMessage": ""}), (), 0, "succeeded, not certain"),
        (
            ok({**FAILED, "exitMessage": ""}),
            ("--strict",),
            1,
            "an older server shows this for every good end",
        ),
        (ok(RUNNING), ("--timeout", "2"), 124, "Task tk_0123… has not ended after"),
        (NOT_RUNNING, (), 6, "Task tk_0123…"),
    ],
)
def test_the_page_tells_how_it_ended(stub, path, last, options, code, shown):
    stub.answers = [ok({**RUNNING, "errors": [f"bad key {KEY}"]}), last]
    done = run_with(stub, "wait", TOKEN, *FAST, *options, "--report", str(path))
    assert done.returncode == code, done.stderr
    page = path.read_text(encoding="utf-8")
    assert shown in page
    assert "bad key ***" in page
    assert TOKEN not in page
    assert KEY not in page


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(
    ("number", "shown"),
    [(signal.SIGINT, "not ended before Ctrl-C"), (signal.SIGTERM, "not ended before SIGTERM")],
)
def test_an_interrupted_wait_leaves_its_page(stub, path, number, shown):
    stub.answers = [ok(RUNNING)]
    process = start(
        *["wait", TOKEN, *FAST, "--progress", "--report", str(path)],
        env=environment(ROCKETRIDE_URI=stub.uri, ROCKETRIDE_APIKEY=KEY),
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    with process:
        assert "running" in process.stderr.readline()
        process.send_signal(number)
        process.communicate(timeout=60)
    assert shown in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("where", ["no/such/folder/run.html", "."])
def test_a_path_that_cannot_be_written_is_said_before_the_wait(stub, tmp_path, where):
    stub.answers = [ok(SUCCEEDED)]
    done = run_with(stub, "wait", TOKEN, "--report", str(tmp_path / where))
    assert done.returncode == 2
    assert "the report cannot be written to" in done.stderr
    assert stub.requests == []


def test_a_missing_extra_is_said_before_the_wait(stub, path, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['pygal'] = None")
    stub.answers = [ok(SUCCEEDED)]
    done = run_with(stub, "wait", TOKEN, "--report", str(path), PYTHONPATH=str(tmp_path))
    assert done.returncode == 2
    assert "the extra 'report' of rocketride-sync" in done.stderr
    assert stub.requests == []


BROKEN = {
    "an import": "import a_dependency_that_is_missing",
    "nothing in it": "",
    "drawing": "class Line:\n    def __init__(self, *_, **__): raise RuntimeError('no font')\nXY = StackedLine = Line",
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_pygal_that_does_not_work_is_said_before_the_wait(stub, path, tmp_path, how):
    (tmp_path / "pygal").mkdir()
    (tmp_path / "pygal" / "__init__.py").write_text(BROKEN[how])
    stub.answers = [ok(SUCCEEDED)]
    done = run_with(stub, "wait", TOKEN, "--report", str(path), PYTHONPATH=with_own_path(tmp_path))
    assert done.returncode == 2
    assert "a report cannot be drawn" in done.stderr
    assert "the extra 'report' of rocketride-sync" in done.stderr
    assert stub.requests == []
    assert not path.exists()


def with_own_path(folder):
    return os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))


@pytest.mark.parametrize(("last", "code"), [(SUCCEEDED, 74), (FAILED, 1)])
def test_a_page_that_cannot_be_drawn_later_does_not_hide_the_outcome(stub, path, tmp_path, last, code):
    (tmp_path / "sitecustomize.py").write_text(FAILS_LATER)
    stub.answers = [ok(RUNNING), ok(last)]
    done = run_with(stub, "wait", TOKEN, *FAST, "--report", str(path), PYTHONPATH=with_own_path(tmp_path))
    assert done.returncode == code
    assert "warning: a report cannot be drawn" in done.stderr
    assert "Outcome" in done.stdout
    assert "defect" not in done.stderr


FAILS_LATER = """
from rocketride_sync.reporting import page
render = page.render_page
def fail_later(record, *rest):
    if record.last.name == "words":
        raise KeyError("x")
    return render(record, *rest)
page.render_page = fail_later
"""


def test_of_a_task_that_was_not_seen_there_is_no_report(stub, path):
    """Least of all in place of the one of last night."""
    path.write_text("<!doctype html>of last night")
    stub.answers = [NOT_RUNNING]
    done = run_with(stub, "wait", TOKEN, "--report", str(path))
    assert done.returncode == 6
    assert "no report was written: nothing was seen of the task" in done.stderr
    assert path.read_text() == "<!doctype html>of last night"


@each("content", ["To be, or not to be", "{}", "\0" * 64, "<htmlx>", "<!DOCTYPE htmlx>"])
def test_what_is_no_page_is_not_written_over(stub, tmp_path, content):
    """As in `run words.pipe --report texts/*.txt`, where the name of the page was forgotten: the first text is lost."""
    text = tmp_path / "hamlet.txt"
    text.write_text(content)
    stub.answers, stub.requests = [ok(SUCCEEDED)], []
    done = run_with(stub, "wait", TOKEN, "--report", str(text))
    assert done.returncode == 2, done.stdout
    assert f"--report: {text} is there already, and is no HTML page" in done.stderr
    assert "name another file, or delete it" in done.stderr
    assert text.read_text() == content
    assert stub.requests == []


@each(
    "content",
    ["", "<!DOCTYPE html>\n<p>of last night", "\n <!doctype HTML >", "\ufeff<html lang=en>", "<HTML>"],
)
def test_an_old_page_is_written_over(stub, path, content):
    path.write_text(content, encoding="utf-8")
    stub.answers = [ok(SUCCEEDED)]
    done = run_with(stub, "wait", TOKEN, "--report", str(path))
    assert done.returncode == 0, done.stderr
    assert "succeeded" in path.read_text(encoding="utf-8")


def test_a_hyphen_is_no_name_of_a_page(stub, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stub.answers = [ok(SUCCEEDED)]
    done = run_with(stub, "wait", TOKEN, "--report", "-")
    assert done.returncode == 2, done.stdout
    assert "--report: - is no file here" in done.stderr
    assert list(tmp_path.iterdir()) == []
    assert stub.requests == []


def test_a_report_is_about_one_task(stub, path):
    stub.answers = [ok(SUCCEEDED)]
    done = run_with(stub, "wait", TOKEN, TOKEN[::-1], "--report", str(path))
    assert done.returncode == 2
    assert "give one TOKEN" in done.stderr


def test_a_run_that_is_left_running_has_no_report(stub, tmp_path, path):
    pipeline = tmp_path / "job.pipe"
    pipeline.write_text('{"source": "s", "components": [{"id": "s", "provider": "simulate", "config": {}}]}')
    done = run_with(stub, "run", str(pipeline), "--keep", "--report", str(path))
    assert done.returncode == 2
    assert "--report needs a wait" in done.stderr
    assert stub.requests == []


@pytest.mark.parametrize(("last", "code"), [(SUCCEEDED, 74), (FAILED, 1)])
def test_a_disk_that_is_full_by_then_does_not_hide_the_outcome(stub, last, code):
    if sys.platform != "linux":
        pytest.skip("needs /dev/full")
    stub.answers = [ok(last)]
    done = run_with(stub, "wait", TOKEN, "--report", "/dev/full")
    assert done.returncode == code
    assert "Outcome" in done.stdout
    assert "warning: the report cannot be written to /dev/full: No space left on device" in done.stderr


@pytest.fixture(scope="module")
def emulator():
    pytest.importorskip("fastapi", reason="needs the extra `emulator`")
    from rocketride_sync.emulator import Emulator

    with Emulator(api_key=KEY, init_seconds=0, stop_seconds=0, max_message_bytes=4096) as server:
        yield server


@pytest.fixture
def run_here_with(emulator, monkeypatch, capsys, tmp_path, path):
    """Run a pipeline in this process with `--report`; its end, and its page."""

    def run(provider, *arguments, **config):
        pipeline = tmp_path / "job.pipe"
        source = {"id": "s", "provider": provider, "config": config}
        words = {"id": "w", "provider": "wordcount", "input": [{"lane": "data", "from": "s"}]}
        components = [source, words] if provider == "dropper" else [source]
        document = {"project_id": "p", "source": "s", "name": "Three things", "components": components}
        pipeline.write_text(json.dumps(document))
        done = run_here(
            monkeypatch,
            capsys,
            "run",
            str(pipeline),
            *FAST,
            "--report",
            str(path),
            *arguments,
            ROCKETRIDE_URI=emulator.uri,
            ROCKETRIDE_APIKEY=KEY,
        )
        with RocketRideClient(emulator.uri, KEY) as client:
            left = client.get_tasks()
            for task in left:
                client.terminate(task.token)
        assert path.exists(), done.stderr
        return done, path.read_text(encoding="utf-8"), len(left)

    return run


def test_of_a_run(run_here_with):
    done, page, left = run_here_with("simulate", seconds=0.6, total=3)
    assert (done.code, left) == (0, 0), done.stderr
    assert "<title>Three things: succeeded</title>" in page
    assert "3 of 3" in page
    assert page.count("<svg") >= 2


def test_of_a_run_some_of_whose_items_failed(run_here_with):
    done, page, _ = run_here_with("simulate", seconds=0.6, total=10, failed=3)
    assert done.code == 1
    assert '<span class="outcome partly">succeeded, 3 of 10 items failed</span>' in page


@pytest.mark.parametrize(
    ("stop", "cause"),
    [(KeyboardInterrupt(), "Ctrl-C"), (Terminated(15), "SIGTERM"), (Terminated(1), "SIGHUP")],
)
def test_of_a_run_that_was_stopped(run_here_with, monkeypatch, stop, cause):
    """The page says that the command ended the task, as stderr does."""
    monkeypatch.setattr("rocketride_sync.cli.main.end_process_by", lambda _: None)
    show = ProgressPrinter.__call__

    def stopped(printer, status):
        show(printer, status)
        raise stop

    monkeypatch.setattr(ProgressPrinter, "__call__", stopped)
    done, page, left = run_here_with("simulate", seconds=60)
    assert "; the task was ended" in done.stderr
    assert left == 0
    assert f"<title>Three things: cancelled: ended by this program after {cause}</title>" in page
    assert "; the task was ended</p>" in page
    assert type(stop).__name__ not in page


def test_of_a_run_whose_time_was_up(run_here_with):
    done, page, left = run_here_with("simulate", "--timeout", "0.5", seconds=60)
    assert (done.code, left) == (124, 0)
    assert "cancelled: ended by this program after the timeout" in page
    assert "WaitTimeoutError" not in page


@pytest.mark.parametrize(
    ("options", "fate", "left"), [((), "the task was ended", 0), (("--keep",), "the task runs on", 1)]
)
def test_of_files_that_were_sent(run_here_with, tmp_path, options, fate, left):
    (tmp_path / "fox.txt").write_text("the quick brown fox")
    done, page, tasks = run_here_with("dropper", str(tmp_path / "fox.txt"), *options)
    assert (done.code, tasks) == (0, left), done.stderr
    assert "<title>Three things: succeeded, 1 of 1 files sent</title>" in page
    assert f"RUNNING (at the last poll; {fate})" in page
    assert "fox.txt</td><td>19 bytes</td>" in page


@pytest.mark.parametrize(("options", "code"), [((), 1), (("--allow-failures",), 0)])
def test_of_files_that_failed(run_here_with, tmp_path, options, code):
    files = [tmp_path / name for name in ("large.txt", "small.txt")]
    for file, text in zip(files, ("word " * 2000, "word")):  # the server refuses messages above 4 KB
        file.write_text(text)
    done, page, left = run_here_with("dropper", *map(str, files), *options)
    assert (done.code, left) == (code, 0), done.stderr
    assert '<span class="outcome failed">failed, 1 of 2 files failed</span>' in page
    assert re.search(r"<td>failed</td><td>\S+large\.txt: .+?</td>", page)
    assert re.search(r"<td>sent</td><td>\S+small\.txt</td>", page)


@pytest.fixture
def fifo(tmp_path):
    if not hasattr(os, "mkfifo"):
        pytest.skip("needs FIFOs")
    os.mkfifo(tmp_path / "page")
    return str(tmp_path / "page")


def test_a_pipe_that_nobody_reads_is_said_before_the_wait(stub, fifo):
    stub.answers = [ok(SUCCEEDED)]
    done = run_with(stub, "wait", TOKEN, "--report", fifo)
    assert done.returncode == 2
    assert "nobody reads this named pipe; start its reader first" in done.stderr
    assert stub.requests == []


@pytest.mark.parametrize(("last", "code"), [(SUCCEEDED, 74), (FAILED, 1)])
def test_a_reader_of_a_pipe_that_stops_does_not_hide_the_outcome(stub, monkeypatch, capsys, fifo, last, code):
    monkeypatch.setattr(report_file, "PATIENCE", 0.05)
    stub.answers = [ok({**last, "errors": ["e" * 900] * 200})]
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        words = ("wait", TOKEN, "--report", fifo)
        done = run_here(monkeypatch, capsys, *words, ROCKETRIDE_URI=stub.uri, ROCKETRIDE_APIKEY=KEY)
    finally:
        os.close(reader)
    assert done.code == code
    assert "Outcome" in done.stdout
    assert f"warning: the report cannot be written to {fifo}: its reader takes no more of it" in done.stderr
