"""The command in a process of its own: forked from one that has everything loaded, where that can be."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path

from preloaded import Forked, is_forkable
from preloading import STREAMS

MODULE = "rocketride_sync.__main__"


def run_command(arguments, environment, *, stdin="", timeout=60.0):
    """Run ``rocketride-sync ARGUMENTS…`` with just this environment; what `subprocess.run` gives."""
    if not is_forkable(environment):
        words = [sys.executable, "-m", "rocketride_sync", *arguments]
        streams = {"capture_output": True, "encoding": "utf-8"}
        return subprocess.run(words, input=stdin, env=environment, timeout=timeout, **streams)
    words = ["rocketride-sync", *arguments]
    return run_forked(MODULE, words, environment, stdin=stdin, timeout=timeout)


def run_forked(module, words, environment, *, stdin="", timeout=60.0):
    """Run ``main()`` of a module with these words as `sys.argv`; what `subprocess.run` gives."""
    with tempfile.TemporaryDirectory(prefix="test-") as folder:
        paths = [Path(folder, name) for name in STREAMS]
        paths[0].write_bytes(stdin.encode())
        code = _run_forked(module, words, environment, paths, timeout)
        stdout, stderr = (path.read_text("utf-8") for path in paths[1:])
    return subprocess.CompletedProcess(words[1:], code, stdout, stderr)


def start_command(
    arguments, environment, *, module=MODULE, encoding=None, stdin=None, stdout=None, stderr=None
):
    """Start ``rocketride-sync ARGUMENTS…`` with just this environment; what `subprocess.Popen` gives.

    `module` has the ``main()`` that is called; another than the command's own is one of this folder.
    """
    streams = {"stdin": stdin, "stdout": stdout, "stderr": stderr}
    if not is_forkable(environment):
        program = ["-m", "rocketride_sync"] if module == MODULE else [f"{Path(__file__).parent}/{module}.py"]
        words = [sys.executable, *program, *arguments]
        return subprocess.Popen(words, env=environment, encoding=encoding, **streams)
    return _Started(module, ["rocketride-sync", *arguments], environment, encoding, streams)


class _Started(Forked):
    """What tests use of `subprocess.Popen`."""

    def __init__(self, module, words, environment, encoding, streams):
        descriptors, theirs = [], []
        for number, (name, stream) in enumerate(streams.items()):
            ours = None
            if stream == subprocess.PIPE:
                ours, stream = _pipe("w" if name == "stdin" else "r", encoding)
                theirs.append(stream)
            elif stream == subprocess.DEVNULL:
                stream = os.open(os.devnull, os.O_RDWR)
                theirs.append(stream)
            descriptors.append(number if stream is None else stream)
            setattr(self, name, ours)
        try:
            super().__init__(module, words, environment, descriptors)
        finally:
            for descriptor in theirs:
                os.close(descriptor)

    def communicate(self, timeout=None):
        texts = {}
        readers = [
            threading.Thread(target=lambda stream=stream: texts.update({stream: stream.read()}))
            for stream in (self.stdout, self.stderr)
            if stream
        ]
        for reader in readers:
            reader.start()
        self.wait(timeout)
        for reader in readers:
            reader.join(timeout)
        self.__exit__()
        return texts.get(self.stdout), texts.get(self.stderr)

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        for stream in (self.stdin, self.stdout, self.stderr):
            if stream:
                stream.close()
        self.close()


def _pipe(mode, encoding):
    """Our end as a file, and the descriptor of the other."""
    reader, writer = os.pipe()
    ours, theirs = (reader, writer) if mode == "r" else (writer, reader)
    return open(ours, mode if encoding else f"{mode}b", encoding=encoding), theirs


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
