"""One WebSocket connection to the server: upgrade, authentication, requests, events. No threads."""

from __future__ import annotations

import socket
from typing import Any, Callable, List, Mapping, Optional, Sequence, Tuple

from ...address import Address
from ...deadline import Deadline
from ...errors import ProtocolError, RocketRideError, TransportError
from ...handler_exceptions import pass_on
from ...logs import DEBUG, log, timed
from ...options import SizeLimit
from ...protocol import dap, operations
from ...protocol.operations import Buffer, Operation
from ..caller import check_task
from ..tcp import current_hub
from .channel import Channel, request_frame
from .handshake import NO_HEADERS
from .upgrade import fault_before_first_answer


class Connection:
    """An authenticated connection. It is used by one call or one wait at a time.

    Args:
        sock, address, limit_of, dead_after: as `Channel`.
        auth: the credential.
        client_name: the name of this client, for the server.
        client_version: its version, likewise.
        headers: more headers of the upgrade.
        connect_deadline: of the upgrade.
        deadline: of upgrade and authentication together.
        share: of the time that `deadline` leaves, the most that each of the two may take, so that another transport can
            take its place; both before `connect_deadline` then. None if there is no other.
        replaceable: as `Operation.replaceable`, of what it is made for. If not, `share` is of the upgrade only.
        on_upgrade: called between the two.
        accepted_before: whether the server has accepted the credential already.

    Attributes:
        channel: its messages.
        credential: as `auth`. `ask` compares what it sends with it (`check_task`); for other requests, the caller does.
        server_version: what newer servers tell of themselves; None if it is not known.

    Raises:
        NoWebSocketError, UpgradeCutError, NoSlotError: the upgrade was refused; `UpgradeSilentError`: not answered.
            Until the key is answered, a lost or silent connection counts as that too (`fault_before_first_answer`).
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
        share: Optional[float] = None,
        replaceable: bool = True,
        on_upgrade: Callable[[], object] = lambda: None,
        accepted_before: bool = False,
    ) -> None:
        credential = operations.auth(auth, client_name, client_version)
        self.credential = auth
        by = connect_deadline if share is None else connect_deadline.within(deadline.remaining() * share)
        self.channel = Channel(sock, address, limit_of, dead_after, by)
        self._dialogue = self.channel.dialogue
        self.pid = self.channel.pid
        self.socket_class = socket.socket  # which an application may replace later
        self.hub = current_hub()
        self.idle_since = 0.0
        self.generation: object = 0  # of the pool
        self.server_version: Optional[str] = None
        self.channel.upgrade(f"{client_name}/{client_version}", headers)
        self.channel.guarded(on_upgrade)
        if share is None or not replaceable:
            by = deadline
        else:
            by = connect_deadline.within(deadline.remaining() * share)
        self._authenticate(credential, by, accepted_before)

    def _authenticate(self, operation: Operation, deadline: Deadline, accepted_before: bool) -> None:
        self.channel.take_early()
        answer = self._first_answer(operation, deadline)
        refused = dap.refused_credential(operation, answer, self.credential, accepted_before=accepted_before)
        if refused is not None:
            self.close()
            raise refused
        account = answer.get("body")
        version = account.get("serverVersion") if isinstance(account, dict) else None
        self.server_version = version if isinstance(version, str) else None

    def _first_answer(self, operation: Operation, deadline: Deadline) -> dap.Message:
        try:
            return self.channel.exchange(operation, deadline)
        except RocketRideError as error:
            pass_on(error)
            fault = fault_before_first_answer(error)
        raise fault

    # One request.

    def ask(self, operation: Operation, deadline: Deadline, data: Optional[Buffer] = None) -> Any:
        """Send `operation`, with `data` if given, and return the body of its answer; None if it has none.

        Raises:
            TransportError, TransportTimeoutError: no answer came. The connection is `broken` then, and the request
                may have arrived.
            ServerError, ProtocolError: as `rocketride_sync.protocol.dap.interpret`.
            ConfigurationError: as `rocketride_sync.transports.caller.check_task`.
        """
        if log.isEnabledFor(DEBUG):
            return timed(operation, "WebSocket", self._ask, operation, deadline, data)
        return self._ask(operation, deadline, data)

    def _ask(self, operation: Operation, deadline: Deadline, data: Optional[Buffer]) -> Any:
        check_task(operation, self.credential)
        self.channel.take_early()
        if not operation.repeatable:
            operation.sent = True
        try:
            return dap.interpret(operation, self.channel.exchange(operation, deadline, data), self.credential)
        except (TransportError, ProtocolError) as error:
            pass_on(error)
            error.request_sent = True
            raise

    def interpret(self, operation: Operation, answer: dap.Message) -> Any:
        """The body of an answer. Raises ServerError, ProtocolError."""
        return dap.interpret(operation, answer, self.credential)

    # Several requests in flight.

    def post_all(self, several: Sequence[Operation], deadline: Deadline) -> List[int]:
        """Send several at once; their numbers, for `next_answer`. Raises TransportError."""
        self.channel.take_early()
        requests = []
        for each in several:
            self.channel.expect(each, deadline)
            requests.append(self._dialogue.request(each.command, each.arguments))
        self.channel.send(b"".join([request_frame(text) for _, text in requests]), deadline)
        return [number for number, _ in requests]

    def next_answer(self, deadline: Deadline) -> Optional[Tuple[int, dap.Message]]:
        """The next answer to an operation that was posted, with its number; None if `deadline` passes first."""
        found = self._dialogue.next_answer()
        while found is None and self.channel.receive(deadline):
            found = self._dialogue.next_answer()
        return found

    def answer_received(self) -> Optional[Tuple[int, dap.Message]]:
        """As `next_answer`, if it has been received already; else None. Does no I/O."""
        found = self._dialogue.next_answer()
        while found is None and self.channel.receive_buffered():
            found = self._dialogue.next_answer()
        return found

    def answer_at_hand(self) -> Optional[Tuple[int, dap.Message]]:
        """As `next_answer`, of what has come already: for when the deadline has passed."""
        found = self._dialogue.next_answer()
        if found is None:
            self.drain()
            found = self._dialogue.next_answer()
        return found

    @property
    def longest_answer(self) -> int:
        """The size of the longest answer so far, in bytes."""
        return self._dialogue.longest_answer

    # Notices, whose answers are dropped, and events.

    def send_notice(self, operation: Operation, deadline: Deadline) -> None:
        """Send `operation` without waiting for its answer."""
        text = self._dialogue.notice(operation.command, operation.arguments)
        self.channel.send(self.channel.guarded(request_frame, text), deadline)

    def settle(self, deadline: Deadline) -> bool:
        """Receive until all notices are answered; False if `deadline` passes first, or the connection is broken.

        The server works on requests at the same time. So one notice may overtake another, unless its answer has come.
        """
        if self.broken:
            return False
        self.drain()
        while self._dialogue.awaits_notices:
            if not self.channel.receive(deadline):
                return False
        return True

    @property
    def settled(self) -> bool:
        """Whether all notices are answered. Does no I/O."""
        return not self._dialogue.awaits_notices

    def listen(self, deadline: Deadline) -> Optional[dap.Message]:
        """The next event; None if `deadline` passes first."""
        event = self._dialogue.next_event()
        while event is None and self.channel.receive(deadline):
            event = self._dialogue.next_event()
        return event

    def queued_event(self) -> Optional[dap.Message]:
        """The next event that has been received already; None if there is none. Does no I/O."""
        return self._dialogue.next_event()

    def longest_event(self, *, forget: bool = False) -> int:
        """The size of the longest event since it was last forgotten, in bytes."""
        found = self._dialogue.longest_event
        if forget:
            self._dialogue.longest_event = 0
        return found

    # As the methods of `Channel`.

    def receive_frame(self, deadline: Deadline) -> bool:
        """Receive whatever comes next; False if `deadline` passes first."""
        return self.channel.receive(deadline)

    def drain(self) -> None:
        """Read what came while the connection was idle: answers pings, and finds out that the server closed it."""
        self.channel.drain()

    def is_silent_since(self, moment: float) -> bool:
        """Whether the server counts as gone, because nothing has come since `moment` (monotonic)."""
        return self.channel.is_silent_since(moment)

    @property
    def broken(self) -> bool:
        """Whether it cannot be used any more."""
        return self.channel.broken

    def close(self) -> None:
        """Send a close frame, and close the socket."""
        self.channel.close()

    def abandon(self) -> None:
        """Close the socket without a close frame."""
        self.channel.abandon()
