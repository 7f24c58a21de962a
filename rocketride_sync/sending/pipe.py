"""The pipe that users hold: it sends one object in pieces."""

from __future__ import annotations

import copy
import functools
import os
from types import TracebackType
from typing import Any, Callable, Dict, Optional, Type

from .. import transports
from ..deadline import Deadline
from ..errors import ConfigurationError, ProtocolError, RocketRideError
from ..models.checks import ROOT, json_value
from ..protocol.failures import refused_object
from ..transports.chunks import Bytes


class Pipe:
    """Sends one object to a task, in pieces. `RocketRideClient.pipe` returns it.

    ::

        with client.pipe(token, {"name": "rows.csv"}, "text/csv") as pipe:
            for row in rows:
                pipe.write(row.encode())
        print(pipe.result)

    Entering the block opens the pipe. Leaving it closes the pipe: then the object is complete, and `result` is set.
    **After an exception in the block the pipe is not closed**, so half an object is never taken for a whole one. Over
    WebSocket, the connection is closed instead, and the server counts the object as failed, at once or after a minute
    without data. Over HTTP, nothing has been sent.

    **If `write` or `close` has failed, leaving the block raises that error again**, in case the block has caught it: no
    block ends as if the object were complete, when it is not. A block that gives up the object itself, with `abandon`,
    ends without an error, and `result` stays None.

    Over WebSocket, each piece is sent at once, and a server drops a pipe that gets no data for a minute. Over HTTP,
    the pieces are collected in a temporary file, and closing the pipe sends them.

    Only one thread at a time may use a pipe, and only the process that opened it. A child that is forked within the
    block, and leaves it, does not complete the object.

    Attributes:
        result: the object's result, as `RocketRideClient.send` returns it; None until the pipe is closed.
    """

    def __init__(
        self,
        opener: Callable[[Deadline], transports.Pipe],
        attempt: Callable[[Callable[[], Any], Deadline], Any],
        timeout: Optional[float],
    ) -> None:
        self._opener = opener
        self._attempt = attempt
        self._timeout = timeout
        self._pipe: Optional[transports.Pipe] = None
        self._ended = False
        self._failure: Optional[RocketRideError] = None  # for the end of the block
        self._pid = os.getpid()  # of the process that opened it
        self.result: Optional[Dict[str, Any]] = None

    def open(self) -> Pipe:
        """Open the pipe, and return it. If the task has no free pipe, the server waits for one.

        Raises:
            ConfigurationError: the pipe was opened before.
            ServerError: the task takes no data; `TaskNotFoundError` if there is no such task.
        """
        if self._pipe is not None or self._ended:
            raise ConfigurationError("the pipe was opened before; call client.pipe() for each object")
        self._pid = os.getpid()
        self._pipe = self._opener(Deadline(self._timeout))
        return self

    def write(self, data: Any) -> None:
        """Send a piece of the object, in parts of 1 MiB if it is larger. Returns once the server has accepted it.

        Args:
            data: bytes, or an object with a buffer of bytes. Encode a str first.

        Raises:
            ConfigurationError: the pipe is not open, or `data` is something else. The pipe stays as it is.
            RocketRideError: the piece did not arrive. Then the pipe is abandoned, and the object is not completed.
        """
        pieces = Bytes(data)
        pipe, deadline = self._opened(), Deadline(self._timeout)
        try:
            for piece in pieces:
                self._attempt(functools.partial(pipe.write, piece, deadline), deadline)
        except BaseException as error:
            self._fail(error)
            raise

    def close(self) -> Dict[str, Any]:
        """Complete the object, and return its result. Closing the pipe again returns the same result.

        Raises:
            ConfigurationError: the pipe is not open.
            TransportError: whether the object was completed is unknown; the task's status may tell.
        """
        if self.result is not None:
            return self.result
        pipe, deadline = self._opened(), Deadline(self._timeout)
        try:
            document = self._attempt(lambda: pipe.close(deadline), deadline)
            self.result = result_of("pipe", document)
        except BaseException as error:
            self._fail(error)
            raise
        finally:
            self._release()
        return self.result

    def abandon(self) -> None:
        """Give up the object, if the pipe is open. It is not completed."""
        self._failure = None
        self._release()

    def _fail(self, error: BaseException) -> None:
        """Give up the pipe, and keep what happened for the end of the block."""
        self._release()
        if isinstance(error, RocketRideError):
            self._failure = copy.copy(error)  # without its traceback, whose frames refer to this pipe
        else:
            kind = type(error).__name__
            self._failure = RocketRideError(
                f"the pipe was broken off by {kind}; it has no result, and the object may not be complete"
            )

    def _release(self) -> None:
        pipe, self._pipe, self._ended = self._pipe, None, True
        if pipe is not None:
            pipe.abandon()

    def _opened(self) -> transports.Pipe:
        if self._pipe is None:
            raise ConfigurationError(f"the pipe is {'closed' if self._ended else 'not open yet'}")
        if self._is_inherited:
            raise ConfigurationError("the pipe was opened by another process, from which this one was forked")
        return self._pipe

    @property
    def _is_inherited(self) -> bool:
        return self._pid != os.getpid()

    def __enter__(self) -> Pipe:
        return self if self._pipe is not None else self.open()

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        failure = self._failure
        if error is not None or self._is_inherited:
            self.abandon()
        elif failure is not None:
            raise copy.copy(failure)
        elif self._pipe is not None:
            self.close()

    def __repr__(self) -> str:
        state = "open" if self._pipe is not None else "closed" if self._ended else "new"
        return f"<Pipe: {state}>"


def result_of(name: str, document: Any) -> Dict[str, Any]:
    """Return `document` if it can be the result of an object.

    Raises:
        ServerError: there is none: so answers an older server if the object failed.
        ProtocolError: it is no JSON object; or, as a `DecodeError`, it is nested too deeply, for example.
    """
    if document is None:
        raise refused_object(name)
    if not isinstance(document, dict):
        raise ProtocolError(f"{name} failed: the answer holds no result of the object")
    result: Dict[str, Any] = json_value(document, ROOT)
    return result
