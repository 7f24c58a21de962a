"""`wait --report` and `run --report`: the page, also when the wait ends otherwise than well."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from importlib.util import find_spec

import pytest
from command import (
    COMMAND,
    FAILED,
    KEY,
    NOT_RUNNING,
    PROGRAM,
    RUNNING,
    SUCCEEDED,
    TOKEN,
    environment,
    ok,
    run_with,
)

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
        (ok(RUNNING), ("--timeout", "2"), 124, "WaitTimeoutError: task tk_0123… has not ended after"),
        (NOT_RUNNING, (), 6, "TaskVanishedError: task tk_0123…"),
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
    ("number", "shown"), [(signal.SIGINT, "KeyboardInterrupt"), (signal.SIGTERM, "Terminated")]
)
def test_an_interrupted_wait_leaves_its_page(stub, path, number, shown):
    stub.answers = [ok(RUNNING)]
    process = subprocess.Popen(
        [*COMMAND, "wait", TOKEN, *FAST, "--progress", "--report", str(path)],
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
    assert "rocketride-sync[report]" in done.stderr
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
    assert "rocketride-sync[report]" in done.stderr
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
    path.write_text("of last night")
    stub.answers = [NOT_RUNNING]
    done = run_with(stub, "wait", TOKEN, "--report", str(path))
    assert done.returncode == 6
    assert "no report was written: nothing was seen of the task" in done.stderr
    assert path.read_text() == "of last night"


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


def test_of_a_run(tmp_path, path):
    pytest.importorskip("fastapi", reason="needs the extra `emulator`")
    from rocketride_sync.emulator import Emulator

    pipeline = tmp_path / "job.pipe"
    pipeline.write_text(
        '{"project_id": "p", "source": "s", "name": "Three things", "components": '
        '[{"id": "s", "provider": "simulate", "config": {"seconds": 0.5, "total": 3}}]}'
    )
    with Emulator(api_key=KEY) as server:
        done = subprocess.run(
            [*PROGRAM, "run", str(pipeline), *FAST, "--report", str(path)],
            env=environment(ROCKETRIDE_URI=server.uri, ROCKETRIDE_APIKEY=KEY),
            capture_output=True,
            encoding="utf-8",
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    page = path.read_text(encoding="utf-8")
    assert "<title>Three things: succeeded</title>" in page
    assert "3 of 3" in page
    assert page.count("<svg") >= 2
