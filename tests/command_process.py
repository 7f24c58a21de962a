"""The command to its end in a process of its own, forked from one that has everything loaded.

It starts in some milliseconds instead of a third of a second. What the interpreter itself reads at its start
(variables like ``PYTHONPATH`` and the locale's) needs a real start, and so gets one.
"""

from __future__ import annotations

import atexit
import functools
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

READ_AT_START = ("PYTHON", "LC_", "LANG")
LOADED = (
    "cli.main",
    "cli.command_result",
    "cli.demo_command",
    "cli.list_command",
    "cli.run_command",
    "cli.runs_command",
    "cli.send_command",
    "cli.serve_command",
    "cli.status_command",
    "cli.stop_command",
    "cli.wait_command",
    "client.client",
    "transports.http.transport",
    "transports.websocket.transport",
)
STREAMS = ("stdin", "stdout", "stderr")


def run_command(arguments, environment, *, stdin="", timeout=60.0):
    """Run ``rocketride-sync ARGUMENTS…`` with just this environment; what `subprocess.run` gives."""
    read_at_start = {name for name in {*environment, *os.environ} if name.startswith(READ_AT_START)}
    if not hasattr(os, "fork") or any(
        environment.get(name) != os.environ.get(name) for name in read_at_start
    ):
        words = [sys.executable, "-m", "rocketride_sync", *arguments]
        streams = {"capture_output": True, "encoding": "utf-8"}
        return subprocess.run(words, input=stdin, env=environment, timeout=timeout, **streams)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "stdin").write_bytes(stdin.encode())
        code = _starter().run([list(arguments), dict(environment), os.getcwd(), folder], timeout)
        stdout, stderr = (Path(folder, name).read_text("utf-8") for name in STREAMS[1:])
    return subprocess.CompletedProcess(list(arguments), code, stdout, stderr)


class _Starter:
    """The process that has everything loaded, from this side: one line asks, one names the process, one tells its end."""

    def __init__(self):
        path = os.pathsep.join(entry for entry in sys.path if entry)
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,  # a buffer could hold the second line, which `select` does not see
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,
        )
        self._turn = threading.Lock()
        atexit.register(self._close)

    def run(self, request, timeout):
        with self._turn:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
            number = int(self._process.stdout.readline())
            in_time = select.select([self._process.stdout], [], [], timeout)[0]
            if not in_time:
                os.kill(number, signal.SIGKILL)
            code = int(self._process.stdout.readline())
        if not in_time:
            raise subprocess.TimeoutExpired(request[0], timeout)
        return code

    def _close(self):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


_starter = functools.lru_cache(maxsize=None)(_Starter)


def _serve():
    for module in LOADED:
        importlib.import_module(f"rocketride_sync.{module}")
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    while True:
        line = sys.stdin.buffer.readline()
        if not line:
            return
        number = os.fork()
        if not number:
            answers.close()
            _become_the_command(*json.loads(line))
        answers.write(b"%d\n" % number)
        status = os.waitpid(number, 0)[1]
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
        answers.write(b"%d\n" % code)


def _become_the_command(arguments, environment, folder, streams):
    for number, (name, mode) in enumerate(zip(STREAMS, "rww")):
        with open(Path(streams, name), mode) as file:
            os.dup2(file.fileno(), number)
        errors = "backslashreplace" if name == "stderr" else None
        stream = os.fdopen(number, mode, encoding="utf-8", errors=errors, closefd=False)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["rocketride-sync", *arguments]
    from rocketride_sync.__main__ import main

    sys.exit(main())


if __name__ == "__main__":
    _serve()
