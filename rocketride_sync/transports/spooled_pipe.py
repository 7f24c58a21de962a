"""A pipe for a transport that has none: a temporary file collects the object, and closing the pipe sends it whole."""

from __future__ import annotations

import copy
import io
import os
import tempfile
from typing import Any

from ..deadline import Deadline
from ..errors import ConfigurationError
from ..handler_exceptions import pass_on
from ..owned_files import open_for_both
from ..protocol.operations import Buffer, Operation
from ..redact import reason_of
from .base import Transport
from .chunks import File


class SpooledPipe:
    """Collects the object in a temporary file, and sends it whole when the pipe is closed."""

    def __init__(self, transport: Transport, operation: Operation) -> None:
        self._transport = transport
        self._operation = operation
        self._file = _with_file_errors(_temporary_file)

    def write(self, data: Buffer, deadline: Deadline) -> None:  # noqa: ARG002 - a write to disk has none
        """As `Pipe.write`."""
        _with_file_errors(self._file.write, data)
        _with_file_errors(self._file.flush)  # a process that is forked now would write the rest a second time

    def close(self, deadline: Deadline) -> Any:
        """As `Pipe.close`."""
        whole = copy.copy(self._operation)
        whole.data = _with_file_errors(File.spooled, self._file)
        return self._transport.call(whole, deadline)

    def abandon(self) -> None:
        """As `Pipe.abandon`."""
        self._file.close()


def _temporary_file() -> Any:
    """As `tempfile.TemporaryFile`, which would try another way if an alarm came while it opens the file."""
    flags = getattr(os, "O_TMPFILE", 0)  # of Linux: a file without a name
    if flags:
        try:
            raw: Any = open_for_both(tempfile.gettempdir(), flags)
            return io.BufferedRandom(raw)
        except OSError as error:  # some file systems have no such files
            pass_on(error)
    return tempfile.TemporaryFile()


def _with_file_errors(step: Any, *args: Any) -> Any:
    try:
        return step(*args)
    except OSError as error:
        pass_on(error)
        reason = reason_of(error)
    raise ConfigurationError(f"the temporary file of a pipe cannot be written (see TMPDIR): {reason}")
