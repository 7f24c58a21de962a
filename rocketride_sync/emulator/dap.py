"""The messages of the WebSocket side: what a frame says, and what an answer or an event looks like."""

from __future__ import annotations

import json
from typing import Any, Dict, Mapping, NoReturn, Optional, Union

from .event_hub import Event
from .request_errors import RequestError

Message = Dict[str, Any]


def read(frame: Union[str, bytes]) -> Optional[Message]:
    """The message in a frame, or None when it holds none: the server passes over those without a word.

    A binary frame is a JSON header, and after a newline the bytes that become ``arguments.data``.
    """
    try:
        if isinstance(frame, str):
            message = _loads(frame)
        else:
            header, newline, payload = frame.partition(b"\n")
            message = _loads(header.decode())
            if newline and isinstance(message, dict):
                message["arguments"] = {**(message.get("arguments") or {}), "data": payload}
    except (ValueError, TypeError, RecursionError):
        return None
    return message if isinstance(message, dict) else None


def arguments(message: Message) -> Dict[str, Any]:
    """The arguments of a request. Raises RequestError when they are no object."""
    value = message.get("arguments")
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise RequestError("'arguments' must be an object")
    return value


def response(request: Message, body: Optional[Mapping[str, Any]]) -> Message:
    """A successful answer; `body` is left out when it is None."""
    answer = {
        "type": "response",
        "request_seq": request.get("seq"),
        "command": request.get("command"),
        "success": True,
    }
    return answer if body is None else {**answer, "body": body}


def failure(request: Message, error: RequestError) -> Message:
    """The answer to a request that could not be served."""
    return {**response(request, None), "success": False, "message": str(error), "trace": error.trace()}


def event(happened: Event) -> Message:
    """The message that tells a subscriber."""
    return {"type": "event", "event": happened.name, "body": {**happened.body, "__id": happened.task_id}}


def write(message: Message, seq: int) -> str:
    """The frame of a message. `seq` counts answers and events of a connection together."""
    kind, rest = message["type"], {key: value for key, value in message.items() if key != "type"}
    return json.dumps({"type": kind, "seq": seq, **rest}, separators=(",", ":"))


def _loads(text: str) -> Any:
    return json.loads(text, parse_constant=_refuse)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
