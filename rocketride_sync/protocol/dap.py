"""The messages of a WebSocket connection, in the style of the Debug Adapter Protocol. No sockets, no clocks.

Source of the facts: docs/protocol.md, "WebSocket".
"""

from __future__ import annotations

import json
from collections import deque
from typing import Any, Deque, Dict, Mapping, Optional, Tuple

from ..errors import AuthenticationError, ProtocolError, RocketRideError, ServerError
from . import strict_json
from .failures import failure
from .operations import Buffer, Operation

Message = Dict[str, Any]

# A caller who does not read its events loses the oldest, not memory. Those that a wait reads are a few hundred bytes.
_EVENTS_KEPT = 256
_LARGEST_EVENT = 65_536


class Dialogue:
    """One side of one connection: numbers requests, matches answers to them in any order, collects events.

    Bytes go out of `request` and into `receive`; the connection between is somebody else's matter.
    """

    __slots__ = ("_answers", "_events", "_seq")

    def __init__(self) -> None:
        self._seq = 0
        self._answers: Dict[int, Optional[Message]] = {}
        self._events: Deque[Message] = deque(maxlen=_EVENTS_KEPT)

    def request(self, command: str, arguments: Mapping[str, Any]) -> Tuple[int, str]:
        """A request's number, to ask `answer` with, and its text frame."""
        text = self.notice(command, arguments)
        self._answers[self._seq] = None
        return self._seq, text

    def notice(self, command: str, arguments: Mapping[str, Any]) -> str:
        """The text frame of a request whose answer nobody waits for."""
        self._seq += 1
        return json.dumps({"type": "request", "seq": self._seq, "command": command, "arguments": arguments})

    def receive(self, payload: bytes, *, binary: bool = False) -> None:
        """Take in the payload of one frame. Answers to nobody, and second answers, are dropped.

        Raises:
            ProtocolError: it is not a JSON object.
        """
        message = _parse(payload, binary)
        kind = message.get("type")
        if kind == "response":
            number = message.get("request_seq")
            if isinstance(number, int) and self._answers.get(number, message) is None:
                self._answers[number] = message
        elif kind == "event" and len(payload) <= _LARGEST_EVENT:
            self._events.append(message)

    def answer(self, number: int) -> Optional[Message]:
        """The answer to request `number`, once; None while there is none."""
        answer = self._answers.get(number)
        if answer is not None:
            del self._answers[number]
        return answer

    def next_answer(self) -> Optional[Tuple[int, Message]]:
        """An answer that has come, with the number of its request, once; None while there is none."""
        number = next((number for number, answer in self._answers.items() if answer is not None), None)
        answer = None if number is None else self.answer(number)
        return None if number is None or answer is None else (number, answer)

    def next_event(self) -> Optional[Message]:
        """The oldest event not yet handed out, or None."""
        return self._events.popleft() if self._events else None


def with_data(text: str, data: Buffer) -> Tuple[bytes, Buffer]:
    """The payload, in parts, of the binary frame that takes the place of a request's text frame."""
    return text.encode() + b"\n", data


def interpret(operation: Operation, answer: Message, auth: str) -> Any:
    """The body of a successful answer, None where it has none.

    Args:
        operation: what was asked.
        answer: what `Dialogue.answer` gave.
        auth: the credential of the connection, to know its kind and to keep it out of messages.

    Raises:
        ServerError: the answer tells a failure; `TaskNotFoundError` and its other kinds among them.
        ProtocolError: it tells neither success nor failure.
    """
    if answer.get("success") is True:
        return answer.get("body")
    if answer.get("success") is not False:
        raise ProtocolError(f"{operation.name} failed: the answer says neither success nor failure")
    raise _failure(operation, answer, auth)


def refused_credential(operation: Operation, answer: Message, auth: str) -> Optional[RocketRideError]:
    """The error that the answer to ``auth`` stands for, or None if the credential was accepted."""
    if answer.get("success") is True:
        return None
    if answer.get("success") is not False:
        return ProtocolError("auth failed: the answer says neither success nor failure")
    error = _failure(operation, answer, auth)
    if type(error) is not ServerError:
        return error
    return AuthenticationError(f"{error}. Check the API key (auth= or ROCKETRIDE_APIKEY)")


def _failure(operation: Operation, answer: Message, auth: str) -> RocketRideError:
    message = answer.get("message")
    text = message if isinstance(message, str) else ""
    return failure(operation, text, auth, code=answer.get("code"), hint=answer.get("hint"))


def _parse(payload: bytes, binary: bool) -> Message:
    """A frame's message; in a binary frame, what follows the first line belongs in ``arguments.data``."""
    header, line_end, data = payload.partition(b"\n") if binary else (payload, b"", b"")
    try:
        message = strict_json.loads(header)
    except ValueError:
        message = None
    if not isinstance(message, dict):
        raise ProtocolError("The server sent a frame that is not a JSON object")
    if line_end:
        arguments = message.get("arguments")
        message["arguments"] = {**(arguments if isinstance(arguments, dict) else {}), "data": data}
    return message
