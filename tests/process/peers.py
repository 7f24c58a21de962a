"""What the tests of this folder share: processes of this Python, peers that notice a client's leaving, and patience."""

import os
import subprocess
import sys
import time
from pathlib import Path

from command_process import run_forked
from preloaded import is_forkable

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60.0
_STRICT = ["-X", "dev", "-W", "error"]


def wait_until(condition, what, seconds=SECONDS):
    """Poll `condition` until it gives something true, and return that."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what} did not come true within {seconds} s"
        time.sleep(0.01)


def run(script, *arguments, options=_STRICT):
    """Run Python code to its end; it must succeed, and say nothing on stderr. Its output."""
    command = [sys.executable, *options, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=2 * SECONDS, cwd=ROOT)
    return _output(done)


def run_loaded(script, *arguments):
    """The same, with warnings as errors, in a process that is forked with everything loaded.

    For what is not about the interpreter's start or end.
    """
    if not is_forkable(os.environ):
        return run(script, *arguments, options=["-W", "error"])
    words = ["script", script, *map(str, arguments)]
    return _output(run_forked("process.script", words, os.environ, timeout=2 * SECONDS))


def _output(done):
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def until_gone(peer):
    """Read, and say nothing, until the client has closed the connection."""
    while peer.sock.recv(65536):
        pass


def status_of(token, **fields):
    """A document that belongs to `token` and to no other."""
    running = {"state": 3, "completed": False, "project_id": f"project of {token}", "source": "s"}
    return {**running, "startTime": 100.0, **fields}
