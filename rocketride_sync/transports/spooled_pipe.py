"""A pipe for a transport without pipes: the object is gathered in a temporary file, and sent whole when it is closed."""

from __future__ import annotations

from typing import Any

from ..deadline import Deadline
from ..errors import ConfigurationError
from ..protocol.operations import Buffer, Operation
from .base import Transport
from .chunks import File


class SpooledPipe:
    """Gathers the object in a temporary file, and sends it whole when it is closed."""

    def __init__(self, transport: Transport, operation: Operation) -> None:
        import tempfile  # slow to load, and seldom needed

        self._transport = transport
        self._operation = operation
        self._file = _file_operation(tempfile.TemporaryFile)

    def write(self, data: Buffer, deadline: Deadline) -> None:  # noqa: ARG002 - the disk knows no deadline
        """As `Pipe.write`."""
        _file_operation(self._file.write, data)

    def close(self, deadline: Deadline) -> Any:
        """As `Pipe.close`."""
        data = _file_operation(File.spooled, self._file)
        return self._transport.call(self._operation._replace(data=data), deadline)

    def abandon(self) -> None:
        """As `Pipe.abandon`."""
        self._file.close()


def _file_operation(step: Any, *args: Any) -> Any:
    try:
        return step(*args)
    except OSError as error:
        reason = error.strerror or type(error).__name__
    raise ConfigurationError(f"the temporary file of a pipe cannot be written (see TMPDIR): {reason}")
