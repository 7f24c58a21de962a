"""The processes that tests fork are told from real ones by their start alone."""

import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import preloaded
import pytest
from command_process import run_command

from rocketride_sync.emulator import Emulator


class Quick:
    """In place of the process that forks: its child has ended before anybody asks."""

    def fork(self, request, descriptors):
        os.write(descriptors[-1], b"4711\n3\n")


@pytest.fixture
def forked(monkeypatch):
    monkeypatch.setattr(preloaded, "_connection", Quick)
    with open(os.devnull, "r+b") as file:
        process = preloaded.Forked("a_module", ["a-command"], {}, [file.fileno()] * 3)
        yield process
        process.close()


def test_an_end_that_comes_in_one_piece_with_the_begin_is_seen(forked):
    assert (forked.pid, forked.wait(timeout=0)) == (4711, 3)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing can fork here")
@pytest.mark.skipif(not find_spec("fastapi"), reason="needs the extra `emulator`")
def test_a_forked_command_that_takes_too_long_is_ended(monkeypatch):
    ended = []
    monkeypatch.setattr(preloaded.Forked, "kill", lambda process: ended.append(os.kill(process.pid, 9)))
    with pytest.raises(subprocess.TimeoutExpired):
        run_command(["serve", "--port", "0"], dict(os.environ), timeout=0.2)
    assert len(ended) == 1


def test_a_forked_command_is_as_a_real_one():
    environment = {**os.environ, "ROCKETRIDE_URI": "http://127.0.0.1:1"}
    words = ["status", "tk_x"]
    forked = run_command(words, environment)
    real = subprocess.run(
        [sys.executable, "-m", "rocketride_sync", *words],
        env=environment,
        cwd=Path.cwd(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (forked.returncode, forked.stdout, forked.stderr) == (real.returncode, real.stdout, real.stderr)


@pytest.mark.skipif(
    not (hasattr(os, "fork") and find_spec("fastapi")), reason="needs fork, and the extra `emulator`"
)
@pytest.mark.parametrize("anew", [False, True])
def test_nobody_waits_for_a_forked_emulator_at_the_end_of_its_block(monkeypatch, anew):
    """One that was started anew stops as for users."""
    if anew:
        preloaded.emulators_start_anew(monkeypatch)
    with Emulator() as emulator:
        process = emulator._process
    assert emulator.pid is None
    assert process.returncode == (-signal.SIGTERM if anew else -signal.SIGKILL)
