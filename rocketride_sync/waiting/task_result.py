"""The result of one task in a wait for many."""

from __future__ import annotations

from typing import Optional

from ..errors import RocketRideError
from ..frozen import Frozen
from ..models import TaskStatus
from ..redact import shorten


class TaskResult(Frozen):
    """One task's part of what `RocketRideClient.wait_all` and `RocketRideClient.as_completed` return.

    Attributes:
        token: the task's token. A secret: the repr shortens it.
        status: the terminal status; if there is none, the one seen last, or None if none could be read.
        error: what ended the wait for this task without its end, or None.
    """

    __slots__ = ("error", "status", "token")

    token: str
    status: Optional[TaskStatus]
    error: Optional[RocketRideError]

    def __init__(
        self, *, token: str, status: Optional[TaskStatus] = None, error: Optional[RocketRideError] = None
    ) -> None:
        self._set(error=error, status=status, token=token)

    @property
    def done(self) -> bool:
        """Whether the result is final, because the task has ended or an error ended the wait for it."""
        return self.error is not None or (self.status is not None and self.status.is_terminal)

    @property
    def succeeded(self) -> bool:
        """Whether the task has ended with success, as `TaskStatus.succeeded` says."""
        return self.error is None and self.status is not None and self.status.succeeded

    def result(self) -> TaskStatus:
        """The terminal status.

        Raises:
            RocketRideError: the `error`. Or, with `return_when`, an error that says that the task had not ended yet.
        """
        if self.error is not None:
            raise self.error.with_traceback(None)  # each call would make it longer
        if self.status is None or not self.status.is_terminal:
            raise RocketRideError(
                f"task {shorten(self.token)} was not known to have ended when enough others had; wait again"
            )
        return self.status

    def __hash__(self) -> int:
        return hash(self.token)  # a status has no hash

    def __repr__(self) -> str:
        seen = "not polled" if self.status is None else repr(self.status)
        return (
            f"<TaskResult {shorten(self.token)} {seen if self.error is None else type(self.error).__name__}>"
        )
