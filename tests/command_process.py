"""The command to its end, in a process of its own: forked from one that has everything loaded, where that can be."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from preloaded import Forked, is_forkable
from preloading import STREAMS


def run_command(arguments, environment, *, stdin="", timeout=60.0):
    """Run ``rocketride-sync ARGUMENTS…`` with just this environment; what `subprocess.run` gives."""
    if not is_forkable(environment):
        words = [sys.executable, "-m", "rocketride_sync", *arguments]
        streams = {"capture_output": True, "encoding": "utf-8"}
        return subprocess.run(words, input=stdin, env=environment, timeout=timeout, **streams)
    words = ["rocketride-sync", *arguments]
    return run_forked("rocketride_sync.__main__", words, environment, stdin=stdin, timeout=timeout)


def run_forked(module, words, environment, *, stdin="", timeout=60.0):
    """Run ``main()`` of a module with these words as `sys.argv`; what `subprocess.run` gives."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, name) for name in STREAMS]
        paths[0].write_bytes(stdin.encode())
        code = _run_forked(module, words, environment, paths, timeout)
        stdout, stderr = (path.read_text("utf-8") for path in paths[1:])
    return subprocess.CompletedProcess(words[1:], code, stdout, stderr)


def _run_forked(module, words, environment, paths, timeout):
    with ExitStack() as stack:
        files = [stack.enter_context(open(path, mode)) for path, mode in zip(paths, ("rb", "wb", "wb"))]
        process = Forked(module, words, environment, [file.fileno() for file in files])
        stack.callback(process.close)
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
