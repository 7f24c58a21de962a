"""One WebSocket connection to the server: upgrade, authentication, requests, events. No threads."""

from __future__ import annotations

import contextlib
import math
import os
import socket
import struct
import sys
from typing import Any, Callable, List, Mapping, NoReturn, Optional, Sequence, Tuple, TypeVar

from ...address import Address
from ...deadline import Deadline, system_time
from ...errors import ProtocolError, RocketRideError, TransportError
from ...logs import DEBUG, log, timed
from ...options import SizeLimit
from ...protocol import dap, operations
from ...protocol.operations import Buffer, Operation
from ...protocol.strict_json import decodes_within
from .error_translation import of_message, of_upgrade
from .framing import Framing, Outbox, masked_frame
from .handshake import NO_HEADERS, Handshake
from .steady_socket import SteadySocket

T = TypeVar("T")

_TEXT, _BINARY, _CLOSE = 1, 2, 8  # opcodes of RFC 6455
_LARGEST_UPGRADE_ANSWER = 65_536
_CLOSE_TIMEOUT = 0.5


class Connection:
    """An authenticated connection. It is used by one call or one wait at a time.

    Args:
        sock: a connected socket, over TLS if the address asks for it. The connection owns it from now on.
        address: the server.
        auth: the credential.
        client_name: the name of this client, for the server.
        client_version: its version, likewise.
        headers: more headers of the upgrade.
        limit_of: the largest answer to an operation; a larger message is a `ProtocolError`.
        dead_after: seconds after which the server counts as gone, if it sends nothing while we read, or accepts
            nothing while we send.
        connect_deadline: of the upgrade.
        deadline: of upgrade and authentication together.
        on_upgrade: called between the two.

    Attributes:
        server_version: what newer servers tell of themselves; None if it is not known.

    Raises:
        NoWebSocketError, UpgradeCutError, NoSlotError: the upgrade was refused; `UpgradeSilentError`: not answered.
        AuthenticationError, TaskNotFoundError: the credential was refused.
        RocketRideError: and what `ask` raises.
    """

    def __init__(
        self,
        sock: Any,
        address: Address,
        auth: str,
        *,
        client_name: str,
        client_version: str,
        headers: Mapping[str, str] = NO_HEADERS,
        limit_of: Callable[[Operation], SizeLimit],
        dead_after: float,
        connect_deadline: Deadline,
        deadline: Deadline,
        on_upgrade: Callable[[], object] = lambda: None,
    ) -> None:
        self._address = address
        self._auth = auth
        credential = operations.auth(auth, client_name, client_version)
        self._socket = SteadySocket(sock, connect_deadline, dead_after)
        self._limit_of = limit_of
        self._limit = limit_of(credential)
        self._framing = Framing(self._socket, self._limit.size)
        self._deadline = deadline  # of the operation that was sent last
        self._dialogue = dap.Dialogue()
        self._outbox = Outbox()
        self.broken = False
        self._upgraded = False
        self.pid = os.getpid()
        self.socket_class = socket.socket  # which an application may replace later
        self.idle_since = 0.0
        self.generation = 0  # of the pool
        self.server_version: Optional[str] = None
        self._guarded(self._upgrade, f"{client_name}/{client_version}", headers)
        self._guarded(on_upgrade)
        self._authenticate(credential, deadline)

    def ask(self, operation: Operation, deadline: Deadline, data: Optional[Buffer] = None) -> Any:
        """Send `operation`, with `data` if given, and return the body of its answer; None if it has none.

        Raises:
            TransportError, TransportTimeoutError: no answer came. The connection is `broken` then, and the request
                may have arrived.
            ServerError, ProtocolError: as `rocketride_sync.protocol.dap.interpret`.
        """
        if log.isEnabledFor(DEBUG):
            return timed(operation, "WebSocket", self._ask, operation, deadline, data)
        return self._ask(operation, deadline, data)

    def _ask(self, operation: Operation, deadline: Deadline, data: Optional[Buffer]) -> Any:
        try:
            return self.interpret(operation, self._request(operation, deadline, data))
        except (TransportError, ProtocolError) as error:
            error.request_sent = True
            raise

    def post(self, operation: Operation, deadline: Deadline, data: Optional[Buffer] = None) -> int:
        """Send `operation` while others may be in flight; its number, for `next_answer`. Raises TransportError.

        It is sent together with those that are posted next, before `next_answer` waits. `data` is not needed any more.
        """
        number, text = self._dialogue.request(operation.command, operation.arguments)
        self._expect(operation, deadline)
        frame = self._guarded(_frame, text, data)
        if not self._outbox.has_room(frame):
            self._send_posted()
        self._outbox.add(frame, deadline)
        if self._outbox.is_due:
            self._send_posted()
        return number

    def post_all(self, several: Sequence[Operation], deadline: Deadline) -> List[int]:
        """As `post`, for several at once: a system call costs more than everything else of a request."""
        requests = [self._dialogue.request(each.command, each.arguments) for each in several]
        self._expect(several[0], deadline)
        frames = b"".join([_frame(text, None) for _, text in requests])
        self._guarded(self._framing.send_all, frames)
        return [number for number, _ in requests]

    def next_answer(self, deadline: Deadline) -> Optional[Tuple[int, dap.Message]]:
        """The next answer to an operation that was posted, with its number; None if `deadline` passes first."""
        found = self._dialogue.next_answer()
        while found is None and self._guarded(self._receive_buffered):
            found = self._dialogue.next_answer()
        if found is None:
            self._send_posted()
        while found is None and self._receive_until(deadline):
            found = self._dialogue.next_answer()
        return found

    def answer_at_hand(self) -> Optional[Tuple[int, dap.Message]]:
        """As `next_answer`, of what has come already: for when the deadline has passed."""
        found = self._dialogue.next_answer()
        if found is None:
            self.drain()
            found = self._dialogue.next_answer()
        return found

    def settle(self, deadline: Deadline) -> bool:
        """Receive until all notices are answered; False if `deadline` passes first, or the connection is broken.

        The server works on requests at the same time. So one notice may overtake another, unless its answer has come.
        """
        if self.broken:
            return False
        self.drain()
        while self._dialogue.awaits_notices:
            if not self._receive_until(deadline):
                return False
        return True

    @property
    def settled(self) -> bool:
        """Whether all notices are answered. Does no I/O."""
        return not self._dialogue.awaits_notices

    @property
    def longest_answer(self) -> int:
        """The size of the longest answer so far, in bytes."""
        return self._dialogue.longest_answer

    def longest_event(self, *, forget: bool = False) -> int:
        """The size of the longest event since it was last forgotten, in bytes."""
        found = self._dialogue.longest_event
        if forget:
            self._dialogue.longest_event = 0
        return found

    def receive_frame(self, deadline: Deadline) -> bool:
        """Receive whatever comes next; False if `deadline` passes first."""
        return self._receive_until(deadline)

    def is_silent_since(self, moment: float) -> bool:
        """Whether the server counts as gone: for `dead_after` seconds since `moment` (monotonic) nothing has come."""
        return system_time.monotonic() - max(moment, self._socket.last_received) >= self._socket.dead_after

    def interpret(self, operation: Operation, answer: dap.Message) -> Any:
        """The body of an answer. Raises ServerError, ProtocolError."""
        return dap.interpret(operation, answer, self._auth)

    def send_notice(self, operation: Operation, deadline: Deadline) -> None:
        """Send `operation` without waiting for its answer."""
        text = self._dialogue.notice(operation.command, operation.arguments)
        self._socket.deadline = deadline
        self._guarded(self._send, text, None)

    def listen(self, deadline: Deadline) -> Optional[dap.Message]:
        """The next event; None if `deadline` passes first."""
        event = self._dialogue.next_event()
        while event is None and self._receive_until(deadline):
            event = self._dialogue.next_event()
        return event

    def queued_event(self) -> Optional[dap.Message]:
        """The next event that has been received already; None if there is none. Does no I/O."""
        return self._dialogue.next_event()

    def drain(self) -> None:
        """Read what came while the connection was idle: answers pings, and finds out that the server closed it."""
        almost_now = Deadline(0.001)
        while self._guarded(self._socket.has_input) and self._receive_until(almost_now):
            pass

    def close(self) -> None:
        """Send a close frame, without waiting for the server's, and close the socket.

        No frame is sent in a forked child, whose parent uses the connection, nor at interpreter exit.
        """
        if not (self.broken or self.pid != os.getpid() or sys.is_finalizing()):
            self.broken = True
            self._socket.deadline = Deadline(_CLOSE_TIMEOUT)
            # If the connection is gone already, nothing is left to do.
            with contextlib.suppress(OSError):
                self._framing.send_close()
        self._socket.close()

    def __del__(self) -> None:
        # After Ctrl-C at a bad moment a connection may have no owner. Objects here may refer to each other, so
        # without this the socket would be closed only by a later garbage collection.
        if hasattr(self, "_socket"):
            self._socket.close()

    def _authenticate(self, operation: Operation, deadline: Deadline) -> None:
        answer = self._request(operation, deadline)
        refused = dap.refused_credential(operation, answer, self._auth)
        if refused is not None:
            self.close()
            raise refused
        account = answer.get("body")
        version = account.get("serverVersion") if isinstance(account, dict) else None
        self.server_version = version if isinstance(version, str) else None

    def _request(
        self, operation: Operation, deadline: Deadline, data: Optional[Buffer] = None
    ) -> dap.Message:
        number, text = self._dialogue.request(operation.command, operation.arguments)
        self._expect(operation, deadline)
        return self._guarded(self._send_and_receive, number, text, data)

    def _expect(self, operation: Operation, deadline: Deadline) -> None:
        """Set what holds until the answer to `operation` has come."""
        self._socket.deadline = self._deadline = deadline
        self._limit = self._limit_of(operation)
        self._framing.limit(self._limit.size)

    def _send(self, text: str, data: Optional[Buffer]) -> None:
        self._framing.send_all(_frame(text, data))

    def _send_posted(self) -> None:
        """Send the requests that were posted and not sent yet."""
        posted = self._outbox.take()
        if posted is not None:
            self._socket.deadline, frames = posted
            self._guarded(self._framing.send_all, frames)

    def _send_and_receive(self, number: int, text: str, data: Optional[Buffer]) -> dap.Message:
        self._send(text, data)
        answer = None
        while answer is None:
            self._receive_frame()
            answer = self._dialogue.answer(number)
        return answer

    def _receive_until(self, deadline: Deadline) -> bool:
        """Receive one frame; False if `deadline` passed first."""
        self._socket.deadline = deadline
        return self._guarded(self._receive_in_time)

    def _receive_in_time(self) -> bool:
        try:
            self._receive_frame()
        except socket.timeout:
            return False  # in the middle of a frame too: the next read continues it
        return True

    def _receive_buffered(self) -> bool:
        """Take a short message that has been read already; False if there is none. Does no I/O."""
        text = self._framing.buffered_text()
        if text is None:
            return False
        try:
            self._take_message(_TEXT, text)
        except socket.timeout:
            return False
        return True

    def _receive_frame(self) -> None:
        self._take_message(*self._framing.receive())

    def _take_message(self, opcode: int, data: bytes) -> None:
        if opcode == _CLOSE:
            self._raise_closed(data)
        if opcode in (_TEXT, _BINARY):
            if self._dialogue.awaits_answer and not decodes_within(data, self._deadline.remaining()):
                raise socket.timeout("no time is left to decode an answer")
            self._dialogue.receive(data, binary=opcode == _BINARY)

    def _raise_closed(self, data: bytes) -> NoReturn:
        self.close()
        code = struct.unpack("!H", data[:2])[0] if len(data) >= 2 else "none"
        raise TransportError(f"{self._address} closed the connection (code {code})")

    def _upgrade(self, user_agent: str, headers: Mapping[str, str]) -> None:
        self._socket.bytes_allowed = _LARGEST_UPGRADE_ANSWER
        address = self._address
        self._framing.upgrade(Handshake(address.authority, address.websocket_path, user_agent, headers))
        self._socket.bytes_allowed = math.inf
        self._upgraded = True

    def _guarded(self, step: Callable[..., T], *args: Any) -> T:
        """The result of `step`. Any exception breaks the connection; foreign ones become errors of this library."""
        try:
            return step(*args)
        except RocketRideError as error:
            self.abandon()
            fault = error
        except MemoryError:  # this process has too little, which says nothing about the server
            self.abandon()
            raise
        except Exception as error:  # noqa: BLE001 - websocket-client and ssl let ValueError and others through
            self.abandon()
            fault = self._translated(error)
        except BaseException:
            self.abandon()
            raise
        raise fault

    def _translated(self, error: Exception) -> RocketRideError:
        if self._upgraded:
            return of_message(error, self._address, self._limit)
        return of_upgrade(error, self._address)

    def abandon(self) -> None:
        """Close the socket without a close frame: after a fault, or in a forked child whose parent uses it."""
        self.broken = True
        self._socket.close()


def _frame(text: str, data: Optional[Buffer]) -> bytearray:
    """The frame of a request, with `data` if given."""
    if data is None:
        return masked_frame(_TEXT, text.encode())
    return masked_frame(_BINARY, *dap.with_data(text, data))
