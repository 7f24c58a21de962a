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
import importlib
import importlib.util
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import types

READ_AT_START = ("PYTHON", "LC_", "LANG")
FDS = 4
STREAMS = ("stdin", "stdout", "stderr")
LOADED = (
    "rocketride_sync.cli.command_result",
    "rocketride_sync.cli.demo_command",
    "rocketride_sync.cli.list_command",
    "rocketride_sync.cli.main",
    "rocketride_sync.cli.run_command",
    "rocketride_sync.cli.runs_command",
    "rocketride_sync.cli.send_command",
    "rocketride_sync.cli.serve_command",
    "rocketride_sync.cli.status_command",
    "rocketride_sync.cli.stop_command",
    "rocketride_sync.cli.wait_command",
    "fastapi",
    "uvicorn.protocols.http.h11_impl",
    "rocketride_sync.emulator.__main__",
    "rocketride_sync.emulator.browser_checks",
    "rocketride_sync.emulator.http_app",
    "rocketride_sync.emulator.server",
    "rocketride_sync.emulator.server_state",
    "rocketride_sync.emulator.websocket_protocol",
    "rocketride_sync.client.client",
    "rocketride_sync.transports.http.transport",
    "rocketride_sync.transports.websocket.transport",
)
EMULATOR = "rocketride_sync.emulator.__main__"
_popen = subprocess.Popen


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
            _parent().fork([module, words, dict(environment), os.getcwd()], [*descriptors, theirs])
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


class _ForkedEmulator(Forked):
    """Its standard input and output are pipes; its errors go to the file `stderr`."""

    def __init__(self, words, environment, stderr):
        (stdin, ours), (theirs, stdout) = os.pipe(), os.pipe()
        self.stdin = os.fdopen(ours, "w", encoding="utf-8")
        self.stdout = os.fdopen(theirs, encoding="utf-8")
        try:
            super().__init__(EMULATOR, words, environment, [stdin, stdout, stderr.fileno()])
        finally:
            os.close(stdin)
            os.close(stdout)

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.stdout.close()
        self.stdin.close()
        self.close()


class _Parent:
    """The process that has everything loaded, from this side."""

    def __init__(self):
        self._socket, theirs = socket.socketpair()
        path = os.pathsep.join(entry for entry in sys.path if entry)
        with theirs:
            self._process = _popen(
                [sys.executable, __file__],
                stdin=theirs,
                env={**os.environ, "PYTHONPATH": path},
                start_new_session=True,
            )
        self._turn = threading.Lock()
        atexit.register(self._close)

    def fork(self, request, descriptors):
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))
        data = json.dumps(request).encode() + b"\n"
        with self._turn:
            sent = self._socket.sendmsg([data], [rights])
            self._socket.sendall(data[sent:])

    def _close(self):
        self._socket.close()
        self._process.wait()


_parent = functools.lru_cache(maxsize=None)(_Parent)


def _start_emulator(command, *, env, stderr, **options):
    """In the place of `subprocess.Popen`, for what the class `Emulator` starts."""
    code = command.index("-c") + 1
    if code > 2 or not is_forkable(env):
        return _popen(command, env=env, stderr=stderr, **options)
    return _ForkedEmulator([EMULATOR, *command[code + 1 :]], env, stderr)


def emulators_are_forked():
    """From now on in this process, where it can be done."""
    from rocketride_sync.emulator import emulator_process

    if importlib.util.find_spec("fastapi"):
        start = types.SimpleNamespace(**{**vars(subprocess), "Popen": _start_emulator})
        emulator_process.subprocess = start


def emulators_start_anew(monkeypatch):
    """Until the test is over, each in an interpreter of its own, as for users."""
    from rocketride_sync.emulator import emulator_process

    monkeypatch.setattr(emulator_process, "subprocess", subprocess)


def _serve():
    for module in LOADED:
        with contextlib.suppress(ImportError):  # of an extra that is not installed
            importlib.import_module(module)
    requests = socket.socket(fileno=os.dup(0))
    while True:
        descriptors = array.array("i", [0] * FDS)
        data, rights, _, _ = requests.recvmsg(1 << 20, socket.CMSG_SPACE(FDS * descriptors.itemsize))
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not data:
            return
        while not data.endswith(b"\n"):
            data += requests.recv(1 << 20)
        descriptors = array.array("i", rights[0][2])
        if not os.fork():
            requests.close()
            _tell_of(json.loads(data), *descriptors)
            return
        for descriptor in descriptors:
            os.close(descriptor)


def _tell_of(request, stdin, stdout, stderr, ended):
    """Fork once more, and say how it ends."""
    number = os.fork()
    if not number:
        os.close(ended)
        _become(request, (stdin, stdout, stderr))
    for descriptor in (0, 1, stdin, stdout, stderr):
        os.close(descriptor)
    os.write(ended, b"%d\n" % number)
    status = os.waitpid(number, 0)[1]
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
    with contextlib.suppress(BrokenPipeError):
        os.write(ended, b"%d\n" % code)
    os._exit(0)


def _become(request, descriptors):
    module, words, environment, folder = request
    os.setsid()
    for number, (name, mode, descriptor) in enumerate(zip(STREAMS, "rww", descriptors)):
        os.dup2(descriptor, number)
        os.close(descriptor)
        errors = "backslashreplace" if name == "stderr" else None
        stream = os.fdopen(number, mode, encoding="utf-8", errors=errors, closefd=False)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = words
    sys.exit(importlib.import_module(module).main())


if __name__ == "__main__":
    _serve()
