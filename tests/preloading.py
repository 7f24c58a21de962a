"""The process that has everything loaded, and forks what `preloaded` asks for.

    python preloading.py LISTENER

`LISTENER` is the descriptor of a socket. It ends when its input does.
"""

from __future__ import annotations

import array
import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import selectors
import signal
import socket
import sys
import threading

FDS = 4
STREAMS = ("stdin", "stdout", "stderr")
# Beside the package itself: what is loaded only when it is first needed.
LOADED = (
    "encodings.idna",
    "psutil",
    "requests",
    "uvicorn.lifespan.on",
    "uvicorn.loops.asyncio",
    "uvicorn.protocols.http.h11_impl",
    "websocket",
)
APART = ("__main__", "__pyinstaller", "contrib", "pytest_plugin")
LIFELINE = 0


class _Children:
    """Those that run, and whom to tell how they end."""

    def __init__(self):
        self._ended = {}
        self.woken, wakes = socket.socketpair()
        wakes.setblocking(False)
        self._wakes = wakes
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)

    def add(self, number, ended):
        self._ended[number] = ended
        self._write(ended, number)

    def reap(self):
        with contextlib.suppress(ChildProcessError):
            number, status = os.waitpid(-1, os.WNOHANG)
            while number:
                self._tell(self._ended.pop(number), status)
                number, status = os.waitpid(-1, os.WNOHANG)

    def _tell(self, ended, status):
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
        self._write(ended, code)
        os.close(ended)

    @staticmethod
    def _write(ended, number):
        with contextlib.suppress(BrokenPipeError):  # nobody asks any more
            os.write(ended, b"%d\n" % number)

    def forget(self):
        """In a child: its brothers are not its own."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._wakes.close()
        for ended in self._ended.values():
            os.close(ended)


def main():
    listener = socket.socket(fileno=int(sys.argv[1]))
    _load()
    children = _Children()
    selector = selectors.DefaultSelector()
    for source in (LIFELINE, listener, children.woken):
        selector.register(source, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj == LIFELINE:
                return
            if key.fileobj is listener:
                selector.register(listener.accept()[0], selectors.EVENT_READ)
            elif key.fileobj is children.woken:
                children.woken.recv(4096)
            else:
                _serve(key.fileobj, selector, children)
        children.reap()


def _load():
    for module in (*_package(), *LOADED):
        with contextlib.suppress(ImportError):  # of an extra that is not installed
            importlib.import_module(module)
    with contextlib.suppress(ImportError):
        _make_app()
    gc.collect()
    gc.freeze()  # what no collection looks at stays in memory that is shared


def _package():
    package = importlib.import_module("rocketride_sync")
    for module in pkgutil.walk_packages(package.__path__, "rocketride_sync.", onerror=lambda name: None):
        if not set(APART).intersection(module.name.split(".")):
            yield module.name
    yield from ("rocketride_sync.__main__", "rocketride_sync.emulator.__main__")


def _make_app():
    """The first one in a process takes long."""
    from rocketride_sync.emulator.http_app import make_app
    from rocketride_sync.emulator.server_state import ServerState
    from rocketride_sync.emulator.settings import Settings

    make_app(ServerState(api_key=None, root=None, settings=Settings()))


def _serve(connection, selector, children):
    """Fork what is asked for."""
    descriptors = array.array("i", [0] * FDS)
    data, rights, _, _ = connection.recvmsg(1 << 20, socket.CMSG_SPACE(FDS * descriptors.itemsize))
    if not data:
        selector.unregister(connection)
        connection.close()
        return
    while not data.endswith(b"\n"):
        data += connection.recv(1 << 20)
    *streams, ended = array.array("i", rights[0][2])
    number = os.fork()
    if not number:
        os.close(ended)
        children.forget()
        _close(selector)
        _become(json.loads(data), streams)
    for descriptor in streams:
        os.close(descriptor)
    children.add(number, ended)


def _close(selector):
    for key in list(selector.get_map().values()):
        if key.fileobj != LIFELINE:
            key.fileobj.close()
    selector.close()


def _become(request, descriptors):
    module, words, environment, folder = request
    os.setsid()
    for number, (name, mode, descriptor) in enumerate(zip(STREAMS, "rww", descriptors)):
        os.dup2(descriptor, number)
        os.close(descriptor)
        errors = "backslashreplace" if name == "stderr" else None
        # As in a process that is started anew, what is printed to stderr is there at once.
        buffering = 1 if name == "stderr" else -1
        stream = os.fdopen(number, mode, buffering, encoding="utf-8", errors=errors, closefd=False)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = words
    code = _code_of(importlib.import_module(module).main)
    if code is None or isinstance(code, int):
        _end()
        os._exit(code or 0)
    sys.exit(code)


def _code_of(main):
    try:
        return main()
    except SystemExit as end:
        return end.code


def _end():
    """What the interpreter does at its end, but to take all apart that is loaded, which is most of the work."""
    threading._shutdown()
    atexit._run_exitfuncs()
    gc.collect()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()


if __name__ == "__main__":
    main()
