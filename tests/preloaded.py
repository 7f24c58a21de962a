"""Processes that are forked from one that has everything loaded: emulators, and commands.

An emulator starts in some hundredths of a second of work instead of half a second, nearly all of which is to import FastAPI, and a
command in some milliseconds instead of a third of a second. The tests start many hundreds. What is about the start itself starts
real ones: see `emulators_start_anew`. What the interpreter itself reads at its start needs a real start, too: see `is_forkable`.
"""

from __future__ import annotations

import array
import atexit
import contextlib
import functools
import importlib.util
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import types

import preloading

READ_AT_START = ("PYTHON", "LC_", "LANG")
EMULATOR = "rocketride_sync.emulator.__main__"
# As they are before a test, or the guard of its sockets, replaces them.
_popen = subprocess.Popen
_connect = socket.socket.connect


def _read_at_start(environment):
    return {name: value for name, value in environment.items() if name.startswith(READ_AT_START)}


_AS_LOADED = _read_at_start(os.environ)


def is_forkable(environment):
    """Whether a process with this environment may be forked: what the interpreter reads at its start is the same."""
    same = _read_at_start(environment) == _AS_LOADED
    return same and hasattr(socket, "SCM_RIGHTS") and hasattr(os, "fork")


class Forked:
    """``main()`` of a module, in a process that is forked with everything loaded; what `subprocess.Popen` offers of it.

    `descriptors` are those of its standard input, output and errors.
    """

    def __init__(self, module, words, environment, descriptors):
        self.args = words
        self.returncode = None
        ended, theirs = os.pipe()
        # A buffer could hold the second line, which `select` does not see.
        self._ended = os.fdopen(ended, "rb", buffering=0)
        try:
            _connection().fork([module, words, dict(environment), os.getcwd()], [*descriptors, theirs])
        finally:
            os.close(theirs)
        self.pid = int(self._ended.readline())

    def poll(self):
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout=None):
        if self.returncode is None:
            if not select.select([self._ended], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout)
            self.returncode = int(self._ended.readline())
        return self.returncode

    def send_signal(self, number):
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it has ended since
                os.kill(self.pid, number)

    def terminate(self):
        self.send_signal(signal.SIGTERM)

    def kill(self):
        self.send_signal(signal.SIGKILL)

    def close(self):
        self.wait()
        self._ended.close()


class ForkedWithPipes(Forked):
    """Its standard input and output are pipes; its errors go to the file `stderr`."""

    def __init__(self, module, words, environment, stderr):
        (stdin, ours), (theirs, stdout) = os.pipe(), os.pipe()
        self.stdin = os.fdopen(ours, "w", encoding="utf-8")
        self.stdout = os.fdopen(theirs, encoding="utf-8")
        try:
            super().__init__(module, words, environment, [stdin, stdout, stderr.fileno()])
        finally:
            os.close(stdin)
            os.close(stdout)

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.stdout.close()
        self.stdin.close()
        self.close()


class Parent:
    """The process that has everything loaded: a context manager.

    Attributes:
        path: of the socket on which it takes connections.
    """

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="preloaded-")
        self.path = os.path.join(self._folder.name, "socket")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self.path)
            listener.listen()
            self._process = _popen(
                [sys.executable, preloading.__file__, str(listener.fileno())],
                stdin=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)},
                pass_fds=[listener.fileno()],
                start_new_session=True,
            )
        return self

    def __exit__(self, *exc_info):
        self._process.communicate()  # it ends when its input does
        self._folder.cleanup()


class _Connection:
    """With the one for all workers, if there is one, or else with one of this process's own."""

    def __init__(self):
        self._stack = contextlib.ExitStack()
        self.path = _shared[0] if _shared else self._stack.enter_context(Parent()).path
        self._socket = self._stack.enter_context(socket.socket(socket.AF_UNIX))
        _connect(self._socket, self.path)
        self._turn = threading.Lock()
        atexit.register(self._stack.close)

    def fork(self, request, descriptors):
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))
        data = json.dumps(request).encode() + b"\n"
        with self._turn:
            sent = self._socket.sendmsg([data], [rights])
            self._socket.sendall(data[sent:])


_shared = []
_connection = functools.lru_cache(maxsize=None)(_Connection)


def share(path):
    """From now on, processes are forked from the `Parent` with this `path`, which is not this process's own."""
    _shared[:] = [path]


def path_to_share():
    """For `share` in another process."""
    return _connection().path


def _start_emulator(command, *, env, stderr, **options):
    """In the place of `subprocess.Popen`, for what the class `Emulator` starts."""
    code = command.index("-c") + 1
    if code > 2 or not is_forkable(env):
        return _popen(command, env=env, stderr=stderr, **options)
    return ForkedWithPipes(EMULATOR, [EMULATOR, *command[code + 1 :]], env, stderr)


def emulators_are_forked():
    """From now on in this process, where it can be done."""
    from rocketride_sync.emulator import emulator_process

    if importlib.util.find_spec("fastapi"):
        start = types.SimpleNamespace(**{**vars(subprocess), "Popen": _start_emulator})
        emulator_process.subprocess = start
        emulator_process.Emulator.__exit__ = _leave_emulator


def _leave_emulator(emulator, *exc_info):
    """In the place of `Emulator.__exit__`: to take leave of its connections takes it a sixth of a second, in which the test waits.

    How one stops is for tests that call `stop` or `restart`, or start it anew.
    """
    if isinstance(emulator._process, Forked):
        emulator.kill()
    else:
        emulator.stop()


def emulators_start_anew(monkeypatch):
    """Until the test is over, each in an interpreter of its own, as for users."""
    from rocketride_sync.emulator import emulator_process

    monkeypatch.setattr(emulator_process, "subprocess", subprocess)
