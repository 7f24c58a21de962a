"""The exceptions that become error answers, and the messages that several modules use."""

from __future__ import annotations

import traceback
from pathlib import PurePath
from typing import Any, Dict, Optional

NOT_RUNNING = "Your pipeline is not running"
NOT_AUTHENTICATED = "Not authenticated"
TASK_NOT_REGISTERED = "TASK_NOT_REGISTERED"
TASK_COMPLETED = "TASK_COMPLETED"
TASK_STOPPED = "TASK_STOPPED"
NO_SLOT = "server rejected WebSocket connection: HTTP 403"


class RequestError(Exception):
    """A request failed. Its text is the message in the server's answer.

    Attributes:
        code: the `code` in the answer over WebSocket, in the newer generation; None for an error without one.
    """

    def __init__(self, message: str, *, code: Optional[str] = None) -> None:
        super().__init__(message)
        self.code = code

    def trace(self) -> Dict[str, Any]:
        """Where it was raised, as the server reports it: ``{"file": "registry.py", "lineno": 42}``."""
        frames = traceback.extract_tb(self.__traceback__)
        if not frames:
            return {"file": "", "lineno": 0}
        return {"file": PurePath(frames[-1].filename).name, "lineno": frames[-1].lineno}


class NoSlotError(RequestError):
    """No connection slot is free. A real server connects to itself for each HTTP request, and is refused."""

    def __init__(self) -> None:
        super().__init__(NO_SLOT)

    def trace(self) -> Dict[str, Any]:
        """As the real server reports it. Clients tell it by the file from the same text out of a pipeline."""
        return {**super().trace(), "file": "transport_websocket.py"}


def not_registered() -> RequestError:
    """The error for a token, or a project and source, without a task."""
    return RequestError(NOT_RUNNING, code=TASK_NOT_REGISTERED)


class PipeError(RequestError):
    """What goes through a pipe has failed. Older servers do not tell their clients."""


class CredentialError(RequestError):
    """A credential was refused. The messages over WebSocket and over HTTP differ.

    Attributes:
        http_status: the HTTP status of the refusal.
        http_text: the message over HTTP.
    """

    def __init__(self, message: str, *, http_status: int = 401, http_text: str = "Access denied") -> None:
        super().__init__(message)
        self.http_status = http_status
        self.http_text = http_text
