"""Decoding, building and encoding the server's WebSocket messages, in the format of the Debug Adapter Protocol."""

from __future__ import annotations

import json
from typing import Any, Dict, Mapping, NoReturn, Optional, Union

from .event_hub import Event
from .request_errors import RequestError

Message = Dict[str, Any]


def decode(frame: Union[str, bytes]) -> Optional[Message]:
    """The message in a frame, or None when the frame is malformed: the real server ignores those.

    A binary frame is a JSON header, a newline, and the bytes that become ``arguments.data``.
    """
    try:
        if isinstance(frame, str):
            message = _strict_json(frame)
        else:
            header, newline, payload = frame.partition(b"\n")
            message = _strict_json(header.decode())
            if newline and isinstance(message, dict):
                message["arguments"] = {**(message.get("arguments") or {}), "data": payload}
    except (ValueError, TypeError, RecursionError):
        return None
    return message if isinstance(message, dict) else None


def arguments(message: Message) -> Dict[str, Any]:
    """The arguments of a request. Raises RequestError when they are not an object."""
    value = message.get("arguments")
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise RequestError("'arguments' must be an object")
    return value


def response(request: Message, body: Optional[Mapping[str, Any]]) -> Message:
    """A success response. It has no `body` member when `body` is None."""
    answer = {
        "type": "response",
        "request_seq": request.get("seq"),
        "command": request.get("command"),
        "success": True,
    }
    return answer if body is None else {**answer, "body": body}


def error_response(request: Message, error: RequestError, *, with_code: bool) -> Message:
    """The response to a request that failed with `error`; `with_code` adds the error's code, if it has one."""
    answer = {**response(request, None), "success": False, "message": str(error), "trace": error.trace()}
    return {**answer, "code": error.code} if with_code and error.code else answer


def event_message(event: Event) -> Message:
    """The message that carries an event to a subscriber."""
    return {"type": "event", "event": event.name, "body": {**event.body, "__id": event.task_id}}


def encode(message: Message, seq: int) -> str:
    """The text frame of a message. One `seq` counts the responses and events of a connection."""
    message_type, rest = message["type"], {key: value for key, value in message.items() if key != "type"}
    return json.dumps({"type": message_type, "seq": seq, **rest}, separators=(",", ":"))


def _strict_json(text: str) -> Any:
    return json.loads(text, parse_constant=_refuse_constant)


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(constant)
