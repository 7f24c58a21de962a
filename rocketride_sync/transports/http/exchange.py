"""What the sockets see of one request over HTTP: its deadline, how far it has come, and how much its answer may hold.

urllib3 stands between the session, which makes an exchange, and the sockets, which keep its deadline and note in it what
happens. It passes nothing down to them, so they ask for the current one.
"""

from __future__ import annotations

import math
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any, Optional

from ...deadline import Deadline
from ...errors import RocketRideError
from ...options import SizeLimit
from ...protocol.content_encoding import too_large

if TYPE_CHECKING:
    from ...protocol.operations import Operation
    from .exact_response import ExactResponse

_MAX_HEAD = 1024 * 1024


class Exchange:
    """One request and its answer, as the sockets see them.

    Attributes:
        deadline: of the whole exchange.
        connect_timeout: the largest part of it for making a connection, in seconds; None for no such limit.
        connecting: whether it has begun to make a connection, and not finished.
        reused: whether it uses a connection from the pool.
        answered: whether a byte of an answer has come.
        sending: whether it has begun to send something, and not finished.
        has_body: whether a body follows the head of the request, which is sent together with it.
        head: the head of the request, while it waits for the begin of the body; else None.
        answer: the answer, None until it is awaited.
        connect_fault: why no connection could be made, or None.
        limit: of the body of an answer, None for none.
        operation: what is told before the first byte is sent, None if nothing needs to know.
    """

    __slots__ = (
        "_bytes_allowed",
        "_previous",
        "answer",
        "answered",
        "connect_fault",
        "connect_timeout",
        "connecting",
        "deadline",
        "has_body",
        "head",
        "limit",
        "operation",
        "reused",
        "sending",
    )

    def __init__(
        self, deadline: Deadline, connect_timeout: Optional[float], limit: Optional[SizeLimit] = None
    ) -> None:
        self.deadline = deadline
        self.connect_timeout = connect_timeout
        self.connect_fault: Optional[RocketRideError] = None
        self.connecting = False
        self.reused = False
        self.answered = False
        self.sending = False
        self.has_body = False
        self.head: Any = None
        self.answer: Optional[ExactResponse] = None
        self.limit = limit
        self.operation: Optional[Operation] = None
        self._bytes_allowed = math.inf if limit is None else 2 * limit.size + _MAX_HEAD

    def count_received(self, size: int) -> None:
        """Count `size` received bytes.

        The limit is kept here because the decoders above keep none: http.client reads a chunk of size -1 to the end of
        the stream.

        Raises:
            ProtocolError: they are more than a body of `limit` bytes needs, even one in small chunks.
        """
        self.answered = True
        self._bytes_allowed -= size
        if self.limit is not None and self._bytes_allowed < 0:
            raise too_large(self.limit)

    @property
    def ended_exactly(self) -> bool:
        """Whether its connection can be used again: all was sent, and the answer ended exactly where it should."""
        return not self.sending and self.answer is not None and self.answer.ended_exactly

    def __enter__(self) -> Exchange:
        # A signal handler may make a call in the middle of another exchange of its thread.
        self._previous: Token[Exchange] = _current.set(self)
        return self

    def __exit__(self, *exc_info: object) -> None:
        _current.reset(self._previous)


_UNLIMITED = Exchange(Deadline(None), None)


_current: ContextVar[Exchange] = ContextVar("exchange", default=_UNLIMITED)
# Each thread has its own, and each greenlet: also those of gevent or eventlet that patched when this was loaded already.
current = _current.get
"""The current exchange of this thread or greenlet."""
