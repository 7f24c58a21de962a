"""Files that are opened by their numbers: a signal that raises, wherever it comes, leaves none of them open."""

import ast
import os
import sys
import warnings
from pathlib import Path

import pytest
from dropping import run_in_dropping
from moments import garbage_kept

import rocketride_sync
from rocketride_sync import ConfigurationError
from rocketride_sync.cli import output
from rocketride_sync.client.pipelines import load
from rocketride_sync.emulator.run_log import RunLog
from rocketride_sync.emulator.settings import Settings
from rocketride_sync.reporting.report_file import check_writable
from rocketride_sync.transports.chunks import File

PACKAGE = str(Path(rocketride_sync.__file__).parent)
NUMBERS = "/dev/fd"

pytestmark = [
    pytest.mark.skipif(not os.path.isdir(NUMBERS), reason="needs a list of what is open"),
    # Python says "unclosed file", and closes it.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


class Signalled(BaseException):
    """As a signal handler raises it."""


def interrupted(step, kind, number):
    """Call `step`, and raise before the line or instruction of that number. Returns whether there were so many.

    Args:
        kind: ``"line"`` or ``"opcode"``. Python 3.12 tells of no opcodes here.
    """
    left = iter(range(number - 1))

    def trace(frame, event, _):
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        # Python 3.8 mishandles an exception at a line if opcodes are told of too.
        frame.f_trace_opcodes = kind == "opcode"
        if event == kind and next(left, None) is None:
            raise Signalled
        return trace

    with garbage_kept():
        before = sys.gettrace()
        sys.settrace(trace)
        try:
            step()
        except Signalled:
            return True
        finally:
            sys.settrace(before)
    return False


def opened():
    return len(os.listdir(NUMBERS))


def leaks(step):
    """The lines and instructions, by number, at which an exception leaves a file open."""
    step()
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # of what its owner closes
        before = opened()
        for kind in ("line", "opcode"):
            number = 1
            while interrupted(step, kind, number):
                if opened() != before:
                    found.append((kind, number))
                    before = opened()
                number += 1
            assert number > 1 or kind == "opcode"
    return found


def read_to_send(path):
    return lambda: [bytes(chunk) for chunk in File.at(str(path))]


def test_a_file_that_is_sent(tmp_path):
    path = tmp_path / "sent"
    path.write_bytes(b"x")
    assert leaks(read_to_send(path)) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
@pytest.mark.parametrize("replace", ["mkfifo", "mkdir"])
def test_what_has_taken_the_place_of_a_file_that_is_sent(tmp_path, replace):
    path = tmp_path / "sent"
    path.write_bytes(b"x")
    file = File.at(str(path))
    path.unlink()
    getattr(os, replace)(path)

    def step():
        with pytest.raises(ConfigurationError):
            list(file)

    assert leaks(step) == []


def test_a_run_log_that_is_written_anew(tmp_path):
    path = tmp_path / "runs"
    log = RunLog(Settings())
    assert leaks(lambda: log._rewrite(str(path)).close()) == []
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_pipeline(tmp_path):
    path = tmp_path / "job.pipe"
    path.write_text('{"components": []}')
    assert leaks(lambda: load(path, None, None)) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
def test_a_report_that_goes_to_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "page")
    path = str(tmp_path / "page")
    with open(os.open(path, os.O_RDWR), "rb", buffering=0):
        assert leaks(lambda: check_writable(path).write("x")) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
def test_in_dropping_a_pipe_for_a_report_no_line_of_python_runs_in_which_a_signal_would_be_lost(tmp_path):
    os.mkfifo(tmp_path / "page")
    path = str(tmp_path / "page")

    def pipe():
        made = check_writable(path)
        assert opened() == before + 1
        return made

    with open(os.open(path, os.O_RDWR), "rb", buffering=0), warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        before = opened()
        assert run_in_dropping(pipe) == []
        assert opened() == before


def test_a_stream_that_is_discarded(tmp_path):
    with open(tmp_path / "stream", "w", encoding="utf-8") as stream:
        assert leaks(lambda: output._discard(stream)) == []


# No signal raises in the emulator: it notes them, and ends in order.
MAY_HOLD_NUMBERS = {"owned_files.py", "emulator/sandboxed_files.py"}
FINALIZERS = {"_unowned", "__callback__"}  # of weakref: what they detach is no file
GIVE_A_NUMBER = ("os.dup", "os.fdopen", "os.open", "os.openpty", "os.pipe", "tempfile.mkstemp")


def gives_a_number(call):
    """Whether what is called returns the number of an open file, or takes one over."""
    called = call.func
    if not isinstance(called, ast.Attribute):
        return False
    owner = called.value.id if isinstance(called.value, ast.Name) else ""
    if called.attr == "detach":
        return not (isinstance(called.value, ast.Attribute) and called.value.attr in FINALIZERS)
    return f"{owner}.{called.attr}" in GIVE_A_NUMBER


def test_numbers_of_files_are_nowhere_else():
    holding = {
        path.relative_to(PACKAGE).as_posix()
        for path in Path(PACKAGE).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and gives_a_number(node)
    }
    assert holding <= MAY_HOLD_NUMBERS
