"""The messages of a WebSocket connection, which follow the Debug Adapter Protocol (DAP). No sockets, no clocks.

Source of the facts: docs/protocol.md, "WebSocket".
"""

from __future__ import annotations

import json
from collections import deque
from typing import Any, Deque, Dict, Mapping, Optional, Set, Tuple

from ..errors import AuthenticationError, ProtocolError, RocketRideError, ServerError
from ..handler_exceptions import pass_on
from . import strict_json
from .failures import UNKNOWN_CREDENTIAL, UnclearRefusalError, failure
from .operations import Buffer, Operation

Message = Dict[str, Any]

_KEYS_CHECKED_IN = "task_conn.py"
_REFUSALS = (
    "Invalid API key",
    "Invalid authorization",
    "No authorization",
    "Authentication failed",
    "Access denied",
    "Too many authentication attempts",
)

# Bounds the memory for events that are not read: the oldest are dropped. Those of a wait have a few hundred bytes.
_EVENTS_KEPT = 256
_LARGEST_EVENT = 65_536
_LONGEST_KEPT = 1024


class Dialogue:
    """The client's side of one connection: it numbers requests, matches answers in any order, and collects events.

    The caller sends what `request` returns, and passes what it receives to `receive`.

    Attributes:
        longest_answer: the size of the longest answer so far, in bytes.
        longest_event: the size of the longest event, likewise; dropped ones count. The caller may set it to 0.
    """

    __slots__ = (
        "_answers",
        "_encoded",
        "_events",
        "_notices",
        "_pending",
        "_seq",
        "longest_answer",
        "longest_event",
    )

    def __init__(self) -> None:
        self._seq = 0
        # The latest request that was not long, and its text behind the number. In one tuple, for the sake of Ctrl-C.
        self._encoded: Tuple[str, Mapping[str, Any], str] = ("", {}, "")
        self._pending: Set[int] = set()  # requests without an answer
        self._answers: Dict[int, Message] = {}  # that were not taken yet
        self._notices: Set[int] = set()  # without an answer
        self._events: Deque[Message] = deque(maxlen=_EVENTS_KEPT)
        self.longest_answer = self.longest_event = 0

    def request(self, command: str, arguments: Mapping[str, Any]) -> Tuple[int, str]:
        """Make a request: its number, for `answer`, and its text frame. The `arguments` must not be changed later."""
        text = self._next_request(command, arguments)
        self._pending.add(self._seq)
        return self._seq, text

    def notice(self, command: str, arguments: Mapping[str, Any]) -> str:
        """Make a request whose answer is dropped: its text frame."""
        text = self._next_request(command, arguments)
        self._notices.add(self._seq)
        return text

    def _next_request(self, command: str, arguments: Mapping[str, Any]) -> str:
        self._seq += 1
        known_command, known_arguments, rest = self._encoded
        # Polls send the same operation again and again.
        if arguments is not known_arguments or command != known_command:
            rest = json.dumps({"command": command, "arguments": arguments})[1:]
            if len(rest) <= _LONGEST_KEPT:
                self._encoded = command, arguments, rest
        return f'{{"type": "request", "seq": {self._seq}, {rest}'

    def receive(self, payload: bytes, *, binary: bool = False) -> None:
        """Process the payload of one frame. Answers to no pending request, and second answers, are dropped.

        Raises:
            ProtocolError: it is not a JSON object.
        """
        size = len(payload)
        if size > _LARGEST_EVENT and not self.awaits_answer:
            self.longest_event = max(self.longest_event, size)
            return  # it would be dropped, and takes long to decode
        message = _parse(payload, binary)
        kind = message.get("type")
        if kind == "response":
            self.longest_answer = max(self.longest_answer, size)
            number = message.get("request_seq")
            if isinstance(number, int):
                self._notices.discard(number)
                if number in self._pending:
                    self._pending.remove(number)
                    self._answers[number] = message
        elif kind == "event":
            self.longest_event = max(self.longest_event, size)
            if size <= _LARGEST_EVENT:
                self._events.append(message)

    @property
    def awaits_answer(self) -> bool:
        """Whether there is a request without an answer."""
        return bool(self._pending)

    @property
    def awaits_notices(self) -> bool:
        """Whether there is a notice whose answer has not come yet: the server may not have acted on it."""
        return bool(self._notices)

    def answer(self, number: int) -> Optional[Message]:
        """Take the answer to request `number`; None if there is none yet."""
        return self._answers.pop(number, None)

    def next_answer(self) -> Optional[Tuple[int, Message]]:
        """Take any answer that has come, with the number of its request; None if there is none."""
        number = next(iter(self._answers), None)
        return None if number is None else (number, self._answers.pop(number))

    def next_event(self) -> Optional[Message]:
        """Take the oldest event; None if there is none."""
        return self._events.popleft() if self._events else None


def with_data(text: str, data: Buffer) -> Tuple[bytes, Buffer]:
    """The payload, in parts, of the binary frame that carries a request with data instead of a text frame."""
    return text.encode() + b"\n", data


def interpret(operation: Operation, answer: Message, auth: str) -> Any:
    """The body of a successful answer, None where it has none.

    Args:
        operation: the operation that was sent.
        answer: the answer from `Dialogue.answer`.
        auth: the credential of the connection. Its kind matters, and messages must not show it.

    Raises:
        ServerError: the answer reports a failure. It may be a subclass, such as `TaskNotFoundError`.
        ProtocolError: it reports neither success nor failure.
    """
    if answer.get("success") is True:
        return answer.get("body")
    if answer.get("success") is not False:
        raise ProtocolError(f"{operation.name} failed: the answer says neither success nor failure")
    raise _failure(operation, answer, auth)


def refused_credential(
    operation: Operation, answer: Message, auth: str, *, accepted_before: bool = False
) -> Optional[RocketRideError]:
    """The error for the answer to ``auth``; None if the credential was accepted. `accepted_before`: whether it was already."""
    if answer.get("success") is True:
        return None
    if answer.get("success") is not False:
        return ProtocolError("auth failed: the answer says neither success nor failure")
    error = _failure(operation, answer, auth)
    if type(error) is not ServerError:
        return error
    if accepted_before and not _refuses_key(answer):
        return UnclearRefusalError(
            f"{error}. It accepted the key before, so this may pass. If it lasts, check the API key (auth= or ROCKETRIDE_APIKEY)"
        )
    return AuthenticationError(f"{error}. Check the API key (auth= or ROCKETRIDE_APIKEY)")


def _refuses_key(answer: Message) -> bool:
    """Whether a refusal is about the key, rather than a fault inside the server while it checked the key.

    A server refuses a key in one place, whatever the text, but also tells there that the check has failed.
    """
    message, trace = answer.get("message"), answer.get("trace")
    text = message if isinstance(message, str) else ""
    deliberate = isinstance(trace, dict) and trace.get("file") == _KEYS_CHECKED_IN
    return text.startswith(_REFUSALS) or (deliberate and not text.startswith(UNKNOWN_CREDENTIAL))


def _failure(operation: Operation, answer: Message, auth: str) -> RocketRideError:
    message = answer.get("message")
    text = message if isinstance(message, str) else ""
    opens_pipe = operation.arguments.get("subcommand") == "open"
    return failure(
        operation, text, auth, code=answer.get("code"), hint=answer.get("hint"), opens_pipe=opens_pipe
    )


def _parse(payload: bytes, binary: bool) -> Message:
    """The message of a frame. In a binary frame the bytes after the first line become ``arguments.data``."""
    header, line_end, data = payload.partition(b"\n") if binary else (payload, b"", b"")
    try:
        message = strict_json.loads(header)
    except ValueError as error:
        pass_on(error)
        message = None
    if not isinstance(message, dict):
        raise ProtocolError("The server sent a frame that is not a JSON object")
    if line_end:
        arguments = message.get("arguments")
        message["arguments"] = {**(arguments if isinstance(arguments, dict) else {}), "data": data}
    return message
