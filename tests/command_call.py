"""The command to its end, called in this process: a fraction of the work, where the process is not what is tested."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import tempfile
from subprocess import CompletedProcess
from unittest import mock


def call_command(arguments, environment, *, stdin="", **streams):
    """Run ``rocketride-sync ARGUMENTS…`` with just this environment, and files as streams; what `subprocess.run` gives.

    `streams` are `stdout` or `stderr` for it in the place of these files; None is what Python makes of a closed descriptor.
    """
    from rocketride_sync.cli.main import main

    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(_stream(name)) for name in ("stdin", "stdout", "stderr")]
        files[0].write(stdin.encode())
        files[0].seek(0)
        stack.enter_context(mock.patch.dict(os.environ, environment, clear=True))
        stack.enter_context(process_as_before())
        for name, stream in streams.items():
            stack.enter_context(mock.patch.object(sys, name, stream))
        code = main(list(arguments))
        _flush_as_at_the_end()
        for file in files[1:]:
            file.seek(0)
        return CompletedProcess(list(arguments), code, *(file.read().decode() for file in files[1:]))


@contextlib.contextmanager
def _stream(name):
    """Let a file stand for the stream of this name."""
    mode, errors = ("r", "strict") if name == "stdin" else ("w", "backslashreplace")
    with tempfile.TemporaryFile() as file, open(
        os.dup(file.fileno()), mode, encoding="utf-8", errors=errors
    ) as stream, mock.patch.object(sys, name, stream):
        yield file


def _flush_as_at_the_end():
    """The interpreter does, and exits with 120 if it cannot."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


@contextlib.contextmanager
def process_as_before():
    """What the command has set is taken back: the log, and the secrets that are not shown."""
    from rocketride_sync.cli import output

    logger, secrets = logging.getLogger("rocketride_sync"), list(output.known_secrets)
    level, handlers = logger.level, list(logger.handlers)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.handlers[:] = handlers
        output.known_secrets[:] = secrets
