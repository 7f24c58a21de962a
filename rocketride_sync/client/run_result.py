"""The result of a whole run of a pipeline."""

from __future__ import annotations

from typing import Any, List, Mapping

from ..frozen import Frozen
from ..models import TaskStatus


class RunResult(Frozen):
    """What `RocketRideClient.run` returns.

    Attributes:
        status: the terminal status of a task that ended by itself; of one that takes data, the status after everything
            was sent, just before it was ended.
        results: for `files`, what `RocketRideClient.send_files` returns; for `data`, the one result that
            `RocketRideClient.send` returns; else empty. Not in the repr.
    """

    __slots__ = ("results", "status")
    _secret = ("results",)

    status: TaskStatus
    results: List[Any]

    def __init__(self, status: TaskStatus, results: List[Any]) -> None:
        self._set(status=status, results=results)

    @property
    def failed(self) -> List[Mapping[str, Any]]:
        """The results of the files that failed, or of the data."""
        return [result for result in self.results if result.get("error")]

    @property
    def succeeded(self) -> bool:
        """Whether all files succeeded, or the data; without either, whether the task succeeded."""
        return not self.failed if self.results else self.status.succeeded

    __hash__ = None  # type: ignore[assignment]  # a status has no hash
