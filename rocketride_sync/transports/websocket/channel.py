"""The messages of one connection, over its socket: requests are sent, and what comes is passed to the `Dialogue`."""

from __future__ import annotations

import math
import os
import sys
import weakref
from typing import Any, Callable, Mapping, NoReturn, Optional, TypeVar

from ...address import Address
from ...deadline import Deadline, system_time
from ...errors import RocketRideError, TransportError
from ...handler_exceptions import pass_on
from ...options import SizeLimit
from ...protocol import dap
from ...protocol.operations import Buffer, Operation
from ...protocol.strict_json import decodes_within
from .error_translation import of_message, of_upgrade
from .framing import Frames, Framing, masked_frame
from .handshake import Handshake
from .steady_socket import OverdueError, SteadySocket

T = TypeVar("T")

_TEXT, _BINARY, _CLOSE = 1, 2, 8  # opcodes of RFC 6455
_UPGRADE_LIMIT = SizeLimit("the largest answer to an upgrade", 65_536)
_CLOSE_TIMEOUT = 0.5
_LONGEST_DRAIN = 0.25  # seconds, if more comes as fast as it is read


def request_frame(text: str, data: Optional[Buffer] = None) -> Frames:
    """The frame of a request, with `data` if given."""
    if data is None:
        return masked_frame(_TEXT, text.encode())
    return masked_frame(_BINARY, *dap.with_data(text, data))


class Channel:
    """The messages of one connection. Any exception on the way breaks it; foreign ones become errors of this library.

    Args:
        sock: a connected socket, over TLS if the address asks for it. The channel owns it from now on.
        address: the server.
        limit_of: the largest answer to an operation; a larger message is a `ProtocolError`.
        dead_after: seconds after which the server counts as gone, if it sends nothing while we read, or accepts
            nothing while we send.
        deadline: of the upgrade.

    Attributes:
        dialogue: the requests without an answer, and the messages that have come.
        pid: the process that made it.
    """

    def __init__(
        self,
        sock: Any,
        address: Address,
        limit_of: Callable[[Operation], SizeLimit],
        dead_after: float,
        deadline: Deadline,
    ) -> None:
        self._address = address
        self._limit_of = limit_of
        self._limit = _UPGRADE_LIMIT
        self._deadline = deadline  # of the operation that was sent last
        self._socket = SteadySocket(sock, deadline, dead_after)
        # After Ctrl-C at a bad moment a connection may have no owner. Objects here may refer to each other, so
        # without this the socket would be closed only by a later garbage collection.
        self._unowned = weakref.finalize(self, self._socket.close)
        self._unowned.atexit = False
        self._framing = Framing(self._socket, self._limit.size)
        self._upgraded = False
        self._began = system_time.monotonic()
        self.dialogue = dap.Dialogue()
        self.pid = os.getpid()
        self._closed = False
        self._between_steps = True

    def upgrade(self, user_agent: str, headers: Mapping[str, str]) -> None:
        """Do the opening handshake. Raises what `of_upgrade` makes."""
        self.guarded(self._upgrade, user_agent, headers)

    def _upgrade(self, user_agent: str, headers: Mapping[str, str]) -> None:
        address = self._address
        self._socket.bytes_allowed = _UPGRADE_LIMIT.size
        self._framing.upgrade(Handshake(address.authority, address.websocket_path, user_agent, headers))
        self._socket.bytes_allowed = math.inf
        self._upgraded = True

    def expect(self, operation: Operation, deadline: Deadline) -> None:
        """Set what holds until the answer to `operation`, whose request is made next, has come.

        Of several that are in flight, the largest limit holds.
        """
        self._socket.deadline = self._deadline = deadline
        limit = self._limit_of(operation)
        if limit.size > self._limit.size or not self.dialogue.awaits_answer:
            self._limit = limit
            self._framing.limit(limit.size)

    # Each of these raises TransportError, TransportTimeoutError; ProtocolError too if it receives.

    def exchange(
        self, operation: Operation, deadline: Deadline, data: Optional[Buffer] = None
    ) -> dap.Message:
        """Send `operation`, with `data` if given, and return its answer."""
        self.expect(operation, deadline)
        number, text = self.dialogue.request(operation.command, operation.arguments)
        frames = self.guarded(request_frame, text, data)
        del text  # it may hold the key, and tools show the variables of a function that an exception leaves
        return self.guarded(self._send_and_receive, number, frames)

    def send(self, frames: Frames, deadline: Deadline) -> None:
        """Send one frame or several, as `request_frame` makes them."""
        self._socket.deadline = deadline
        self.guarded(self._framing.send_all, frames)

    def _send_and_receive(self, number: int, frames: Frames) -> dap.Message:
        self._framing.send_all(frames)
        answer = None
        while answer is None:
            self._receive(self._deadline)
            answer = self.dialogue.answer(number)
        return answer

    def receive(self, deadline: Deadline) -> bool:
        """Receive whatever comes next; False if `deadline` passes first."""
        self._socket.deadline = deadline
        return self.guarded(self._receive_in_time, self._deadline)

    def receive_buffered(self) -> bool:
        """Take a short message that has been read already; False if there is none. Does no I/O."""
        return self.guarded(self._take_buffered)

    def take_early(self) -> None:
        """Take what has been read before a request is made: an answer among it cannot be that request's. Does no I/O."""
        while self.receive_buffered():
            pass

    def drain(self) -> None:
        """Read what has come: answers pings, and finds out that the server closed the connection.

        All of it is taken, also a long answer whose deadline has passed: it came in time. That takes up to 0.25 s: an
        answer that takes longer to read or decode is left out.
        """
        if self.guarded(self._socket.has_input):
            self.guarded(self._take_all)

    def _take_all(self) -> None:
        self._socket.deadline = until = Deadline(_LONGEST_DRAIN)
        self._socket.waits = False
        while self._receive_in_time(until) and self._socket.has_input():
            pass
        self._socket.waits = True

    def is_silent_since(self, moment: float) -> bool:
        """Whether the server counts as gone: for `dead_after` seconds since `moment` (monotonic) nothing has come."""
        return system_time.monotonic() - max(moment, self._socket.last_received) >= self._socket.dead_after

    def _receive_in_time(self, decoded_by: Deadline) -> bool:
        try:
            self._receive(decoded_by)
        except OverdueError:
            return False  # in the middle of a frame too: the next read continues it
        return True

    def _take_buffered(self) -> bool:
        text = self._framing.buffered_text()
        if text is None:
            return False
        try:
            self._take(_TEXT, text, self._deadline)
        except OverdueError:
            return False
        return True

    def _receive(self, decoded_by: Deadline) -> None:
        opcode, data = self._framing.receive()
        self._take(opcode, data, decoded_by)

    def _take(self, opcode: int, data: bytes, decoded_by: Deadline) -> None:
        if opcode == _CLOSE:
            self._raise_closed(data)
        if opcode in (_TEXT, _BINARY):
            if self.dialogue.awaits_answer and not decodes_within(data, decoded_by.remaining()):
                raise OverdueError("no time is left to decode an answer")
            self.dialogue.receive(data, binary=opcode == _BINARY)

    def _raise_closed(self, data: bytes) -> NoReturn:
        self.close()
        code = int.from_bytes(data[:2], "big") if data else "none"
        raise TransportError(f"{self._address} closed the connection (code {code})")

    # Closing and breaking.

    @property
    def broken(self) -> bool:
        """Whether it cannot be used any more: its socket is closed, or a step has not come to its end.

        So it is after Ctrl-C at whatever moment, also in the handling of another fault before the socket is closed.
        """
        return self._closed or not self._between_steps

    def close(self) -> None:
        """Send a close frame, without waiting for the server's, and close the socket.

        No frame is sent in a forked child, whose parent uses the connection, nor at interpreter exit.
        """
        may_send = not (self._closed or self.pid != os.getpid() or sys.is_finalizing())
        self._closed = True
        if may_send:
            self._socket.deadline = Deadline(_CLOSE_TIMEOUT)
            try:
                self._framing.send_close()
            except OSError as error:  # the connection is gone already, so nothing is left to do
                pass_on(error)
        self._close_socket()

    def abandon(self) -> None:
        """Close the socket without a close frame: after a fault, or in a forked child whose parent uses it."""
        self._closed = True
        self._close_socket()

    def _close_socket(self) -> None:
        self._socket.close()
        # From now on nothing of Python's runs when this is dropped: a Ctrl-C would be lost there.
        self._unowned.detach()

    def guarded(self, step: Callable[..., T], *args: Any) -> T:
        """The result of `step`. Any exception breaks the channel; foreign ones become errors of this library."""
        self._between_steps = False
        try:
            result = step(*args)
            self._between_steps = True
            return result
        except RocketRideError as error:
            self.abandon()
            pass_on(error)
            fault = error
        except MemoryError:  # this process has too little, which says nothing about the server
            self.abandon()
            raise
        except Exception as error:  # noqa: BLE001 - websocket-client and ssl let ValueError and others through
            self.abandon()
            pass_on(error)
            fault = self._translated(error)
        except BaseException:
            self.abandon()
            raise
        raise fault

    def _translated(self, error: Exception) -> RocketRideError:
        if self._upgraded:
            return of_message(error, self._address, self._limit)
        return of_upgrade(error, self._address, system_time.monotonic() - self._began)
